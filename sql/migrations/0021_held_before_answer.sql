-- Calls that are routed before the answer are held by whoever directs them; capacities and shares count in the database.

set search_path = fsroute;

alter table proxy_call
    -- Not answered yet: if the agent does not come, whoever directs the call has so many seconds to say what comes next,
    -- and it is offered to nobody; 0: the caller was redirected and is nobody's to keep; null: it waits like any other.
    add column directed_for double precision check (directed_for >= 0);

-- Calls that were sent to a site of limited capacity, by whichever process, and that its activity may not know of yet.
create table site_sent (
    site_id text primary key references site on delete cascade,
    sent_at timestamptz[] not null default '{}'
) with (fillfactor = 50);

-- How far each site is from its share of the calls of a rule (fsroute/scp/shares.py); the credits add up to 0.
create table rule_shares (
    contact_center_id text not null references contact_center on delete cascade,
    rule text not null,
    credits jsonb not null default '{}', -- by site, in percent
    changed_at timestamptz not null default clock_timestamp(),
    primary key (contact_center_id, rule)
) with (fillfactor = 50);

-- A contact arrives; twice is once. `p_data` goes with the event.
create function open_contact(p_contact jsonb, p_caller jsonb, p_data jsonb) returns void language sql as $$
    with opened as (
        insert into contact (contact_id, contact_center_id, medium, switch_id, channel_uuid, core_uuid, number_called,
                             application, arrived_at)
        select k.* from jsonb_to_record(p_contact) as k (
            contact_id uuid, contact_center_id text, medium text, switch_id text, channel_uuid text, core_uuid text,
            number_called text, application text, arrived_at timestamptz)
        on conflict (contact_id) do nothing
        returning contact_id, contact_center_id
    ), personal as (
        insert into contact_personal (contact_id, contact_center_id, caller_number, caller_name, language, facts,
                                      customer, network)
        select contact_id, contact_center_id, p_caller ->> 'number', p_caller ->> 'name', p_caller ->> 'language',
               p_caller -> 'facts', p_caller -> 'customer', p_caller -> 'network'
          from opened
    )
    insert into contact_event (contact_id, contact_center_id, kind, data)
    select contact_id, contact_center_id, 'arrived', p_data from opened;
$$;

-- One transition, compare-and-set. The state tables are the caller's (fsroute/acd/proxy_call.py): `p_from`
-- and `p_to` are parallel; a null list or value means "any" and "unchanged". `p_agent_leg_uuid` and
-- `p_network_leg_uuid` name the attempt that the caller believes in: an attempt that is over changes nothing.
-- `p_set` holds columns that change with it; `caller_leg_from` and `caller_leg_to` in it are parallel lists like the
-- others, `routing` is what `route_proxy_call` takes. Who is back in the queue without the caller, is in `callback`.
-- `acd_entry_is` in it names the attempt where another ACD serves: '' for none.
-- A call that is not answered yet does not come back into the queue: it is held for whoever directs it, or, where the
-- caller was redirected, `not_taken`, and its contact ends in the same commit.
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
    -- The contact before its proxy call, as close_contact does; a step of the time line may bring a routing along, and
    -- the last three may end the contact.
    if v_routing is not null or p_set ? 'channel_uuid'
       or p_kind in ('time_line_step', 'agent_failed', 'network_leg_given_up', 'join_failed') then
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
    if v_state = 'queued' and p.state in ('offered', 'ready') and p.directed_for = 0 then
        p_kind := 'not_taken';
        p_set := p_set - 'held_for';
        v_state := 'abandoned';
    elsif v_state = 'queued' and p.state in ('offered', 'ready') and p.directed_for > 0 then
        p_set := p_set || jsonb_build_object(
            'held_for', greatest(p.directed_for, (p_set ->> 'held_for')::double precision));
    end if;

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
    if p_kind = 'not_taken' then
        perform close_contact(p.contact_id, 'failed', p_kind, '{}', '{}', p_data);
    end if;
    return query select * from proxy_call_detail d where d.proxy_call_id = p_proxy_call_id;
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

-- Takes a place at a site for a call that is sent there now: the site's capacity, less the calls in progress by its
-- activity, less those sent within `p_confirm` seconds that were not there yet when it was reported. A site without a
-- capacity takes any. `sent` are those calls, this one among them, in seconds since the epoch; null: not counted.
create function take_place(p_site_id text, p_confirm double precision)
returns table (taken boolean, calls bigint, capacity integer, sent double precision[]) language plpgsql as $$
declare
    v_capacity integer := (select s.capacity from site s where s.site_id = p_site_id);
    v_calls bigint;
    v_reported_at timestamptz;
    v_now timestamptz := clock_timestamp();
    v_sent timestamptz[];
