-- name: notify repeatable
-- One commit for all topics: commits that notify wait for each other throughout the server.
select pg_notify(channel, payload)
  from unnest(%(channels)s::text[], %(payloads)s::text[]) as n (channel, payload);

-- name: heartbeat repeatable
select 1;
