-- Transfers: by whom and where to, what agents ask for during a talk, consultations.

set search_path = fsroute;

alter table queue
    add column extension text check (extension ~ '^[0-9]{1,10}$'),
    add unique (contact_center_id, extension);

alter table proxy_call add column back_to jsonb;

-- One transition, compare-and-set. The state tables are the caller's (fsroute/acd/proxy_call.py): `p_from`
-- and `p_to` are parallel; a null list or value means "any" and "unchanged". `p_agent_leg_uuid` and
-- `p_network_leg_uuid` name the attempt that the caller believes in: an attempt that is over changes nothing.
-- `p_set` holds columns that change with it; `caller_leg_from` and `caller_leg_to` in it are parallel lists like the
-- others, `routing` is what `route_proxy_call` takes. Who is back in the queue without the caller, is in `callback`.
-- Returns the row after the transition, or nothing when the race was lost.
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
    if v_routing is not null or p_set ? 'channel_uuid' then -- the contact before its proxy call, as close_contact does
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

-- What a queue's row alone makes of a contact, as `route_proxy_call` reads it; null: there is no such queue.
create or replace function queue_routing(p_contact_center_id text, p_queue text) returns jsonb language sql stable as $$
    select (to_jsonb(q) - array['contact_center_id', 'extension', 'overflow', 'overflow_number', 'overflow_prompt',
                                'callback_tries', 'callback_retry_after', 'callback_ring'])
           || jsonb_build_object(
               'skills', coalesce((
                   select jsonb_agg(jsonb_build_array(skill, level) order by skill) from queue_skill k
                    where k.contact_center_id = q.contact_center_id and k.queue = q.queue), '[]'),
               'overflow', jsonb_build_object('do', q.overflow, 'number', coalesce(q.overflow_number, ''),
                                              'prompt', coalesce(q.overflow_prompt, '')),
               'callback', jsonb_build_object('tries', q.callback_tries, 'retry_after', q.callback_retry_after,
                                              'ring', q.callback_ring))
      from queue q where q.contact_center_id = p_contact_center_id and q.queue = p_queue
$$;

-- A request by the queue's row alone, as where a contact center has no rules.
create or replace function request_proxy_call(p_contact_id uuid, p_queue text) returns setof proxy_call_detail
language plpgsql as $$
declare
    v_center text;
    v_routing jsonb;
begin
    select contact_center_id into v_center from contact where contact_id = p_contact_id and ended_at is null;
    if not found then return; end if;
    v_routing := queue_routing(v_center, p_queue);
    if v_routing is null then
        raise exception 'contact center % has no queue %', v_center, p_queue using errcode = 'FS003';
    end if;
    return query select * from route_proxy_call(p_contact_id, v_routing);
end $$;

-- What agents do during a talk -------------------------------------------------------------------------------

-- What an agent asked for by command; what is keyed at the phone needs no row.
create table agent_command (
    command_id bigint generated always as identity primary key,
    agent_id text not null references agent on delete cascade,
    switch_id text not null references switch, -- the agent's: whoever drives it performs the command
    kind text not null check (kind in ('hold', 'resume', 'transfer', 'consult', 'complete', 'cancel', 'conference', 'release')),
    data jsonb not null default '{}', -- {"to": "agent", "queue" or "number", "name": …} of a transfer or consultation
    requested_at timestamptz not null default clock_timestamp(),
    taken_at timestamptz,
    done_at timestamptz,
    result text, -- what came of it: done, or why not
    check ((done_at is null) = (result is null))
);
create index agent_command_waits on agent_command (switch_id) where taken_at is null;

-- Asks for something on behalf of an agent who talks; returns the command, whose `result` comes when it is done.
create function ask_agent(p_agent_id text, p_kind text, p_data jsonb default '{}') returns bigint
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
    delete from agent_command where done_at < clock_timestamp() - interval '1 day'; -- they hold telephone numbers
    insert into agent_command (agent_id, switch_id, kind, data) values (p_agent_id, v_switch_id, p_kind, p_data)
    returning command_id into v_id;
    perform pg_notify('fsroute.desk.' || v_switch_id, jsonb_build_array('x:' || v_id)::text);
    return v_id;
end $$;

-- An agent consults somebody during a talk: a contact of its own, whose caller is the agent's leg `p_channel_uuid`.
-- Without a routing (to a telephone number) it has no proxy call. Nothing comes back if the talk is over, or if the
-- agent is consulting already; the contact is there, then, only if `p_contact_id` was opened before.
create function open_consultation(
    p_agent_leg_uuid text, p_contact_id uuid, p_channel_uuid text, p_core_uuid text, p_routing jsonb, p_data jsonb
) returns boolean language plpgsql as $$
declare
    r reservation;
    p proxy_call;
    a agent;
