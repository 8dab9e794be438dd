-- Transitions leave the indexes alone, and never read a table whole.

set search_path = fsroute;

alter table proxy_call
    add constraint ends_with_its_state check
        ((ended_at is null) = (state in ('requested', 'queued', 'callback', 'offered', 'ready', 'bridged'))),
    set (fillfactor = 50);
drop index one_live_proxy_call_per_contact;
create unique index one_live_proxy_call_per_contact on proxy_call (contact_id) where ended_at is null;
drop index proxy_call_live;
create index proxy_call_live on proxy_call (switch_id) where ended_at is null;

alter table agent set (fillfactor = 70);

create or replace function route_proxy_call(p_contact_id uuid, p_routing jsonb) returns setof proxy_call_detail
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
                            only_agent_id, preferred_agent_id, longest_queue, time_line, callback, overflow)
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
            coalesce(p_routing -> 'overflow', '{}'))
    on conflict do nothing
    returning proxy_call_id into v_id;
    if v_id is null then -- asked again after a restart: the live one stands
        return query select * from proxy_call_detail d where d.contact_id = p_contact_id::text
            and d.ended_at is null;
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

do $$
declare
    f regprocedure;
begin
    for f in select oid from pg_proc
              where pronamespace = 'fsroute'::regnamespace
                and proname in ('route_proxy_call', 'request_proxy_call', 'move_proxy_call', 'reserve_agent', 'agent_left',
                                'close_contact', 'agent_let_go', 'proxy_call_now', 'complete_consultation',
                                'end_reservation')
    loop
        execute format('alter function %s set plan_cache_mode = force_generic_plan', f);
        execute format('alter function %s set enable_seqscan = off', f);
    end loop;
end $$;


do $$
declare
    f regprocedure;
begin
    for f in select oid from pg_proc where pronamespace = 'fsroute'::regnamespace loop
        execute format('alter function %s set search_path = fsroute', f);
    end loop;
end $$;
