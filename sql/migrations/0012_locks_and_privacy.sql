-- One order of locks everywhere: the contact, its proxy call, its agent; an agent's row is not held up by whoever enters
-- what the agent may serve in a transaction that stays open. What is known of callers is erased wherever it is. PINs
-- are counted for all agents together, too.

set search_path = fsroute;

drop trigger touch_on_insert on agent_skill;
drop trigger touch_on_update on agent_skill;
drop trigger touch_on_delete on agent_skill;
drop trigger touch_on_insert on agent_authorization;
drop trigger touch_on_update on agent_authorization;
drop trigger touch_on_delete on agent_authorization;
drop trigger touch_on_insert on agent_medium;
drop trigger touch_on_update on agent_medium;
drop trigger touch_on_delete on agent_medium;
drop function touch_agents();

create index agent_command_at on agent_command (switch_id, requested_at); -- old ones go: see_switch

create table pin_attempt (
    attempt_id bigint generated always as identity primary key,
    switch_id text not null references switch on delete cascade,
    source text not null,
    at timestamptz not null default clock_timestamp(),
    wrong boolean not null default false
);
create index pin_attempt_source on pin_attempt (switch_id, source, at);

create or replace function log_qualification() returns trigger language plpgsql set search_path = fsroute as $$
begin
    insert into agent_event (agent_id, kind, data)
    select new.agent_id, 'qualified', jsonb_strip_nulls(jsonb_build_object('site_id', a.site_id, 'team', a.team, 'leg', a.leg))
           || jsonb_build_object(
               'skills', coalesce((select jsonb_object_agg(skill, level) from agent_skill k
                                    where k.agent_id = new.agent_id), '{}'),
               'authorizations', coalesce((select jsonb_agg(jsonb_build_array(contact_center_id, medium,
                       case when isfinite(valid_from) then extract(epoch from valid_from) end,
                       case when isfinite(valid_until) then extract(epoch from valid_until) end))
                   from agent_authorization u where u.agent_id = new.agent_id), '[]'),
               'media', coalesce((select jsonb_object_agg(medium, jsonb_build_array(slots, weight))
                                    from agent_medium m where m.agent_id = new.agent_id), '{}'))
      from (values (1)) as once left join agent a on a.agent_id = new.agent_id;
    delete from agent_requalified where agent_id = new.agent_id and changed_by = new.changed_by;
    -- What an agent may serve makes the agent's row a new one: at the end, so that a psql that stays open holds nobody up.
    update agent set version = version where agent_id = new.agent_id;
    return null;
end $$;

create or replace function move_proxy_call(
    p_proxy_call_id bigint, p_kind text, p_from text[], p_to text[],
    p_agent_leg_from text[], p_agent_leg_to text[], p_network_leg_from text[], p_network_leg_to text[],
    p_agent_leg_uuid text, p_network_leg_uuid text, p_end_reservation text, p_epoch bigint,
    p_set jsonb, p_data jsonb
) returns setof proxy_call_detail language plpgsql as $$
declare
    p proxy_call;
    v_state text;
    v_agent_leg text;
    v_network_leg text;
    v_caller_leg text;
    v_agent_id text;
    v_failures integer;
    v_routing jsonb := p_set -> 'routing';
    v_demand jsonb := coalesce(p_set -> 'routing', p_set);