begin
    select * into r from reservation where agent_leg_uuid = p_agent_leg_uuid and ended_at is null;
    if not found then return false; end if;
    select * into p from proxy_call where proxy_call_id = r.proxy_call_id and state = 'bridged' for update;
    if not found then return false; end if;
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

-- The agent of `p_agent_leg_uuid` leaves, and whom the agent consulted goes on with the caller: an agent's reservation
-- moves from the consultation to the conversation; a telephone number takes no reservation, and the conversation ends
-- as it does when an agent has left. Returns the conversation and the consultation's proxy call as they are now, or
-- nothing when there is nobody to go on with.
create function complete_consultation(p_agent_leg_uuid text, p_data jsonb) returns setof proxy_call_detail
language plpgsql as $$
declare
    v_id bigint;
    p proxy_call;
    x contact;
    q proxy_call;
    r reservation;
    v_agent_id text;
begin
    select proxy_call_id into v_id from reservation where agent_leg_uuid = p_agent_leg_uuid and ended_at is null;
    if not found then return; end if;
    select * into p from proxy_call where proxy_call_id = v_id and state = 'bridged' for update;
    if not found then return; end if;
    select * into x from contact where parent_contact_id = p.contact_id and ended_at is null for update;
    if not found then return; end if;
    select * into q from proxy_call where contact_id = x.contact_id order by proxy_call_id desc limit 1 for update;
    if q.proxy_call_id is not null then
        select * into r from reservation where proxy_call_id = q.proxy_call_id and ended_at is null;
        if q.state <> 'bridged' or r.reservation_id is null then return; end if;
    end if;
    v_agent_id := end_reservation(p.proxy_call_id, 'wrap_up');
    if v_agent_id is null then return; end if;
    if q.proxy_call_id is not null then
        update reservation set proxy_call_id = p.proxy_call_id, contact_id = p.contact_id
         where reservation_id = r.reservation_id;
        insert into agent_event (agent_id, contact_center_id, contact_id, kind, data)
        values (r.agent_id, p.contact_center_id, p.contact_id, 'moved',
                jsonb_build_object('proxy_call_id', p.proxy_call_id, 'from_proxy_call_id', q.proxy_call_id,
                                   'medium', r.medium, 'slot', r.slot));
        update proxy_call set state = 'ended', agent_leg = 'none', ended_at = clock_timestamp(), version = version + 1
         where proxy_call_id = q.proxy_call_id; -- its network leg stays: the conversation needs it
        insert into contact_event (contact_id, contact_center_id, proxy_call_id, agent_id, kind, state, data)
        values (q.contact_id, q.contact_center_id, q.proxy_call_id, r.agent_id, 'conversation_over', 'ended',
                jsonb_build_object('from', 'bridged', 'agent_leg', 'none', 'network_leg', q.network_leg,
                                   'moved_to', p.proxy_call_id));
    end if;
    update proxy_call set
        agent_leg = case when q.proxy_call_id is null then 'none' else 'joined' end,
        network_leg = case when q.network_leg = 'joined' then 'joined' else network_leg end,
        network_switch_id = case when q.network_leg = 'joined' then q.network_switch_id else network_switch_id end,
        network_leg_uuid = case when q.network_leg = 'joined' then coalesce(network_leg_uuid, q.network_leg_uuid)
                                else network_leg_uuid end,
        rendezvous_uuid = case when q.network_leg = 'joined' then q.rendezvous_uuid else rendezvous_uuid end,
        version = version + 1
     where proxy_call_id = p.proxy_call_id;
    insert into contact_event (contact_id, contact_center_id, proxy_call_id, agent_id, kind, state, data)
    values (p.contact_id, p.contact_center_id, p.proxy_call_id, coalesce(r.agent_id, v_agent_id),
            case when q.proxy_call_id is null then 'agent_left' else 'consultation_completed' end, 'bridged',
            p_data || jsonb_build_object('from', 'bridged', 'from_agent_id', v_agent_id, 'consultation', x.contact_id));
    update contact set ended_at = clock_timestamp(), outcome = 'served' where contact_id = x.contact_id;
    insert into contact_event (contact_id, contact_center_id, kind, data)
    values (x.contact_id, x.contact_center_id, 'closed',
            p_data || jsonb_build_object('outcome', 'served', 'completed', true,
                                         'duration_s', extract(epoch from clock_timestamp() - x.arrived_at)));
    return query select * from proxy_call_detail d where d.proxy_call_id in (p.proxy_call_id, q.proxy_call_id)
                  order by d.proxy_call_id;
end $$;
