-- Who may do what in the database (docs/security.md): `fsroute migrate --roles` performs this, again after each migration.
--
-- Each part of fsroute has a role with the least that it needs: rows that it reads, the few that it writes itself, and
-- the functions by which everything else changes. Those run with their owner's rights. A role is a group: logins that
-- are members of it are the database administrator's to make. Done again it changes nothing.

set local lock_timeout = '5s'; -- rather fail than hold calls up
set local search_path = fsroute, pg_temp;

do $$
declare
    v_role text;
begin
    foreach v_role in array array['part', 'callserver', 'coordinator', 'acd', 'cti', 'scp', 'appserver', 'operator', 'reader',
                                  'center'] loop
        v_role := 'fsroute_' || v_role;
        if not exists (select from pg_roles where rolname = v_role) then
            begin
                execute format('create role %I nologin', v_role);
            exception when duplicate_object or unique_violation then
                null; -- another database of this server was prepared at the same time
            end;
        end if;
    end loop;
    foreach v_role in array array['callserver', 'coordinator', 'acd', 'cti', 'scp', 'appserver'] loop
        v_role := 'fsroute_' || v_role;
        if not pg_has_role(v_role, 'fsroute_part', 'member') then
            execute format('grant fsroute_part to %I', v_role);
        end if;
    end loop;
end $$;

-- From nothing on: what an earlier version granted, and this one does not, is gone.
revoke all on schema fsroute from public;
revoke all on all tables in schema fsroute from public;
revoke all on all sequences in schema fsroute from public;
revoke all on all routines in schema fsroute from public;
do $$
declare
    v_relation text;
    v_roles constant text := 'fsroute_part, fsroute_callserver, fsroute_coordinator, fsroute_acd, fsroute_cti, fsroute_scp, '
                             'fsroute_appserver, fsroute_operator, fsroute_reader, fsroute_center';
begin
    execute 'revoke all on all tables in schema fsroute from ' || v_roles;
    execute 'revoke all on all sequences in schema fsroute from ' || v_roles;
    execute 'revoke all on all routines in schema fsroute from ' || v_roles;
end $$;

-- Functions run with their owner's rights, triggers too, and find nothing of the caller's before what is fsroute's.
do $$
declare
    f regprocedure;
begin
    for f in select oid from pg_proc
              where pronamespace = 'fsroute'::regnamespace
                and (not prosecdef or not coalesce(proconfig @> array['search_path=fsroute, pg_temp'], false))
                and proname not in ('append_only', 'let_center_read') loop
        execute format('alter routine %s security definer', f);
        execute format('alter routine %s set search_path = fsroute, pg_temp', f);
    end loop;
end $$;

grant usage on schema fsroute to fsroute_part, fsroute_operator, fsroute_reader, fsroute_center;
grant select on schema_version to fsroute_part, fsroute_operator, fsroute_reader;

-- Every part: the rules, who is served and where, and what the calls are like -----------------------------------------

grant select on contact_center, site, switch, network_rate, other_acd, queue, queue_skill, number_called, rules_version, lease
    to fsroute_part;
grant select on proxy_call_detail to fsroute_callserver, fsroute_coordinator, fsroute_acd, fsroute_cti, fsroute_scp;
grant execute on function move_proxy_call, agent_let_go, proxy_call_now
    to fsroute_callserver, fsroute_coordinator, fsroute_acd, fsroute_scp;
grant execute on function close_contact to fsroute_callserver, fsroute_coordinator, fsroute_acd, fsroute_scp;

-- Who stands beside a switch enters it, and what came of commands goes after a day.
grant insert (site_id, name) on site to fsroute_callserver, fsroute_acd, fsroute_cti, fsroute_scp;
grant insert (switch_id, site_id, link_address), update (link_address, core_uuid, seen_at) on switch
    to fsroute_callserver, fsroute_acd, fsroute_cti, fsroute_scp;
grant select, delete on agent_command to fsroute_callserver, fsroute_acd;

-- Who leads: each its own lease, see the policies below.
grant insert (name, holder, epoch, expires_at), update (holder, epoch, backend_pid, renewed_at, expires_at) on lease
    to fsroute_coordinator, fsroute_acd, fsroute_cti;

-- Call server: contacts and what is known of their callers; agents who call in ------------------------------------------

grant select on contact, contact_personal, customer to fsroute_callserver, fsroute_scp;
grant select (proxy_call_id, contact_id, contact_center_id, queue, state, switch_id, caller_leg, arrived_at, ended_at, version,
              token_digest, token_expires_at, network_leg_uuid)
    on proxy_call to fsroute_callserver, fsroute_acd, fsroute_scp;
