-- A switch that comes back and somebody who changes one of its agents do not wait for each other.
set search_path = fsroute;

create or replace function switch_back(p_switch_id text) returns boolean language plpgsql as $$
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

alter function switch_back(text) set search_path = fsroute;
