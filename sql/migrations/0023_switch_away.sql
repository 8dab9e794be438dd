-- A switch that does not answer, or that nobody drives, is away: its agents are offered nothing until it is back.
set search_path = fsroute;

alter table switch add away_since timestamptz;

create or replace function end_reservation(p_proxy_call_id bigint, p_reason text) returns text language plpgsql as $$
declare
    r reservation;
    v_pause double precision;
    v_keeps_place boolean := p_reason in ('abandoned', 'network_leg_given_up', 'join_failed', 'lost', 'conversation_lost',
                                          'caller_unreached', 'callback_given_up', 'switch_away');
    v_served integer := case when p_reason in ('wrap_up', 'conversation_lost') then 1 else 0 end;
begin
    update reservation set ended_at = clock_timestamp(), end_reason = p_reason
     where proxy_call_id = p_proxy_call_id and proxy_call_id > 0 and ended_at is null
    returning * into r;
    if not found then return null; end if;
    select case when v_keeps_place then 0
                when p_reason = 'wrap_up'
                then coalesce((select m.wrap_up from agent_medium m
                                where m.agent_id = r.agent_id and m.medium = r.medium), wrap_up)
                else set_aside end
      into v_pause from agent where agent_id = r.agent_id;
    update agent
       set available_from = greatest(available_from, clock_timestamp() + make_interval(secs => v_pause)),
           unavailable_reason = case when v_pause > 0 then p_reason
                                     when available_from > clock_timestamp() then unavailable_reason end,
           idle_since = case when v_keeps_place then idle_since
                             else clock_timestamp() + make_interval(secs => v_pause) end,
           last_reserved_at = r.reserved_at,
           contacts_served = contacts_served + v_served
     where agent_id = r.agent_id;
    insert into agent_event (agent_id, contact_center_id, contact_id, kind, data)
    values (r.agent_id, r.contact_center_id, r.contact_id, 'released',
            jsonb_build_object('reason', p_reason, 'pause_s', v_pause, 'proxy_call_id', p_proxy_call_id,
                               'medium', r.medium, 'slot', r.slot,
                               'reserved_s', extract(epoch from clock_timestamp() - r.reserved_at)));
    return r.agent_id;
end $$;

create or replace function reserve_agent(
    p_epoch bigint, p_proxy_call_id bigint, p_agent_id text, p_agent_leg_uuid text, p_data jsonb
) returns setof proxy_call_detail language plpgsql as $$
declare
    p proxy_call;
    a agent;
    v_network_leg text;
    v_caller_leg text;
    v_slots integer;
    v_weight integer;
    v_slot integer;
    v_held integer;
    v_load integer;
