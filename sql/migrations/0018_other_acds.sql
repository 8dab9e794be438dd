-- Queues that an ACD of another make serves (docs/other-acds.md).

set search_path = fsroute;

create table other_acd ( -- ACDs of other makes that serve queues (docs/other-acds.md)
    acd text primary key check (acd ~ '^[a-z0-9_-]{1,40}$' and acd <> 'fsroute'),
    adapter text not null check (adapter ~ '^[a-z0-9_-]{1,40}$'), -- an entry point of the group fsroute.acd
    switch_id text not null references switch, -- beside it: calls wait there, and network legs go there
    parameters jsonb not null default '{}' check (jsonb_typeof(parameters) = 'object') -- the adapter's, all texts
);
create trigger signal_rules after insert or update or delete on other_acd
    for each statement execute function signal_rules();

alter table queue
    add column acd text references other_acd; -- who serves it; null: fsroute
alter table routing_rule
    add column acd text; -- of another make that serves it; fsroute: none
alter table proxy_call
    add column acd jsonb, -- the ACD of another make that serves it (fsroute/model/other_acd.py); null: fsroute
    add column acd_entry_uuid text, -- at that ACD's switch: the channel that waits there in the caller's stead
    add column acd_agent text, -- whom that ACD offers it to, as it says
    add column acd_leg_uuid text, -- at that ACD's switch: the channel that leads to the agent
    add column acd_since timestamptz; -- when it was entered there, left it, or was offered to an agent

create or replace view proxy_call_detail as
select p.proxy_call_id, p.contact_id::text as contact_id, p.contact_center_id, c.name as contact_center_name,
       p.queue, p.medium, p.skills, p.priority, p.arrived_at, p.queued_at, p.switch_id, p.channel_uuid,
       coalesce(h.caller_number, '') as caller_number, coalesce(h.caller_name, '') as caller_name,
       p.state, p.agent_leg, p.network_leg, p.strategy, p.lead, p.hold_music, p.offer_timeout,
       p.network_leg_timeout, p.network_leg_tries, p.network_leg_failures, p.held_until,
       p.longest_wait, p.refuse_when, p.position, p.expected_wait,
       r.agent_id, a.name as agent_name, a.address as agent_address, r.agent_switch_id, r.agent_leg_uuid,
       a.accept_key, p.network_switch_id, s.link_address as network_address, p.network_leg_uuid,
       p.rendezvous_uuid, r.reserved_at, p.accepted_at, p.bridged_at, p.ended_at, p.version,
       p.rule, p.rules_version, p.sites, p.teams, p.only_agent_id, p.preferred_agent_id, p.longest_queue, p.time_line,
       p.time_line_done, p.caller_leg, p.callback, coalesce(h.callback_number, '') as callback_number,
       p.callback_failures, p.overflow, p.treatment, p.treatment_number, p.way, w.site_id as caller_site_id,
       p.expected_wait_basis, p.expected_wait_error, p.acd, p.acd_entry_uuid, p.acd_agent, p.acd_leg_uuid, p.acd_since
  from proxy_call p
  join contact_center c using (contact_center_id)
  left join contact_personal h on h.contact_id = p.contact_id
  left join reservation r on r.proxy_call_id = p.proxy_call_id and r.proxy_call_id > 0 and r.ended_at is null
  left join agent a on a.agent_id = r.agent_id
  left join switch s on s.switch_id = p.network_switch_id
  left join switch w on w.switch_id = p.switch_id;

-- One transition, compare-and-set. The state tables are the caller's (fsroute/acd/proxy_call.py): `p_from`
-- and `p_to` are parallel; a null list or value means "any" and "unchanged". `p_agent_leg_uuid` and
-- `p_network_leg_uuid` name the attempt that the caller believes in: an attempt that is over changes nothing.
-- `p_set` holds columns that change with it; `caller_leg_from` and `caller_leg_to` in it are parallel lists like the
-- others, `routing` is what `route_proxy_call` takes. Who is back in the queue without the caller, is in `callback`.
-- `acd_entry_is` in it names the attempt where another ACD serves: '' for none.
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
     where r.proxy_call_id = p_proxy_call_id and r.proxy_call_id > 0 and r.ended_at is null
       and (p_agent_leg_uuid is null or r.agent_leg_uuid = p_agent_leg_uuid);
    if p_agent_leg_uuid is not null and not found then return; end if;
    if p_network_leg_uuid is not null and p.network_leg_uuid is distinct from p_network_leg_uuid then return; end if;
    if p_set ? 'acd_entry_is' and coalesce(p.acd_entry_uuid, '') <> p_set ->> 'acd_entry_is' then return; end if;

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
        acd = case when v_routing is null then acd else nullif(v_routing -> 'acd', 'null') end,
        acd_entry_uuid = case when v_routing is not null then null
                              when p_set ? 'acd_entry' then nullif(p_set ->> 'acd_entry', '') else acd_entry_uuid end,
        acd_agent = case when v_state not in ('queued', 'callback')
                         then coalesce(nullif(p_set ->> 'acd_agent', ''), acd_agent) end,
        acd_leg_uuid = case when v_state not in ('queued', 'callback')
                            then coalesce(p_set ->> 'acd_leg', acd_leg_uuid) end,
        acd_since = case when v_routing is not null then null
                         when p_kind in ('acd_entered', 'acd_left', 'acd_offered') then clock_timestamp()
                         else acd_since end,
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
                'lead', v_routing -> 'lead', 'acd', nullif(v_routing -> 'acd', 'null'),
                'acd_agent', nullif(coalesce(p_set ->> 'acd_agent', p.acd_agent), ''), 'treatment', p_set #> '{treatment,do}', 'way', p_set #> '{way,do}',
                'time_line_done', p_set -> 'time_line_done', 'released', p_end_reservation)));
    return query select * from proxy_call_detail d where d.proxy_call_id = p_proxy_call_id;
