-- Agents: what they declare and do, their PINs and extensions, and the outcome codes that they give.

set search_path = fsroute;

alter table agent
    add column extension text unique check (extension ~ '^[0-9]{2,10}$'),
    add column own_phone boolean not null default false,
    add column hot_desk boolean not null default false,
    add column home_address text,
    add column home_switch_id text references switch,
    add column status_since timestamptz not null default now(),
    add column missed integer not null default 0,
    add column miss_limit integer check (miss_limit > 0),
    add column miss_then text not null default 'on_break' check (miss_then in ('on_break', 'logged_out')),
    add constraint agent_pin_hash_check check (pin_hash ~ '^scrypt(\$[0-9]{1,9}){3}(\$[A-Za-z0-9+/=]{8,200}){2}$');

alter table contact add column outcome_code text;
alter table contact_personal add column note text;

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

-- Agents: what they declare (status) and are seen to do (state) -------------------------------------------------

-- One row for each agent, whatever asks: `fsroute agent`, a dialled code, a screen. `state` is observed: away (nothing
-- in hand, and not available or without the standing leg), idle, reserved, ringing, connecting, talking,
-- held (the caller), consulting, wrap_up, set_aside. Of several
-- contacts the one furthest on counts. `state_until` is when wrap-up or a set-aside ends.
create view agent_state as
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
         where r.agent_id = a.agent_id and r.ended_at is null
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
    select * into a from agent where agent_id = p_agent_id for update;
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
        if exists (select from reservation where agent_id = p_agent_id and ended_at is null) then
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
    a agent := agent_held(p_agent_id);
    v_contact_id uuid;
    v_contact_center_id text;
    v_meaning text;
begin
    select r.contact_id, r.contact_center_id into v_contact_id, v_contact_center_id
      from reservation r join proxy_call p using (proxy_call_id)
     where r.agent_id = a.agent_id and r.ended_at is null and p.agent_leg = 'joined'
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

-- Offers that an agent does not take, one after the other: the row's `miss_limit` sends the agent on `miss_then`.
-- A talk begins the count again. What failed for a reason of the system's (unreachable) is nobody's miss.
create function count_missed() returns trigger language plpgsql as $$
declare
    a agent;
begin
    if new.end_reason in ('wrap_up', 'conversation_lost') then
        update agent set missed = 0 where agent_id = new.agent_id and missed > 0;
        return null;
    end if;
    update agent set missed = missed + 1 where agent_id = new.agent_id returning * into a;
    if a.missed >= a.miss_limit and a.status = 'available' then
        perform agent_declare(new.agent_id, a.miss_then, 'missed ' || a.missed);
    end if;
    return null;
end $$;
create trigger count_missed after update on reservation for each row
    when (old.ended_at is null and new.ended_at is not null
          and new.end_reason in ('no_answer', 'busy', 'refused', 'gone', 'key_not_pressed', 'wrap_up', 'conversation_lost'))
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
