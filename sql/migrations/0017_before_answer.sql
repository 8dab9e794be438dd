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
    update proxy_call set only_agent_id = null, version = version + 1
     where contact_id = p_contact_id and ended_at is null and only_agent_id is not null
    returning * into p;
    if not found then return; end if;
    insert into contact_event (contact_id, contact_center_id, proxy_call_id, kind, state, data)
    values (p_contact_id, p.contact_center_id, p.proxy_call_id, 'directed', p.state,
            jsonb_build_object('only_agent_id', null, 'to', 'queue'));
    return query select * from proxy_call_detail d where d.proxy_call_id = p.proxy_call_id;
end $$;
