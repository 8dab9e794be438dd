-- PostgreSQL reads the check constraints of a table anew for each statement that writes a row: those of agents and proxy calls,
-- which every contact changes several times, are looked at by triggers.
set search_path = fsroute;

alter table agent drop constraint agent_agent_id_check;
alter table agent drop constraint agent_address_check;
alter table agent drop constraint agent_accept_key_check;
alter table agent drop constraint agent_wrap_up_check;
alter table agent drop constraint agent_set_aside_check;
alter table agent drop constraint agent_status_check;
alter table agent drop constraint agent_team_check;
alter table agent drop constraint agent_rate_check;
alter table agent drop constraint agent_leg_check;
alter table agent drop constraint agent_pin_hash_check;
alter table agent drop constraint agent_extension_check;
alter table agent drop constraint agent_miss_limit_check;
alter table agent drop constraint agent_miss_then_check;
alter table proxy_call drop constraint proxy_call_state_check;
alter table proxy_call drop constraint proxy_call_agent_leg_check;
alter table proxy_call drop constraint proxy_call_network_leg_check;
alter table proxy_call drop constraint proxy_call_caller_leg_check;
alter table proxy_call drop constraint proxy_call_directed_for_check;
alter table proxy_call drop constraint ends_with_its_state;

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

alter function check_agent() set search_path = fsroute;
alter function check_proxy_call() set search_path = fsroute;
