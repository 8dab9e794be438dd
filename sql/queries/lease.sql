-- Leadership. The row is the truth: its epoch fences every write of a leader. The advisory lock, held
-- by a session of the leader's, only shows at once that the leader's process has died.
-- 1718841970 is the class of fsroute's locks for leases; the name's hash is the lock within it.

-- name: lease_prepare repeatable
insert into lease (name, holder, epoch, expires_at)
values (%(name)s, '', 0, '-infinity')
on conflict (name) do nothing;

-- name: lease_try_lock
select pg_try_advisory_lock(1718841970, hashtext(%(name)s)) as locked;

-- name: lease_look repeatable
select holder, epoch, renewed_at, expires_at < clock_timestamp() as expired from lease where name = %(name)s;

-- name: lease_take
-- Only from the epoch that the taker saw: of two takers one wins.
update lease
   set holder = %(holder)s, epoch = epoch + 1, backend_pid = pg_backend_pid(),
       renewed_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => %(duration)s)
 where name = %(name)s and epoch = %(epoch)s
returning epoch;

-- name: lease_renew
update lease
   set backend_pid = pg_backend_pid(),
       renewed_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => %(duration)s)
 where name = %(name)s and holder = %(holder)s and epoch = %(epoch)s
returning epoch;

-- name: lease_resign
update lease
   set holder = '', backend_pid = null, expires_at = '-infinity'
 where name = %(name)s and holder = %(holder)s and epoch = %(epoch)s;

-- name: log_leader_begins
insert into system_event (kind, data)
values ('leader_begins', jsonb_build_object('lease', 'coordinator', 'epoch', %(epoch)s::bigint, 'agents', %(agents)s::integer,
    'waiting', %(waiting)s::integer, 'read', %(read)s::integer, 'took_s', %(took)s::float8));

-- name: lease_unlock
select pg_advisory_unlock(1718841970, hashtext(%(name)s));

-- name: lease_end_other_holder
-- The session that still holds the lock although its host is dead, or our own from before a reconnection.
select pg_terminate_backend(l.pid)
  from pg_locks l
 where l.locktype = 'advisory' and l.granted and l.objsubid = 2
   and l.database = (select oid from pg_database where datname = current_database())
   and l.classid = 1718841970::oid and l.objid::bigint = (hashtext(%(name)s)::bigint & 4294967295)
   and l.pid <> pg_backend_pid();
