-- name: ask_agent
select ask_agent(%(agent_id)s, %(kind)s, %(data)s);

-- name: agent_command_result
select result from agent_command where command_id = %(command_id)s;

-- name: take_agent_command
-- By whoever drives the switch, once.
update agent_command set taken_at = clock_timestamp()
 where command_id = %(command_id)s and switch_id = %(switch_id)s and taken_at is null
returning command_id, agent_id, kind, data;

-- name: waiting_agent_commands
select command_id from agent_command
 where switch_id = %(switch_id)s and taken_at is null
   and requested_at > clock_timestamp() - make_interval(secs => %(age)s)
 order by command_id;

-- name: finish_agent_command
update agent_command set done_at = clock_timestamp(), result = %(result)s
 where command_id = %(command_id)s and done_at is null;

-- name: transfer_agent
-- Whom agents call `name`, by the agent's id or extension, and whether that agent may take such a contact now.
select a.agent_id, a.status,
       exists (select from agent_authorization u
                where u.agent_id = a.agent_id and u.contact_center_id = %(contact_center_id)s
                  and u.medium = %(medium)s and u.valid_from <= clock_timestamp()
                  and (u.valid_until is null or u.valid_until > clock_timestamp())) as authorized
  from agent a
 where a.agent_id = %(name)s or a.extension = %(name)s
 order by a.agent_id = %(name)s desc limit 1;

-- name: transfer_queue
-- The routing of the contact center's queue that agents call `name`, by its name or extension.
select queue_routing(q.contact_center_id, q.queue)
  from queue q
 where q.contact_center_id = %(contact_center_id)s and (q.queue = %(name)s or q.extension = %(name)s)
 order by q.queue = %(name)s desc limit 1;

-- name: open_consultation
select open_consultation(%(agent_leg_uuid)s, %(contact_id)s, %(channel_uuid)s, %(core_uuid)s, %(routing)s, %(data)s);

-- name: route_consultation
select * from route_proxy_call(%(contact_id)s, %(routing)s);

-- name: consultation_of
select contact_id::text from contact where parent_contact_id = %(contact_id)s and ended_at is null;

-- name: complete_consultation
select * from complete_consultation(%(agent_leg_uuid)s, %(data)s);
