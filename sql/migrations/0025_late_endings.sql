-- A call that ended while the database was away ended then, not when that could be written.
set search_path = fsroute;

create or replace function close_contact(
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

do $$
declare
    f regprocedure;
begin
    for f in select oid from pg_proc
              where pronamespace = 'fsroute'::regnamespace and proname = 'close_contact'
    loop
        execute format('alter function %s set plan_cache_mode = force_generic_plan', f);
        execute format('alter function %s set enable_seqscan = off', f);
        execute format('alter function %s set search_path = fsroute', f);
    end loop;
end $$;
