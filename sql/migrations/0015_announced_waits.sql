-- Expected waits are told to callers where their error band is inside the rule's limit.

set search_path = fsroute;

alter table rule_step
    add column every_s double precision, -- step announce_wait: between two announcements
    add column within double precision; -- step announce_wait: the error band that may be announced, as a part of the expected wait
alter table proxy_call
    add column expected_wait_error double precision; -- half the width of its 90 % band, as a part of it; means nothing without it

create or replace view proxy_call_detail as
select p.proxy_call_id, p.contact_id::text as contact_id, p.contact_center_id, c.name as contact_center_name,
       p.queue, p.medium, p.skills, p.priority, p.arrived_at, p.queued_at, p.switch_id, p.channel_uuid,
       coalesce(h.caller_number, '') as caller_number, coalesce(h.caller_name, '') as caller_name,
       p.state, p.agent_leg, p.network_leg, p.strategy, p.lead, p.hold_music, p.offer_timeout,
       p.network_leg_timeout, p.network_leg_tries, p.network_leg_failures, p.held_until,
       p.longest_wait, p.refuse_when, p.position, p.expected_wait,
       r.agent_id, a.name as agent_name, a.address as agent_address, r.agent_switch_id, r.agent_leg_uuid,
       a.accept_key, p.network_switch_id, s.link_address as network_address, p.network_leg_uuid,
       p.rendezvous_uuid, r.reserved_at, p.accepted_at, p.bridged_at, p.ended_at, p.version,
       p.rule, p.rules_version, p.sites, p.teams, p.only_agent_id, p.preferred_agent_id, p.longest_queue, p.time_line,
       p.time_line_done, p.caller_leg, p.callback, coalesce(h.callback_number, '') as callback_number,
       p.callback_failures, p.overflow, p.treatment, p.treatment_number, p.way, w.site_id as caller_site_id,
       p.expected_wait_basis, p.expected_wait_error
  from proxy_call p
  join contact_center c using (contact_center_id)
  left join contact_personal h on h.contact_id = p.contact_id
  left join reservation r on r.proxy_call_id = p.proxy_call_id and r.proxy_call_id > 0 and r.ended_at is null
  left join agent a on a.agent_id = r.agent_id
  left join switch s on s.switch_id = p.network_switch_id
  left join switch w on w.switch_id = p.switch_id;
