-- Who reads the rows of a contact center.

-- name: let_center_read
select let_center_read(%(contact_center_id)s, %(reader)s);

-- name: stop_center_reading
select stop_center_reading(%(contact_center_id)s, %(reader)s);

-- name: center_readers repeatable
select contact_center_id, reader from center_reader order by contact_center_id, reader;
