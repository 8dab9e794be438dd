-- The database of fsroute as it is now. Migrations lead to the same; a test proves it.
--
-- Every tenant's row carries its contact center. Events are append-only. Personal data lies in
-- contact_personal alone, keyed by contact, so that it can be erased without touching the ledger.

create schema if not exists fsroute;
set search_path = fsroute;

-- Who is served, and where ------------------------------------------------------------------------

create table contact_center (
    contact_center_id text primary key check (contact_center_id ~ '^[a-z0-9_-]{1,40}$'),
    name text not null,
    time_zone text not null default 'UTC', -- of its calendars that name none
    closed_at timestamptz, -- closed at once, by hand; null: open
    closing jsonb, -- {"prompt": what callers hear, "waiting": "refuse" or "keep"}
    agent_announcement text check (agent_announcement !~ '[\x01-\x1f${}]') -- what its agents hear before the join
);

create table site (
    site_id text primary key check (site_id ~ '^[a-z0-9_-]{1,40}$'),
    name text not null,
    capacity integer check (capacity >= 0) -- calls that the routing processor sends there at once; null: no limit
);

create table network_rate ( -- what a network leg costs
    from_site_id text not null references site on delete cascade, -- the caller's
    to_site_id text not null references site on delete cascade, -- the agent's
    rate double precision not null check (rate >= 0 and rate < 'infinity'), -- per minute
    primary key (from_site_id, to_site_id)
);

create table switch (
    switch_id text primary key check (switch_id ~ '^[a-z0-9_-]{1,40}$'),
    site_id text not null references site,
    link_address text not null check (link_address ~ '^[A-Za-z0-9_.:\[\]-]{1,100}$'), -- host:port that takes network legs
    core_uuid text, -- of the FreeSWITCH process last seen; another one means that its calls died
    seen_at timestamptz,
    codecs text check (length(codecs) <= 500), -- that its link profile offers, as the switch said last
    away_since timestamptz -- it does not answer, or nobody drives it: none of its agents can be reached
);

create table other_acd ( -- ACDs of other makes that serve queues (docs/other-acds.md)
    acd text primary key check (acd ~ '^[a-z0-9_-]{1,40}$' and acd <> 'fsroute'),
    adapter text not null check (adapter ~ '^[a-z0-9_-]{1,40}$'), -- an entry point of the group fsroute.acd
    switch_id text not null references switch, -- beside it: calls wait there, and network legs go there
    parameters jsonb not null default '{}' check (jsonb_typeof(parameters) = 'object') -- the adapter's, all texts
);

create table queue (
    contact_center_id text not null references contact_center,
    queue text not null check (queue ~ '^[a-z0-9_-]{1,40}$'),
    medium text not null default 'voice',
    priority integer not null default 0, -- higher is served first
    strategy text not null default 'longest_idle',
    lead text not null default 'offered'
        check (lead ~ '^(ready|offered|position:[0-9]{1,9}|expected:[0-9]{1,9}(\.[0-9]+)?)$'),
    hold_music text not null default 'local_stream://fsroute',
    offer_timeout double precision not null default 20 check (offer_timeout > 0 and offer_timeout <= 2592000), -- seconds
    network_leg_timeout double precision not null default 10
        check (network_leg_timeout > 0 and network_leg_timeout <= 2592000),
    network_leg_tries integer not null default 3 check (network_leg_tries > 0),
    longest_wait double precision check (longest_wait > 0 and longest_wait <= 2592000), -- null: no limit
    refuse_when text not null default 'no_agent_authorized'
        check (refuse_when in ('never', 'no_agent_authorized', 'no_agent_logged_on')),
    longest_queue integer check (longest_queue >= 0), -- contacts waiting: the next one overflows; null: no limit
    sites text[] not null default '{}', -- where the agent may sit; empty: anywhere
    teams text[] not null default '{}', -- of which the agent must be; empty: any
    overflow text not null default 'application' -- the way at the longest wait or the longest queue
        check (overflow in ('application', 'announce', 'number', 'voice_message')),
    overflow_number text, -- of the way number
    overflow_prompt text, -- of the ways announce and voice_message
    callback_tries integer not null default 3 check (callback_tries > 0),
    callback_retry_after double precision not null default 300
        check (callback_retry_after > 0 and callback_retry_after <= 2592000),
    callback_ring double precision not null default 25 check (callback_ring > 0 and callback_ring <= 2592000),
    extension text check (extension ~ '^[0-9]{1,10}$'), -- what agents key to transfer to it
    acd text references other_acd, -- who serves it; null: fsroute
    primary key (contact_center_id, queue),
    unique (contact_center_id, extension)
);

create table queue_skill (
    contact_center_id text not null,
    queue text not null,
    skill text not null,
    level integer not null default 1,
    primary key (contact_center_id, queue, skill),
    foreign key (contact_center_id, queue) references queue on delete cascade
);

create table number_called (
    number text primary key, -- as the switch presents it
    contact_center_id text not null references contact_center,
    application text not null -- name of the interactive application that answers it
);

create table customer ( -- what a contact center knows of its customers; nothing refers to it
    contact_center_id text not null references contact_center on delete cascade,
    key text not null check (key ~ '^[a-z][a-z0-9_]{0,63}$'), -- number, or the fact that tells who it is
    value text not null check (length(value) between 1 and 200), -- a number in E.164
    facts jsonb not null default '{}' check (jsonb_typeof(facts) = 'object'), -- name to short text
    loaded_at timestamptz not null default clock_timestamp(),
    primary key (contact_center_id, key, value)
);

-- Rules ---------------------------------------------------------------------------------------------

-- What an operator writes (docs/rules.md) and `fsroute rules load` checks. Nothing here counts for a call before it is
-- part of a version; what is wrong with a row is the checker's to say, all of it at once. Times in seconds.

create table calendar (
    contact_center_id text not null references contact_center,
    calendar text not null,
    time_zone text, -- IANA, such as Europe/Berlin; null: the contact center's
    primary key (contact_center_id, calendar)
);

create table opening_hours ( -- by the wall clock of the calendar's time zone
    contact_center_id text not null,
    calendar text not null,
    weekday integer not null, -- 1 Monday … 7 Sunday, on which it opens
    opens time not null,
    closes time not null, -- 24:00 is the day's end; at or before opens: on the next day
    primary key (contact_center_id, calendar, weekday, opens),
    foreign key (contact_center_id, calendar) references calendar on delete cascade
);

create table holiday ( -- rules its date alone: neither weekday nor the night before count on it
    contact_center_id text not null,
    calendar text not null,
    day date not null,
    name text not null,
    opens time, -- null: closed all day
    closes time,
    primary key (contact_center_id, calendar, day),
    foreign key (contact_center_id, calendar) references calendar on delete cascade
);

create table region ( -- where callers are: the longest prefix of the caller's number; a leading + counts for nothing
    region text not null,
    prefix text primary key
);

-- Of a contact center's rules the first by (ordinal, rule) whose conditions all hold. A condition that is null asks
-- nothing. A pattern is a regular expression of the whole text, of a kind that never takes long.
create table routing_rule (
    contact_center_id text not null references contact_center,
    rule text not null,
    ordinal integer not null,
    enabled boolean not null default true,
    note text,
    -- conditions; facts in routing_rule_fact
    if_queue text, -- that the application asks for
    if_number_called text, -- pattern
    if_caller_number text, -- pattern
    if_region text,
    if_medium text,
    if_language text, -- en holds for en-US too
    if_calendar text,
    if_open boolean, -- that calendar: true (also null) open, false closed
    if_segment text, -- pattern; "segment" of the customer's record, or else the fact
    -- result: not queued …
    action text not null default 'queue', -- queue, refuse, announce, number, voice_message
    number text, -- that action number transfers to
    prompt text, -- of announce and voice_message
    -- … or queued; null: as the queue's row says. Skills in routing_rule_skill, the time line in rule_step
    queue text, -- null: the one that the application asks for
    sites text[], -- where the agent may sit; empty: anywhere
    teams text[], -- of which the agent must be; empty: any
    priority integer,
    strategy text,
    lead text,
    hold_music text,
    offer_timeout double precision,
    network_leg_timeout double precision,
    network_leg_tries integer,
    longest_wait double precision,
    longest_queue integer, -- contacts waiting in the queue: the next one overflows
    refuse_when text,
    overflow text, -- the way at the longest wait or queue: application, announce, number, voice_message
    overflow_number text,
    overflow_prompt text,
    callback_tries integer,
    callback_retry_after double precision, -- between two tries
    callback_ring double precision, -- how long the caller's phone rings
    acd text, -- of another make that serves it; fsroute: none
    primary key (contact_center_id, rule)
);