grant insert on contact, contact_personal to fsroute_callserver, fsroute_scp;
grant insert (contact_id, contact_center_id, proxy_call_id, agent_id, kind, state, data) on contact_event
    to fsroute_callserver, fsroute_acd, fsroute_scp;
grant select (contact_id, contact_center_id) on contact_event to fsroute_callserver;
grant update (rule, rules_version) on contact to fsroute_callserver, fsroute_scp;
grant update (caller_name, language, facts, customer, network, application_state) on contact_personal to fsroute_callserver;
grant select, insert, update (path, duration_s, left_at) on voice_message to fsroute_callserver;
grant select, insert, update, delete on application_version to fsroute_callserver;
grant select, delete on erased_recording to fsroute_callserver;
grant select (agent_id, switch_id, site_id, extension, address, own_phone) on agent to fsroute_callserver;
grant select on agent_state, break_reason to fsroute_callserver, fsroute_acd;
grant select (proxy_call_id, reservation_id, agent_id, agent_switch_id, agent_leg_uuid, contact_id, reserved_at, ended_at,
              end_reason)
    on reservation to fsroute_callserver, fsroute_coordinator, fsroute_acd, fsroute_scp;
grant execute on function route_proxy_call, request_proxy_call to fsroute_callserver, fsroute_acd, fsroute_scp;
grant execute on function agent_log_on, agent_stand, agent_log_off, agent_break, agent_ready, agent_end_wrap_up,
                          agent_extend_wrap_up, agent_outcome, agent_declare, agent_pin_attempt, agent_pin_checked,
                          pin_attempt_begins, pin_attempt_over
    to fsroute_callserver;

-- Coordinator: agents and queues, the claim, progress ----------------------------------------------------------------------

grant select on agent_detail to fsroute_coordinator, fsroute_acd, fsroute_scp;
grant select (agent_id, version) on agent to fsroute_coordinator;
grant select (proxy_call_id, contact_id, contact_center_id, queue, medium, skills, sites, teams, only_agent_id, state, switch_id,
              version, ended_at, position, expected_wait)
    on proxy_call to fsroute_coordinator;
grant update (position, expected_wait, expected_wait_basis, expected_wait_error) on proxy_call to fsroute_coordinator, fsroute_acd;
grant insert (kind, data) on system_event to fsroute_coordinator;
grant execute on function reserve_agent, agent_left to fsroute_coordinator;

-- Acd: agents' legs, and what agents do during a talk ------------------------------------------------------------------------

grant select on contact, contact_personal, agent_skill to fsroute_acd;
grant select (event_id, contact_id, proxy_call_id, kind, data) on contact_event to fsroute_acd, fsroute_scp;
grant select (agent_id, name, address, leg, status, standing_leg_uuid, switch_id, extension, available_from, idle_since,
              unavailable_reason)
    on agent to fsroute_acd;
grant update (available_from, idle_since, unavailable_reason) on agent to fsroute_acd;
grant select on agent_authorization to fsroute_acd, fsroute_cti, fsroute_scp;
grant insert (agent_id, kind, data) on agent_event to fsroute_acd;
grant update (taken_at, done_at, result) on agent_command to fsroute_acd;
grant execute on function agent_left, standing_leg_up, standing_leg_lost, open_consultation, complete_consultation to fsroute_acd;

-- Cti: the activity of its switch ----------------------------------------------------------------------------------------------

grant select on site_activity, site_agent, site_queue to fsroute_cti, fsroute_scp;
grant select on site_call, activity_interval, activity_day, agent_state, agent_skill, contact_center to fsroute_cti;
grant select (agent_id, switch_id, site_id, team, address, idle_since) on agent to fsroute_cti;
grant select (proxy_call_id, switch_id, ended_at) on proxy_call to fsroute_cti;
grant execute on function begin_activity, write_activity, roll_up_activity to fsroute_cti;

-- Scp: calls that nobody has answered --------------------------------------------------------------------------------------------

grant select on site_door, agent_taken, direct_call to fsroute_scp;
grant delete on agent_taken, direct_call to fsroute_scp;
grant select (agent_id) on agent to fsroute_scp;
grant select (at) on contact_event to fsroute_scp;
grant select (network_leg) on proxy_call to fsroute_scp;
grant execute on function take_agent, reserve_before_answer, queue_directed to fsroute_scp;

-- Application server: nothing of fsroute's. What the statements of its look-ups read, its administrator grants.