begin
    if v_capacity is null then
        return query select true, null::bigint, null::integer, null::double precision[];
        return;
    end if;
    insert into site_sent (site_id) values (p_site_id) on conflict do nothing;
    select k.sent_at into v_sent from site_sent k where k.site_id = p_site_id for no key update;
    select coalesce(sum(q.waiting + q.talking), 0), coalesce(max(h.reported_at), 'epoch') into v_calls, v_reported_at
      from site_activity h
      left join site_queue q on q.switch_id = h.switch_id and q.source = 'site'
     where h.site_id = p_site_id;
    v_sent := array(select moment from unnest(v_sent) moment
                     where moment > v_now - make_interval(secs => p_confirm) and moment > v_reported_at - interval '1 s');
    v_calls := v_calls + cardinality(v_sent);
    if v_calls < v_capacity then
        v_sent := v_sent || v_now;
        update site_sent k set sent_at = v_sent where k.site_id = p_site_id;
    end if;
    return query select v_calls < v_capacity, v_calls, v_capacity,
                        array(select extract(epoch from moment)::double precision from unnest(v_sent) moment);
end $$;

-- Gives a call to `p_site_id` by a rule's shares, if no other site of those in `p_able` (site -> percent) is due before
-- it: each gets its percent as a credit, and the one that has the call pays for all. The credits are told either way.
create function take_share(p_contact_center_id text, p_rule text, p_able jsonb, p_site_id text)
returns table (taken boolean, credits jsonb) language plpgsql as $$
declare
    v_credits jsonb;
    v_taken boolean;
begin
    insert into rule_shares (contact_center_id, rule) values (p_contact_center_id, p_rule) on conflict do nothing;
    select k.credits into v_credits from rule_shares k
     where k.contact_center_id = p_contact_center_id and k.rule = p_rule for no key update;
    select first.site = p_site_id into v_taken
      from (select site from jsonb_each_text(p_able) as able (site, share)
             order by coalesce((v_credits ->> site)::double precision, 0) + share::double precision desc,
                      site collate "C" limit 1) first;
    if coalesce(v_taken, false) then
        select v_credits || jsonb_object_agg(site, coalesce((v_credits ->> site)::double precision, 0)
                   + share::double precision
                   - case when site = p_site_id then (select sum(every.share::double precision)
                                                        from jsonb_each_text(p_able) as every (site, share)) else 0 end)
          into v_credits from jsonb_each_text(p_able) as able (site, share);
        update rule_shares k set credits = v_credits, changed_at = clock_timestamp()
         where k.contact_center_id = p_contact_center_id and k.rule = p_rule;
    end if;
    return query select coalesce(v_taken, false), v_credits;
end $$;

-- Reserves an agent for a contact that nobody has answered, under the same checks and indexes as for one that waits
-- (reserve_agent), and enters the network leg that will come with the token of `p_leg`: {"uuid", "token_digest",
-- "token_lifetime", "redirected", "expires", "directed_for"}. The contact's proxy call is made at the first such agent;
-- after an agent who did not come the next one is tried. Nobody is passed over: while a contact waits that this agent
-- might serve, nothing is done. Returns nothing then, or if the agent is not to be had.
create or replace function reserve_before_answer(
    p_contact_id uuid, p_routing jsonb, p_agent_id text, p_agent_leg_uuid text, p_leg jsonb, p_data jsonb
) returns setof proxy_call_detail
language plpgsql set search_path = fsroute set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    c contact;
    p proxy_call;
    a agent;
    d proxy_call_detail;
    v_id bigint;
    v_epoch bigint := coalesce((select epoch from lease where name = 'coordinator'), 0);
    v_directed_for double precision := coalesce((p_leg ->> 'directed_for')::double precision, 5);
