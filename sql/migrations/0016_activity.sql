-- What CTI processors see at their sites: present state, calls in hand, and a history.

set search_path = fsroute;

-- What a CTI processor sees at its switch, as it changes (docs/activity.md). A reader compares versions: each write that
-- changes something has the next one, and the rows that it changed have it too.
create table site_activity (
    switch_id text primary key references switch on delete cascade,
    site_id text not null references site,
    epoch bigint not null, -- of the processor's lease: who has been replaced is refused
    sequence bigint not null default 0, -- of its writes: none counts twice
    version bigint not null default 1,
    whole_version bigint not null default 1, -- who knows less reads the switch whole: rows were taken away
    core_uuid text, -- of the FreeSWITCH process
    link text not null default 'down' check (link in ('up', 'down')), -- the processor's, to its switch
    link_since timestamptz not null default clock_timestamp(),
    known_at timestamptz not null default 'epoch', -- up to then it is true: a reader takes an old one for stale
    reported_at timestamptz not null default clock_timestamp(), -- the processor's last sign of life
    marks jsonb not null default '{}', -- up to where each source was counted, for a process that takes over
    given_up bigint not null default 0 -- intervals of the history that were lost while the database was away
) with (fillfactor = 50); -- here as below: rows change often, and no index is on what changes

create table site_agent (
    switch_id text not null references site_activity on delete cascade,
    source text not null check (source in ('fsroute', 'callcenter', 'user')),
    agent text not null, -- agent_id; name in mod_callcenter; user@domain of a registered telephone
    status text not null check (status in ('available', 'on_break', 'logged_out')), -- declared
    state text not null check (state in ('away', 'idle', 'reserved', 'ringing', 'connecting', 'talking', 'held',
                                         'consulting', 'wrap_up', 'set_aside')), -- observed
    state_since timestamptz not null,
    state_until timestamptz, -- end of wrap-up or of a set-aside: idle from then on, without another write
    idle_since timestamptz not null, -- since the last contact: who waits longest
    address text not null, -- dial string, as the switch takes it
    reachable boolean, -- the telephone is registered; null: not known
    skills jsonb not null default '{}', -- skill -> level
    queues jsonb not null default '{}', -- mod_callcenter's tiers: queue -> [level, position]
    version bigint not null,
    primary key (switch_id, source, agent)
) with (fillfactor = 50);

-- A line that calls come in on: a queue, a number that was called, or the whole switch. In each, offered = answered +
-- abandoned + automatic + waiting, and those who talk have been answered.
create table site_queue (
    switch_id text not null references site_activity on delete cascade,
    source text not null check (source in ('fsroute', 'callcenter', 'number', 'site')),
    queue text not null, -- center/queue; name in mod_callcenter; the number; '' for the whole switch
    medium text not null default 'voice',
    waiting integer not null check (waiting >= 0),
    talking integer not null check (talking >= 0),
    oldest_at timestamptz, -- since when the first of them waits
    agents integer not null default 0, -- of this switch on duty for it
    idle integer not null default 0, -- of them
    expected_wait double precision, -- seconds, of who comes now; null: not known
    handling double precision, -- seconds, mean of talk and wrap-up, over the longest window that has one
    service_level double precision, -- part answered within `threshold`, over the same
    threshold double precision not null, -- seconds
    windows jsonb not null default '{}', -- "60", "300", "900" seconds -> the counts of activity_interval
    version bigint not null,
    primary key (switch_id, source, queue, medium)
) with (fillfactor = 50);

create table site_call ( -- in hand: what a process that takes over has counted already
    switch_id text not null references site_activity on delete cascade,
    source text not null,
    queue text not null,
    medium text not null default 'voice',
    call_id text not null, -- the channel's or the member's uuid, or the proxy call
    state text not null check (state in ('waiting', 'talking')), -- waiting -> talking
    picked_up boolean not null default false, -- the switch itself has answered
    entered_at timestamptz not null,
    answered_at timestamptz,
    agent text,
    primary key (switch_id, source, queue, medium, call_id)
) with (fillfactor = 70);

create table activity_interval ( -- the history by quarters of an hour
    switch_id text not null,
    site_id text not null,
    source text not null,
    queue text not null,
    medium text not null,
    begins_at timestamptz not null,
    offered integer not null default 0,
    answered integer not null default 0,
    abandoned integer not null default 0,
    abandoned_early integer not null default 0, -- of them, within the threshold: they do not count for the service level
    automatic integer not null default 0, -- served by the switch alone, or sent on before an agent answered
    in_time integer not null default 0, -- of those answered, within the threshold
    wait_s double precision not null default 0, -- of those answered, together
    longest_wait_s double precision not null default 0,
    handled integer not null default 0, -- conversations that ended
    handling_s double precision not null default 0, -- their talk and wrap-up, together
    primary key (switch_id, source, queue, medium, begins_at)
) with (fillfactor = 50);
create index activity_interval_begin on activity_interval using brin (begins_at);

