-- Role and database in a PostgreSQL that fsroute keeps itself; run as its superuser, without a schema.

-- name: embedded_missing_role
select 'fsroute' where not exists (select from pg_roles where rolname = 'fsroute');

-- name: embedded_create_role
-- createdb: a test's database is a copy of a template.
create role fsroute login createdb password %(password)s;

-- name: embedded_missing_database
select 'fsroute' where not exists (select from pg_database where datname = 'fsroute');

-- name: embedded_create_database
create database fsroute owner fsroute;
