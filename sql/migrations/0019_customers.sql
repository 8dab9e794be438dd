-- What contact centers know of their customers, looked up by number or account while they call.
set search_path = fsroute;

create table customer (
    contact_center_id text not null references contact_center on delete cascade,
    key text not null check (key ~ '^[a-z][a-z0-9_]{0,63}$'),
    value text not null check (length(value) between 1 and 200),
    facts jsonb not null default '{}' check (jsonb_typeof(facts) = 'object'),
    loaded_at timestamptz not null default clock_timestamp(),
    primary key (contact_center_id, key, value)
);
