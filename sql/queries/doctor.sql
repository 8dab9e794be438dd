-- What `fsroute doctor` looks at. Nothing here writes.

-- name: doctor_server
select current_setting('server_version_num')::integer as server,
       extract(epoch from clock_timestamp())::float8 as now,
       (select count(*) from pg_stat_activity where backend_type = 'client backend')::integer as connections,
       current_setting('max_connections')::integer as max_connections,
       coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as encrypted,
       coalesce(inet_client_addr() = inet_server_addr(), true) as local,
       to_regclass('fsroute.schema_version') is not null as has_schema;

-- name: doctor_switches
select switch_id, site_id, link_address, coalesce(core_uuid, '') as core_uuid,
       extract(epoch from clock_timestamp() - seen_at)::float8 as seen, coalesce(codecs, '') as codecs
  from switch
 order by switch_id;

-- name: doctor_numbers
select number, application from number_called order by number;

-- name: doctor_music
select distinct hold_music from queue order by hold_music;

-- name: doctor_time_zones
select time_zone from contact_center union select time_zone from calendar where time_zone is not null order by 1;

-- name: doctor_agents
-- And how many of them are dialled by [agents] dial_string, since their address names no endpoint.
select count(*) as agents,
       count(*) filter (where address !~ '^(user|sofia|loopback|verto\.rtc|error)/') as templated
  from agent;

-- name: doctor_applications
select name, source, state, message, coalesce(version, '') as version,
       extract(epoch from expires_at - clock_timestamp())::float8 as expires,
       extract(epoch from clock_timestamp() - checked_at)::float8 as checked
  from application_version
 where switch_id = %(switch_id)s
 order by source, name;
