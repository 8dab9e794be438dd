-- name: ask_agent
select ask_agent(%(agent_id)s, %(kind)s, %(data)s);

-- name: agent_command_result
select result from agent_command where command_id = %(command_id)s;

-- name: take_agent_command
-- By whoever drives the switch, once.
update agent_command set taken_at = clock_timestamp()
 where command_id = %(command_id)s and switch_id = %(switch_id)s and taken_at is null
returning command_id, agent_id, kind, data;

-- name: waiting_agent_commands
select command_id from agent_command
 where switch_id = %(switch_id)s and taken_at is null
   and requested_at > clock_timestamp() - make_interval(secs => %(age)s)
 order by command_id;

-- name: finish_agent_command
update agent_command set done_at = clock_timestamp(), result = %(result)s
 where command_id = %(command_id)s and done_at is null;

-- name: transfer_agent
-- Whom agents call `name`, by the agent's id or extension, and whether that agent may take such a contact now.
select a.agent_id, a.status,
       exists (select from agent_authorization u
                where u.agent_id = a.agent_id and u.contact_center_id = %(contact_center_id)s
                  and u.medium = %(medium)s and u.valid_from <= clock_timestamp()
                  and (u.valid_until is null or u.valid_until > clock_timestamp())) as authorized
  from agent a
 where a.agent_id = %(name)s or a.extension = %(name)s
 order by a.agent_id = %(name)s desc limit 1;

-- name: transfer_queue
-- The contact center's queue that agents call `name`, by its name or extension.
select q.queue
  from queue q
 where q.contact_center_id = %(contact_center_id)s and (q.queue = %(name)s or q.extension = %(name)s)
 order by q.queue = %(name)s desc limit 1;

-- name: transfer_caller
-- What is known of the caller of a talk; of a consultation, or of one about a consultation: of whom it is about.
with recursive about as (
    select contact_id, parent_contact_id from contact where contact_id = %(contact_id)s
    union all
    select c.contact_id, c.parent_contact_id from contact c join about a on c.contact_id = a.parent_contact_id
)
select coalesce(h.caller_number, '') as number, coalesce(h.caller_name, '') as name, c.number_called, c.arrived_at,
       c.medium, coalesce(h.language, 'en') as language, coalesce(h.facts, '{}') as facts,
       coalesce(h.customer, '{}') as customer, coalesce(h.network, '{}') as network
  from about a
  join contact c using (contact_id)
  left join contact_personal h using (contact_id)
 where a.parent_contact_id is null;

-- name: pause_after_transfer
-- While the agent still talks: the end of the reservation keeps what is later.
with paused as (
    update agent
       set available_from = greatest(available_from, clock_timestamp() + make_interval(secs => %(pause)s)),
           idle_since = greatest(idle_since, clock_timestamp() + make_interval(secs => %(pause)s)),
           unavailable_reason = 'wrap_up'
     where agent_id = %(agent_id)s
    returning agent_id
)
insert into agent_event (agent_id, kind, data)
select agent_id, 'pause', jsonb_build_object('reason', 'wrap_up', 'pause_s', %(pause)s::double precision, 'by', 'transfer')
  from paused;

-- name: open_consultation
select open_consultation(%(agent_leg_uuid)s, %(contact_id)s, %(channel_uuid)s, %(core_uuid)s, %(routing)s, %(data)s);

-- name: route_consultation
select * from route_proxy_call(%(contact_id)s, %(routing)s);

-- name: consultation_of
select contact_id::text from contact where parent_contact_id = %(contact_id)s and ended_at is null;

-- name: complete_consultation
select * from complete_consultation(%(agent_leg_uuid)s, %(data)s);

-- name: completed_consultations
-- Conversations that are now as the completion of a consultation at this switch has left them: nobody was joined with
-- the caller since, and nobody is being consulted.
select d.*, e.data ->> 'held' as held, e.data ->> 'other' as other
  from proxy_call p
 cross join lateral (select k.data from contact_event k
                      where k.contact_id = p.contact_id and k.proxy_call_id = p.proxy_call_id
                        and (k.kind = 'joined' or k.kind in ('consultation_completed', 'agent_left') and k.data ? 'held')
                      order by k.event_id desc limit 1) e
  join contact x on x.contact_id = (e.data ->> 'consultation')::uuid
  join proxy_call_detail d on d.proxy_call_id = p.proxy_call_id
 where p.state = 'bridged' and x.switch_id = %(switch_id)s
   and not exists (select from contact c where c.parent_contact_id = p.contact_id and c.ended_at is null)
 order by p.proxy_call_id;
