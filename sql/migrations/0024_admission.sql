-- How many calls are taken at a time and per second, and what becomes of the rest.
set search_path = fsroute;

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

alter function share_admission(text, text, jsonb, double precision) set search_path = fsroute;
alter function signal_admission() set search_path = fsroute;
