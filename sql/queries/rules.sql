-- The rules: what operators write, and the versions that count.

-- name: rules_document repeatable
-- The rows of the rule tables as they stand, and of what belongs to them. Each list in a fixed order: rows alike
-- give documents alike.
select jsonb_build_object(
    'format', 1,
    'contact_center', coalesce((select jsonb_agg(jsonb_build_object('contact_center_id', c.contact_center_id,
                           'name', c.name, 'time_zone', c.time_zone) order by c.contact_center_id)
                         from contact_center c), '[]'),
    'number_called', coalesce((select jsonb_agg(to_jsonb(t) order by number) from number_called t), '[]'),
    'other_acd', coalesce((select jsonb_agg(to_jsonb(t) order by acd) from other_acd t), '[]'),
    'queue', coalesce((select jsonb_agg(to_jsonb(t) order by contact_center_id, queue) from queue t), '[]'),
    'queue_skill', coalesce((select jsonb_agg(to_jsonb(t) order by contact_center_id, queue, skill)
                               from queue_skill t), '[]'),
    'calendar', coalesce((select jsonb_agg(to_jsonb(t) order by contact_center_id, calendar) from calendar t), '[]'),
    'opening_hours', coalesce((select jsonb_agg(to_jsonb(t) order by contact_center_id, calendar, weekday, opens)
                                 from opening_hours t), '[]'),
    'holiday', coalesce((select jsonb_agg(to_jsonb(t) order by contact_center_id, calendar, day) from holiday t), '[]'),
    'region', coalesce((select jsonb_agg(to_jsonb(t) order by prefix) from region t), '[]'),
    'routing_rule', coalesce((select jsonb_agg(to_jsonb(t) order by contact_center_id, ordinal, rule)
                                from routing_rule t), '[]'),
    'routing_rule_fact', coalesce((select jsonb_agg(to_jsonb(t) order by contact_center_id, rule, fact)
                                     from routing_rule_fact t), '[]'),
    'routing_rule_skill', coalesce((select jsonb_agg(to_jsonb(t) order by contact_center_id, rule, skill)
                                      from routing_rule_skill t), '[]'),
    'routing_rule_direct', coalesce((select jsonb_agg(to_jsonb(t) order by contact_center_id, rule)
                                       from routing_rule_direct t), '[]'),
    'rule_step', coalesce((select jsonb_agg(to_jsonb(t) order by contact_center_id, rule, ordinal)
                             from rule_step t), '[]'));

-- name: rules_queues repeatable
-- The queues alone, where there is no version.
select jsonb_build_object(
    'format', 1,
    'contact_center', coalesce((select jsonb_agg(jsonb_build_object('contact_center_id', c.contact_center_id,
                           'name', c.name, 'time_zone', c.time_zone)) from contact_center c), '[]'),
    'number_called', coalesce((select jsonb_agg(to_jsonb(t)) from number_called t), '[]'),
    'other_acd', coalesce((select jsonb_agg(to_jsonb(t)) from other_acd t), '[]'),
    'queue', coalesce((select jsonb_agg(to_jsonb(t)) from queue t), '[]'),
    'queue_skill', coalesce((select jsonb_agg(to_jsonb(t)) from queue_skill t), '[]'));

-- name: rules_newest repeatable
select version from rules_version order by version desc limit 1;

-- name: rules_newest_document repeatable
select version, document from rules_version order by version desc limit 1;

-- name: rules_version repeatable
select version, loaded_at, loaded_by, source, digest, document from rules_version where version = %(version)s;

-- name: rules_in_force
-- How many rules each contact center has.
select v.version, r ->> 'contact_center_id' as contact_center_id, count(*) as rules
  from (select version, document from rules_version order by version desc limit 1) v,
       jsonb_array_elements(v.document -> 'routing_rule') r
 group by 1, 2 order by 2;

-- name: rules_path
-- Whatever a file has set: what is read after it is fsroute's.
select set_config('search_path', 'fsroute', true);

-- name: rules_versions repeatable
select version, loaded_at, loaded_by, source, digest, jsonb_array_length(document -> 'routing_rule') as rules,
       jsonb_array_length(document -> 'queue') as queues
  from rules_version order by version;

-- name: rules_contacts_of_versions repeatable
-- How many contacts each version has routed.
select rules_version as version, count(*) as contacts from contact where rules_version is not null group by 1;

-- name: rules_lock
-- One load at a time; who reads the versions does not wait.
lock table rules_version in share row exclusive mode;

-- name: rules_empty
with fact as (delete from routing_rule_fact), skill as (delete from routing_rule_skill),
     direct as (delete from routing_rule_direct), step as (delete from rule_step),
     rule as (delete from routing_rule), hours as (delete from opening_hours), day as (delete from holiday),
     region as (delete from region)