begin
    if p_epoch is not null then perform check_epoch(p_epoch); end if;
    -- The contact before its proxy call, as close_contact does; a step of the time line may bring a routing along.
    if v_routing is not null or p_set ? 'channel_uuid' or p_kind = 'time_line_step' then
        perform from contact where contact_id = (select contact_id from proxy_call where proxy_call_id = p_proxy_call_id)
            for update;
    end if;
    select * into p from proxy_call where proxy_call_id = p_proxy_call_id for update;
    if not found then return; end if;
    if p_kind = 'time_line_step' and (p_set ->> 'time_line_done')::integer <> p.time_line_done + 1 then
        return; -- it was done before
    end if;
    if p_kind = 'time_line_step' and p.time_line -> p.time_line_done ->> 'do' = 'back' then
        v_routing := p.back_to;
        v_demand := p.back_to;
    end if;
    v_state := p_to[array_position(p_from, p.state)];
    v_agent_leg := coalesce(p_agent_leg_to[array_position(p_agent_leg_from, p.agent_leg)],
                            case when p_agent_leg_from is null then p.agent_leg end);
    v_network_leg := coalesce(p_network_leg_to[array_position(p_network_leg_from, p.network_leg)],
                              case when p_network_leg_from is null then p.network_leg end);
    v_caller_leg := p.caller_leg;
    if p_set ? 'caller_leg_from' then
        select pair.target into v_caller_leg
          from rows from (jsonb_array_elements_text(p_set -> 'caller_leg_from'),
                          jsonb_array_elements_text(p_set -> 'caller_leg_to')) as pair (source, target)
         where pair.source = p.caller_leg;
    end if;
    if v_state is null or v_agent_leg is null or v_network_leg is null or v_caller_leg is null then return; end if;
    if v_state = 'queued' and v_caller_leg <> 'present' then v_state := 'callback'; end if;
    select agent_id into v_agent_id from reservation r
     where r.proxy_call_id = p_proxy_call_id and r.ended_at is null
       and (p_agent_leg_uuid is null or r.agent_leg_uuid = p_agent_leg_uuid);
    if p_agent_leg_uuid is not null and not found then return; end if;
    if p_network_leg_uuid is not null and p.network_leg_uuid is distinct from p_network_leg_uuid then return; end if;

    -- Whoever forgets to say why: no reservation outlives its offer.
    if p_end_reservation is not null or v_state not in ('offered', 'ready', 'bridged') then
        perform end_reservation(p_proxy_call_id, coalesce(p_end_reservation, p_kind));
    end if;
    if v_state in ('queued', 'callback') and p.state not in ('queued', 'callback') then -- back in the queue: no legs
        v_agent_leg := 'none';
        v_network_leg := 'none';
        if v_caller_leg <> 'present' then v_caller_leg := 'absent'; end if;
    end if;
    if v_state in ('ended', 'abandoned', 'lost', 'overflowed', 'refused', 'unreached') then
        v_agent_leg := 'none';
        v_network_leg := 'none';
    end if;
    v_failures := case when p_kind = 'network_leg_failed' then p.network_leg_failures + 1
                       when p_kind = 'network_leg_given_up' then 0
                       when p.state in ('queued', 'callback') and v_state in ('queued', 'callback')
                       then p.network_leg_failures
                       when v_state in ('queued', 'callback') then 0
                       else p.network_leg_failures end;
    if p_set ? 'callback_number' then
        update contact_personal set callback_number = p_set ->> 'callback_number' where contact_id = p.contact_id;
    end if;
    if p_set ? 'channel_uuid' then
        update contact set channel_uuid = p_set ->> 'channel_uuid',
                           core_uuid = coalesce(p_set ->> 'core_uuid', core_uuid)
         where contact_id = p.contact_id;
    end if;
    if v_routing is not null then
        update contact set rule = v_routing ->> 'rule', rules_version = (v_routing ->> 'rules_version')::bigint
         where contact_id = p.contact_id;
    end if;
    update proxy_call set
        state = v_state,
        agent_leg = v_agent_leg,
        network_leg = v_network_leg,
        caller_leg = v_caller_leg,
        network_leg_failures = v_failures,
        priority = coalesce((p_set ->> 'priority')::integer, priority),
        skills = coalesce(v_demand -> 'skills', skills),
        sites = case when v_demand ? 'sites' then array(select jsonb_array_elements_text(v_demand -> 'sites')) else sites end,
        teams = case when v_demand ? 'teams' then array(select jsonb_array_elements_text(v_demand -> 'teams')) else teams end,
        only_agent_id = case when v_demand ? 'only_agent_id' then v_demand ->> 'only_agent_id' else only_agent_id end,
        preferred_agent_id = case
            when p_set ? 'preferred_agent_id' then p_set ->> 'preferred_agent_id'
            when p_kind = 'conversation_lost' then coalesce(v_agent_id, (
                select agent_id from reservation l where l.proxy_call_id = p_proxy_call_id
                 order by l.reservation_id desc limit 1))
            else preferred_agent_id end,
        queue = coalesce(v_routing ->> 'queue', queue),
        rule = case when v_routing is null then rule else v_routing ->> 'rule' end,
        rules_version = case when v_routing is null then rules_version else (v_routing ->> 'rules_version')::bigint end,
        strategy = coalesce(v_routing ->> 'strategy', strategy),
        lead = coalesce(v_routing ->> 'lead', lead),
        hold_music = coalesce(v_routing ->> 'hold_music', hold_music),
        offer_timeout = coalesce((v_routing ->> 'offer_timeout')::double precision, offer_timeout),
        network_leg_timeout = coalesce((v_routing ->> 'network_leg_timeout')::double precision, network_leg_timeout),
        network_leg_tries = coalesce((v_routing ->> 'network_leg_tries')::integer, network_leg_tries),
        longest_wait = case when v_routing is null then longest_wait
                            else (v_routing ->> 'longest_wait')::double precision end,
        longest_queue = case when v_routing is null then longest_queue else (v_routing ->> 'longest_queue')::integer end,
        refuse_when = coalesce(v_routing ->> 'refuse_when', refuse_when),
        time_line = coalesce(v_routing -> 'time_line', time_line),
        time_line_done = case when v_routing is not null then coalesce((v_routing ->> 'time_line_done')::integer, 0)
                              else coalesce((p_set ->> 'time_line_done')::integer, time_line_done) end,
        callback = coalesce(v_routing -> 'callback', callback),
        callback_failures = case when p_kind = 'caller_unreached' then callback_failures + 1 else callback_failures end,
        overflow = coalesce(v_routing -> 'overflow', overflow),
        back_to = case when v_routing is null then back_to -- of several transfers in a row the first one's
                       when p_set ? 'back_to' then coalesce(case when only_agent_id is not null then back_to end,
                                                            p_set -> 'back_to') end,
        treatment = case when v_state <> 'queued' then null
                         when p_set ? 'treatment' then nullif(p_set -> 'treatment', 'null') else treatment end,
        treatment_number = treatment_number + case when p_set ? 'treatment' then 1 else 0 end,
        way = nullif(p_set -> 'way', 'null'),
        channel_uuid = coalesce(p_set ->> 'channel_uuid', channel_uuid),
        network_switch_id = case when v_network_leg = 'none' then null
                                 else coalesce(p_set ->> 'network_switch_id', network_switch_id) end,
        network_leg_uuid = case when v_network_leg in ('none', 'wanted') then null
                                else coalesce(p_set ->> 'network_leg_uuid', network_leg_uuid) end,
        rendezvous_uuid = case when v_network_leg in ('none', 'wanted', 'raising') then null
                               else coalesce(p_set ->> 'rendezvous_uuid', rendezvous_uuid) end,
        token_digest = case when v_network_leg = 'raising'
                            then coalesce(decode(p_set ->> 'token_digest', 'hex'), token_digest) end,
        token_expires_at = case when p_set ? 'token_lifetime'
                                then clock_timestamp() + make_interval(secs => (p_set ->> 'token_lifetime')::double precision)
                                when v_network_leg = 'raising' then token_expires_at end,
        held_until = case when p_set ? 'held_for'
                          then clock_timestamp() + make_interval(secs => (p_set ->> 'held_for')::double precision)
                          when v_state in ('queued', 'callback') then held_until end,
        queued_at = case when v_state not in ('queued', 'callback') then queued_at
                         when p.state = 'bridged' then clock_timestamp() -- a lost conversation waits anew
                         else coalesce(queued_at, clock_timestamp()) end,
        accepted_at = case when v_state = 'ready' and p.state <> 'ready' then clock_timestamp()
                           when v_state in ('queued', 'callback', 'offered') then null else accepted_at end,
        bridged_at = case when v_state = 'bridged' and p.state <> 'bridged' then clock_timestamp() else bridged_at end,
        ended_at = case when v_state in ('ended', 'abandoned', 'lost', 'overflowed', 'refused', 'unreached')
                        then clock_timestamp() end,
        position = case when v_state in ('queued', 'callback') then position end,
        expected_wait = case when v_state in ('queued', 'callback') then expected_wait end,
        expected_wait_basis = case when v_state in ('queued', 'callback') then expected_wait_basis end,
        version = version + 1
     where proxy_call_id = p_proxy_call_id;
    insert into contact_event (contact_id, contact_center_id, proxy_call_id, agent_id, kind, state, data)
    values (p.contact_id, p.contact_center_id, p.proxy_call_id, v_agent_id, p_kind, v_state,
            jsonb_strip_nulls(p_data || jsonb_build_object(
                'from', p.state, 'agent_leg', v_agent_leg, 'network_leg', v_network_leg,
                'held_for_s', p_set -> 'held_for', 'priority', p_set -> 'priority',
                'caller_leg', case when v_caller_leg <> p.caller_leg then v_caller_leg end,
                'skills', v_demand -> 'skills', 'sites', v_demand -> 'sites', 'teams', v_demand -> 'teams',
                'only_agent_id', v_demand -> 'only_agent_id', 'queue', v_routing -> 'queue',
                'strategy', v_routing -> 'strategy', 'rule', v_routing -> 'rule',
                'rules_version', v_routing -> 'rules_version', 'offer_timeout', v_routing -> 'offer_timeout',
                'lead', v_routing -> 'lead', 'treatment', p_set #> '{treatment,do}', 'way', p_set #> '{way,do}',
                'time_line_done', p_set -> 'time_line_done', 'released', p_end_reservation)));
    return query select * from proxy_call_detail d where d.proxy_call_id = p_proxy_call_id;
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
    select * into a from agent where agent_id = p_agent_id for no key update; -- whoever enters a skill shares the key
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

