-- An agent who goes on to the next contact has one new row, not three: the count of missed offers begins again in the
-- update that ends the reservation, and the next reservation leaves the row as that has made it.
set search_path = fsroute;

drop trigger count_missed on reservation;

create or replace function end_reservation(p_proxy_call_id bigint, p_reason text) returns text language plpgsql as $$
declare
    r reservation;
    v_pause double precision;
    v_keeps_place boolean := p_reason in ('abandoned', 'join_failed', 'lost', 'conversation_lost', 'caller_unreached',
                                          'callback_given_up', 'switch_away');
    v_served integer := case when p_reason in ('wrap_up', 'conversation_lost') then 1 else 0 end;
begin
    update reservation set ended_at = clock_timestamp(), end_reason = p_reason
     where proxy_call_id = p_proxy_call_id and proxy_call_id > 0 and ended_at is null
    returning * into r;
    if not found then return null; end if;
    select case when v_keeps_place or p_reason = 'network_leg_given_up' then 0
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
           contacts_served = contacts_served + v_served,
           missed = case when v_served > 0 then 0 else missed end -- a talk begins the count of count_missed again
     where agent_id = r.agent_id;
    insert into agent_event (agent_id, contact_center_id, contact_id, kind, data)
    values (r.agent_id, r.contact_center_id, r.contact_id, 'released',
            jsonb_build_object('reason', p_reason, 'pause_s', v_pause, 'proxy_call_id', p_proxy_call_id,
                               'medium', r.medium, 'slot', r.slot,
                               'reserved_s', extract(epoch from clock_timestamp() - r.reserved_at)));
    return r.agent_id;
end $$;

alter function end_reservation(bigint, text) set plan_cache_mode = force_generic_plan;
alter function end_reservation(bigint, text) set enable_seqscan = off;
alter function end_reservation(bigint, text) set search_path = fsroute;

create or replace function count_missed() returns trigger language plpgsql as $$
declare
    a agent;
begin
    update agent set missed = missed + 1 where agent_id = new.agent_id returning * into a;
    if a.missed >= a.miss_limit and a.status = 'available' then
        perform agent_declare(new.agent_id, a.miss_then, 'missed ' || a.missed);
    end if;
    return null;
end $$;

alter function count_missed() set search_path = fsroute;

create trigger count_missed after update on reservation for each row
    when (old.ended_at is null and new.ended_at is not null
          and new.end_reason in ('no_answer', 'busy', 'refused', 'gone', 'key_not_pressed'))
    execute function count_missed();

create or replace view agent_detail as
select a.agent_id, a.name, a.site_id, a.switch_id, a.address, a.accept_key, a.wrap_up, a.status,
       case when a.leg = 'standing' and a.standing_leg_uuid is null
              or a.switch_id in (select s.switch_id from switch s where s.away_since is not null)
            then timestamptz '9999-01-01' else a.available_from end as available_from,
       a.idle_since, a.team, a.contacts_served,
       greatest(a.last_reserved_at, (select max(r.reserved_at) from reservation r
                                      where r.agent_id = a.agent_id and r.slot > 0 and r.ended_at is null))
           as last_reserved_at,
       a.rate, a.leg, a.standing_leg_uuid, a.version,
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
    update agent set last_reserved_at = clock_timestamp() -- its row is a new one: if this transaction has not made it so
     where agent_id = p_agent_id and xmin <> pg_current_xact_id()::xid;
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

alter function reserve_agent(bigint, bigint, text, text, jsonb) set plan_cache_mode = force_generic_plan;
alter function reserve_agent(bigint, bigint, text, text, jsonb) set enable_seqscan = off;
alter function reserve_agent(bigint, bigint, text, text, jsonb) set search_path = fsroute;
