-- What `fsroute simulate` learns from the database.

-- name: simulation_queues
select q.contact_center_id, q.queue, q.medium, q.priority, q.strategy, q.lead, q.hold_music, q.offer_timeout,
       q.network_leg_timeout, q.network_leg_tries, q.longest_wait, q.refuse_when,
       coalesce((select jsonb_agg(jsonb_build_array(skill, level) order by skill) from queue_skill k
                  where k.contact_center_id = q.contact_center_id and k.queue = q.queue), '[]') as skills
  from queue q
 order by q.contact_center_id, q.queue;

-- name: simulation_first_event
-- The sum keeps the planner from walking the ledger from its beginning; the index by time is a small one.
select min(event_id + 0) as event_id from contact_event where at >= %(since)s::timestamptz;

-- name: simulation_events
select event_id, extract(epoch from at)::float8 as at, contact_center_id, proxy_call_id, kind, data ->> 'queue' as queue
  from contact_event
 where event_id > %(after)s and at >= %(since)s and proxy_call_id is not null
   and kind in ('requested', 'agent_reserved', 'agent_failed', 'joined', 'agent_left', 'conversation_over',
                'conversation_lost', 'caller_gone', 'switch_died', 'limit_passed', 'nobody_may_serve')
 order by event_id limit %(limit)s;