create or replace function agent_left(p_agent_leg_uuid text, p_data jsonb) returns setof proxy_call_detail
language plpgsql as $$
declare
    v_id bigint;
    p proxy_call;
    v_agent_id text;
begin
    loop
        select proxy_call_id into v_id from reservation where agent_leg_uuid = p_agent_leg_uuid and ended_at is null;
        if not found then return; end if; -- it ended, perhaps while we waited for the row
        exit when v_id = p.proxy_call_id;
        select * into p from proxy_call where proxy_call_id = v_id for update; -- and again if it moved meanwhile
    end loop;
    if p.state <> 'bridged' then return; end if;
    v_agent_id := end_reservation(v_id, 'wrap_up');
    update proxy_call set agent_leg = 'none', version = version + 1 where proxy_call_id = v_id;
    insert into contact_event (contact_id, contact_center_id, proxy_call_id, agent_id, kind, state, data)
    values (p.contact_id, p.contact_center_id, v_id, v_agent_id, 'agent_left', 'bridged',
            p_data || jsonb_build_object('from', 'bridged'));
    return query select * from proxy_call_detail d where d.proxy_call_id = v_id;
end $$;

create or replace function standing_leg_up(p_agent_id text, p_uuid text) returns boolean language plpgsql as $$
begin
    perform from agent where agent_id = p_agent_id and leg = 'standing' and status <> 'logged_out' for no key update;
    if not found then return false; end if;
    update agent set standing_leg_uuid = p_uuid
     where agent_id = p_agent_id and standing_leg_uuid is distinct from p_uuid;
    if found then
        insert into agent_event (agent_id, kind) values (p_agent_id, 'standing_leg_up');
    end if;
    return true;
