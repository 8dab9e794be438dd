-- The agent to whom no network leg led is free at once, and asked after the others: a link that is away does not draw each
-- caller to its other end.
set search_path = fsroute;

create or replace function end_reservation(p_proxy_call_id bigint, p_reason text) returns text language plpgsql as $$
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
           contacts_served = contacts_served + v_served
     where agent_id = r.agent_id;
    insert into agent_event (agent_id, contact_center_id, contact_id, kind, data)
    values (r.agent_id, r.contact_center_id, r.contact_id, 'released',
            jsonb_build_object('reason', p_reason, 'pause_s', v_pause, 'proxy_call_id', p_proxy_call_id,
                               'medium', r.medium, 'slot', r.slot,
                               'reserved_s', extract(epoch from clock_timestamp() - r.reserved_at)));
    return r.agent_id;
end $$;

alter function end_reservation(bigint, text) set plan_cache_mode = force_generic_plan;
alter function end_reservation(bigint, text) set enable_seqscan = off;
alter function end_reservation(bigint, text) set search_path = fsroute;
