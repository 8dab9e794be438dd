-- A plan that was made while few contacts were live reads one row still when thousands are: an index of what is live alone
-- answers only to those who ask by its first column. The last proxy call of a contact is found without a search.

set search_path = fsroute;

drop index contact_live;
create index contact_live on contact (switch_id) where ended_at is null and switch_id > '';
drop index contact_channel;
create index contact_channel on contact (channel_uuid) where ended_at is null and channel_uuid > '';
create index contact_consultation on contact (parent_contact_id) where parent_contact_id is not null;
drop index one_live_proxy_call_per_contact;
create unique index one_live_proxy_call_per_contact on proxy_call (contact_id) where ended_at is null and contact_id is not null;
drop index proxy_call_live;
create index proxy_call_live on proxy_call (switch_id) where ended_at is null and switch_id > '';
create index proxy_call_contact on proxy_call (contact_id, proxy_call_id);
drop index one_live_reservation_per_slot;
create unique index one_live_reservation_per_slot on reservation (agent_id, medium, slot) where ended_at is null and slot > 0;
drop index one_live_reservation_per_proxy_call;
create unique index one_live_reservation_per_proxy_call on reservation (proxy_call_id)
 where ended_at is null and proxy_call_id > 0;

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
       p.expected_wait_basis
  from proxy_call p
  join contact_center c using (contact_center_id)
  left join contact_personal h on h.contact_id = p.contact_id
  left join reservation r on r.proxy_call_id = p.proxy_call_id and r.proxy_call_id > 0 and r.ended_at is null
  left join agent a on a.agent_id = r.agent_id
  left join switch s on s.switch_id = p.network_switch_id
  left join switch w on w.switch_id = p.switch_id;

create or replace view agent_state as
select a.agent_id, a.name, a.site_id, a.switch_id, a.extension, a.team, a.status, a.status_reason, a.status_since,
       case when h.state is not null then h.state
            when a.available_from > clock_timestamp()
            then case a.unavailable_reason when 'wrap_up' then 'wrap_up' else 'set_aside' end
            when a.status <> 'available' or v.no_leg then 'away' else 'idle' end as state,
       case when h.state is not null then null
            when a.available_from > clock_timestamp() then nullif(a.unavailable_reason, 'wrap_up')
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
 cross join lateral (select a.leg = 'standing' and a.standing_leg_uuid is null as no_leg) v
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
       case when a.leg = 'standing' and a.standing_leg_uuid is null then timestamptz '9999-01-01' else a.available_from end
           as available_from,
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

create or replace function end_reservation(p_proxy_call_id bigint, p_reason text) returns text language plpgsql as $$
declare
    r reservation;
    v_pause double precision;
    v_keeps_place boolean := p_reason in ('abandoned', 'network_leg_given_up', 'join_failed', 'lost', 'conversation_lost',
                                          'caller_unreached', 'callback_given_up');
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
                            only_agent_id, preferred_agent_id, longest_queue, time_line, callback, overflow)
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
            coalesce(p_routing -> 'overflow', '{}'))
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

create or replace function close_contact(
    p_contact_id uuid, p_outcome text, p_kind text, p_from text[], p_to text[], p_data jsonb
) returns table (closed boolean, proxy_call_id bigint, agent_id text) language plpgsql as $$
declare
    c contact;
    p proxy_call;
    v_agent_id text;
    v_state text;
    v_outcome text;