begin
    perform check_epoch(p_epoch);
    select * into p from proxy_call where proxy_call_id = p_proxy_call_id for update;
    if not found or p.state not in ('requested', 'queued', 'callback') then return; end if;
    if p.acd is not null then return; end if; -- another ACD serves it
    select * into a from agent where agent_id = p_agent_id for no key update; -- whoever enters a skill shares the key
    if not found or a.status <> 'available' or a.available_from > clock_timestamp() then return; end if;
    if exists (select from switch s where s.switch_id = a.switch_id and s.away_since is not null) then return; end if;
    if p.only_agent_id is not null and p.only_agent_id <> p_agent_id then return; end if;
    if p.teams <> '{}' and not coalesce(a.team = any(p.teams), false) then return; end if;
    if p.sites <> '{}' and not a.site_id = any(p.sites) then return; end if;
    if not exists (select from agent_authorization u
                    where u.agent_id = p_agent_id and u.contact_center_id = p.contact_center_id
                      and u.medium = p.medium and u.valid_from <= clock_timestamp()
                      and (u.valid_until is null or u.valid_until > clock_timestamp())) then
        return;
    end if;
    if exists (select from jsonb_array_elements(p.skills) as demand(pair)
                where not exists (select from agent_skill k
                                   where k.agent_id = p_agent_id and k.skill = pair ->> 0
                                     and k.level >= (pair ->> 1)::integer)) then
        return;
    end if;
    -- The lowest free slot of the medium, if its weight fits beside what the agent has.
    select slots, weight into v_slots, v_weight from agent_medium m where m.agent_id = p_agent_id and m.medium = p.medium;
    v_slots := coalesce(v_slots, 1);
    v_weight := coalesce(v_weight, 100);
    select count(*), coalesce(sum(weight), 0) into v_held, v_load from reservation r
     where r.agent_id = p_agent_id and r.slot > 0 and r.ended_at is null;
    if v_weight + v_load > 100 then return; end if;
    v_slot := 1;
    if v_held > 0 then
        select min(s) into v_slot from generate_series(1, v_slots) s
         where not exists (select from reservation r where r.agent_id = p_agent_id and r.medium = p.medium
                              and r.slot = s and r.slot > 0 and r.ended_at is null);
        if v_slot is null then return; end if;
    end if;
    insert into reservation (agent_id, slot, medium, weight, proxy_call_id, contact_id, contact_center_id,
                             agent_switch_id, agent_leg_uuid, epoch)
    values (p_agent_id, v_slot, p.medium, v_weight, p.proxy_call_id, p.contact_id, p.contact_center_id,
            a.switch_id, p_agent_leg_uuid, p_epoch)
    on conflict do nothing;
    if not found then return; end if;
    v_caller_leg := case p.caller_leg when 'absent' then 'wanted' else p.caller_leg end;
    v_network_leg := case
        when (p_data ->> 'before_answer')::boolean then 'wanted' -- a call that is not answered, on one switch too
        when a.switch_id = p.switch_id then 'not_needed'
        when p.network_leg in ('wanted', 'raising', 'present') and p.network_switch_id = a.switch_id then p.network_leg
        when p.lead = 'ready' then 'none'
        else 'wanted' end;
    update agent set last_reserved_at = clock_timestamp() where agent_id = p_agent_id; -- its row is a new one
    if p.state = 'requested' then -- taken and reserved in one: both are told
        insert into contact_event (contact_id, contact_center_id, proxy_call_id, kind, state, data)
        values (p.contact_id, p.contact_center_id, p.proxy_call_id, 'taken', 'queued',
                jsonb_build_object('from', p.state, 'agent_leg', p.agent_leg, 'network_leg', p.network_leg));
        p.state := 'queued';
    end if;
    update proxy_call set
        state = 'offered', queued_at = coalesce(queued_at, clock_timestamp()), agent_leg = 'dialling', network_leg = v_network_leg,
        network_switch_id = case when v_network_leg in ('not_needed', 'none') then null else a.switch_id end,
        network_leg_uuid = case when v_network_leg in ('raising', 'present') then network_leg_uuid end,
        rendezvous_uuid = case when v_network_leg = 'present' then rendezvous_uuid end,
        token_digest = case when v_network_leg = 'raising' then token_digest end,
        caller_leg = v_caller_leg, treatment = null,
        network_leg_failures = 0, held_until = null, position = null, expected_wait = null, expected_wait_basis = null,
        directed_for = null, version = version + 1
     where proxy_call_id = p_proxy_call_id;
    insert into contact_event (contact_id, contact_center_id, proxy_call_id, agent_id, kind, state, data)
    values (p.contact_id, p.contact_center_id, p.proxy_call_id, p_agent_id, 'agent_reserved', 'offered',
            p_data || jsonb_strip_nulls(jsonb_build_object(
                'from', p.state, 'epoch', p_epoch, 'network_leg', v_network_leg, 'agent_leg', 'dialling',
                'caller_leg', case when v_caller_leg <> p.caller_leg then v_caller_leg end)));
    insert into agent_event (agent_id, contact_center_id, contact_id, kind, data)
    values (p_agent_id, p.contact_center_id, p.contact_id, 'reserved',
            jsonb_build_object('proxy_call_id', p.proxy_call_id, 'epoch', p_epoch, 'offer_timeout', p.offer_timeout,
                               'medium', p.medium, 'slot', v_slot, 'weight', v_weight));
    return query select * from proxy_call_detail d where d.proxy_call_id = p_proxy_call_id;