create table activity_day ( -- the same, rolled up; days are those of UTC
    switch_id text not null,
    site_id text not null,
    source text not null,
    queue text not null,
    medium text not null,
    day date not null,
    offered bigint not null,
    answered bigint not null,
    abandoned bigint not null,
    abandoned_early bigint not null,
    automatic bigint not null,
    in_time bigint not null,
    wait_s double precision not null,
    longest_wait_s double precision not null,
    handled bigint not null,
    handling_s double precision not null,
    primary key (switch_id, source, queue, medium, day)
);

-- A processor begins: from now on the one before it is refused. What it knew stands until it is written anew.
create function begin_activity(p_switch_id text, p_epoch bigint) returns void language plpgsql set search_path = fsroute as $$
begin
    insert into site_activity as known (switch_id, site_id, epoch)
    select switch_id, site_id, p_epoch from switch where switch_id = p_switch_id
    on conflict (switch_id) do update
       set site_id = excluded.site_id, epoch = excluded.epoch, sequence = 0, reported_at = clock_timestamp()
     where known.epoch <= excluded.epoch;
    if not found then
        raise exception 'epoch % is not the CTI processor''s of switch % any more', p_epoch, p_switch_id using errcode = 'FS001';
    end if;
end $$;

-- One write of a processor's, in one commit that nobody waits for the disk with: what changed, rows that are gone, counts of
-- intervals as they are (never how much they grew), and whether the switch is seen. Written again it changes nothing.
-- `whole`: the rows given are all there are. Returns the version.
create function write_activity(p_switch_id text, p_epoch bigint, p_sequence bigint, p_news jsonb) returns bigint
language plpgsql set search_path = fsroute set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    s site_activity;
    v_now timestamptz := clock_timestamp();
    v_whole boolean := coalesce((p_news ->> 'whole')::boolean, false);
    v_changes boolean := v_whole or p_news ?| array['agents', 'queues', 'gone_agents', 'gone_queues', 'link'];
    v_gone boolean := v_whole or p_news ?| array['gone_agents', 'gone_queues'];
