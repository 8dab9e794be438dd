-- What `fsroute simulate` learns from the database.

-- name: simulation_first_event
-- The sum keeps the planner from walking the ledger from its beginning; the index by time is a small one.
select min(event_id + 0) as event_id from contact_event where at >= %(since)s::timestamptz;

-- name: simulation_events
-- Nothing is learned from contacts that an ACD of another make serves: their agents are not known here.
select event_id, extract(epoch from at)::float8 as at, contact_center_id, proxy_call_id, kind,
       case when coalesce(data -> 'acd', 'null') = 'null' then data ->> 'queue' end as queue,
       data ->> 'rule' as rule, data ->> 'treatment' as treatment
  from contact_event
 where event_id > %(after)s and at >= %(since)s and proxy_call_id is not null
   and kind in ('requested', 'agent_reserved', 'agent_failed', 'not_taken', 'joined', 'agent_left', 'conversation_over',
                'conversation_lost', 'caller_gone', 'switch_died', 'limit_passed', 'nobody_may_serve', 'center_closed',
                'time_line_step', 'callback_chosen', 'callback_given_up', 'transferred', 'transferred_out')
 order by event_id limit %(limit)s;