end $$;

create or replace function agent_held(p_agent_id text) returns agent language plpgsql as $$
declare
    a agent;
begin
    select * into a from agent where agent_id = p_agent_id for no key update;
    if not found then
        raise exception 'there is no agent %', p_agent_id using errcode = 'FS041';
    end if;
    return a;
end $$;

create or replace function agent_outcome(p_agent_id text, p_code text, p_note text default null)
returns table (contact_id text, contact_center_id text, code text, meaning text) language plpgsql as $$
#variable_conflict use_column
declare
    a agent; -- not held: the contact is locked below, and comes before its agent
    v_contact_id uuid;
    v_contact_center_id text;
    v_meaning text;
begin
    select * into a from agent where agent_id = p_agent_id;
    if not found then
        raise exception 'there is no agent %', p_agent_id using errcode = 'FS041';
    end if;
    select r.contact_id, r.contact_center_id into v_contact_id, v_contact_center_id
      from reservation r join proxy_call p using (proxy_call_id)
     where r.agent_id = a.agent_id and r.ended_at is null and p.agent_leg = 'joined'
     order by p.bridged_at desc limit 1;
    if not found then
        select e.contact_id, e.contact_center_id into v_contact_id, v_contact_center_id
          from agent_event e
         where e.agent_id = a.agent_id and e.kind = 'released' and e.data ->> 'reason' in ('wrap_up', 'conversation_lost')
           and e.at > clock_timestamp() - interval '1 hour'
         order by e.event_id desc limit 1;
    end if;
    if v_contact_id is null then
        raise exception 'agent % has no contact to give an outcome code to', a.agent_id
            using errcode = 'FS042', detail = 'no_contact';
    end if;
    select o.meaning into v_meaning from outcome_code o
     where o.contact_center_id = v_contact_center_id and o.code = p_code;
    if not found then
        raise exception 'contact center % has no outcome code %; it has %', v_contact_center_id, p_code,
            coalesce((select string_agg(o.code || ' (' || o.meaning || ')', ', ' order by o.code) from outcome_code o
                       where o.contact_center_id = v_contact_center_id), 'none')
            using errcode = 'FS042', detail = 'unknown_code';
    end if;
    update contact k set outcome_code = p_code where k.contact_id = v_contact_id;
    if p_note is not null then
        update contact_personal h set note = left(p_note, 2000) where h.contact_id = v_contact_id;
    end if;
    insert into contact_event (contact_id, contact_center_id, agent_id, kind, data)
    values (v_contact_id, v_contact_center_id, a.agent_id, 'outcome_code', jsonb_build_object('code', p_code));
    insert into agent_event (agent_id, contact_center_id, contact_id, kind, data)
    values (a.agent_id, v_contact_center_id, v_contact_id, 'outcome_code', jsonb_build_object('code', p_code));
    return query select v_contact_id::text, v_contact_center_id, p_code, v_meaning;