begin
    perform set_config('synchronous_commit', 'off', true);
    select * into s from site_activity where switch_id = p_switch_id for no key update;
    if not found or p_epoch < s.epoch then
        raise exception 'epoch % is not the CTI processor''s of switch % any more', p_epoch, p_switch_id using errcode = 'FS001';
    elsif p_epoch = s.epoch and p_sequence <= s.sequence then
        return s.version;
    end if;
    s.version := s.version + v_changes::integer;
    update site_activity
       set epoch = p_epoch, sequence = p_sequence, version = s.version, reported_at = v_now,
           whole_version = case when v_gone then s.version else whole_version end,
           known_at = case when (p_news ->> 'seen')::boolean then v_now else known_at end,
           core_uuid = coalesce(p_news ->> 'core_uuid', core_uuid),
           marks = coalesce(p_news -> 'marks', marks),
           link = coalesce(p_news ->> 'link', link),
           link_since = case when p_news ->> 'link' <> link then v_now else link_since end,
           given_up = given_up + coalesce((p_news ->> 'given_up')::bigint, 0)
     where switch_id = p_switch_id;
    if v_whole then
        delete from site_agent where switch_id = p_switch_id;
        delete from site_queue where switch_id = p_switch_id;
        delete from site_call where switch_id = p_switch_id;
    end if;
    if p_news ? 'gone_agents' then
        delete from site_agent a using jsonb_to_recordset(p_news -> 'gone_agents') as x (source text, agent text)
         where a.switch_id = p_switch_id and (a.source, a.agent) = (x.source, x.agent);
    end if;
    if p_news ? 'gone_queues' then
        delete from site_queue q
         using jsonb_to_recordset(p_news -> 'gone_queues') as x (source text, queue text, medium text)
         where q.switch_id = p_switch_id and (q.source, q.queue, q.medium) = (x.source, x.queue, x.medium);
    end if;
    if p_news ? 'gone_calls' then
        delete from site_call c
         using jsonb_to_recordset(p_news -> 'gone_calls') as x (source text, queue text, medium text, call_id text)
         where c.switch_id = p_switch_id
           and (c.source, c.queue, c.medium, c.call_id) = (x.source, x.queue, x.medium, x.call_id);
    end if;
    if p_news ? 'agents' then
        insert into site_agent (switch_id, source, agent, status, state, state_since, state_until, idle_since, address,
                                reachable, skills, queues, version)
        select p_switch_id, source, agent, status, state, to_timestamp(state_since), to_timestamp(state_until),
               to_timestamp(idle_since), address, reachable, skills, queues, s.version
          from jsonb_to_recordset(p_news -> 'agents') as x (source text, agent text, status text, state text,
               state_since float8, state_until float8, idle_since float8, address text, reachable boolean, skills jsonb,
               queues jsonb)
        on conflict (switch_id, source, agent) do update
           set status = excluded.status, state = excluded.state, state_since = excluded.state_since,
               state_until = excluded.state_until, idle_since = excluded.idle_since, address = excluded.address,
               reachable = excluded.reachable, skills = excluded.skills, queues = excluded.queues,
               version = excluded.version;
    end if;
    if p_news ? 'queues' then
        insert into site_queue (switch_id, source, queue, medium, waiting, talking, oldest_at, agents, idle, expected_wait,
                                handling, service_level, threshold, windows, version)
        select p_switch_id, source, queue, medium, waiting, talking, to_timestamp(oldest_at), agents, idle, expected_wait,
               handling, service_level, threshold, windows, s.version
          from jsonb_to_recordset(p_news -> 'queues') as x (source text, queue text, medium text, waiting integer,
               talking integer, oldest_at float8, agents integer, idle integer, expected_wait float8, handling float8,
               service_level float8, threshold float8, windows jsonb)
        on conflict (switch_id, source, queue, medium) do update
           set waiting = excluded.waiting, talking = excluded.talking, oldest_at = excluded.oldest_at,
               agents = excluded.agents, idle = excluded.idle, expected_wait = excluded.expected_wait,
               handling = excluded.handling, service_level = excluded.service_level, threshold = excluded.threshold,
               windows = excluded.windows, version = excluded.version;
    end if;
    if p_news ? 'calls' then
        insert into site_call (switch_id, source, queue, medium, call_id, state, picked_up, entered_at, answered_at, agent)
        select p_switch_id, source, queue, medium, call_id, state, picked_up, to_timestamp(entered_at),
               to_timestamp(answered_at), agent
          from jsonb_to_recordset(p_news -> 'calls') as x (source text, queue text, medium text, call_id text, state text,
               picked_up boolean, entered_at float8, answered_at float8, agent text)
        on conflict (switch_id, source, queue, medium, call_id) do update
           set state = excluded.state, picked_up = excluded.picked_up, entered_at = excluded.entered_at,
               answered_at = excluded.answered_at, agent = excluded.agent;
    end if;
    if p_news ? 'intervals' then
        insert into activity_interval as i
        select p_switch_id, s.site_id, source, queue, medium, to_timestamp(begins_at), offered, answered, abandoned,
               abandoned_early, automatic, in_time, wait_s, longest_wait_s, handled, handling_s
          from jsonb_to_recordset(p_news -> 'intervals') as x (source text, queue text, medium text, begins_at float8,
               offered integer, answered integer, abandoned integer, abandoned_early integer, automatic integer,
               in_time integer, wait_s float8, longest_wait_s float8, handled integer, handling_s float8)
        on conflict (switch_id, source, queue, medium, begins_at) do update
           set offered = excluded.offered, answered = excluded.answered, abandoned = excluded.abandoned,
               abandoned_early = excluded.abandoned_early, automatic = excluded.automatic, in_time = excluded.in_time,
               wait_s = excluded.wait_s, longest_wait_s = excluded.longest_wait_s, handled = excluded.handled,
               handling_s = excluded.handling_s;
    end if;
    if v_changes then
        perform pg_notify('fsroute.activity', jsonb_build_array(p_switch_id)::text);
    end if;
    return s.version;
end $$;

-- Days that are over are rolled up; intervals and days that are too old go. Done again it changes nothing.
create function roll_up_activity(p_switch_id text, p_interval_days integer, p_days integer) returns void
language sql set search_path = fsroute as $$
    insert into activity_day
    select switch_id, max(site_id), source, queue, medium, (begins_at at time zone 'UTC')::date, sum(offered), sum(answered),
           sum(abandoned), sum(abandoned_early), sum(automatic), sum(in_time), sum(wait_s), max(longest_wait_s), sum(handled),
           sum(handling_s)
      from activity_interval
     where switch_id = p_switch_id and begins_at < date_trunc('day', clock_timestamp(), 'UTC')
     group by switch_id, source, queue, medium, (begins_at at time zone 'UTC')::date
    on conflict (switch_id, source, queue, medium, day) do update
       set offered = excluded.offered, answered = excluded.answered, abandoned = excluded.abandoned,
           abandoned_early = excluded.abandoned_early, automatic = excluded.automatic, in_time = excluded.in_time,
           wait_s = excluded.wait_s, longest_wait_s = excluded.longest_wait_s, handled = excluded.handled,
           handling_s = excluded.handling_s;
    delete from activity_interval
     where switch_id = p_switch_id
       and begins_at < date_trunc('day', clock_timestamp(), 'UTC') - make_interval(days => greatest(p_interval_days, 1));
    delete from activity_day
     where switch_id = p_switch_id
       and day < (clock_timestamp() at time zone 'UTC')::date - greatest(p_days, 1);
$$;
