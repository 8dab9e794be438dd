-- Which application of a remote center serves where.

set search_path = fsroute;

create table application_version ( -- which version of a remote center's application serves at a switch, and what was refused
    switch_id text not null check (switch_id ~ '^[a-z0-9_-]{1,40}$'),
    source text not null check (source ~ '^[a-z0-9_-]{1,40}$'), -- as the switch's configuration names the remote center
    name text not null check (name ~ '^([a-z0-9][a-z0-9_-]{0,63})?$'), -- '': the source itself
    contact_center_id text not null,
    state text not null -- serving -> refused, withdrawn, unreachable: the last good version serves on -> serving
        check (state in ('serving', 'refused', 'withdrawn', 'unreachable')),
    message text not null, -- why it is not as it should be
    version text, -- what serves; null: nothing
    sequence bigint,
    sha256 text,
    fetched_at timestamptz,
    checked_at timestamptz, -- when the source last offered what serves
    expires_at timestamptz,
    primary key (switch_id, source, name)
);