begin
    select * into c from contact where contact_id = p_contact_id and ended_at is null for update;
    if not found then return; end if;
    select * into a from agent where agent_id = p_agent_id;
    if not found or exists (
        select from proxy_call w
          join agent_authorization u on u.agent_id = p_agent_id and u.contact_center_id = w.contact_center_id
               and u.medium = w.medium
         where w.ended_at is null and w.switch_id > '' and w.state in ('requested', 'queued', 'callback')
           and w.contact_id <> p_contact_id
           and coalesce(w.held_until, '-infinity') <= clock_timestamp()
           and (w.only_agent_id is null or w.only_agent_id = p_agent_id)
           and (w.teams = '{}' or a.team = any(w.teams)) and (w.sites = '{}' or a.site_id = any(w.sites))
           and not exists (select from jsonb_array_elements(w.skills) as demand(pair)
                            where not exists (select from agent_skill k
                                               where k.agent_id = p_agent_id and k.skill = pair ->> 0
                                                 and k.level >= (pair ->> 1)::integer))
    ) then
        return;
    end if;
    select * into p from proxy_call where contact_id = p_contact_id and ended_at is null for update;
    if not found then
        select r.proxy_call_id into v_id from route_proxy_call(p_contact_id, p_routing) r;
    elsif p.state in ('requested', 'queued') then
        v_id := p.proxy_call_id;
    end if;
    select * into d from reserve_agent(v_epoch, v_id, p_agent_id, p_agent_leg_uuid, p_data);
    if d.proxy_call_id is null then
        raise exception 'agent % is not to be had', p_agent_id using errcode = 'FS051';
    end if;
    update proxy_call set
        network_leg = 'raising', network_switch_id = a.switch_id, network_leg_uuid = p_leg ->> 'uuid',
        rendezvous_uuid = null, token_digest = decode(p_leg ->> 'token_digest', 'hex'),
        token_expires_at = clock_timestamp() + make_interval(secs => (p_leg ->> 'token_lifetime')::double precision),
        channel_uuid = case when (p_leg ->> 'redirected')::boolean then '' else channel_uuid end,
        directed_for = v_directed_for, version = version + 1
     where proxy_call_id = v_id;
    insert into contact_event (contact_id, contact_center_id, proxy_call_id, agent_id, kind, state, data)
    values (p_contact_id, c.contact_center_id, v_id, p_agent_id, 'network_leg_raised', 'offered',
            jsonb_build_object('from', 'offered', 'network_leg', 'raising', 'agent_leg', 'dialling',
                               'directed_for_s', v_directed_for));
    if (p_leg ->> 'redirected')::boolean then
        update contact set channel_uuid = '' where contact_id = p_contact_id;
        insert into direct_call (contact_id, expires_at)
        values (p_contact_id, clock_timestamp() + make_interval(secs => (p_leg ->> 'expires')::double precision))
        on conflict (contact_id) do update set expires_at = excluded.expires_at;
    end if;
    return query select * from proxy_call_detail v where v.proxy_call_id = v_id;
exception when sqlstate 'FS051' or sqlstate 'FS001' then
    return; -- all of it undone; the leader has changed in between, or the agent was somebody else's
end $$;

-- A call goes to a destination, all in one commit: the contact is opened if it is new, what the destination needs is
-- claimed, and why it was chosen (`p_decided`) goes to the ledger. Each of the rest may be null: `p_reserve` {"routing",
-- "agent_id", "agent_leg_uuid", "leg", "data"} is an agent of fsroute's, `p_take` {"switch_id", "agent", "idle_since",
-- "seconds"} one known by activity alone, `p_place` {"site_id", "confirm"} the site, `p_share` {"rule", "able", "site"}
-- the rule's shares. `lost` says what was not to be had (agent, site, share): then the contact is open and no more was
-- done. Of a reservation everybody is told by the commit itself, lest it stay unknown where this process dies; `p_reserve`
-- has the sender of its signals ("by"), who needs no telling.
create function direct_call(
    p_contact jsonb, p_caller jsonb, p_arrived jsonb, p_decided jsonb, p_reserve jsonb, p_take jsonb, p_place jsonb,
    p_share jsonb
) returns table (lost text, proxy_call_id bigint, calls bigint, capacity integer, sent double precision[], credits jsonb)
language plpgsql as $$
declare
    v_contact_id uuid := (p_contact ->> 'contact_id')::uuid;
    v_taken boolean;
