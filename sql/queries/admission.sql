-- How many calls are taken at a time and per second (docs/limits.md).

-- name: admission_limits repeatable
-- Those of contact centers, and the numbers that they are called by.
select l.contact_center_id, l.calls, l.per_second, l.treatment, l.cause, l.number, l.prompt,
       array(select n.number from number_called n where n.contact_center_id = l.contact_center_id order by 1) as numbers
  from admission_limit l order by l.contact_center_id;

-- name: share_admission repeatable
-- Nobody waits for the disk: after a crash of the server each process tells again.
select scope, granted, rate, due, due_rate
  from set_config('synchronous_commit', 'off', true),
       share_admission(%(process)s, %(switch_id)s, %(used)s, %(lifetime)s);

-- name: give_admission_back repeatable
delete from admission_share where process = %(process)s;

-- name: note_refusals
insert into admission_refusal (switch_id, contact_center_id, number_called, scope, reason, treatment, calls)
select %(switch_id)s, n.contact_center_id, r.number_called, r.scope, r.reason, r.treatment, r.calls
  from set_config('synchronous_commit', 'off', true),
       jsonb_to_recordset(%(refused)s) as r(number_called text, scope text, reason text, treatment text, calls integer)
  left join number_called n on n.number = r.number_called;

-- name: status_admission repeatable
-- Limits, what is there of each, and what was refused in the last minute and hour.
with refused as (
    select scope, coalesce(sum(calls) filter (where at > clock_timestamp() - interval '1 minute'), 0) as last_minute,
           sum(calls) as last_hour
      from admission_refusal where at > clock_timestamp() - interval '1 hour' group by scope
), shared as (
    select scope, sum(present) as present, min(calls) as calls, min(per_second) as per_second, sum(demand) as demand,
           count(*) as processes
      from admission_share where expires_at > clock_timestamp() group by scope
), named as (
    select scope from refused union select scope from shared
    union select 'center:' || contact_center_id from admission_limit
)
select n.scope, coalesce(s.present, 0) as present, coalesce(s.calls, l.calls) as calls,
       coalesce(s.per_second, l.per_second) as per_second, coalesce(s.demand, 0) as demand,
       coalesce(s.processes, 0) as processes, coalesce(r.last_minute, 0) as last_minute,
       coalesce(r.last_hour, 0) as last_hour
  from named n left join shared s using (scope) left join refused r using (scope)
  left join admission_limit l on n.scope = 'center:' || l.contact_center_id
 order by n.scope;

-- name: set_admission_limit
insert into admission_limit (contact_center_id, calls, per_second, treatment, cause, number, prompt)
values (%(contact_center_id)s, %(calls)s, %(per_second)s, %(treatment)s, %(cause)s, %(number)s, %(prompt)s)
on conflict (contact_center_id) do update
   set calls = excluded.calls, per_second = excluded.per_second, treatment = excluded.treatment,
       cause = excluded.cause, number = excluded.number, prompt = excluded.prompt;

-- name: lift_admission_limit
delete from admission_limit where contact_center_id = %(contact_center_id)s;