end $$;

create or replace view agent_state as
select a.agent_id, a.name, a.site_id, a.switch_id, a.extension, a.team, a.status, a.status_reason, a.status_since,
       case when h.state is not null then h.state
            when a.available_from > clock_timestamp()
            then case a.unavailable_reason when 'wrap_up' then 'wrap_up' else 'set_aside' end
            when a.status <> 'available' or v.no_leg or v.switch_away then 'away' else 'idle' end as state,
       case when h.state is not null then null
            when a.available_from > clock_timestamp() then nullif(a.unavailable_reason, 'wrap_up')
            when a.status = 'available' and v.switch_away then 'switch_away'
            when a.status = 'available' and v.no_leg then 'no_standing_leg' end as state_reason,
       case when h.state is not null then h.since
            when a.available_from > clock_timestamp()
            then (select e.at from agent_event e where e.agent_id = a.agent_id and e.kind = 'released'
                   order by e.event_id desc limit 1)
            when a.status = 'available' then greatest(a.idle_since, a.status_since)
            else a.status_since end as state_since,
       case when h.state is null and a.available_from > clock_timestamp() then a.available_from end as state_until,
       coalesce(h.contacts, 0) as contacts, h.proxy_call_id, h.contact_id, h.contact_center_id, h.contact_center_name,
       h.call_state, h.agent_leg, a.contacts_served, a.missed, a.leg,
       a.standing_leg_uuid is not null as standing
  from agent a
 cross join lateral (select a.leg = 'standing' and a.standing_leg_uuid is null as no_leg,
                            a.switch_id in (select s.switch_id from switch s where s.away_since is not null) as switch_away) v
  left join lateral (
        select case when p.agent_leg = 'joined' then coalesce(x.state, 'talking')
                    when p.agent_leg in ('answered', 'accepted') then 'connecting'
                    when p.agent_leg = 'ringing' then 'ringing' else 'reserved' end as state,
               case p.agent_leg when 'joined' then coalesce(x.at, p.bridged_at) else r.reserved_at end as since,
               count(*) over () as contacts, p.proxy_call_id, p.contact_id::text as contact_id, p.contact_center_id,
               c.name as contact_center_name, p.state as call_state, p.agent_leg
          from reservation r
          join proxy_call p using (proxy_call_id)
          join contact_center c on c.contact_center_id = p.contact_center_id
          left join lateral (
                select case e.kind when 'held' then 'held' when 'consulting' then 'consulting' end as state,
                       case when e.kind in ('held', 'consulting') then e.at end as at
                  from contact_event e
                 where p.agent_leg = 'joined' and e.contact_id = p.contact_id
                   and e.kind in ('joined', 'held', 'resumed', 'consulting', 'consultation_over')
                 order by e.event_id desc limit 1) x on true
         where r.agent_id = a.agent_id and r.slot > 0 and r.ended_at is null
         order by array_position(array['joined', 'accepted', 'answered', 'ringing', 'dialling'], p.agent_leg), r.reserved_at
         limit 1) h on true;

