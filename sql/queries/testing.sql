-- What a test of an operator asks about a call, and what it prepares.

-- name: testing_contact
-- The contact of a channel, with its last proxy call and the last agent who was reserved for it.
select c.contact_id::text as contact_id, c.contact_center_id, c.application, c.outcome, c.rule, c.rules_version,
       p.facts, p.language, q.state, q.queue, q.priority, q.skills, q.sites, q.teams, q.strategy,
       (select e.data from contact_event e where e.contact_id = c.contact_id and e.kind = 'not_queued'
         order by e.event_id desc limit 1) as sent_away,
       (select r.agent_id from reservation r where r.contact_id = c.contact_id order by r.reservation_id desc limit 1)
           as agent_id
  from contact c
  left join contact_personal p using (contact_id)
  left join lateral (select * from proxy_call x where x.contact_id = c.contact_id order by x.proxy_call_id desc limit 1) q
         on true
 where c.channel_uuid = %(channel_uuid)s
 order by c.arrived_at desc limit 1;

-- name: testing_seat
-- The agent sits at the stand-in, however the row said.
update agent set site_id = %(site_id)s, switch_id = %(switch_id)s, address = %(address)s, accept_key = null
 where agent_id = %(agent_id)s
returning name;

-- name: testing_create_database
create database {name} template {template} strategy file_copy;

-- name: testing_drop_database
drop database if exists {name} with (force);
