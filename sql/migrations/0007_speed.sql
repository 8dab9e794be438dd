-- Versions of agents' rows, a fence for leaders that does not slow them, and reservations straight from the request.

set search_path = fsroute;

-- Versions: of two rows of one agent the one with the greater number is the newer, whoever read it when -------------

create sequence agent_version;
alter table agent add column version bigint not null default nextval('agent_version');

create function next_agent_version() returns trigger language plpgsql as $$
begin
    new.version := nextval('agent_version');
    return new;
end $$;
create trigger next_version before update on agent for each row execute function next_agent_version();

-- What an agent may serve lies in other tables: a change there makes the agent's row a new one, too.
create function touch_agents() returns trigger language plpgsql as $$
begin
    update agent set version = version where agent_id in (select agent_id from changed);
    return null;
end $$;
create trigger touch_on_insert after insert on agent_skill
    referencing new table as changed for each statement execute function touch_agents();
create trigger touch_on_update after update on agent_skill
    referencing new table as changed for each statement execute function touch_agents();
create trigger touch_on_delete after delete on agent_skill
    referencing old table as changed for each statement execute function touch_agents();
create trigger touch_on_insert after insert on agent_authorization
    referencing new table as changed for each statement execute function touch_agents();
create trigger touch_on_update after update on agent_authorization
    referencing new table as changed for each statement execute function touch_agents();
create trigger touch_on_delete after delete on agent_authorization
    referencing old table as changed for each statement execute function touch_agents();
create trigger touch_on_insert after insert on agent_medium
    referencing new table as changed for each statement execute function touch_agents();
create trigger touch_on_update after update on agent_medium
    referencing new table as changed for each statement execute function touch_agents();
create trigger touch_on_delete after delete on agent_medium
    referencing old table as changed for each statement execute function touch_agents();

-- A reservation that goes over to another agent or contact, too.
create function touch_reserved_agents() returns trigger language plpgsql as $$
begin
    update agent set version = version where agent_id in (old.agent_id, new.agent_id);
    return null;
end $$;
create trigger touch_agents after update of agent_id, proxy_call_id, weight on reservation
    for each row execute function touch_reserved_agents();

-- What the coordinator reads of an agent. One whose standing leg is not there is available at no time yet.
create view agent_detail as
select a.agent_id, a.name, a.site_id, a.switch_id, a.address, a.accept_key, a.wrap_up, a.status,
       case when a.leg = 'standing' and a.standing_leg_uuid is null then timestamptz '9999-01-01' else a.available_from end
           as available_from,
       a.idle_since, a.team, a.contacts_served, a.last_reserved_at, a.rate, a.leg, a.standing_leg_uuid, a.version,
       coalesce((select jsonb_agg(jsonb_build_array(proxy_call_id, medium, slot, weight)) from reservation r
                  where r.agent_id = a.agent_id and r.ended_at is null), '[]') as reservations,
       coalesce((select jsonb_object_agg(medium, jsonb_build_array(slots, weight, wrap_up)) from agent_medium m
                  where m.agent_id = a.agent_id), '{}') as media,
       coalesce((select jsonb_object_agg(skill, level) from agent_skill k where k.agent_id = a.agent_id), '{}') as skills,
       coalesce((select jsonb_agg(jsonb_build_array(contact_center_id, medium,
                    case when isfinite(valid_from) then extract(epoch from valid_from) end,
                    case when isfinite(valid_until) then extract(epoch from valid_until) end))
                   from agent_authorization u where u.agent_id = a.agent_id), '[]') as authorizations
  from agent a;

-- The agent whom the transition has just let go of, for the coordinator in the same process; null if it was none.
-- Called in the transition's own statement: volatile, so that it sees what that has done.
create function agent_let_go(p_contact_id text, p_proxy_call_id bigint) returns jsonb language plpgsql volatile as $$
declare
    v_agent_id text;
begin
    select agent_id into v_agent_id from reservation
     where contact_id = p_contact_id::uuid and proxy_call_id = p_proxy_call_id
       and ended_at >= transaction_timestamp();
    if not found then return null; end if;
    return (select to_jsonb(d) from agent_detail d where d.agent_id = v_agent_id);
end $$;

-- A proxy call as it is after what the same statement has done to it: volatile, as the one above.
create function proxy_call_now(p_proxy_call_id bigint) returns setof proxy_call_detail language plpgsql volatile as $$
begin
    return query select * from proxy_call_detail d where d.proxy_call_id = p_proxy_call_id;
end $$;

-- Leadership changes hands alone: every write of a leader's shares the fence until it has committed (check_epoch),
-- whoever raises the epoch has it for itself until then. 1718841971 is the class of these locks.
create function fence_leadership() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(1718841971, hashtext(new.name));
    return new;
end $$;
create trigger fence_leadership before update on lease for each row when (new.epoch <> old.epoch)
    execute function fence_leadership();

-- A leader's write shares the fence (see fence_leadership) until it commits, and so does not wait for others of its kind:
-- nobody takes the leadership in between, and who has been replaced is refused.
create or replace function check_epoch(p_epoch bigint) returns void language plpgsql as $$
declare
    v_epoch bigint;
begin
    perform pg_advisory_xact_lock_shared(1718841971, hashtext('coordinator'));
    select epoch into v_epoch from lease where name = 'coordinator'; -- a new snapshot: what was committed meanwhile
    if p_epoch is distinct from v_epoch then
        raise exception 'epoch % is not the coordinator''s any more', p_epoch using errcode = 'FS001';
    end if;
end $$;

-- The claim: commits before anything is dialled. Authorization and training are part of it. Returns nothing
-- when contact or agent is not to be had any more: who loses the race chooses again.
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
    select * into a from agent where agent_id = p_agent_id for update;
    if not found or a.status <> 'available' or a.available_from > clock_timestamp() then return; end if;
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
     where r.agent_id = p_agent_id and r.ended_at is null;
    if v_weight + v_load > 100 then return; end if;
    v_slot := 1;
    if v_held > 0 then
        select min(s) into v_slot from generate_series(1, v_slots) s
         where not exists (select from reservation r where r.agent_id = p_agent_id and r.medium = p.medium
                              and r.slot = s and r.ended_at is null);
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
        version = version + 1
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

-- The transitions are many and always alike: one plan for each statement in them serves, and is not made anew.
do $$
declare
    f regprocedure;
begin
    for f in select oid from pg_proc
              where pronamespace = 'fsroute'::regnamespace
                and proname in ('route_proxy_call', 'request_proxy_call', 'move_proxy_call', 'reserve_agent', 'agent_left',
                                'close_contact', 'agent_let_go', 'proxy_call_now', 'complete_consultation')
    loop
        execute format('alter function %s set plan_cache_mode = force_generic_plan', f);
    end loop;
end $$;
