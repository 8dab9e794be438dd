-- A scratch database, in which a file of rules is tried: what the rules refer to is put in first.

-- name: scratch_centers
insert into contact_center (contact_center_id, name, time_zone)
select r.contact_center_id, r.name, coalesce(r.time_zone, 'UTC')
  from jsonb_populate_recordset(null::contact_center, %(document)s::jsonb -> 'contact_center') r;

-- name: scratch_numbers
insert into number_called
select r.* from jsonb_populate_recordset(null::number_called, %(document)s::jsonb -> 'number_called') r;

-- name: scratch_sites
insert into site (site_id, name) select site_id, site_id from unnest(%(site_ids)s::text[]) as site_id;

-- name: scratch_switches
-- The address is nobody's: nothing is dialled from here.
insert into switch (switch_id, site_id, link_address)
select switch_id, site_id, 'scratch.invalid:5080'
  from unnest(%(switch_ids)s::text[], %(site_ids)s::text[]) as s (switch_id, site_id);

-- name: scratch_agents
with a as (
    select * from jsonb_to_recordset(%(agents)s::jsonb)
        as a (agent_id text, name text, site_id text, switch_id text, address text, status text, team text, rate double precision,
              wrap_up double precision, skills jsonb, authorizations jsonb, media jsonb)
), agents as (
    insert into agent (agent_id, name, site_id, switch_id, address, status, team, rate, wrap_up)
    select agent_id, name, site_id, switch_id, coalesce(address, 'user/scratch'), status, team, rate, wrap_up from a
), skills as (
    insert into agent_skill (agent_id, skill, level)
    select agent_id, s.key, s.value::integer from a, jsonb_each_text(a.skills) s
), media as (
    insert into agent_medium (agent_id, medium, slots, weight, wrap_up)
    select agent_id, m.key, (m.value ->> 0)::integer, (m.value ->> 1)::integer, (m.value ->> 2)::double precision
      from a, jsonb_each(a.media) m
)
insert into agent_authorization (agent_id, contact_center_id, medium, valid_from, valid_until)
select agent_id, u ->> 0, u ->> 1, coalesce((u ->> 2)::timestamptz, '-infinity'), (u ->> 3)::timestamptz
  from a, jsonb_array_elements(a.authorizations) u;

-- name: scratch_version
insert into rules_version (version, loaded_by, source, digest, document)
values (%(version)s, 'scratch', 'scratch', 'scratch', %(document)s::jsonb);