create table routing_rule_fact ( -- what the application learned, or else the customer's record says
    contact_center_id text not null,
    rule text not null,
    fact text not null,
    pattern text not null, -- a fact that is not known matches none
    primary key (contact_center_id, rule, fact),
    foreign key (contact_center_id, rule) references routing_rule on delete cascade
);

create table routing_rule_skill ( -- one row or more: these, and not the queue's
    contact_center_id text not null,
    rule text not null,
    skill text not null,
    level integer not null default 1, -- at least
    primary key (contact_center_id, rule, skill),
    foreign key (contact_center_id, rule) references routing_rule on delete cascade
);

create table rule_step ( -- the time line: what changes while the contact waits; it keeps its place
    contact_center_id text not null,
    rule text not null,
    ordinal integer not null,
    after_s double precision not null, -- since it was queued
    step text not null, -- skill, teams, sites, priority, offer_callback, announce, announce_wait, voice_message, number
    skill text, -- step skill: this one
    level integer, -- suffices at this level from now on; null: it is not asked for any more
    names text[], -- step teams, sites: these from now on; null or empty: any
    priority integer, -- step priority: higher by
    number text, -- step number: where to
    prompt text, -- step announce, voice_message, offer_callback
    every_s double precision, -- step announce_wait: between two announcements
    within double precision, -- step announce_wait: the error band that may be announced, as a part of the expected wait
    primary key (contact_center_id, rule, ordinal),
    foreign key (contact_center_id, rule) references routing_rule on delete cascade
);

create table rules_version ( -- append-only; the newest is in force
    version bigint primary key,
    loaded_at timestamptz not null default clock_timestamp(),
    loaded_by text not null,
    source text not null, -- the file, or the version that was put back
    digest text not null, -- SHA-256 of the document
    document jsonb not null -- the rows of the tables above and of the queues, by table
);

-- Who serves ----------------------------------------------------------------------------------------

create sequence agent_version;

create table agent (
    agent_id text primary key,
    name text not null,
    site_id text not null references site,
    switch_id text not null references switch,
    address text not null, -- dial string: user/…, sofia/…, sip:…, tel:…
    accept_key text, -- asked for where a voice mail could answer
    wrap_up double precision not null default 0, -- seconds
    set_aside double precision not null default 30, -- seconds, after an offer not taken
    status text not null default 'logged_out', -- available, on_break or logged_out
    status_reason text,
    available_from timestamptz not null default 'epoch' -- end of wrap-up or of a set-aside
        check (available_from between 'epoch' and '9999-01-01 00:00Z'),
    unavailable_reason text, -- why until then: wrap_up, no_answer, busy …
    idle_since timestamptz not null default now() check (idle_since between 'epoch' and '9999-01-01 00:00Z'),
    team text,
    rate double precision not null default 0, -- the agent's cost per minute
    leg text not null default 'dialled', -- per contact, or standing: all shift
    standing_leg_uuid text, -- of the standing leg that is up
    contacts_served integer not null default 0, -- since log-on
    last_reserved_at timestamptz,
    pin_hash text, -- null: no log-on by telephone
    pin_failures integer not null default 0, -- in a row
    pin_locked_until timestamptz,
    extension text unique, -- what is dialled, and keyed, for the agent
    own_phone boolean not null default false, -- whoever calls from the agent's registered phone is the agent: no PIN
    hot_desk boolean not null default false, -- may log on at another address or switch
    home_address text, -- where the agent belongs, while elsewhere
    home_switch_id text references switch,
    status_since timestamptz not null default now(),
    missed integer not null default 0, -- offers in a row that were not taken
    miss_limit integer, -- as many send the agent on `miss_then`; null: none do
    miss_then text not null default 'on_break', -- or logged_out
    version bigint not null default nextval('agent_version') -- of two rows of one agent the greater is the newer
);

-- PostgreSQL reads the check constraints of a table anew for each statement that writes a row, whatever it changes: with
-- fifteen of them that was two thirds of an update's time, and each contact updates its agent several times. So triggers
-- look at the values of agents, where those change, and of proxy calls, and say what the constraints would say.
create function check_agent() returns trigger language plpgsql as $$
declare
    v_refused text := case
        when new.agent_id !~ '^[a-z0-9_.-]{1,40}$' then 'agent_id'
        when new.address ~ '[\x01-\x1f${}\[\],]' then 'address'
        when new.accept_key !~ '^[0-9*#]$' then 'accept_key'
        when not (new.wrap_up >= 0 and new.wrap_up <= 2592000) then 'wrap_up'
        when not (new.set_aside >= 0 and new.set_aside <= 2592000) then 'set_aside'
        when new.status not in ('available', 'on_break', 'logged_out') then 'status'
        when new.team !~ '^[a-z0-9_-]{1,40}$' then 'team'
        when not (new.rate >= 0 and new.rate < 'infinity') then 'rate'
        when new.leg not in ('dialled', 'standing') then 'leg'
        when new.pin_hash !~ '^scrypt(\$[0-9]{1,9}){3}(\$[A-Za-z0-9+/=]{8,200}){2}$' then 'pin_hash'
        when new.extension !~ '^[0-9]{2,10}$' then 'extension'
        when not new.miss_limit > 0 then 'miss_limit'
        when new.miss_then not in ('on_break', 'logged_out') then 'miss_then' end;
begin
    if v_refused is not null then
        v_refused := 'agent_' || v_refused || '_check';
        raise exception 'new row for relation "agent" violates check constraint "%"', v_refused
            using errcode = 'check_violation', schema = 'fsroute', table = 'agent', constraint = v_refused;
    end if;
    return new;
end $$;
create trigger check_agent before insert or update of agent_id, address, accept_key, wrap_up, set_aside, status, team, rate,
    leg, pin_hash, extension, miss_limit, miss_then on agent for each row execute function check_agent();

-- How many contacts of a medium an agent takes at a time. What an agent has at one time may weigh 100 together. A
-- medium without a row: one contact, which weighs 100.
create table agent_medium (
    agent_id text not null references agent on delete cascade,
    medium text not null,
    slots integer not null default 1 check (slots between 1 and 100),
    weight integer not null default 100 check (weight between 1 and 100),
    wrap_up double precision check (wrap_up >= 0 and wrap_up <= 2592000), -- seconds; null: the agent's
    primary key (agent_id, medium)
);

create table agent_skill (
    agent_id text not null references agent on delete cascade,
    skill text not null,
    level integer not null default 1,
    primary key (agent_id, skill)
);

create table agent_authorization (
    agent_id text not null references agent on delete cascade,
    contact_center_id text not null references contact_center,
    medium text not null default 'voice',
    valid_from timestamptz not null default '-infinity'
        check (valid_from = '-infinity' or valid_from between 'epoch' and '9999-01-01 00:00Z'),
    valid_until timestamptz check (valid_until = 'infinity' or valid_until between 'epoch' and '9999-01-01 00:00Z'),
    primary key (agent_id, contact_center_id, medium, valid_from),
    check (valid_until is null or valid_until > valid_from)
);

-- Why agents take breaks, and what comes of contacts: what an agent dials, and what it means.
create table break_reason (
    digits text primary key check (digits ~ '^[0-9]{1,8}$'), -- dialled after the code for a break
    reason text not null
);
insert into break_reason values ('1', 'break'), ('2', 'lunch'), ('3', 'training'), ('4', 'meeting'), ('9', 'other');

create table outcome_code (
    contact_center_id text not null references contact_center on delete cascade,
    code text not null check (code ~ '^[0-9A-Za-z_-]{1,20}$'), -- digits only, where agents dial it
    meaning text not null,
    primary key (contact_center_id, code)
);

-- Contacts ------------------------------------------------------------------------------------------

create table contact (
    contact_id uuid primary key,
    contact_center_id text not null references contact_center,
    medium text not null,
    switch_id text not null references switch, -- the caller's
    channel_uuid text not null,
    core_uuid text, -- of the caller's FreeSWITCH process
    number_called text not null,
    application text not null,
    arrived_at timestamptz not null,
    ended_at timestamptz,
    outcome text check (outcome in ('self_served', 'served', 'abandoned', 'overflowed', 'refused',
                                    'transferred', 'lost', 'failed', 'unreached')),
    rule text, -- that routed it last
    rules_version bigint,
    parent_contact_id uuid references contact, -- an agent's consultation during this contact
    outcome_code text, -- the agent's, by the contact center's codes
    check ((ended_at is null) = (outcome is null))
);
-- An index of what is live alone answers only to those who ask by its first column and say so (`switch_id > ''`): a
-- plan that was made while few were live would else read the whole of it to find one row by another column.
create index contact_live on contact (switch_id) where ended_at is null and switch_id > '';
create index contact_channel on contact (channel_uuid) where ended_at is null and channel_uuid > '';
create index contact_consultation on contact (parent_contact_id) where parent_contact_id is not null;