delete from calendar;

-- name: rules_write
-- The next version, unless the newest holds the same.
with newest as (
    select version, digest from rules_version order by version desc limit 1
), new as (
    select %(document)s::jsonb as document, encode(sha256(convert_to(%(document)s::jsonb::text, 'UTF8')), 'hex') as digest
), written as (
    insert into rules_version (version, loaded_by, source, digest, document)
    select coalesce((select version from newest), 0) + 1, %(by)s, %(source)s, digest, document
      from new
     where not exists (select from newest where newest.digest = new.digest)
    returning version
)
select version, true as is_new from written
union all
select version, false from newest where not exists (select from written);

-- name: rules_restore_acds
insert into other_acd select a.* from jsonb_populate_recordset(null::other_acd, %(document)s::jsonb -> 'other_acd') a
on conflict (acd) do update set adapter = excluded.adapter, switch_id = excluded.switch_id,
    parameters = excluded.parameters;

-- name: rules_restore_queues
with doc as (
    select %(document)s::jsonb as d
), rows as (
    select q.* from doc, jsonb_populate_recordset(null::queue, d -> 'queue') q
)
insert into queue select * from rows
on conflict (contact_center_id, queue) do update set
    medium = excluded.medium, priority = excluded.priority, strategy = excluded.strategy, lead = excluded.lead,
    hold_music = excluded.hold_music, offer_timeout = excluded.offer_timeout,
    network_leg_timeout = excluded.network_leg_timeout, network_leg_tries = excluded.network_leg_tries,
    longest_wait = excluded.longest_wait, refuse_when = excluded.refuse_when, longest_queue = excluded.longest_queue,
    sites = excluded.sites, teams = excluded.teams, overflow = excluded.overflow,
    overflow_number = excluded.overflow_number, overflow_prompt = excluded.overflow_prompt,
    callback_tries = excluded.callback_tries, callback_retry_after = excluded.callback_retry_after,
    callback_ring = excluded.callback_ring, acd = excluded.acd;

-- name: rules_forget_queue_skills
delete from queue_skill k
 using jsonb_populate_recordset(null::queue, %(document)s::jsonb -> 'queue') q
 where k.contact_center_id = q.contact_center_id and k.queue = q.queue;

-- name: rules_restore
-- The rows of an old version, into tables that are empty; parents before children.
with doc as (
    select %(document)s::jsonb as d
), skills as (
    insert into queue_skill select r.* from doc, jsonb_populate_recordset(null::queue_skill, d -> 'queue_skill') r
), calendars as (
    insert into calendar select r.* from doc, jsonb_populate_recordset(null::calendar, d -> 'calendar') r
), hours as (
    insert into opening_hours select r.* from doc, jsonb_populate_recordset(null::opening_hours, d -> 'opening_hours') r
), days as (
    insert into holiday select r.* from doc, jsonb_populate_recordset(null::holiday, d -> 'holiday') r
), regions as (
    insert into region select r.* from doc, jsonb_populate_recordset(null::region, d -> 'region') r
), rules as (
    insert into routing_rule select r.* from doc, jsonb_populate_recordset(null::routing_rule, d -> 'routing_rule') r
), facts as (
    insert into routing_rule_fact
    select r.* from doc, jsonb_populate_recordset(null::routing_rule_fact, d -> 'routing_rule_fact') r
), rule_skills as (
    insert into routing_rule_skill
    select r.* from doc, jsonb_populate_recordset(null::routing_rule_skill, d -> 'routing_rule_skill') r
), directs as (
    insert into routing_rule_direct
    select r.* from doc, jsonb_populate_recordset(null::routing_rule_direct, d -> 'routing_rule_direct') r
)
insert into rule_step select r.* from doc, jsonb_populate_recordset(null::rule_step, d -> 'rule_step') r;

-- name: rules_sites repeatable
select site_id from site order by site_id;

-- name: rules_network_rates repeatable
select from_site_id, to_site_id, rate from network_rate;

-- name: contact_centers repeatable
select contact_center_id, name, time_zone, closed_at, closing from contact_center order by contact_center_id;

-- name: closed_contact_centers repeatable
select contact_center_id, coalesce(closing ->> 'prompt', '') as prompt, closing ->> 'waiting' = 'keep' as keep_waiting
  from contact_center where closed_at is not null;

-- name: close_contact_center
select close_contact_center(%(contact_center_id)s, %(prompt)s, %(keep_waiting)s, %(by)s);

-- name: open_contact_center
select open_contact_center(%(contact_center_id)s, %(by)s);
