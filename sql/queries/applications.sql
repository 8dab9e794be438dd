-- What serves where, and what look-ups are limited by.

-- name: limit_statement repeatable
-- For the rest of the transaction.
select set_config('statement_timeout', %(milliseconds)s, true);

-- name: report_application repeatable
insert into application_version (switch_id, source, name, contact_center_id, state, message, version, sequence, sha256,
                                 fetched_at, checked_at, expires_at)
values (%(switch_id)s, %(source)s, %(name)s, %(contact_center_id)s, %(state)s, %(message)s, %(version)s, %(sequence)s,
        %(sha256)s, to_timestamp(%(fetched_at)s), to_timestamp(%(checked_at)s), to_timestamp(%(expires_at)s))
on conflict (switch_id, source, name) do update
   set (contact_center_id, state, message, version, sequence, sha256, fetched_at, checked_at, expires_at) =
       (excluded.contact_center_id, excluded.state, excluded.message, excluded.version, excluded.sequence, excluded.sha256,
        excluded.fetched_at, excluded.checked_at, excluded.expires_at);

-- name: forget_applications repeatable
-- Those of sources that the switch has no more.
delete from application_version where switch_id = %(switch_id)s and source <> all(%(sources)s::text[]);

-- name: forget_application repeatable
delete from application_version where switch_id = %(switch_id)s and source = %(source)s and name = %(name)s;

-- name: application_versions repeatable
select switch_id, source, name, contact_center_id, state, message, version, sequence, sha256, fetched_at, checked_at,
       expires_at
  from application_version
 order by switch_id, source, name;