create table contact_personal ( -- erasable; nothing refers to it
    contact_id uuid primary key references contact,
    contact_center_id text not null,
    caller_number text not null,
    caller_name text not null,
    language text not null,
    facts jsonb not null default '{}', -- what the application learned
    customer jsonb not null default '{}',
    network jsonb not null default '{}',
    callback_number text, -- where the caller wants to be called back
    note text, -- the agent's, with the outcome code
    application_state text -- where the caller stood who is called back
);
create index contact_personal_caller on contact_personal (contact_center_id, caller_number);

create table voice_message ( -- erasable; nothing refers to it
    contact_id uuid primary key references contact,
    contact_center_id text not null references contact_center,
    path text not null, -- of the recording, on the host of the contact's switch
    duration_s double precision not null check (duration_s >= 0),
    left_at timestamptz not null default clock_timestamp(),
    heard_at timestamptz -- by whoever answers messages
);
create index voice_message_unheard on voice_message (contact_center_id, left_at) where heard_at is null;

create table proxy_call (
    proxy_call_id bigint generated always as identity primary key,
    contact_id uuid not null references contact,
    contact_center_id text not null,
    queue text not null,
    medium text not null,
    skills jsonb not null, -- [[skill, level], …], sorted: the demand at the time of the request
    priority integer not null,
    arrived_at timestamptz not null, -- the contact's; kept whenever it returns to the queue
    switch_id text not null,
    channel_uuid text not null,
    state text not null default 'requested', -- these, and the legs': check_proxy_call
    agent_leg text not null default 'none',
    network_leg text not null default 'none',
    network_switch_id text references switch, -- where the network leg goes
    network_leg_uuid text, -- at the caller's switch: the leg that is being raised
    rendezvous_uuid text, -- at the agent's switch: the same leg as it came in
    token_digest bytea, -- SHA-256 of the single-use token
    token_expires_at timestamptz,
    network_leg_failures integer not null default 0,
    held_until timestamptz, -- not offered before: the way to the agents has just failed
    lead text not null,
    hold_music text not null,
    strategy text not null,
    offer_timeout double precision not null,
    network_leg_timeout double precision not null,
    network_leg_tries integer not null,
    longest_wait double precision,
    refuse_when text not null,
    position integer,
    expected_wait double precision, -- seconds
    requested_at timestamptz not null default clock_timestamp(),
    queued_at timestamptz,
    accepted_at timestamptz,
    bridged_at timestamptz,
    ended_at timestamptz,
    version integer not null default 1,
    rule text, -- that routed it; null: the queue's row alone
    rules_version bigint,
    sites text[] not null default '{}', -- where the agent may sit; empty: anywhere
    teams text[] not null default '{}', -- of which the agent must be; empty: any
    only_agent_id text references agent, -- nobody else may serve it
    preferred_agent_id text, -- by the strategy, or since the conversation was lost
    longest_queue integer, -- contacts waiting
    time_line jsonb not null default '[]', -- the rule's steps, in order
    time_line_done integer not null default 0, -- how many of them
    caller_leg text not null default 'present',
    callback jsonb not null default '{}', -- the terms: tries, retry_after, ring
    callback_failures integer not null default 0,
    overflow jsonb not null default '{}', -- the way at the longest wait or the longest queue
    treatment jsonb, -- the step that the caller is to hear
    treatment_number integer not null default 0, -- counts them
    way jsonb, -- in a final state: where the caller goes
    expected_wait_basis text,
    back_to jsonb, -- after a transfer to one agent: the routing to go back to if that agent does not come
    expected_wait_error double precision, -- half the width of its 90 % band, as a part of it; means nothing without it
    acd jsonb, -- the ACD of another make that serves it (fsroute/model/other_acd.py); null: fsroute
    acd_entry_uuid text, -- at that ACD's switch: the channel that waits there in the caller's stead
    acd_agent text, -- whom that ACD offers it to, as it says
    acd_leg_uuid text, -- at that ACD's switch: the channel that leads to the agent
    acd_since timestamptz, -- when it was entered there, left it, or was offered to an agent
    -- Not answered yet: if the agent does not come, whoever directs the call has so many seconds to say what comes next,
    -- and it is offered to nobody; 0: the caller was redirected and is nobody's to keep; null: it waits like any other.
    directed_for double precision,
    foreign key (contact_center_id, queue) references queue
) with (fillfactor = 50); -- a row changes often: room for it on its page, and no index on what changes
create function check_proxy_call() returns trigger language plpgsql as $$
declare
    v_live boolean := new.state in ('requested', 'queued', 'callback', 'offered', 'ready', 'bridged');
    v_refused text := case
        when not v_live and new.state not in ('ended', 'abandoned', 'lost', 'overflowed', 'refused', 'unreached')
            then 'proxy_call_state_check'
        when (new.ended_at is null) <> v_live then 'ends_with_its_state'
        when new.agent_leg not in ('none', 'dialling', 'ringing', 'answered', 'accepted', 'joined')
            then 'proxy_call_agent_leg_check'
        when new.network_leg not in ('none', 'wanted', 'raising', 'present', 'joined', 'not_needed')
            then 'proxy_call_network_leg_check'
        when new.caller_leg not in ('present', 'absent', 'wanted', 'dialling') then 'proxy_call_caller_leg_check'
        when not new.directed_for >= 0 then 'proxy_call_directed_for_check' end;
begin
    if v_refused is not null then
        raise exception 'new row for relation "proxy_call" violates check constraint "%"', v_refused
            using errcode = 'check_violation', schema = 'fsroute', table = 'proxy_call', constraint = v_refused;
    end if;
    return new;
end $$;
create trigger check_proxy_call before insert or update on proxy_call for each row execute function check_proxy_call();
-- I2: a contact has at most one live proxy call.
create unique index one_live_proxy_call_per_contact on proxy_call (contact_id) where ended_at is null and contact_id is not null;
create index proxy_call_live on proxy_call (switch_id) where ended_at is null and switch_id > '';
create index proxy_call_contact on proxy_call (contact_id, proxy_call_id);
create unique index token_is_single_use on proxy_call (token_digest) where token_digest is not null;

create table reservation (
    reservation_id bigint generated always as identity primary key,
    agent_id text not null references agent,
    slot smallint not null default 1,
    proxy_call_id bigint not null references proxy_call,
    contact_id uuid not null,
    contact_center_id text not null,
    agent_switch_id text not null,
    agent_leg_uuid text not null unique,
    epoch bigint not null, -- of the leader that made it
    reserved_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    end_reason text,
    medium text not null default 'voice',
    weight integer not null default 100
);
create index reservation_contact on reservation (contact_id);
-- I1: an agent slot has at most one live reservation; and a proxy call is offered to one agent.
create unique index one_live_reservation_per_slot on reservation (agent_id, medium, slot) where ended_at is null and slot > 0;
create unique index one_live_reservation_per_proxy_call on reservation (proxy_call_id)
 where ended_at is null and proxy_call_id > 0;

-- The ledger ------------------------------------------------------------------------------------------

create table contact_event ( -- append-only; no personal data
    event_id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    written_by xid8 not null default pg_current_xact_id(), -- readers stay below pg_snapshot_xmin
    contact_id uuid not null,
    contact_center_id text not null,
    proxy_call_id bigint,
    agent_id text,
    kind text not null,
    state text, -- of the proxy call, after the event
    data jsonb not null default '{}'
);
create index contact_event_contact on contact_event (contact_id, event_id);
create index contact_event_at on contact_event using brin (at);

create table agent_event ( -- append-only
    event_id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    written_by xid8 not null default pg_current_xact_id(),
    agent_id text not null,
    contact_center_id text,
    contact_id uuid,
    kind text not null,
    data jsonb not null default '{}'
);
create index agent_event_agent on agent_event (agent_id, event_id);
create index agent_event_at on agent_event using brin (at);

create table system_event ( -- append-only; who led, and when nobody did
    event_id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    written_by xid8 not null default pg_current_xact_id(),
    kind text not null,
    data jsonb not null default '{}'
);

create function append_only() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'FS002';
end $$;
create trigger append_only before update or delete or truncate on contact_event
    for each statement execute function append_only();
create trigger append_only before update or delete or truncate on agent_event
    for each statement execute function append_only();
create trigger append_only before update or delete or truncate on system_event
    for each statement execute function append_only();

-- Rules that changed ------------------------------------------------------------------------------------

create function signal_rules() returns trigger language plpgsql as $$
begin
    perform pg_notify('fsroute.rules', '[null]');
    return null;
end $$;
create trigger signal_rules after insert on rules_version for each statement execute function signal_rules();
create trigger signal_rules after insert or update or delete on contact_center
    for each statement execute function signal_rules();
