-- name: number_called
select contact_center_id, application from number_called where number = %(number)s;

-- name: numbers_called repeatable
select number, contact_center_id, application from number_called order by number limit %(most)s;

-- name: is_number_called
-- Whether a telephone number is one that people call us by: the same digits, with or without what stands before them.
select exists (
    select from (select regexp_replace(number, '[^0-9]', '', 'g') as ours,
                        regexp_replace(%(number)s::text, '[^0-9]', '', 'g') as theirs from number_called) n
     where ours = theirs
        or (length(ours) >= 9 and length(theirs) >= 9 and (theirs like '%%' || ours or ours like '%%' || theirs)));

-- name: contact_centers_served
select contact_center_id, name from contact_center order by contact_center_id;

-- name: open_contact repeatable
select open_contact(
    jsonb_build_object('contact_id', %(contact_id)s::text, 'contact_center_id', %(contact_center_id)s::text,
        'medium', %(medium)s::text, 'switch_id', %(switch_id)s::text, 'channel_uuid', %(channel_uuid)s::text,
        'core_uuid', %(core_uuid)s::text, 'number_called', %(number_called)s::text,
        'application', %(application)s::text, 'arrived_at', %(arrived_at)s::timestamptz),
    jsonb_build_object('number', %(caller_number)s::text, 'name', %(caller_name)s::text, 'language', %(language)s::text,
        'facts', %(facts)s, 'customer', %(customer)s, 'network', %(network)s), %(data)s);

-- name: contact
select contact_id::text, contact_center_id, medium, switch_id, channel_uuid, core_uuid, number_called, application,
       arrived_at, ended_at, outcome
  from contact where contact_id = %(contact_id)s;

-- name: contact_of_channel
select contact_id::text from contact
 where channel_uuid = %(channel_uuid)s and channel_uuid > '' and switch_id = %(switch_id)s and ended_at is null;

-- name: learn_facts
-- The channel has them, too: nobody waits for the disk.
update contact_personal set facts = facts || %(facts)s, language = %(language)s
  from set_config('synchronous_commit', 'off', true)
 where contact_id = %(contact_id)s;

-- name: know_customer repeatable
-- It can be found again: nobody waits for the disk.
update contact_personal set customer = %(customer)s
  from set_config('synchronous_commit', 'off', true)
 where contact_id = %(contact_id)s;

-- name: log_contact
insert into contact_event (contact_id, contact_center_id, proxy_call_id, agent_id, kind, state, data)
select %(contact_id)s, contact_center_id, %(proxy_call_id)s, %(agent_id)s, %(kind)s, %(state)s, %(data)s
  from set_config('synchronous_commit', 'off', true), contact where contact_id = %(contact_id)s;

-- name: close_contact
-- With the proxy call that was live, if one was, as it is now.
select d.*, c.closed, c.proxy_call_id as closed_proxy_call_id, c.agent_id as closed_agent_id,
       case when %(hand_over)s and c.agent_id is not null
            then agent_let_go(%(contact_id)s::text, c.proxy_call_id) end as let_go
  from close_contact(%(contact_id)s, %(outcome)s, %(kind)s, %(from)s, %(to)s, %(data)s) c
  left join lateral proxy_call_now(c.proxy_call_id) d on c.proxy_call_id is not null;

-- name: live_contacts_of_switch
-- Those with a caller on the line: who asked to be called back has no channel, who was redirected has it elsewhere.
select k.contact_id::text, k.channel_uuid, k.core_uuid, k.parent_contact_id is not null as is_consultation
  from contact k
 where k.switch_id = %(switch_id)s and k.switch_id > '' and k.ended_at is null and k.channel_uuid > ''
   and not exists (select from proxy_call p
                    where p.contact_id = k.contact_id and p.caller_leg <> 'present'
                      and p.ended_at is null);

-- name: send_contact_away
with sent as (
    update contact set rule = %(rule)s, rules_version = %(rules_version)s where contact_id = %(contact_id)s
    returning contact_id, contact_center_id
)
insert into contact_event (contact_id, contact_center_id, kind, data)
select contact_id, contact_center_id, 'not_queued',
       jsonb_strip_nulls(jsonb_build_object('rule', %(rule)s::text, 'rules_version', %(rules_version)s::bigint,
                                            'way', %(way)s::text, 'reason', %(reason)s::text))
  from sent;

-- name: caller_of_contact
select h.caller_number as number, h.caller_name as name, c.number_called, c.arrived_at, c.medium, h.language,
       h.facts, h.customer, h.network
  from contact c join contact_personal h using (contact_id)
 where c.contact_id = %(contact_id)s;

-- name: keep_application_state
update contact_personal set application_state = %(state)s where contact_id = %(contact_id)s;

-- name: take_over_contact
update contact_personal h
   set caller_name = n.caller_name, language = n.language, facts = n.facts, customer = n.customer,
       network = n.network, application_state = n.application_state
  from contact_personal n
 where h.contact_id = %(contact_id)s and n.contact_id = %(called_again)s;

-- name: application_state
select application_state from contact_personal where contact_id = %(contact_id)s;

-- name: keep_voice_message
with before as (
    select path from voice_message where contact_id = %(contact_id)s
), kept as (
    insert into voice_message (contact_id, contact_center_id, path, duration_s)
    select contact_id, contact_center_id, %(path)s, %(duration_s)s from contact where contact_id = %(contact_id)s
    on conflict (contact_id) do update set path = excluded.path, duration_s = excluded.duration_s,
                                           left_at = excluded.left_at
    returning contact_id, contact_center_id, duration_s
), logged as (
    insert into contact_event (contact_id, contact_center_id, kind, data)
    select contact_id, contact_center_id, 'voice_message', jsonb_build_object('duration_s', duration_s) from kept
)
select path from before where path <> %(path)s;

-- name: erase_contact
select erase_contact(%(contact_id)s);

-- name: contact_events_after
select event_id, at, contact_id::text, contact_center_id, proxy_call_id, agent_id, kind, state, data
  from contact_event
 where event_id > %(event_id)s and written_by < pg_snapshot_xmin(pg_current_snapshot())
 order by event_id limit %(limit)s;