begin
    if p_reserve is null then
        perform set_config('synchronous_commit', 'off', true); -- only a reservation waits for the disk
    end if;
    perform open_contact(p_contact, p_caller, p_arrived);
    begin
        if p_take is not null and not take_agent(p_take ->> 'switch_id', p_take ->> 'agent',
                (p_take ->> 'idle_since')::double precision, (p_take ->> 'seconds')::double precision) then
            raise exception 'taken' using errcode = 'FS051';
        end if;
        if p_reserve is not null then
            select d.proxy_call_id into proxy_call_id
              from reserve_before_answer(v_contact_id, p_reserve -> 'routing', p_reserve ->> 'agent_id',
                                         p_reserve ->> 'agent_leg_uuid', p_reserve -> 'leg', p_reserve -> 'data') d;
            if not found then raise exception 'reserved' using errcode = 'FS051'; end if;
        end if;
        if p_place is not null then
            select t.taken, t.calls, t.capacity, t.sent into v_taken, calls, capacity, sent
              from take_place(p_place ->> 'site_id', (p_place ->> 'confirm')::double precision) t;
            if not v_taken then raise exception 'full' using errcode = 'FS052'; end if;
        end if;
        if p_share is not null then
            select t.taken, t.credits into v_taken, credits
              from take_share(p_contact ->> 'contact_center_id', p_share ->> 'rule', p_share -> 'able',
                              p_share ->> 'site') t;
            if not v_taken then raise exception 'not due' using errcode = 'FS053'; end if;
        end if;
        insert into contact_event (contact_id, contact_center_id, kind, data)
        select contact_id, contact_center_id, 'decided', p_decided from contact where contact_id = v_contact_id;
        if p_reserve is not null then
            perform pg_notify('fsroute.' || topic, jsonb_build_object('by', p_reserve ->> 'by', 'keys', keys)::text)
               from (select 'coordinator' as topic,
                            jsonb_build_array('p:' || proxy_call_id, 'a:' || (p_reserve ->> 'agent_id')) as keys
                     union
                     select 'switch.' || switch_id, jsonb_build_array('p:' || proxy_call_id)
                       from (select a.switch_id from agent a where a.agent_id = p_reserve ->> 'agent_id'
                             union select p_contact ->> 'switch_id') here (switch_id)) told;
        end if;
    exception when sqlstate 'FS051' or sqlstate 'FS052' or sqlstate 'FS053' then
        proxy_call_id := null;
        lost := case sqlstate when 'FS051' then 'agent' when 'FS052' then 'site' else 'share' end;
    end;
    return next;
end $$;

-- The agent tried last did not come, and no other will be: the contact waits like any other from now on.
create or replace function queue_directed(p_contact_id uuid) returns setof proxy_call_detail
language plpgsql set search_path = fsroute as $$
declare
    p proxy_call;
begin
    perform from contact where contact_id = p_contact_id for no key update;
    update proxy_call set directed_for = null, held_until = null, version = version + 1
     where contact_id = p_contact_id and ended_at is null and directed_for is not null
       and state in ('requested', 'queued')
    returning * into p;
    if not found then return; end if;
    insert into contact_event (contact_id, contact_center_id, proxy_call_id, kind, state, data)
    values (p_contact_id, p.contact_center_id, p.proxy_call_id, 'directed', p.state,
            jsonb_build_object('from', p.state, 'queue', p.queue, 'medium', p.medium, 'skills', p.skills,
                               'sites', p.sites, 'teams', p.teams, 'only_agent_id', p.only_agent_id, 'held_for_s', 0));
    return query select * from proxy_call_detail d where d.proxy_call_id = p.proxy_call_id;
end $$;

-- What the version before has under way: as it would be by this one.
with changed as (
    update proxy_call p set only_agent_id = null, directed_for = 5, version = version + 1
     where p.ended_at is null and p.switch_id > '' and p.only_agent_id is not null
       and exists (select from contact_event e where e.contact_id = p.contact_id and e.kind = 'decided')
    returning p.*
)
insert into contact_event (contact_id, contact_center_id, proxy_call_id, kind, state, data)
select contact_id, contact_center_id, proxy_call_id, 'directed', state,
       jsonb_build_object('from', state, 'queue', queue, 'medium', medium, 'skills', skills, 'sites', sites,
                          'teams', teams, 'only_agent_id', null)
  from changed where state in ('requested', 'queued');

do $$
declare
    f regprocedure;
begin
    for f in select oid from pg_proc
              where pronamespace = 'fsroute'::regnamespace
                and proname in ('move_proxy_call', 'reserve_agent', 'direct_call', 'take_place', 'take_share')
    loop
        execute format('alter function %s set plan_cache_mode = force_generic_plan', f);
        execute format('alter function %s set enable_seqscan = off', f);
    end loop;
    for f in select oid from pg_proc
              where pronamespace = 'fsroute'::regnamespace
                and proname in ('move_proxy_call', 'reserve_agent', 'open_contact', 'direct_call', 'take_place', 'take_share')
    loop
        execute format('alter function %s set search_path = fsroute', f);
    end loop;
end $$;