create trigger signal_rules after insert or update or delete on queue
    for each statement execute function signal_rules();
create trigger signal_rules after insert or update or delete on queue_skill
    for each statement execute function signal_rules();
create trigger signal_rules after insert or update or delete on other_acd
    for each statement execute function signal_rules();
create trigger append_only before update or delete or truncate on rules_version
    for each statement execute function append_only();

-- A contact center is closed at once: its callers hear the prompt, and who waits is refused or waits on.
create function close_contact_center(p_contact_center_id text, p_prompt text, p_keep_waiting boolean, p_by text)
returns void language plpgsql as $$
begin
    update contact_center
       set closed_at = coalesce(closed_at, clock_timestamp()),
           closing = jsonb_build_object('prompt', coalesce(p_prompt, ''),
                                        'waiting', case when p_keep_waiting then 'keep' else 'refuse' end)
     where contact_center_id = p_contact_center_id;
    if not found then
        raise exception 'there is no contact center %', p_contact_center_id using errcode = 'FS003';
    end if;
    insert into system_event (kind, data)
    values ('center_closed', jsonb_build_object('contact_center_id', p_contact_center_id, 'prompt', coalesce(p_prompt, ''),
                                                'keep_waiting', p_keep_waiting, 'by', p_by));
    perform pg_notify('fsroute.coordinator', jsonb_build_array('c:' || p_contact_center_id)::text);
end $$;

-- … and opened again. Nothing happens to one that is open.
create function open_contact_center(p_contact_center_id text, p_by text) returns void language plpgsql as $$
declare
    v_closed_at timestamptz;
begin
    select closed_at into v_closed_at from contact_center where contact_center_id = p_contact_center_id for update;
    if not found then
        raise exception 'there is no contact center %', p_contact_center_id using errcode = 'FS003';
    end if;
    if v_closed_at is null then return; end if;
    update contact_center set closed_at = null, closing = null where contact_center_id = p_contact_center_id;
    insert into system_event (kind, data)
    values ('center_opened', jsonb_build_object('contact_center_id', p_contact_center_id, 'by', p_by,
                                                'closed_s', extract(epoch from clock_timestamp() - v_closed_at)));
    perform pg_notify('fsroute.coordinator', jsonb_build_array('c:' || p_contact_center_id)::text);
end $$;

-- What agents may serve goes into the ledger, as an event `qualified` of the moment at which a change commits: the audit
-- judges what was by what held then. A change is noted for each agent once in a transaction, and the coordinator hears of it.
create table agent_requalified ( -- empty but within a transaction
    agent_id text not null,
    changed_by xid8 not null default pg_current_xact_id(),
    primary key (agent_id, changed_by)
);

create function log_qualification() returns trigger language plpgsql set search_path = fsroute as $$
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
create constraint trigger log_qualification after insert on agent_requalified
    deferrable initially deferred for each row execute function log_qualification();

-- Of more agents than go into one signal the coordinator reads all.
create function agents_requalified(p_agent_ids text[]) returns void language sql set search_path = fsroute as $$
    insert into agent_requalified (agent_id) select distinct unnest(p_agent_ids) on conflict do nothing;
    select pg_notify('fsroute.coordinator', case when cardinality(p_agent_ids) > 100 then '[null]' else
                     (select json_agg(distinct 'a:' || agent_id)::text from unnest(p_agent_ids) as agent_id) end)
     where p_agent_ids <> '{}';
$$;

create function requalify() returns trigger language plpgsql set search_path = fsroute as $$
begin
    perform agents_requalified(array(select agent_id from changed));
    return null;
end $$;

create function requalify_agent() returns trigger language plpgsql set search_path = fsroute as $$
begin
    perform agents_requalified(array[coalesce(new.agent_id, old.agent_id)]);
    return null;
end $$;

create trigger requalify_inserted after insert on agent referencing new table as changed
    for each statement execute function requalify();
create trigger requalify_deleted after delete on agent referencing old table as changed
    for each statement execute function requalify();
create trigger requalify_updated after update of site_id, team, leg on agent for each row
    when ((old.site_id, old.team, old.leg) is distinct from (new.site_id, new.team, new.leg))
    execute function requalify_agent();
do $$
declare
    v_table text;
