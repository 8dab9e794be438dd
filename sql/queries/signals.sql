-- name: notify repeatable
-- One commit for all topics: commits that notify wait for each other throughout the server.
-- A hint may be lost with the server: nobody waits for the disk, with the lock in hand that they all want.
select pg_notify(channel, payload)
  from set_config('synchronous_commit', 'off', true), unnest(%(channels)s::text[], %(payloads)s::text[]) as n (channel, payload);

-- name: heartbeat repeatable
select 1;
