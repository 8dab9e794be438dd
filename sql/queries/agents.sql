-- name: agents
-- An agent whose standing leg is not there is available at no time yet.
select a.agent_id, a.name, a.site_id, a.switch_id, a.address, a.accept_key, a.wrap_up, a.status,
       case when a.leg = 'standing' and a.standing_leg_uuid is null then timestamptz '9999-01-01' else a.available_from end
           as available_from,
       a.unavailable_reason, a.idle_since, a.team, a.contacts_served, a.last_reserved_at, a.rate, a.leg,
       a.standing_leg_uuid,
       coalesce((select jsonb_agg(jsonb_build_array(proxy_call_id, medium, slot, weight)) from reservation r
                  where r.agent_id = a.agent_id and r.ended_at is null), '[]') as reservations,
       coalesce((select jsonb_object_agg(medium, jsonb_build_array(slots, weight, wrap_up)) from agent_medium m
                  where m.agent_id = a.agent_id), '{}') as media,
       coalesce((select jsonb_object_agg(skill, level) from agent_skill k where k.agent_id = a.agent_id), '{}') as skills,
       coalesce((select jsonb_agg(jsonb_build_array(contact_center_id, medium,
                    case when isfinite(valid_from) then extract(epoch from valid_from) end,
                    case when isfinite(valid_until) then extract(epoch from valid_until) end))
                   from agent_authorization u where u.agent_id = a.agent_id), '[]') as authorizations
  from agent a
 where %(agent_ids)s::text[] is null or a.agent_id = any(%(agent_ids)s)
 order by a.agent_id;

-- name: set_agent_status
select agent_id from agent_declare(%(agent_id)s, %(status)s, %(reason)s);

-- name: see_switch
update switch set core_uuid = %(core_uuid)s, seen_at = clock_timestamp() where switch_id = %(switch_id)s
returning switch_id, site_id, link_address;

-- name: register_switch
with here as (
    insert into site (site_id, name) values (%(site_id)s, %(site_id)s) on conflict do nothing
)
insert into switch as known (switch_id, site_id, link_address)
values (%(switch_id)s, %(site_id)s, coalesce(%(link_address)s, '127.0.0.1:5090'))
on conflict (switch_id) do update set link_address = coalesce(%(link_address)s, known.link_address);

-- name: switches
select switch_id, site_id, link_address, core_uuid, seen_at from switch order by switch_id;

-- name: standing_agents
-- Those of a switch who have a standing leg, or had one until their row was changed.
select agent_id, address, leg, status, standing_leg_uuid from agent
 where switch_id = %(switch_id)s and (leg = 'standing' or standing_leg_uuid is not null)
   and (%(agent_id)s::text is null or agent_id = %(agent_id)s);

-- name: standing_leg_up
select standing_leg_up(%(agent_id)s, %(uuid)s);

-- name: standing_leg_lost
select standing_leg_lost(%(agent_id)s, %(uuid)s, %(reason)s);

-- name: agent_announcement
select agent_announcement from contact_center where contact_center_id = %(contact_center_id)s;
