-- Rules: what a contact gets, by who calls whom, when and why. Nothing changes before a version is loaded.

set search_path = fsroute;

alter table queue
    add column longest_queue integer check (longest_queue >= 0), -- contacts waiting: the next one overflows; null: no limit
    add column sites text[] not null default '{}', -- where the agent may sit; empty: anywhere
    add column teams text[] not null default '{}', -- of which the agent must be; empty: any
    add column overflow text not null default 'application' -- the way at the longest wait or the longest queue
        check (overflow in ('application', 'announce', 'number', 'voice_message')),
    add column overflow_number text, -- of the way number
    add column overflow_prompt text, -- of the ways announce and voice_message
    add column callback_tries integer not null default 3 check (callback_tries > 0),
    add column callback_retry_after double precision not null default 300 check (callback_retry_after > 0), -- seconds
    add column callback_ring double precision not null default 25 check (callback_ring > 0); -- seconds

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
    step text not null, -- skill, teams, sites, priority, offer_callback, announce, voice_message, number
    skill text, -- step skill: this one
    level integer, -- suffices at this level from now on; null: it is not asked for any more
    names text[], -- step teams, sites: these from now on; null or empty: any
    priority integer, -- step priority: higher by
    number text, -- step number: where to
    prompt text, -- step announce, voice_message, offer_callback
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

-- The same by the queue's row alone, as where a contact center has no rules.
create or replace function request_proxy_call(p_contact_id uuid, p_queue text) returns setof proxy_call_detail
language plpgsql as $$
declare
    v_center text;
    v_routing jsonb;
begin
    select contact_center_id into v_center from contact where contact_id = p_contact_id and ended_at is null;
    if not found then return; end if;
    select (to_jsonb(q) - array['contact_center_id', 'overflow', 'overflow_number', 'overflow_prompt',
                                'callback_tries', 'callback_retry_after', 'callback_ring'])
           || jsonb_build_object(
               'skills', coalesce((
                   select jsonb_agg(jsonb_build_array(skill, level) order by skill) from queue_skill k
                    where k.contact_center_id = q.contact_center_id and k.queue = q.queue), '[]'),
               'overflow', jsonb_build_object('do', q.overflow, 'number', coalesce(q.overflow_number, ''),
                                              'prompt', coalesce(q.overflow_prompt, '')),
               'callback', jsonb_build_object('tries', q.callback_tries, 'retry_after', q.callback_retry_after,
                                              'ring', q.callback_ring))
      into v_routing
      from queue q where q.contact_center_id = v_center and q.queue = p_queue;
    if not found then
        raise exception 'contact center % has no queue %', v_center, p_queue using errcode = 'FS003';
    end if;
    return query select * from route_proxy_call(p_contact_id, v_routing);
end $$;

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
