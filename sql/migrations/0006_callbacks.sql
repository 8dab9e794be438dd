-- Callers who are called back, and callers who leave a message.

set search_path = fsroute;

alter table contact_personal add column application_state text; -- where the caller stood who is called back

create table voice_message ( -- erasable; nothing refers to it
    contact_id uuid primary key references contact,
    contact_center_id text not null references contact_center,
    path text not null, -- of the recording, on the host of the contact's switch
    duration_s double precision not null check (duration_s >= 0),
    left_at timestamptz not null default clock_timestamp(),
    heard_at timestamptz -- by whoever answers messages
);
create index voice_message_unheard on voice_message (contact_center_id, left_at) where heard_at is null;
