-- Calls routed before the answer: what rules say of them, where sites take calls, and the reservation of an agent.

set search_path = fsroute;

create table routing_rule_direct ( -- with this row, calls that the rule matches are routed before the answer
    contact_center_id text not null,
    rule text not null,
    policy text not null default 'longest_idle', -- least_expected_wait, longest_idle, skill_match, share, cost
    manner text not null default 'bridge', -- redirect, bridge
    tries integer not null default 3, -- destinations, one after the other
    shares jsonb, -- of the policy share: {"site": percent}
    otherwise text not null default 'queue', -- where no destination takes it: queue, number, site, busy
    otherwise_number text,
    otherwise_site text,
    otherwise_cause text, -- of busy: FreeSWITCH's hang-up cause; null: USER_BUSY
    primary key (contact_center_id, rule),
    foreign key (contact_center_id, rule) references routing_rule on delete cascade
);

alter table site add column capacity integer check (capacity >= 0); -- calls that it is sent at once; null: no limit

-- Where a site takes calls of a contact center whoever serves them there: its own ACD, or its number.
create table site_door (
    site_id text not null references site on delete cascade,
    contact_center_id text not null references contact_center on delete cascade,
    switch_id text not null references switch, -- whose signs of life count for it
    address text not null check (address ~ '^sips?:[A-Za-z0-9_.!~*()+-]{1,64}@[A-Za-z0-9_.:\[\]-]{1,100}$'),
    -- Where it is given, agents of that switch who are known by activity alone may be selected, too.
    agent_address text check (agent_address ~ '^sips?:\{user\}@[A-Za-z0-9_.:\[\]-]{1,100}$'),
    primary key (site_id, contact_center_id)
);

-- Agents known by activity alone to whom a call is on its way: they are nobody's to select until activity has confirmed
-- that, or until the time is over.
create table agent_taken (
    switch_id text not null references switch on delete cascade,
    agent text not null,
    taken_at timestamptz not null,
    taken_until timestamptz not null,
    primary key (switch_id, agent)
) with (fillfactor = 50);

-- A contact that was given to its destination before the answer, while it is not known to have come there. Without a
-- channel of ours (redirected) the caller's is the network leg, once that is there.
create table direct_call (
    contact_id uuid primary key references contact,
    expires_at timestamptz not null
);

-- Takes such an agent; false: somebody else has. `p_idle_since` is since when activity says that the agent is idle: what
-- was taken before that is over.
create function take_agent(p_switch_id text, p_agent text, p_idle_since double precision, p_seconds double precision)
returns boolean language plpgsql set search_path = fsroute as $$
declare
    v_now timestamptz := clock_timestamp();
begin
    perform set_config('synchronous_commit', 'off', true); -- what a crash takes back is over in seconds
    insert into agent_taken as known (switch_id, agent, taken_at, taken_until)
    values (p_switch_id, p_agent, v_now, v_now + make_interval(secs => p_seconds))
    on conflict (switch_id, agent) do update set taken_at = excluded.taken_at, taken_until = excluded.taken_until
     where known.taken_until <= v_now or known.taken_at < to_timestamp(p_idle_since);
    return found;
end $$;

-- Reserves an agent for a contact that nobody has answered, under the same checks and indexes as for one that waits
-- (reserve_agent), and enters the network leg that will come with the token of `p_leg`: {"uuid", "token_digest",
-- "token_lifetime", "redirected", "expires"}. The contact's proxy call is made at the first such agent; after an agent who
-- did not come the next one is tried. Nobody is passed over: while a contact waits that this agent might serve, nothing
-- is done. Returns nothing then, or if the agent is not to be had.
create function reserve_before_answer(
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
        select r.proxy_call_id into v_id
          from route_proxy_call(p_contact_id, p_routing || jsonb_build_object('only_agent_id', p_agent_id)) r;
    elsif p.state in ('requested', 'queued') then
        v_id := p.proxy_call_id;
        update proxy_call set only_agent_id = p_agent_id where proxy_call_id = v_id;
        insert into contact_event (contact_id, contact_center_id, proxy_call_id, kind, state, data)
        values (p_contact_id, c.contact_center_id, v_id, 'directed', p.state,
                jsonb_build_object('from', p.state, 'queue', p.queue, 'medium', p.medium, 'skills', p.skills,
                                   'sites', p.sites, 'teams', p.teams, 'only_agent_id', p_agent_id));
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
        -- Whoever directs the call decides what comes after this agent; the coordinator, if that process is gone.
        held_until = clock_timestamp() + make_interval(secs => offer_timeout + network_leg_timeout + 5),
        version = version + 1
     where proxy_call_id = v_id;
    insert into contact_event (contact_id, contact_center_id, proxy_call_id, agent_id, kind, state, data)
    values (p_contact_id, c.contact_center_id, v_id, p_agent_id, 'network_leg_raised', 'offered',
            jsonb_build_object('from', 'offered', 'network_leg', 'raising', 'agent_leg', 'dialling'));
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

-- The agent tried last did not come, and no other will be: the contact waits like any other from now on.
create function queue_directed(p_contact_id uuid) returns setof proxy_call_detail
language plpgsql set search_path = fsroute as $$
declare
    p proxy_call;
begin
    perform from contact where contact_id = p_contact_id for no key update;
    update proxy_call set only_agent_id = null, held_until = null, version = version + 1
     where contact_id = p_contact_id and ended_at is null and only_agent_id is not null
    returning * into p;
    if not found then return; end if;
    insert into contact_event (contact_id, contact_center_id, proxy_call_id, kind, state, data)
    values (p_contact_id, p.contact_center_id, p.proxy_call_id, 'directed', p.state,
            jsonb_build_object('from', p.state, 'queue', p.queue, 'medium', p.medium, 'skills', p.skills,
                               'sites', p.sites, 'teams', p.teams, 'only_agent_id', null));
    return query select * from proxy_call_detail d where d.proxy_call_id = p.proxy_call_id;
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

alter function reserve_agent(bigint, bigint, text, text, jsonb) set plan_cache_mode = force_generic_plan;
alter function reserve_agent(bigint, bigint, text, text, jsonb) set enable_seqscan = off;
alter function reserve_agent(bigint, bigint, text, text, jsonb) set search_path = fsroute;
