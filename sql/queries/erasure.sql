-- Callers who want to be forgotten.

-- name: caller_numbers repeatable
select number from numbers_alike(%(number)s, %(tail)s, %(contact_center_id)s) as number;

-- name: caller_contacts repeatable
select contact_id::text, channel_uuid, live, waits, caller_name
  from contacts_of_caller(%(numbers)s::text[], %(contact_center_id)s);

-- name: erase_caller
select erase_caller(%(numbers)s::text[], %(contact_center_id)s, %(by)s, %(request)s);

-- name: erased_recordings repeatable
select switch_id, path from erased_recording order by switch_id, erased_at, path;

-- name: forget_erased_recording repeatable
delete from erased_recording where switch_id = %(switch_id)s and path = %(path)s;