begin
    select * into c from contact k where k.contact_id = p_contact_id for update;
    if not found or c.ended_at is not null then
        return query select false, null::bigint, null::text;
        return;
    end if;
    select * into p from proxy_call k where k.contact_id = p_contact_id order by k.proxy_call_id desc limit 1 for update;
    if p.state = any(p_from) and p.caller_leg <> 'present' and not p_data ? 'cancel_callback' then
        return query select false, null::bigint, null::text;
        return;
    end if;
    v_state := p.state;
    if p.state = any(p_from) then
        v_state := p_to[array_position(p_from, p.state)];
        select r.agent_id into v_agent_id from reservation r
         where r.proxy_call_id = p.proxy_call_id and r.proxy_call_id > 0 and r.ended_at is null;
        perform end_reservation(p.proxy_call_id, case v_state when 'ended' then 'wrap_up' else v_state end);
        update proxy_call k set state = v_state, agent_leg = 'none', network_leg = 'none', network_switch_id = null,
            token_digest = null, position = null, expected_wait = null, ended_at = clock_timestamp(),
            version = version + 1
         where k.proxy_call_id = p.proxy_call_id;
        insert into contact_event (contact_id, contact_center_id, proxy_call_id, agent_id, kind, state, data)
        values (c.contact_id, c.contact_center_id, p.proxy_call_id, v_agent_id, p_kind, v_state,
                p_data || jsonb_build_object('from', p.state));
    end if;
    v_outcome := case v_state when 'ended' then case p_outcome when 'transferred' then 'transferred' else 'served' end
                              when 'abandoned' then case p_outcome when 'failed' then 'failed' else 'abandoned' end
                              when 'lost' then 'lost' when 'unreached' then 'unreached'
                              when 'overflowed' then 'overflowed' when 'refused' then 'refused' else p_outcome end;
    update contact k set ended_at = clock_timestamp(), outcome = v_outcome where k.contact_id = p_contact_id;
    insert into contact_event (contact_id, contact_center_id, kind, data)
    values (c.contact_id, c.contact_center_id, 'closed',
            p_data || jsonb_build_object('outcome', v_outcome,
                                         'duration_s', extract(epoch from clock_timestamp() - c.arrived_at)));
    return query select true, case when v_state is distinct from p.state then p.proxy_call_id end, v_agent_id;
end $$;

create or replace function agent_log_on(p_agent_id text, p_address text default null, p_switch_id text default null)
returns setof agent_state language plpgsql as $$
declare
    a agent := agent_held(p_agent_id);
    v_home boolean := p_address is null and p_switch_id is null and a.status = 'logged_out';
    v_address text := coalesce(p_address, case when v_home then a.home_address end, a.address);
    v_switch_id text := coalesce(p_switch_id, case when v_home then a.home_switch_id end, a.switch_id);
    v_at_home boolean := v_address = coalesce(a.home_address, a.address)
                         and v_switch_id = coalesce(a.home_switch_id, a.switch_id);
begin
    if (v_address, v_switch_id) is distinct from (a.address, a.switch_id) then
        if not (a.hot_desk or v_at_home) then
            raise exception 'agent % may not log on elsewhere: hot_desk is off', p_agent_id
                using errcode = 'FS042', detail = 'may_not_move';
        end if;
        if exists (select from reservation where agent_id = p_agent_id and slot > 0 and ended_at is null) then
            raise exception 'agent % has a contact at %: log on elsewhere after it', p_agent_id, a.switch_id
                using errcode = 'FS042', detail = 'busy';
        end if;
        if v_address ~ '[\x01-\x1f${}\[\],]' or v_address = '' then
            raise exception 'that is no address of a telephone' using errcode = 'FS042', detail = 'bad_address';
        end if;
        update agent
           set address = v_address, switch_id = v_switch_id, site_id = s.site_id, standing_leg_uuid = null,
               home_address = case when not v_at_home then coalesce(home_address, address) end,
               home_switch_id = case when not v_at_home then coalesce(home_switch_id, agent.switch_id) end
          from switch s where agent_id = p_agent_id and s.switch_id = v_switch_id;
        if not found then
            raise exception 'there is no switch %', v_switch_id using errcode = 'FS042', detail = 'unknown_switch';
        end if;
        insert into agent_event (agent_id, kind, data)
        values (p_agent_id, 'relocated', jsonb_build_object('switch_id', v_switch_id, 'home', v_at_home));
        perform notify_agent(p_agent_id);
    end if;
    return query select * from agent_declare(p_agent_id, 'available', null);
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
     where r.agent_id = a.agent_id and r.slot > 0 and r.ended_at is null and p.agent_leg = 'joined'
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
     where r.agent_id = p_agent_id and r.slot > 0 and r.ended_at is null and r.medium = 'voice' and p.state = 'bridged';
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

create or replace function complete_consultation(p_agent_leg_uuid text, p_data jsonb) returns setof proxy_call_detail
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
        select * into r from reservation
         where proxy_call_id = q.proxy_call_id and proxy_call_id > 0 and ended_at is null;
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
