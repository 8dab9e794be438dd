-- The version of the schema. These run before there is a schema, and so name it in full.

-- name: migration_lock
select pg_advisory_lock(1718841972, 1);

-- name: migration_unlock
select pg_advisory_unlock(1718841972, 1);

-- name: migration_prepare
-- No "if not exists": that asks for the right to create one even where it stands.
do $$
begin
    if to_regnamespace('fsroute') is null then
        create schema fsroute;
    end if;
    if to_regclass('fsroute.schema_version') is null then
        create table fsroute.schema_version (
            version int primary key,
            name text not null,
            applied_at timestamptz not null default now()
        );
    end if;
end
$$;

-- name: migration_versions
select version, name from fsroute.schema_version order by version;

-- name: migration_record
insert into fsroute.schema_version (version, name) values (%(version)s, %(name)s);

-- name: migration_has_roles
-- Whether roles were granted their rights in this database (sql/roles.sql).
select exists (select from pg_policies where schemaname = 'fsroute' and policyname = 'ours');