end $$;

create or replace function open_consultation(
    p_agent_leg_uuid text, p_contact_id uuid, p_channel_uuid text, p_core_uuid text, p_routing jsonb, p_data jsonb
) returns boolean language plpgsql as $$
declare
    r reservation;
    p proxy_call;
    a agent;
begin
    select * into r from reservation where agent_leg_uuid = p_agent_leg_uuid and ended_at is null;
    if not found then return false; end if;
    perform from contact where contact_id = r.contact_id for key share; -- the new one refers to it; before its proxy call
    select * into p from proxy_call where proxy_call_id = r.proxy_call_id and state = 'bridged' for update;
    if not found then return false; end if;
    perform from reservation where reservation_id = r.reservation_id and proxy_call_id = p.proxy_call_id and ended_at is null;
    if not found then return false; end if; -- it ended, or moved, while we waited
    if exists (select from contact where parent_contact_id = p.contact_id and ended_at is null) then return false; end if;
    select * into a from agent where agent_id = r.agent_id;
    insert into contact (contact_id, contact_center_id, medium, switch_id, channel_uuid, core_uuid, number_called,
                         application, arrived_at, parent_contact_id)
    values (p_contact_id, p.contact_center_id, p.medium, r.agent_switch_id, p_channel_uuid, p_core_uuid,
            coalesce(p_routing ->> 'queue', ''), '', clock_timestamp(), p.contact_id);
    insert into contact_personal (contact_id, contact_center_id, caller_number, caller_name, language)
    select p_contact_id, p.contact_center_id, coalesce(a.extension, a.agent_id), a.name, coalesce(max(language), 'en')
      from contact_personal where contact_id = p.contact_id;
    insert into contact_event (contact_id, contact_center_id, agent_id, kind, data)
    values (p_contact_id, p.contact_center_id, a.agent_id, 'arrived',
            jsonb_build_object('switch_id', r.agent_switch_id, 'parent_contact_id', p.contact_id));
    insert into contact_event (contact_id, contact_center_id, proxy_call_id, agent_id, kind, state, data)
    values (p.contact_id, p.contact_center_id, p.proxy_call_id, a.agent_id, 'consulting', 'bridged',
            p_data || jsonb_build_object('consultation', p_contact_id));
    if p_routing is not null then
        perform route_proxy_call(p_contact_id, p_routing);
    end if;
    return true;
end $$;

create or replace function pin_attempt_begins(p_switch_id text, p_source text) returns bigint language plpgsql as $$
declare
    v_id bigint;
begin
    perform pg_advisory_xact_lock(1718841972, hashtext(p_switch_id || ' ' || p_source));
    delete from pin_attempt where switch_id = p_switch_id and at < clock_timestamp() - interval '15 minutes';
    if (select count(*) from pin_attempt t where t.switch_id = p_switch_id and t.source = p_source) >= 20 then
        return null;
    end if;
    insert into pin_attempt (switch_id, source) values (p_switch_id, p_source) returning attempt_id into v_id;
    return v_id;
