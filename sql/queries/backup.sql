-- What `fsroute backup` and `fsroute restore` ask of a database; names in braces are put in as identifiers.

-- name: backup_begin
-- The session keeps what pg_dump shall see, for as long as that takes.
set idle_in_transaction_session_timeout = 0; set statement_timeout = 0;
begin isolation level repeatable read, read only;

-- name: backup_snapshot
select pg_export_snapshot() as snapshot, current_setting('server_version_num')::int / 10000 as major,
       pg_is_in_recovery() as standby;

-- name: backup_schema
select version, name from fsroute.schema_version order by version;

-- name: backup_counts
-- The ledgers and what they speak of, whole.
select (select count(*) from fsroute.contact) as contact,
       (select count(*) from fsroute.proxy_call) as proxy_call,
       (select count(*) from fsroute.reservation) as reservation,
       (select count(*) from fsroute.contact_event) as contact_event,
       (select count(*) from fsroute.agent_event) as agent_event,
       (select count(*) from fsroute.system_event) as system_event;

-- name: restore_present
-- The database that a backup would take the place of, and whether its owner may make another.
select current_database() as name, current_user as role,
       (select rolcreatedb or rolsuper from pg_roles where rolname = current_user) as may_create,
       (select pg_has_role(datdba, 'member') from pg_database where datname = current_database()) as is_owner,
       current_setting('server_version_num')::int / 10000 as major,
       pg_database_size(current_database()) as size,
       to_regclass('fsroute.schema_version') is not null as has_schema;

-- name: restore_is_empty
select not exists (select from fsroute.contact) and not exists (select from fsroute.agent)
       and not exists (select from fsroute.contact_center) and not exists (select from fsroute.rules_version) as empty;

-- name: restore_connected
select coalesce(nullif(application_name, ''), 'a program without a name') as program,
       coalesce(host(client_addr), 'this host') as host, count(*) as connections
  from pg_stat_activity
 where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
 group by 1, 2 order by 1, 2;

-- name: restore_create
create database {name} template template0 encoding 'UTF8';

-- name: restore_drop
drop database if exists {name};

-- name: restore_rename
alter database {name} rename to {template};

-- name: restore_early
-- In another cluster transactions count from its own beginning: who reads on from where he was would wait for
-- that of the cluster that wrote the events. All that is restored was committed before.
set search_path = fsroute;
alter table contact_event disable trigger append_only;
alter table agent_event disable trigger append_only;
alter table system_event disable trigger append_only;
update contact_event set written_by = '3' where written_by >= pg_current_xact_id();
update agent_event set written_by = '3' where written_by >= pg_current_xact_id();
update system_event set written_by = '3' where written_by >= pg_current_xact_id();
alter table contact_event enable trigger append_only;
alter table agent_event enable trigger append_only;
alter table system_event enable trigger append_only;

-- name: restore_analyze
analyze;