end $$;

-- The caller's site asks for an agent: the proxy call enters the queue's life. `p_routing` is what the rules made of
-- the contact (fsroute/model/routing.py).
create or replace function route_proxy_call(p_contact_id uuid, p_routing jsonb) returns setof proxy_call_detail
language plpgsql as $$
declare
    c contact;
    v_id bigint;
    v_preferred text;
begin
    select * into c from contact where contact_id = p_contact_id and ended_at is null for update;
    if not found then return; end if;
    if p_routing ->> 'strategy' = 'last_agent' then
        select r.agent_id into v_preferred
          from contact_personal asks
          join contact_personal before on before.contact_center_id = asks.contact_center_id
               and before.caller_number = asks.caller_number and before.caller_number <> ''
          join reservation r on r.contact_id = before.contact_id
               and (r.end_reason in ('wrap_up', 'conversation_lost') or r.end_reason is null)
         where asks.contact_id = p_contact_id
         order by r.reservation_id desc limit 1;
    end if;
    update contact set rule = p_routing ->> 'rule', rules_version = (p_routing ->> 'rules_version')::bigint
     where contact_id = p_contact_id;
    insert into proxy_call (contact_id, contact_center_id, queue, medium, skills, priority, arrived_at, switch_id,
                            channel_uuid, lead, hold_music, strategy, offer_timeout, network_leg_timeout,
                            network_leg_tries, longest_wait, refuse_when, rule, rules_version, sites, teams,
                            only_agent_id, preferred_agent_id, longest_queue, time_line, callback, overflow, acd)
    values (c.contact_id, c.contact_center_id, p_routing ->> 'queue', p_routing ->> 'medium', p_routing -> 'skills',
            (p_routing ->> 'priority')::integer, c.arrived_at, c.switch_id, c.channel_uuid, p_routing ->> 'lead',
            p_routing ->> 'hold_music', p_routing ->> 'strategy', (p_routing ->> 'offer_timeout')::double precision,
            (p_routing ->> 'network_leg_timeout')::double precision, (p_routing ->> 'network_leg_tries')::integer,
            (p_routing ->> 'longest_wait')::double precision, p_routing ->> 'refuse_when', p_routing ->> 'rule',
            (p_routing ->> 'rules_version')::bigint,
            array(select jsonb_array_elements_text(coalesce(p_routing -> 'sites', '[]'))),
            array(select jsonb_array_elements_text(coalesce(p_routing -> 'teams', '[]'))),
            p_routing ->> 'only_agent_id', v_preferred, (p_routing ->> 'longest_queue')::integer,
            coalesce(p_routing -> 'time_line', '[]'), coalesce(p_routing -> 'callback', '{}'),
            coalesce(p_routing -> 'overflow', '{}'), nullif(p_routing -> 'acd', 'null'))
    on conflict do nothing
    returning proxy_call_id into v_id;
    if v_id is null then -- asked again after a restart: the live one stands
        return query select * from proxy_call_detail d where d.proxy_call_id =
            (select k.proxy_call_id from proxy_call k where k.contact_id = p_contact_id and k.ended_at is null);
        return;
    end if;
    insert into contact_event (contact_id, contact_center_id, proxy_call_id, kind, state, data)
    values (c.contact_id, c.contact_center_id, v_id, 'requested', 'requested',
            p_routing - array['time_line', 'hold_music', 'overflow', 'callback', 'network_leg_timeout', 'network_leg_tries']
            || jsonb_build_object('arrived_at', c.arrived_at, 'preferred_agent_id', v_preferred));
    return query select * from proxy_call_detail d where d.proxy_call_id = v_id;
exception when foreign_key_violation then
    raise exception 'contact center % has no queue %', c.contact_center_id, p_routing ->> 'queue' using errcode = 'FS003';
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
                                              'ring', q.callback_ring),
               'acd', (select jsonb_build_object('name', o.acd, 'adapter', o.adapter, 'switch_id', o.switch_id,
                                                 'parameters', o.parameters) from other_acd o where o.acd = q.acd))
      from queue q where q.contact_center_id = p_contact_center_id and q.queue = p_queue
$$;

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
    if p.acd is not null then return; end if; -- another ACD serves it
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

do $$
declare
    f regprocedure;
begin
    for f in select oid from pg_proc
              where pronamespace = 'fsroute'::regnamespace
                and proname in ('route_proxy_call', 'move_proxy_call', 'reserve_agent')
    loop
        execute format('alter function %s set plan_cache_mode = force_generic_plan', f);
        execute format('alter function %s set enable_seqscan = off', f);
    end loop;
    for f in select oid from pg_proc
              where pronamespace = 'fsroute'::regnamespace
                and proname in ('route_proxy_call', 'move_proxy_call', 'reserve_agent', 'queue_routing')
    loop
        execute format('alter function %s set search_path = fsroute', f);
    end loop;
end $$;