-- Operators: `fsroute` at the command line, and psql; whatever people decide, and nothing that calls do -----------------------

grant select on all tables in schema fsroute to fsroute_operator;
grant insert, update, delete on contact_center, site, network_rate, switch, other_acd, queue, queue_skill, number_called, customer,
      calendar, opening_hours, holiday, region, routing_rule, routing_rule_fact, routing_rule_skill, rule_step,
      routing_rule_direct, agent, agent_medium, agent_skill, agent_authorization, break_reason, outcome_code, site_door
    to fsroute_operator;
grant insert, update on rules_version to fsroute_operator; -- update: a load has the table for itself
grant usage on sequence agent_version to fsroute_operator;
grant delete on erased_recording to fsroute_operator;
grant update (heard_at), delete on voice_message to fsroute_operator;
grant execute on function close_contact_center, open_contact_center, queue_routing, agent_log_on, agent_stand, agent_log_off,
                          agent_break, agent_ready, agent_end_wrap_up, agent_extend_wrap_up, agent_outcome, agent_declare,
                          agent_set_pin, ask_agent, erase_contact, close_contact, proxy_call_now, agent_let_go, numbers_alike,
                          contacts_of_caller, erase_caller, stop_center_reading
    to fsroute_operator;

-- Readers: statistics of all, and nobody's number, name, or words ---------------------------------------------------------------

grant select on contact_center, site, network_rate, switch, queue, queue_skill, number_called, calendar, opening_hours, holiday,
      region, routing_rule, routing_rule_fact, routing_rule_skill, rule_step, routing_rule_direct, rules_version, agent_medium,
      agent_skill, agent_authorization, break_reason, outcome_code, contact, reservation, contact_event, agent_event,
      system_event, lease, application_version, site_activity, site_queue, activity_interval, activity_day, site_door
    to fsroute_reader;
grant select (agent_id, name, site_id, switch_id, team, status, status_reason, status_since, available_from, unavailable_reason,
              idle_since, contacts_served, rate, leg, version)
    on agent to fsroute_reader;
do $$ -- of proxy calls everything but where callers were sent, and the tokens of legs
declare
    v_columns text := (select string_agg(quote_ident(attname), ', ') from pg_attribute
                        where attrelid = 'proxy_call'::regclass and attnum > 0 and not attisdropped
                          and attname not in ('way', 'token_digest', 'acd'));
begin
    execute format('grant select (%s) on proxy_call to fsroute_reader', v_columns);
end $$;

-- A contact center's own people: its rows, and nobody else's -----------------------------------------------------------------------

grant select on center_reader to fsroute_center;
do $$
declare
    v_table text;
    v_own constant text := 'contact_center_id = any(array(select k.contact_center_id from fsroute.center_reader k '
                           'where k.reader = current_user))';
begin
    foreach v_table in array array['contact_center', 'queue', 'queue_skill', 'number_called', 'customer', 'calendar',
                                   'opening_hours', 'holiday', 'routing_rule', 'routing_rule_fact', 'routing_rule_skill',
                                   'routing_rule_direct', 'rule_step', 'outcome_code', 'agent_authorization', 'contact',
                                   'contact_personal', 'voice_message', 'proxy_call', 'reservation', 'contact_event',
                                   'agent_event', 'application_version', 'site_door'] loop
        execute format('grant select on %I to fsroute_center', v_table);
        if not exists (select from pg_policies where schemaname = 'fsroute' and tablename = v_table) then
            execute format('create policy ours on %I to fsroute_part, fsroute_operator, fsroute_reader using (true) '
                           'with check (true)', v_table);
            execute format('create policy own_rows on %I for select to fsroute_center using (%s)', v_table, v_own);
            execute format('alter table %I enable row level security', v_table);
        end if;
    end loop;
    if not exists (select from pg_policies where schemaname = 'fsroute' and tablename = 'center_reader') then
        create policy ours on center_reader to fsroute_operator using (true);
        create policy own_rows on center_reader for select to fsroute_center using (reader = current_user);
        alter table center_reader enable row level security;
    end if;
    if not exists (select from pg_policies where schemaname = 'fsroute' and tablename = 'lease') then
        create policy seen on lease for select to fsroute_part, fsroute_operator, fsroute_reader using (true);
        create policy coordinator on lease to fsroute_coordinator using (name = 'coordinator');
        create policy acd on lease to fsroute_acd using (name ~ '^(switch|events):');
        create policy cti on lease to fsroute_cti using (name ~ '^cti:');
        alter table lease enable row level security;
    end if;
end $$;
