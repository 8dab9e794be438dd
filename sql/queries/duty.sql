-- What agents declare, do and say, and by which telephone they are known. The rules are functions (schema.sql).

-- name: agent_states
select s.*, a.address,
       coalesce((select jsonb_object_agg(skill, level) from agent_skill k where k.agent_id = s.agent_id), '{}') as skills
  from agent_state s join agent a using (agent_id)
 where %(agent_id)s::text is null or s.agent_id = %(agent_id)s
 order by s.agent_id;

-- name: agent_log_on
select agent_id from agent_log_on(%(agent_id)s, %(address)s, %(switch_id)s);

-- name: agent_stand
select agent_id from agent_stand(%(agent_id)s, %(switch_id)s, %(channel_uuid)s);

-- name: agent_log_off
select agent_id from agent_log_off(%(agent_id)s, %(reason)s);

-- name: agent_break
select agent_id from agent_break(%(agent_id)s, %(reason)s);

-- name: agent_ready
select agent_id from agent_ready(%(agent_id)s);

-- name: agent_end_wrap_up
select agent_id from agent_end_wrap_up(%(agent_id)s);

-- name: agent_extend_wrap_up
select agent_id from agent_extend_wrap_up(%(agent_id)s, %(seconds)s);

-- name: agent_outcome
select contact_id, contact_center_id, code, meaning from agent_outcome(%(agent_id)s, %(code)s, %(note)s);

-- name: break_reason
select reason from break_reason where digits = %(digits)s;

-- name: agent_set_pin
select agent_set_pin(%(agent_id)s, %(pin_hash)s);

-- name: agent_pin_attempt
select pin_hash, locked from agent_pin_attempt(%(agent_id)s);

-- name: agent_pin_checked
select agent_pin_checked(%(agent_id)s, %(right)s);

-- name: pin_attempt_begins
select pin_attempt_begins(%(switch_id)s, %(source)s);

-- name: pin_attempt_over
select pin_attempt_over(%(attempt_id)s, %(right)s);

-- name: agent_of_extension
select agent_id, own_phone from agent where extension = %(extension)s;

-- name: agents_of_phone
-- Whose the phone is that registered as user@domain with this switch: by the agent's address, or the extension.
select agent_id, own_phone from agent
 where switch_id = %(switch_id)s
   and (extension = %(username)s
        or regexp_replace(address, '^(user/|sip:|sofia/[^/]+/)', '')
           in (%(username)s || '@' || %(domain)s, %(username)s || '%%' || %(domain)s)
        or address = 'user/' || %(username)s)
 order by agent_id;
