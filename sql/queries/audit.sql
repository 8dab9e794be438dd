-- What `fsroute audit` reads, all in one snapshot.

-- name: audit_snapshot
set transaction isolation level repeatable read, read only;

-- name: audit_now
select extract(epoch from clock_timestamp())::float8 as now;

-- name: audit_first_events
-- The sum keeps the planner from walking the ledger from its beginning; the index by time is a small one.
select coalesce((select min(event_id + 0) from contact_event where at >= %(since)s::timestamptz), 0) as contact_event,
       coalesce((select min(event_id + 0) from agent_event where at >= %(since)s::timestamptz), 0) as agent_event;

-- name: audit_contact_events
select event_id, extract(epoch from at)::float8 as at, contact_id::text, contact_center_id, proxy_call_id, agent_id,
       kind, state, data
  from contact_event
 where event_id > %(after)s
   and (%(since)s::timestamptz is null or at >= %(since)s)
   and (%(contact_center_id)s::text is null or contact_center_id = %(contact_center_id)s)
 order by event_id limit %(limit)s;

-- name: audit_agent_events
select event_id, extract(epoch from at)::float8 as at, agent_id, contact_center_id, contact_id::text, kind, data
  from agent_event
 where event_id > %(after)s and (%(since)s::timestamptz is null or at >= %(since)s)
 order by event_id limit %(limit)s;

-- name: audit_agent_events_before
-- Each agent's last status, release, pause, standing leg and news of the switch before the first event to be read.
select * from (
    select distinct on (agent_id, kind)
           event_id, extract(epoch from at)::float8 as at, agent_id, contact_center_id, contact_id::text, kind, data
      from agent_event
     where at < %(since)s and kind in ('status', 'released', 'pause', 'standing_leg_up', 'standing_leg_lost', 'moved',
                                      'switch_away', 'switch_back')
     order by agent_id, kind, event_id desc) as last
 order by event_id;

-- name: audit_reservations_before
-- The reservations that were live then, as the events that began them.
select 0::bigint as event_id, extract(epoch from reserved_at)::float8 as at, agent_id, contact_center_id,
       contact_id::text, 'reserved' as kind,
       jsonb_build_object('proxy_call_id', proxy_call_id, 'medium', medium, 'slot', slot, 'weight', weight) as data
  from reservation
 where reserved_at < %(since)s and (ended_at is null or ended_at >= %(since)s)
 order by reservation_id;

-- name: audit_qualified
-- What each agent may serve at the first event to be read: by the last change before it, else by the first.
select distinct on (agent_id)
       event_id, extract(epoch from at)::float8 as at, agent_id, contact_center_id, contact_id::text, kind, data
  from agent_event
 where kind = 'qualified'
 order by agent_id, (at < %(since)s::timestamptz) is true desc,
          case when at < %(since)s::timestamptz then -event_id else event_id end;

-- name: audit_system_events
select event_id, extract(epoch from at)::float8 as at, kind, data from system_event order by event_id;

-- name: audit_leadership
select holder, extract(epoch from renewed_at)::float8 as renewed_at,
       case when isfinite(expires_at) then extract(epoch from expires_at - renewed_at)::float8 end as duration
  from lease where name = 'coordinator';

-- name: audit_undeclared_agents
select agent_id from agent a
 where not exists (select from agent_event e where e.agent_id = a.agent_id and e.kind = 'status');

-- name: audit_open_contacts
select contact_id::text from contact
 where ended_at is null and switch_id > ''
   and (%(contact_center_id)s::text is null or contact_center_id = %(contact_center_id)s);

-- name: audit_contacts_before
-- Those that were open at that moment, and had arrived before it.
select contact_id::text from contact
 where arrived_at < %(since)s::timestamptz + interval '1 minute' and (ended_at is null or ended_at >= %(since)s);

-- name: audit_live_proxy_calls
select contact_id::text, proxy_call_id, state from proxy_call
 where ended_at is null and switch_id > ''
   and (%(contact_center_id)s::text is null or contact_center_id = %(contact_center_id)s);

-- name: audit_live_reservations
select agent_id, proxy_call_id from reservation where ended_at is null and slot > 0;
