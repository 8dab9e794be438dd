-- Who of a contact center reads its own rows, and callers whose data is to go (docs/security.md, docs/privacy.md).

set search_path = fsroute;

-- Database roles that read the rows of a contact center and nobody else's; `fsroute migrate --roles` makes it so.
create table center_reader (
    reader name not null, -- a role that may log in, member of fsroute_center
    contact_center_id text not null references contact_center on delete cascade,
    primary key (reader, contact_center_id)
);

-- Recordings of callers whose data was erased, until they are deleted on the host of their switch.
create table erased_recording (
    switch_id text not null references switch on delete cascade,
    path text not null,
    erased_at timestamptz not null default clock_timestamp(),
    primary key (switch_id, path)
);

-- From now on the role reads the contact center's rows; it is made a member of fsroute_center, which must be there.
create function let_center_read(p_contact_center_id text, p_reader name) returns void
language plpgsql set search_path = fsroute as $$
begin
    if not exists (select from contact_center where contact_center_id = p_contact_center_id) then
        raise exception 'there is no contact center %', p_contact_center_id using errcode = 'FS003';
    elsif not exists (select from pg_roles where rolname = 'fsroute_center') then
        raise exception 'the database has no roles yet: fsroute migrate --roles' using errcode = 'FS003';
    elsif not exists (select from pg_roles where rolname = p_reader) then
        raise exception 'there is no database role %: create role % login password …', p_reader, quote_ident(p_reader)
            using errcode = 'FS003';
    elsif (select rolsuper or rolbypassrls from pg_roles where rolname = p_reader)
          or exists (select from pg_class where relnamespace = 'fsroute'::regnamespace and relowner = p_reader::regrole)
          or exists (select from pg_roles r where r.rolname in ('fsroute_part', 'fsroute_operator', 'fsroute_reader')
                        and pg_has_role(p_reader, r.oid, 'member')) then
        raise exception 'role % may read more than one contact center', p_reader using errcode = 'FS003';
    end if;
    if not pg_has_role(p_reader, 'fsroute_center', 'member') then
        execute format('grant fsroute_center to %I', p_reader);
    end if;
    insert into center_reader (reader, contact_center_id) values (p_reader, p_contact_center_id) on conflict do nothing;
end $$;

-- … and no longer; false: it did not.
create function stop_center_reading(p_contact_center_id text, p_reader name) returns boolean
language plpgsql set search_path = fsroute as $$
begin
    delete from center_reader where reader = p_reader and contact_center_id = p_contact_center_id;
    return found;
end $$;

-- Every way in which a number that ends so stands where callers are known: the one to be erased is picked outside, by
-- how numbers are written there (fsroute/customers/numbers.py). A tail of '' asks for the text itself alone.
create function numbers_alike(p_number text, p_tail text, p_contact_center_id text) returns setof text
language sql stable set search_path = fsroute as $$
    select distinct number
      from (select caller_number, contact_center_id from contact_personal
            union all
            select callback_number, contact_center_id from contact_personal
            union all
            select fact.value, h.contact_center_id
              from contact_personal h, jsonb_each_text(h.facts || h.customer) fact
            union all
            select way ->> 'number', contact_center_id from proxy_call where way is not null
            union all
            select value, contact_center_id from customer
            union all
            select data ->> 'name', null from agent_command) as known (number, contact_center_id)
     where (p_contact_center_id is null or contact_center_id is null or contact_center_id = p_contact_center_id)
       and (number = p_number
            or p_tail <> '' and length(number) <= 256
               and regexp_replace(regexp_replace(number, '[@;?].*$', ''), '[^0-9]', '', 'g') like '%' || p_tail);
$$;

-- The contacts of whoever has one of these numbers, and what of them is there to be erased.
create function contacts_of_caller(p_numbers text[], p_contact_center_id text)
returns table (contact_id uuid, channel_uuid text, live boolean, waits boolean, caller_name text)
language sql stable set search_path = fsroute as $$
    select c.contact_id, c.channel_uuid, c.ended_at is null,
           exists (select from proxy_call p where p.contact_id = c.contact_id and p.ended_at is null
                      and p.caller_leg <> 'present'),
           h.caller_name
      from contact_personal h join contact c using (contact_id)
     where (h.caller_number = any(p_numbers) or h.callback_number = any(p_numbers))
       and (p_contact_center_id is null or h.contact_center_id = p_contact_center_id)
     order by c.arrived_at;
$$;

-- All that is known of a caller by these numbers goes, and the ledger has a line that it went, without any of them.
-- Contacts that are live stay as they are. Returns how much of it there was, by what it is.
create function erase_caller(p_numbers text[], p_contact_center_id text, p_by text, p_request uuid) returns jsonb
language plpgsql set search_path = fsroute as $$
declare
    v_id uuid;
    v_contacts integer := 0;
    v_recordings integer := 0;
    v_customers integer;
    v_commands integer;
    v_facts integer;
    v_sent integer;
    v_done jsonb;
begin
    -- A contact before its proxy call, and contacts in one order, as everywhere.
    for v_id in select k.contact_id from contacts_of_caller(p_numbers, p_contact_center_id) k
                 where not k.live order by k.contact_id loop
        insert into erased_recording (switch_id, path)
        select c.switch_id, m.path from voice_message m join contact c using (contact_id) where c.contact_id = v_id
        on conflict do nothing;
        if found then v_recordings := v_recordings + 1; end if;
        perform erase_contact(v_id);
        v_contacts := v_contacts + 1;
    end loop;
    update contact_personal h
       set facts = (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(h.facts)
                     where value #>> '{}' is null or value #>> '{}' <> all(p_numbers)),
           customer = (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(h.customer)
                        where value #>> '{}' is null or value #>> '{}' <> all(p_numbers))
     where (p_contact_center_id is null or contact_center_id = p_contact_center_id)
       and exists (select from jsonb_each_text(h.facts || h.customer) fact where fact.value = any(p_numbers))
       and exists (select from contact c where c.contact_id = h.contact_id and c.ended_at is not null);
    get diagnostics v_facts = row_count;
    update proxy_call set way = way || '{"number": ""}'
     where ended_at is not null and way ->> 'number' = any(p_numbers)
       and (p_contact_center_id is null or contact_center_id = p_contact_center_id);
    get diagnostics v_sent = row_count;
    delete from customer where value = any(p_numbers)
       and (p_contact_center_id is null or contact_center_id = p_contact_center_id);
    get diagnostics v_customers = row_count;
    delete from agent_command k where data ->> 'name' = any(p_numbers)
       and (p_contact_center_id is null
            or exists (select from reservation r where r.agent_id = k.agent_id and r.contact_center_id = p_contact_center_id
                          and k.requested_at between r.reserved_at and coalesce(r.ended_at, 'infinity')));
    get diagnostics v_commands = row_count;
    v_done := jsonb_build_object('contacts', v_contacts, 'recordings', v_recordings, 'customers', v_customers,
                                 'commands', v_commands, 'facts', v_facts, 'sent', v_sent);
    insert into system_event (kind, data)
    values ('erased', v_done || jsonb_build_object('request', p_request, 'by', p_by,
                                                   'contact_center_id', p_contact_center_id));
    return v_done;
end $$;
