-- name: demo_agent
with hired as (
    insert into agent (agent_id, name, site_id, switch_id, address, wrap_up, set_aside, status)
    values (%(agent_id)s, %(name)s, %(site_id)s, %(switch_id)s, %(address)s, 0.3, 3, 'available')
    returning agent_id
), trained as (
    insert into agent_skill (agent_id, skill, level) select agent_id, 'orders', %(level)s from hired
), logged as (
    insert into agent_event (agent_id, kind, data)
    select agent_id, 'status', jsonb_build_object('status', 'available') from hired
)
insert into agent_authorization (agent_id, contact_center_id)
select agent_id, unnest(%(contact_centers)s::text[]) from hired;

-- name: demo_progress
select h.caller_number, c.contact_center_id, c.outcome, p.state, a.name as agent_name
  from contact c
  join contact_personal h using (contact_id)
  left join lateral (select * from proxy_call p where p.contact_id = c.contact_id
                      order by p.proxy_call_id desc limit 1) p on true
  left join reservation r on r.proxy_call_id = p.proxy_call_id and r.proxy_call_id > 0 and r.ended_at is null
  left join agent a on a.agent_id = r.agent_id
 order by c.arrived_at;

-- name: demo_numbers
select contact_id::text, caller_number from contact_personal;