create or replace view agent_detail as
select a.agent_id, a.name, a.site_id, a.switch_id, a.address, a.accept_key, a.wrap_up, a.status,
       case when a.leg = 'standing' and a.standing_leg_uuid is null
              or a.switch_id in (select s.switch_id from switch s where s.away_since is not null)
            then timestamptz '9999-01-01' else a.available_from end as available_from,
       a.idle_since, a.team, a.contacts_served, a.last_reserved_at, a.rate, a.leg, a.standing_leg_uuid, a.version,
       coalesce((select jsonb_agg(jsonb_build_array(proxy_call_id, medium, slot, weight)) from reservation r
                  where r.agent_id = a.agent_id and r.slot > 0 and r.ended_at is null), '[]') as reservations,
       coalesce((select jsonb_object_agg(medium, jsonb_build_array(slots, weight, wrap_up)) from agent_medium m
                  where m.agent_id = a.agent_id), '{}') as media,
       coalesce((select jsonb_object_agg(skill, level) from agent_skill k where k.agent_id = a.agent_id), '{}') as skills,
       coalesce((select jsonb_agg(jsonb_build_array(contact_center_id, medium,
                    case when isfinite(valid_from) then extract(epoch from valid_from) end,
                    case when isfinite(valid_until) then extract(epoch from valid_until) end))
                   from agent_authorization u where u.agent_id = a.agent_id), '[]') as authorizations
  from agent a;


-- Switches that are away ------------------------------------------------------------------------------------------

-- The agents of a switch are told apart from now on; the coordinator reads them again. In the order of their names, so
-- that two who do this take turns.
create function switch_agents_changed(p_switch_id text, p_kind text, p_data jsonb) returns void language plpgsql as $$
begin
    perform from agent where switch_id = p_switch_id order by agent_id for no key update;
    insert into agent_event (agent_id, kind, data)
    select agent_id, p_kind, p_data from agent where switch_id = p_switch_id order by agent_id;
    update agent set version = version where switch_id = p_switch_id; -- next_version makes it a new one
    perform notify_agent(agent_id) from agent where switch_id = p_switch_id;
end $$;

-- None of its agents can be reached, whatever they declare, until it is back. Whether that is news.
create function switch_away(p_switch_id text, p_reason text) returns boolean language plpgsql as $$
begin
    update switch set away_since = clock_timestamp() where switch_id = p_switch_id and away_since is null;
    if not found then return false; end if;
    perform switch_agents_changed(p_switch_id, 'switch_away',
                                  jsonb_build_object('switch_id', p_switch_id, 'reason', p_reason));
    return true;
end $$;

create function switch_back(p_switch_id text) returns boolean language plpgsql as $$
declare
    v_since timestamptz;
begin
    select away_since into v_since from switch where switch_id = p_switch_id and away_since is not null for update;
    if not found then return false; end if;
    update switch set away_since = null where switch_id = p_switch_id;
    perform switch_agents_changed(p_switch_id, 'switch_back', jsonb_build_object(
        'switch_id', p_switch_id, 'away_s', extract(epoch from clock_timestamp() - v_since)));
    return true;
end $$;

-- Whoever is entered at a switch, or moves there, goes by how it stands.
create function note_switch() returns trigger language plpgsql as $$
declare
    v_away boolean := exists (select from switch where switch_id = new.switch_id and away_since is not null);
    v_was boolean := false;
begin
    if tg_op = 'UPDATE' then
        v_was := exists (select from switch where switch_id = old.switch_id and away_since is not null);
    end if;
    if v_away <> v_was then
        insert into agent_event (agent_id, kind, data)
        values (new.agent_id, case when v_away then 'switch_away' else 'switch_back' end,
                jsonb_build_object('switch_id', new.switch_id, 'reason', 'here'));
    end if;
    return null;
end $$;
create trigger note_switch after insert or update of switch_id on agent for each row execute function note_switch();

do $$
declare
    f regprocedure;
begin
    for f in select oid from pg_proc
              where pronamespace = 'fsroute'::regnamespace and proname in ('reserve_agent', 'end_reservation')
    loop
        execute format('alter function %s set plan_cache_mode = force_generic_plan', f);
        execute format('alter function %s set enable_seqscan = off', f);
    end loop;
    for f in select oid from pg_proc
              where pronamespace = 'fsroute'::regnamespace
                and proname in ('reserve_agent', 'end_reservation', 'note_switch', 'switch_agents_changed', 'switch_away',
                                'switch_back')
    loop
        execute format('alter function %s set search_path = fsroute', f);
    end loop;
end $$;