end $$;

create or replace function pin_attempt_over(p_attempt_id bigint, p_right boolean) returns boolean language plpgsql as $$
declare
    t pin_attempt;
begin
    if p_right then
        delete from pin_attempt where attempt_id = p_attempt_id;
        return false;
    end if;
    select * into t from pin_attempt where attempt_id = p_attempt_id;
    if not found then return false; end if;
    perform pg_advisory_xact_lock(1718841972, hashtext(t.switch_id || ' ' || t.source));
    update pin_attempt set wrong = true where attempt_id = p_attempt_id;
    if (select count(*) from pin_attempt o where o.switch_id = t.switch_id and o.source = t.source and o.wrong) <> 20 then
        return false;
    end if;
    insert into system_event (kind, data)
    values ('pins_guessed', jsonb_build_object('switch_id', t.switch_id, 'phone', t.source, 'wrong', 20));
    return true;
end $$;

create or replace function ask_agent(p_agent_id text, p_kind text, p_data jsonb default '{}') returns bigint
language plpgsql as $$
declare
    v_switch_id text;
    v_id bigint;
begin
    if not exists (select from agent where agent_id = p_agent_id) then
        raise exception 'there is no agent %', p_agent_id using errcode = 'FS041';
    end if;
    select r.agent_switch_id into v_switch_id
      from reservation r join proxy_call p using (proxy_call_id)
     where r.agent_id = p_agent_id and r.ended_at is null and r.medium = 'voice' and p.state = 'bridged';
    if not found then
        raise exception 'agent % is in no talk', p_agent_id using errcode = 'FS042', detail = 'no_talk';
    end if;
    if p_data ->> 'to' = 'number' and coalesce(p_data ->> 'name', '') !~ '^\+?[0-9*#]{1,20}$' then
        raise exception 'that is no telephone number' using errcode = 'FS042', detail = 'bad_number';
    end if;
    delete from agent_command where requested_at < clock_timestamp() - interval '1 day'; -- they hold telephone numbers
    insert into agent_command (agent_id, switch_id, kind, data) values (p_agent_id, v_switch_id, p_kind, p_data)
    returning command_id into v_id;
    perform pg_notify('fsroute.desk.' || v_switch_id, jsonb_build_array('x:' || v_id)::text);
    return v_id;
end $$;

create or replace function erase_contact(p_contact_id uuid) returns void language plpgsql as $$
begin
    perform from contact where contact_id = p_contact_id for no key update;
    delete from voice_message where contact_id = p_contact_id;
    delete from contact_personal where contact_id = p_contact_id;
    update proxy_call set way = way || '{"number": ""}' where contact_id = p_contact_id and way ->> 'number' <> '';
    delete from agent_command c using reservation r
     where r.contact_id in (select k.contact_id from contact k where p_contact_id in (k.contact_id, k.parent_contact_id))
       and c.agent_id = r.agent_id and c.requested_at between r.reserved_at and coalesce(r.ended_at, 'infinity');
end $$;

-- The transitions are many and always alike: one plan for each statement in them serves, and is not made anew. Such a
-- plan may be made while a table is empty, and must not read the whole of it for ever.
do $$
declare
    f regprocedure;
begin
    for f in select oid from pg_proc
              where pronamespace = 'fsroute'::regnamespace
                and proname in ('route_proxy_call', 'request_proxy_call', 'move_proxy_call', 'reserve_agent', 'agent_left',
                                'close_contact', 'agent_let_go', 'proxy_call_now', 'complete_consultation',
                                'end_reservation')
    loop
        execute format('alter function %s reset all', f);
        execute format('alter function %s set plan_cache_mode = force_generic_plan', f);
        execute format('alter function %s set enable_seqscan = off', f);
    end loop;
end $$;

-- Functions find their tables whatever the session's search path is: an operator's psql may have any.
do $$
declare
    f regprocedure;
begin
    for f in select oid from pg_proc where pronamespace = 'fsroute'::regnamespace loop
        execute format('alter function %s set search_path = fsroute', f);
    end loop;
end $$;