begin
    foreach v_table in array array['agent_skill', 'agent_authorization', 'agent_medium'] loop
        execute format('create trigger requalify_inserted after insert on %I referencing new table as changed
                            for each statement execute function requalify()', v_table);
        execute format('create trigger requalify_updated after update on %I referencing new table as changed
                            for each statement execute function requalify()', v_table);
        execute format('create trigger requalify_deleted after delete on %I referencing old table as changed
                            for each statement execute function requalify()', v_table);
    end loop;
end $$;

-- Leadership ------------------------------------------------------------------------------------------

create table lease (
    name text primary key, -- coordinator, or switch:<switch>
    holder text not null,
    epoch bigint not null default 1,
    backend_pid integer,
    renewed_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null
);

-- Leadership goes into the ledger: taken, given up, and a renewal that came late. Renewals come five times in
-- a lease's duration; where half as much again has passed, the leader or the database was away in between.
create function log_leadership() returns trigger language plpgsql as $$
declare
    v_kind text := case when new.epoch <> old.epoch then 'leader'
                        when new.holder = '' and old.holder <> '' then 'leader_gone'
                        when isfinite(old.expires_at)
                             and new.renewed_at - old.renewed_at > 0.3 * (old.expires_at - old.renewed_at)
                        then 'leader_silent' end;
begin
    if v_kind is not null then
        insert into system_event (kind, data)
        values (v_kind, jsonb_build_object('lease', new.name, 'epoch', new.epoch, 'holder', new.holder,
                                           'renewed_before', case when old.epoch > 0 then old.renewed_at end));
    end if;
    return null;
end $$;
create trigger log_leadership after update on lease for each row execute function log_leadership();

-- A leader's write shares the fence (see fence_leadership) until it commits, and so does not wait for others of its kind:
-- nobody takes the leadership in between, and who has been replaced is refused.
create function check_epoch(p_epoch bigint) returns void language plpgsql as $$
declare
    v_epoch bigint;
begin
    perform pg_advisory_xact_lock_shared(1718841971, hashtext('coordinator'));
    select epoch into v_epoch from lease where name = 'coordinator'; -- a new snapshot: what was committed meanwhile
    if p_epoch is distinct from v_epoch then
        raise exception 'epoch % is not the coordinator''s any more', p_epoch using errcode = 'FS001';
    end if;
end $$;

-- Applications of remote centers ------------------------------------------------------------------------

create table application_version ( -- which version of a remote center's application serves at a switch, and what was refused
    switch_id text not null check (switch_id ~ '^[a-z0-9_-]{1,40}$'),
    source text not null check (source ~ '^[a-z0-9_-]{1,40}$'), -- as the switch's configuration names the remote center
    name text not null check (name ~ '^([a-z0-9][a-z0-9_-]{0,63})?$'), -- '': the source itself
    contact_center_id text not null,
    state text not null -- serving -> refused, withdrawn, unreachable: the last good version serves on -> serving
        check (state in ('serving', 'refused', 'withdrawn', 'unreachable')),
    message text not null, -- why it is not as it should be
    version text, -- what serves; null: nothing
    sequence bigint,
    sha256 text,
    fetched_at timestamptz,
    checked_at timestamptz, -- when the source last offered what serves
    expires_at timestamptz,
    primary key (switch_id, source, name)
);

-- Activity of sites -------------------------------------------------------------------------------------

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

-- What the roles read: a proxy call with its caller, its agent and where the legs go ---------------------

create view proxy_call_detail as
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

-- The transitions -----------------------------------------------------------------------------------------

-- A live reservation ends; the agent is free again after as long as the agent's own wrap_up or set_aside says, by the
-- reason. Agents who did nothing wrong are free at once and keep their place in the idle order; to whom no way led,
-- is free at once, but others are asked first: else a link that is away would draw each caller to its other end.
create function end_reservation(p_proxy_call_id bigint, p_reason text) returns text language plpgsql as $$
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

-- One transition, compare-and-set. The state tables are the caller's (fsroute/acd/proxy_call.py): `p_from`
-- and `p_to` are parallel; a null list or value means "any" and "unchanged". `p_agent_leg_uuid` and
-- `p_network_leg_uuid` name the attempt that the caller believes in: an attempt that is over changes nothing.
-- `p_set` holds columns that change with it; `caller_leg_from` and `caller_leg_to` in it are parallel lists like the
-- others, `routing` is what `route_proxy_call` takes. Who is back in the queue without the caller, is in `callback`.
-- `acd_entry_is` in it names the attempt where another ACD serves: '' for none.
-- A call that is not answered yet does not come back into the queue: it is held for whoever directs it, or, where the
-- caller was redirected, `not_taken`, and its contact ends in the same commit.
-- Returns the row after the transition, or nothing when the race was lost.
create function move_proxy_call(
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

-- The caller's site asks for an agent: the proxy call enters the queue's life. `p_routing` is what the rules made of
-- the contact (fsroute/model/routing.py).
create function route_proxy_call(p_contact_id uuid, p_routing jsonb) returns setof proxy_call_detail
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
create function queue_routing(p_contact_center_id text, p_queue text) returns jsonb language sql stable as $$
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

-- A request by the queue's row alone, as where a contact center has no rules.
create function request_proxy_call(p_contact_id uuid, p_queue text) returns setof proxy_call_detail
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

-- The claim: commits before anything is dialled. Authorization and training are part of it. Returns nothing
-- when contact or agent is not to be had any more: who loses the race chooses again.
create function reserve_agent(
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

-- The agent hung up after the talk: wrap-up begins; the proxy call goes on as the caller's site decides.
create function agent_left(p_agent_leg_uuid text, p_data jsonb) returns setof proxy_call_detail
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

-- The caller's channel is gone, or the application is through with it: the contact ends, with exactly one
-- outcome. `p_from` and `p_to` are the table's for caller_gone (or switch_died). A caller who is to be called back has
-- hung up on purpose: the contact stays, unless `p_data` says `cancel_callback`. `p_data` may have `ended_at`, where
-- the end is written late. Returns the proxy call that was live, if one was.
create function close_contact(
    p_contact_id uuid, p_outcome text, p_kind text, p_from text[], p_to text[], p_data jsonb
) returns table (closed boolean, proxy_call_id bigint, agent_id text) language plpgsql as $$
declare
    c contact;
    p proxy_call;
    v_agent_id text;
    v_state text;
    v_outcome text;
    v_ended_at timestamptz;
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
    v_ended_at := clock_timestamp();
    if p_data ? 'ended_at' then -- the database was away then
        v_ended_at := least(v_ended_at, greatest(c.arrived_at, (p_data ->> 'ended_at')::timestamptz));
    end if;
    update contact k set ended_at = v_ended_at, outcome = v_outcome where k.contact_id = p_contact_id;
    insert into contact_event (contact_id, contact_center_id, kind, data)
    values (c.contact_id, c.contact_center_id, 'closed',
            p_data || jsonb_build_object('outcome', v_outcome,
                                         'duration_s', extract(epoch from v_ended_at - c.arrived_at)));
    return query select true, case when v_state is distinct from p.state then p.proxy_call_id end, v_agent_id;
end $$;

-- Standing legs: the agent's leg stands all shift, dialled by the agent's site or called in by the agent. An agent
-- of this kind is offered nothing while no leg of theirs is up.

-- A channel at the agent's switch is the agent's standing leg from now on. False: this agent has no standing leg, or
-- is logged out.
create function standing_leg_up(p_agent_id text, p_uuid text) returns boolean language plpgsql as $$
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

-- That channel is gone. False: it was the agent's standing leg no more.
create function standing_leg_lost(p_agent_id text, p_uuid text, p_reason text) returns boolean language plpgsql as $$
begin
    update agent set standing_leg_uuid = null where agent_id = p_agent_id and standing_leg_uuid = p_uuid;
    if not found then return false; end if;
    insert into agent_event (agent_id, kind, data)
    values (p_agent_id, 'standing_leg_lost', jsonb_build_object('reason', p_reason));
    return true;
end $$;

-- Whoever changes the agent: the site that keeps the leg hears of it, and the coordinator.
create function notify_standing_leg() returns trigger language plpgsql as $$
declare
    v_payload text := jsonb_build_array('a:' || new.agent_id)::text;
begin
    perform pg_notify('fsroute.agents.' || new.switch_id, v_payload);
    if new.switch_id <> old.switch_id then
        perform pg_notify('fsroute.agents.' || old.switch_id, v_payload);
    end if;
    perform pg_notify('fsroute.coordinator', v_payload);
    return null;
end $$;
create trigger notify_standing_leg after update of status, leg, standing_leg_uuid, switch_id, address on agent
    for each row when (new.leg = 'standing' or old.leg = 'standing' or old.standing_leg_uuid is not null)
    execute function notify_standing_leg();

-- Agents: what they declare (status) and are seen to do (state) -------------------------------------------------

-- One row for each agent, whatever asks: `fsroute agent`, a dialled code, a screen. `state` is observed: away (nothing
-- in hand, and not available, without the standing leg or at a switch that is away), idle, reserved, ringing, connecting, talking,
-- held (the caller), consulting, wrap_up, set_aside. Of several
-- contacts the one furthest on counts. `state_until` is when wrap-up or a set-aside ends.
create view agent_state as
select a.agent_id, a.name, a.site_id, a.switch_id, a.extension, a.team, a.status, a.status_reason, a.status_since,
       case when h.state is not null then h.state
            when a.available_from > clock_timestamp()
            then case a.unavailable_reason when 'wrap_up' then 'wrap_up' else 'set_aside' end
            when a.status <> 'available' or v.no_leg or v.switch_away then 'away' else 'idle' end as state,
       case when h.state is not null then null
            when a.available_from > clock_timestamp() then nullif(a.unavailable_reason, 'wrap_up')
            when a.status = 'available' and v.switch_away then 'switch_away'
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
 cross join lateral (select a.leg = 'standing' and a.standing_leg_uuid is null as no_leg,
                            a.switch_id in (select s.switch_id from switch s where s.away_since is not null) as switch_away) v
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

-- The coordinator hears of an agent whoever changed the row.
create function notify_agent(p_agent_id text) returns void language sql as $$
    select pg_notify('fsroute.coordinator', json_build_array('a:' || p_agent_id)::text);
$$;

-- The agent's row, held until the end of the transaction.
create function agent_held(p_agent_id text) returns agent language plpgsql as $$
declare
    a agent;
begin
    select * into a from agent where agent_id = p_agent_id for no key update;
    if not found then
        raise exception 'there is no agent %', p_agent_id using errcode = 'FS041';
    end if;
    return a;
end $$;

create function agent_on_duty(p_agent_id text) returns agent language plpgsql as $$
declare
    a agent := agent_held(p_agent_id);
begin
    if a.status = 'logged_out' then
        raise exception 'agent % is logged out: log on first', p_agent_id using errcode = 'FS042', detail = 'logged_out';
    end if;
    return a;
end $$;

-- The one place where a status changes. Whoever becomes available is so at once and comes last in the idle order;
-- a shift that begins counts its contacts from none. What is declared again changes nothing.
create function agent_declare(p_agent_id text, p_status text, p_reason text) returns setof agent_state
language plpgsql as $$
declare
    a agent := agent_held(p_agent_id);
    v_comes boolean := a.status <> 'available' and p_status = 'available';
    v_begins boolean := a.status = 'logged_out' and p_status <> 'logged_out';
begin
    if p_reason !~ '^[^\x01-\x1f\x7f]{1,80}$' then
        raise exception 'a reason has 1 to 80 characters, in one line' using errcode = 'FS042', detail = 'bad_reason';
    end if;
    if (a.status, a.status_reason) is distinct from (p_status, p_reason) then
        update agent
           set status = p_status, status_reason = p_reason,
               status_since = case when a.status = p_status then status_since else clock_timestamp() end,
               idle_since = case when v_comes then clock_timestamp() else idle_since end,
               available_from = case when v_comes then clock_timestamp() else available_from end,
               unavailable_reason = case when v_comes then null else unavailable_reason end,
               contacts_served = case when v_begins then 0 else contacts_served end,
               missed = case when v_comes then 0 else missed end
         where agent_id = p_agent_id;
        insert into agent_event (agent_id, kind, data)
        values (p_agent_id, 'status', jsonb_build_object('status', p_status, 'reason', p_reason));
        perform notify_agent(p_agent_id);
    end if;
    return query select * from agent_state s where s.agent_id = p_agent_id;
end $$;

-- Available, here or (hot-desking) elsewhere: at an address, a switch. Without either an agent who begins a shift is
-- back where it belongs. Who is elsewhere already, with a contact in hand, stays.
create function agent_log_on(p_agent_id text, p_address text default null, p_switch_id text default null)
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

-- A shift that begins with a call of the agent's: that channel at that switch is the standing leg. All at once, lest
-- the agent's phone be dialled for one.
create function agent_stand(p_agent_id text, p_switch_id text, p_channel_uuid text) returns setof agent_state
language plpgsql as $$
declare
    a agent := agent_held(p_agent_id);
begin
    if a.leg <> 'standing' then
        raise exception 'agent % has no standing leg', p_agent_id using errcode = 'FS042', detail = 'no_standing_leg';
    end if;
    perform agent_log_on(p_agent_id, null, p_switch_id);
    perform standing_leg_up(p_agent_id, p_channel_uuid);
    return query select * from agent_state s where s.agent_id = p_agent_id;
end $$;

-- No more offers; a talk under way goes on, and an offer that rings may still be taken.
create function agent_log_off(p_agent_id text, p_reason text default null) returns setof agent_state
language sql as $$
    select * from agent_declare(p_agent_id, 'logged_out', p_reason);
$$;

create function agent_break(p_agent_id text, p_reason text default null) returns setof agent_state
language plpgsql as $$
begin
    perform agent_on_duty(p_agent_id);
    return query select * from agent_declare(p_agent_id, 'on_break', p_reason);
end $$;

-- Wrap-up or a set-aside lasts `p_seconds` from now on; 0 ends it.
create function agent_pause(p_agent_id text, p_seconds double precision) returns void language plpgsql as $$
declare
    a agent := agent_held(p_agent_id);
begin
    update agent
       set available_from = clock_timestamp() + make_interval(secs => p_seconds),
           idle_since = clock_timestamp() + make_interval(secs => p_seconds),
           unavailable_reason = case when p_seconds > 0 then unavailable_reason end
     where agent_id = p_agent_id;
    insert into agent_event (agent_id, kind, data)
    values (p_agent_id, 'pause', jsonb_build_object('reason', a.unavailable_reason, 'pause_s', p_seconds,
            'was_s', extract(epoch from a.available_from - clock_timestamp())));
    perform notify_agent(p_agent_id);
end $$;

-- Back from a break; ends wrap-up and a set-aside too.
create function agent_ready(p_agent_id text) returns setof agent_state language plpgsql as $$
declare
    a agent := agent_on_duty(p_agent_id);
begin
    if a.available_from > clock_timestamp() then
        perform agent_pause(p_agent_id, 0);
    end if;
    update agent set missed = 0 where agent_id = p_agent_id and missed > 0;
    return query select * from agent_declare(p_agent_id, 'available', null);
end $$;

-- Wrap-up ends now, whether the agent is available or goes on a break then. A wrap-up that is over is no error.
create function agent_end_wrap_up(p_agent_id text) returns setof agent_state language plpgsql as $$
declare
    a agent := agent_on_duty(p_agent_id);
begin
    if a.available_from > clock_timestamp() then
        if a.unavailable_reason is distinct from 'wrap_up' then
            raise exception 'agent % is set aside (%), not in wrap-up: ready ends that', p_agent_id, a.unavailable_reason
                using errcode = 'FS042', detail = 'no_wrap_up';
        end if;
        perform agent_pause(p_agent_id, 0);
    end if;
    return query select * from agent_state s where s.agent_id = p_agent_id;
end $$;

-- Wrap-up lasts so many seconds longer; it must not be over.
create function agent_extend_wrap_up(p_agent_id text, p_seconds double precision) returns setof agent_state
language plpgsql as $$
declare
    a agent := agent_on_duty(p_agent_id);
begin
    if not p_seconds between 0.001 and 3600 then
        raise exception 'wrap-up is extended by 0.001 to 3600 seconds' using errcode = 'FS042', detail = 'bad_time';
    end if;
    if a.available_from <= clock_timestamp() or a.unavailable_reason is distinct from 'wrap_up' then
        raise exception 'agent % is not in wrap-up', p_agent_id using errcode = 'FS042', detail = 'no_wrap_up';
    end if;
    perform agent_pause(p_agent_id, extract(epoch from a.available_from - clock_timestamp()) + p_seconds);
    return query select * from agent_state s where s.agent_id = p_agent_id;
end $$;

-- What came of a contact, by its contact center's codes: of the contact in talk, or else of the last one that the
-- agent served within the last hour. A code given again replaces the one before; both stay in the ledger. A note is
-- personal data and goes where it can be erased.
create function agent_outcome(p_agent_id text, p_code text, p_note text default null)
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

-- PINs. The text is made and compared outside (fsroute/agentdesk/pin.py): a PIN never comes to the database.
-- Null takes the PIN away.
create function agent_set_pin(p_agent_id text, p_pin_hash text) returns void language plpgsql as $$
begin
    perform agent_held(p_agent_id);
    if p_pin_hash !~ '^scrypt(\$[0-9]{1,9}){3}(\$[A-Za-z0-9+/=]{8,200}){2}$' then
        raise exception 'that is not a PIN''s scrypt text: use fsroute agent pin' using errcode = 'FS042', detail = 'bad_pin';
    end if;
    update agent set pin_hash = p_pin_hash, pin_failures = 0, pin_locked_until = null where agent_id = p_agent_id;
    insert into agent_event (agent_id, kind, data)
    values (p_agent_id, 'pin', jsonb_build_object('change', case when p_pin_hash is null then 'removed' else 'set' end));
end $$;

-- Before a PIN is compared: it counts as wrong until agent_pin_checked says that it was right, so that many at once are
-- no more than many in a row. The fifth wrong one locks for a quarter of an hour. Returns no text while locked.
create function agent_pin_attempt(p_agent_id text) returns table (pin_hash text, locked boolean) language plpgsql as $$
#variable_conflict use_column
declare
    a agent := agent_held(p_agent_id);
    v_failures integer;
begin
    if a.pin_locked_until > clock_timestamp() then
        return query select null::text, true;
        return;
    end if;
    v_failures := case when a.pin_locked_until is null then a.pin_failures else 0 end + 1;
    update agent set pin_failures = v_failures,
           pin_locked_until = case when v_failures >= 5 then clock_timestamp() + interval '15 minutes' end
     where agent_id = p_agent_id;
    return query select a.pin_hash, false;
end $$;

create function agent_pin_checked(p_agent_id text, p_right boolean) returns boolean language plpgsql as $$
declare
    a agent := agent_held(p_agent_id);
    v_locked boolean := a.pin_locked_until is not null;
begin
    if p_right then
        update agent set pin_failures = 0, pin_locked_until = null where agent_id = p_agent_id;
        return false;
    end if;
    insert into agent_event (agent_id, kind, data)
    values (p_agent_id, 'pin', jsonb_build_object('change', case when v_locked then 'locked' else 'wrong' end,
                                                  'failures', a.pin_failures));
    return v_locked;
end $$;

-- PINs that were keyed at a switch, of all agents together: who tries one PIN with each of them locks none. They are
-- counted by where they came from: a registered phone, or empty for all others. The right ones are forgotten.
create table pin_attempt (
    attempt_id bigint generated always as identity primary key,
    switch_id text not null references switch on delete cascade,
    source text not null,
    at timestamptz not null default clock_timestamp(),
    wrong boolean not null default false -- false: not compared yet, and counted all the same
);
create index pin_attempt_source on pin_attempt (switch_id, source, at);

-- Before a PIN is asked of anybody there; null: after 20 wrong ones within a quarter of an hour nobody is.
create function pin_attempt_begins(p_switch_id text, p_source text) returns bigint language plpgsql as $$
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

-- How the comparison went; true: it was the one wrong PIN too many.
create function pin_attempt_over(p_attempt_id bigint, p_right boolean) returns boolean language plpgsql as $$
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

-- Offers that an agent does not take, one after the other: the row's `miss_limit` sends the agent on `miss_then`.
-- What failed for a reason of the system's (unreachable) is nobody's miss.
create function count_missed() returns trigger language plpgsql as $$
declare
    a agent;
begin
    update agent set missed = missed + 1 where agent_id = new.agent_id returning * into a;
    if a.missed >= a.miss_limit and a.status = 'available' then
        perform agent_declare(new.agent_id, a.miss_then, 'missed ' || a.missed);
    end if;
    return null;
end $$;
create trigger count_missed after update on reservation for each row
    when (old.ended_at is null and new.ended_at is not null
          and new.end_reason in ('no_answer', 'busy', 'refused', 'gone', 'key_not_pressed'))
    execute function count_missed();

-- What psql changes of an agent takes effect at once. The columns are those that nothing writes at each contact.
create function notify_changed_agent() returns trigger language plpgsql as $$
begin
    perform notify_agent(case tg_op when 'DELETE' then old.agent_id else new.agent_id end);
    return null;
end $$;
create trigger notify_agent after insert or delete or update of name, site_id, switch_id, address, accept_key, team, rate, leg
    on agent for each row execute function notify_changed_agent();
create trigger notify_agent after insert or update or delete on agent_skill
    for each row execute function notify_changed_agent();
create trigger notify_agent after insert or update or delete on agent_authorization
    for each row execute function notify_changed_agent();
create trigger notify_agent after insert or update or delete on agent_medium
    for each row execute function notify_changed_agent();

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
create index agent_command_at on agent_command (switch_id, requested_at); -- old ones go: see_switch

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

-- All that is known of a contact's caller goes, wherever it is; the ledger stays whole. A number that the call went out
-- to is the caller's, too, or somebody's; so may be one that the agent named meanwhile.
create function erase_contact(p_contact_id uuid) returns void language plpgsql as $$
begin
    perform from contact where contact_id = p_contact_id for no key update;
    delete from voice_message where contact_id = p_contact_id;
    delete from contact_personal where contact_id = p_contact_id;
    update proxy_call set way = way || '{"number": ""}' where contact_id = p_contact_id and way ->> 'number' <> '';
    delete from agent_command c using reservation r
     where r.contact_id in (select k.contact_id from contact k where p_contact_id in (k.contact_id, k.parent_contact_id))
       and c.agent_id = r.agent_id and c.requested_at between r.reserved_at and coalesce(r.ended_at, 'infinity');
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

-- Calls that are routed before anybody has answered (docs/routing-processor.md) -----------------------------------------

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
create function queue_directed(p_contact_id uuid) returns setof proxy_call_detail
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

-- Versions: of two rows of one agent the one with the greater number is the newer, whoever read it when -------------

create function next_agent_version() returns trigger language plpgsql as $$
begin
    new.version := nextval('agent_version');
    return new;
end $$;
create trigger next_version before update on agent for each row execute function next_agent_version();

-- What an agent may serve lies in other tables: log_qualification makes the agent's row a new one.

-- A reservation that goes over to another agent or contact, too.
create function touch_reserved_agents() returns trigger language plpgsql as $$
begin
    update agent set version = version where agent_id in (old.agent_id, new.agent_id);
    return null;
end $$;
create trigger touch_agents after update of agent_id, proxy_call_id, weight on reservation
    for each row execute function touch_reserved_agents();

-- What the coordinator reads of an agent. One whose standing leg is not there, or whose switch is away, is available
-- at no time yet.
create view agent_detail as
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

-- Switches that are away ------------------------------------------------------------------------------------------

-- The agents of a switch are told apart from now on; the coordinator reads them again. In the order of their names, so
-- that two who do this take turns.
create function switch_agents_changed(p_switch_id text, p_kind text, p_data jsonb) returns void language plpgsql as $$
begin
    perform from agent where switch_id = p_switch_id order by agent_id for no key update;
    insert into agent_event (agent_id, kind, data)
    select agent_id, p_kind, p_data from agent where switch_id = p_switch_id order by agent_id;
    update agent set version = version where switch_id = p_switch_id; -- next_version makes it a new one
    perform notify_agent(agent_id) from agent where switch_id = p_switch_id;
end $$;

-- None of its agents can be reached, whatever they declare, until it is back. Whether that is news.
create function switch_away(p_switch_id text, p_reason text) returns boolean language plpgsql as $$
begin
    update switch set away_since = clock_timestamp() where switch_id = p_switch_id and away_since is null;
    if not found then return false; end if;
    perform switch_agents_changed(p_switch_id, 'switch_away',
                                  jsonb_build_object('switch_id', p_switch_id, 'reason', p_reason));
    return true;
end $$;

create function switch_back(p_switch_id text) returns boolean language plpgsql as $$
declare
    v_since timestamptz;
begin
    -- whoever changes an agent has that row, and refers to the switch: no key update lets them by
    select away_since into v_since from switch where switch_id = p_switch_id and away_since is not null for no key update;
    if not found then return false; end if;
    update switch set away_since = null where switch_id = p_switch_id;
    perform switch_agents_changed(p_switch_id, 'switch_back', jsonb_build_object(
        'switch_id', p_switch_id, 'away_s', extract(epoch from clock_timestamp() - v_since)));
    return true;
end $$;

-- Whoever is entered at a switch, or moves there, goes by how it stands.
create function note_switch() returns trigger language plpgsql as $$
declare
    v_away boolean := exists (select from switch where switch_id = new.switch_id and away_since is not null);
    v_was boolean := false;
begin
    if tg_op = 'UPDATE' then
        v_was := exists (select from switch where switch_id = old.switch_id and away_since is not null);
    end if;
    if v_away <> v_was then
        insert into agent_event (agent_id, kind, data)
        values (new.agent_id, case when v_away then 'switch_away' else 'switch_back' end,
                jsonb_build_object('switch_id', new.switch_id, 'reason', 'here'));
    end if;
    return null;
end $$;
create trigger note_switch after insert or update of switch_id on agent for each row execute function note_switch();

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

-- How many calls are taken ------------------------------------------------------------------------------

create table admission_limit ( -- how many calls of a contact center are taken, at all sites together
    contact_center_id text primary key references contact_center on delete cascade,
    calls integer check (calls >= 0), -- present at a time; null: no limit
    per_second double precision check (per_second > 0 and per_second < 'infinity'), -- new calls; null: no limit
    treatment text not null default 'busy' check (treatment in ('busy', 'number', 'message')), -- of those above it
    cause text not null default 'USER_BUSY' check (cause ~ '^[A-Z_]{1,60}$'), -- FreeSWITCH's name of it
    number text not null default '' check (number ~ '^[0-9A-Za-z+*#_.-]{0,64}$'), -- of the treatment number
    prompt text not null default '' check (prompt !~ '[\x01-\x1f${}]' and length(prompt) <= 200), -- of message
    check ((treatment <> 'number' or number <> '') and (treatment <> 'message' or prompt <> ''))
);

-- What each process has of a limit, and counts: it takes calls within its share without asking anybody, and the shares
-- of all processes never come to more than the limit. A process that is gone keeps its share until `expires_at`.
create table admission_share (
    scope text not null check (scope ~ '^(site|center):[a-z0-9_-]{1,40}$'),
    process text not null,
    contact_center_id text references contact_center on delete cascade, -- of a scope that is one
    switch_id text not null,
    calls integer, -- the limit as the process knows it; null: none
    per_second double precision,
    present integer not null, -- calls
    demand double precision not null, -- calls per second that wanted to be taken
    granted integer, -- calls at a time that it may have
    rate double precision, -- new calls per second that it may take
    expires_at timestamptz not null,
    primary key (scope, process)
) with (fillfactor = 50);

-- Calls that were not taken, as many as there were in about a second: a row for each would be a load of its own just
-- when there is too much.
create table admission_refusal (
    at timestamptz not null default clock_timestamp(),
    switch_id text not null,
    contact_center_id text, -- of the number that was called; null: nobody's, or one of too many
    number_called text not null,
    scope text not null, -- whose limit it was: site:…, center:…, or process: the sessions of one process
    reason text not null check (reason in ('calls', 'per_second', 'sessions')),
    treatment text not null,
    calls integer not null check (calls > 0)
);
create index admission_refusal_at on admission_refusal using brin (at);

-- A process tells what it has of each limit, and gets its share anew. What is due to it: what it has, and of what is left
-- its part by demand, but no more than it may need until it asks again (or than an equal part): the rest is there for the
-- others, one that begins, or that calls turn to because this one is gone. It is granted what it holds already, too, since
-- it may be taking a call just now: it lowers its share itself, to what was due, before it tells the next time.
create function share_admission(p_process text, p_switch_id text, p_used jsonb, p_lifetime double precision)
returns table (scope text, granted integer, rate double precision, due integer, due_rate double precision)
language plpgsql as $$
declare
    u record;
    o record;
    v_free double precision;
    v_weight double precision;
    v_part double precision;
begin
    for u in select * from jsonb_to_recordset(p_used) as t(scope text, calls integer, per_second double precision,
                                                           present integer, demand double precision,
                                                           held integer, held_rate double precision) order by t.scope loop
        perform pg_advisory_xact_lock(hashtextextended('fsroute.admission.' || u.scope, 0));
        delete from admission_share a where a.scope = u.scope and a.expires_at < clock_timestamp();
        select coalesce(sum(a.present), 0) as present, coalesce(sum(greatest(a.granted, a.present)), 0) as held,
               coalesce(sum(a.demand), 0) as demand, coalesce(max(a.demand), 0) as most, coalesce(sum(a.rate), 0) as rate,
               count(*) + 1 as processes
          into o from admission_share a where a.scope = u.scope and a.process <> p_process;
        v_weight := case when u.demand + o.demand > 0 then u.demand / (u.demand + o.demand)
                         else 1.0 / o.processes end;
        v_free := greatest(0, u.calls - u.present - o.present);
        v_part := least(v_free * v_weight, greatest(2 * u.demand + 2, v_free / o.processes));
        share_admission.scope := u.scope;
        v_part := u.present + case when u.demand > 0 and u.demand >= o.most then ceil(v_part) else floor(v_part) end;
        share_admission.due := greatest(least(v_part, u.calls - o.held), 0);
        share_admission.granted := greatest(least(greatest(v_part, u.held), u.calls - o.held), 0);
        v_part := least(u.per_second * v_weight, greatest(2 * u.demand + 1, u.per_second / o.processes));
        share_admission.due_rate := greatest(least(v_part, u.per_second - o.rate), 0);
        share_admission.rate := greatest(least(greatest(v_part, u.held_rate), u.per_second - o.rate), 0);
        if u.calls is null then share_admission.due := null; share_admission.granted := null; end if;
        if u.per_second is null then share_admission.due_rate := null; share_admission.rate := null; end if;
        insert into admission_share as a (scope, process, contact_center_id, switch_id, calls, per_second, present, demand,
                                          granted, rate, expires_at)
        values (u.scope, p_process, case when u.scope like 'center:%' then substr(u.scope, 8) end, p_switch_id, u.calls,
                u.per_second, u.present, u.demand, share_admission.granted, share_admission.rate,
                clock_timestamp() + make_interval(secs => p_lifetime))
        on conflict on constraint admission_share_pkey do update
           set calls = excluded.calls, per_second = excluded.per_second, present = excluded.present,
               demand = excluded.demand, granted = excluded.granted, rate = excluded.rate,
               expires_at = excluded.expires_at;
        return next;
    end loop;
end $$;

create function signal_admission() returns trigger language plpgsql as $$
begin
    perform pg_notify('fsroute.admission', '[null]');
    return null;
end $$;
create trigger signal_admission after insert or update or delete on admission_limit
    for each statement execute function signal_admission();
create trigger signal_admission after insert or update or delete on number_called
    for each statement execute function signal_admission();

alter table agent set (fillfactor = 70);

-- Who of a contact center reads its rows, and callers whose data is to go (docs/security.md, docs/privacy.md) --------------

-- Database roles that read the rows of a contact center and nobody else's; `fsroute migrate --roles` makes it so.
create table center_reader (
    reader name not null, -- a role that may log in, member of fsroute_center
    contact_center_id text not null references contact_center on delete cascade,
    primary key (reader, contact_center_id)
);

-- Recordings of callers whose data was erased, until they are deleted on the host of their switch.
create table erased_recording (
    switch_id text not null references switch on delete cascade,
    path text not null,
    erased_at timestamptz not null default clock_timestamp(),
    primary key (switch_id, path)
);

-- From now on the role reads the contact center's rows; it is made a member of fsroute_center, which must be there.
create function let_center_read(p_contact_center_id text, p_reader name) returns void
language plpgsql set search_path = fsroute as $$
begin
    if not exists (select from contact_center where contact_center_id = p_contact_center_id) then
        raise exception 'there is no contact center %', p_contact_center_id using errcode = 'FS003';
    elsif not exists (select from pg_roles where rolname = 'fsroute_center') then
        raise exception 'the database has no roles yet: fsroute migrate --roles' using errcode = 'FS003';
    elsif not exists (select from pg_roles where rolname = p_reader) then
        raise exception 'there is no database role %: create role % login password …', p_reader, quote_ident(p_reader)
            using errcode = 'FS003';
    elsif (select rolsuper or rolbypassrls from pg_roles where rolname = p_reader)
          or exists (select from pg_class where relnamespace = 'fsroute'::regnamespace and relowner = p_reader::regrole)
          or exists (select from pg_roles r where r.rolname in ('fsroute_part', 'fsroute_operator', 'fsroute_reader')
                        and pg_has_role(p_reader, r.oid, 'member')) then
        raise exception 'role % may read more than one contact center', p_reader using errcode = 'FS003';
    end if;
    if not pg_has_role(p_reader, 'fsroute_center', 'member') then
        execute format('grant fsroute_center to %I', p_reader);
    end if;
    insert into center_reader (reader, contact_center_id) values (p_reader, p_contact_center_id) on conflict do nothing;
end $$;

-- … and no longer; false: it did not.
create function stop_center_reading(p_contact_center_id text, p_reader name) returns boolean
language plpgsql set search_path = fsroute as $$
begin
    delete from center_reader where reader = p_reader and contact_center_id = p_contact_center_id;
    return found;
end $$;

-- Every way in which a number that ends so stands where callers are known: the one to be erased is picked outside, by
-- how numbers are written there (fsroute/customers/numbers.py). A tail of '' asks for the text itself alone.
create function numbers_alike(p_number text, p_tail text, p_contact_center_id text) returns setof text
language sql stable set search_path = fsroute as $$
    select distinct number
      from (select caller_number, contact_center_id from contact_personal
            union all
            select callback_number, contact_center_id from contact_personal
            union all
            select fact.value, h.contact_center_id
              from contact_personal h, jsonb_each_text(h.facts || h.customer) fact
            union all
            select way ->> 'number', contact_center_id from proxy_call where way is not null
            union all
            select value, contact_center_id from customer
            union all
            select data ->> 'name', null from agent_command) as known (number, contact_center_id)
     where (p_contact_center_id is null or contact_center_id is null or contact_center_id = p_contact_center_id)
       and (number = p_number
            or p_tail <> '' and length(number) <= 256
               and regexp_replace(regexp_replace(number, '[@;?].*$', ''), '[^0-9]', '', 'g') like '%' || p_tail);
$$;

-- The contacts of whoever has one of these numbers, and what of them is there to be erased.
create function contacts_of_caller(p_numbers text[], p_contact_center_id text)
returns table (contact_id uuid, channel_uuid text, live boolean, waits boolean, caller_name text)
language sql stable set search_path = fsroute as $$
    select c.contact_id, c.channel_uuid, c.ended_at is null,
           exists (select from proxy_call p where p.contact_id = c.contact_id and p.ended_at is null
                      and p.caller_leg <> 'present'),
           h.caller_name
      from contact_personal h join contact c using (contact_id)
     where (h.caller_number = any(p_numbers) or h.callback_number = any(p_numbers))
       and (p_contact_center_id is null or h.contact_center_id = p_contact_center_id)
     order by c.arrived_at;
$$;

-- All that is known of a caller by these numbers goes, and the ledger has a line that it went, without any of them.
-- Contacts that are live stay as they are. Returns how much of it there was, by what it is.
create function erase_caller(p_numbers text[], p_contact_center_id text, p_by text, p_request uuid) returns jsonb
language plpgsql set search_path = fsroute as $$
declare
    v_id uuid;
    v_contacts integer := 0;
    v_recordings integer := 0;
    v_customers integer;
    v_commands integer;
    v_facts integer;
    v_sent integer;
    v_done jsonb;
begin
    -- A contact before its proxy call, and contacts in one order, as everywhere.
    for v_id in select k.contact_id from contacts_of_caller(p_numbers, p_contact_center_id) k
                 where not k.live order by k.contact_id loop
        insert into erased_recording (switch_id, path)
        select c.switch_id, m.path from voice_message m join contact c using (contact_id) where c.contact_id = v_id
        on conflict do nothing;
        if found then v_recordings := v_recordings + 1; end if;
        perform erase_contact(v_id);
        v_contacts := v_contacts + 1;
    end loop;
    update contact_personal h
       set facts = (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(h.facts)
                     where value #>> '{}' is null or value #>> '{}' <> all(p_numbers)),
           customer = (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(h.customer)
                        where value #>> '{}' is null or value #>> '{}' <> all(p_numbers))
     where (p_contact_center_id is null or contact_center_id = p_contact_center_id)
       and exists (select from jsonb_each_text(h.facts || h.customer) fact where fact.value = any(p_numbers))
       and exists (select from contact c where c.contact_id = h.contact_id and c.ended_at is not null);
    get diagnostics v_facts = row_count;
    update proxy_call set way = way || '{"number": ""}'
     where ended_at is not null and way ->> 'number' = any(p_numbers)
       and (p_contact_center_id is null or contact_center_id = p_contact_center_id);
    get diagnostics v_sent = row_count;
    delete from customer where value = any(p_numbers)
       and (p_contact_center_id is null or contact_center_id = p_contact_center_id);
    get diagnostics v_customers = row_count;
    delete from agent_command k where data ->> 'name' = any(p_numbers)
       and (p_contact_center_id is null
            or exists (select from reservation r where r.agent_id = k.agent_id and r.contact_center_id = p_contact_center_id
                          and k.requested_at between r.reserved_at and coalesce(r.ended_at, 'infinity')));
    get diagnostics v_commands = row_count;
    v_done := jsonb_build_object('contacts', v_contacts, 'recordings', v_recordings, 'customers', v_customers,
                                 'commands', v_commands, 'facts', v_facts, 'sent', v_sent);
    insert into system_event (kind, data)
    values ('erased', v_done || jsonb_build_object('request', p_request, 'by', p_by,
                                                   'contact_center_id', p_contact_center_id));
    return v_done;
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
                                'end_reservation', 'direct_call', 'take_place', 'take_share')
    loop
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
