-- name: agents repeatable
select * from agent_detail
 where %(agent_ids)s::text[] is null or agent_id = any(%(agent_ids)s)
 order by agent_id;

-- name: agent_versions repeatable
select agent_id, version from agent;

-- name: set_agent_status
select agent_id from agent_declare(%(agent_id)s, %(status)s, %(reason)s);

-- name: see_switch
-- What agents asked for there is forgotten after a day: it holds telephone numbers.
with forgotten as (
    delete from agent_command where switch_id = %(switch_id)s and requested_at < clock_timestamp() - interval '1 day'
)
update switch set core_uuid = %(core_uuid)s, seen_at = clock_timestamp() where switch_id = %(switch_id)s
returning switch_id, site_id, link_address;

-- name: switch_codecs repeatable
update switch set codecs = %(codecs)s where switch_id = %(switch_id)s and codecs is distinct from %(codecs)s;

-- name: register_switch
with here as (
    insert into site (site_id, name) values (%(site_id)s, %(site_id)s) on conflict do nothing
)
insert into switch as known (switch_id, site_id, link_address)
values (%(switch_id)s, %(site_id)s, coalesce(%(link_address)s, '127.0.0.1:5090'))
on conflict (switch_id) do update set link_address = coalesce(%(link_address)s, known.link_address);

-- name: switch_away
select switch_away(%(switch_id)s, %(reason)s);

-- name: switches_unattended
-- A switch that no acd has ever driven has no lease, and is nobody's concern.
select s.switch_id
  from switch s
  join lease l on l.name = 'switch:' || s.switch_id
 where s.away_since is null and l.expires_at < clock_timestamp()
   and exists (select from agent a where a.switch_id = s.switch_id);

-- name: switch_back
select switch_back(%(switch_id)s);

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
