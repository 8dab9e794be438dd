-- What the leading process publishes of the whole center (docs/metrics.md): numbers, and names that operators gave.

-- name: metrics_calls repeatable
select q.contact_center_id, q.queue, s.state, count(p.proxy_call_id) as calls,
       coalesce(extract(epoch from clock_timestamp() - min(p.arrived_at)), 0)::float8 as oldest
  from (select contact_center_id, queue from queue order by 1, 2 limit %(most)s) q
 cross join unnest(array['requested', 'queued', 'callback', 'offered', 'ready', 'bridged']) as s(state)
  left join proxy_call p on p.contact_center_id = q.contact_center_id and p.queue = q.queue and p.state = s.state
       and p.ended_at is null and p.switch_id > ''
 group by 1, 2, 3 order by 1, 2, 3;

-- name: metrics_agents repeatable
select site_id, status, state, count(*) as agents from agent_state group by 1, 2, 3 order by 1, 2, 3 limit %(most)s;

-- name: metrics_service_levels repeatable
-- Of the last quarter of an hour, over all switches.
select split_part(q.queue, '/', 1) as contact_center_id, split_part(q.queue, '/', 2) as queue,
       sum((w.c ->> 'in_time')::float8)
           / nullif(sum((w.c ->> 'answered')::float8 + (w.c ->> 'abandoned')::float8
                        - (w.c ->> 'abandoned_early')::float8), 0) as service_level
  from site_queue q
 cross join lateral (select q.windows -> '900' as c) w
 where q.source = 'fsroute' and w.c is not null
 group by 1, 2 order by 1, 2 limit %(most)s;

-- name: metrics_sites repeatable
select a.switch_id, a.site_id, a.link = 'up' as link_up,
       extract(epoch from clock_timestamp() - a.reported_at)::float8 as age,
       coalesce(q.waiting, 0) as waiting, coalesce(q.talking, 0) as talking
  from site_activity a
  left join site_queue q on q.switch_id = a.switch_id and q.source = 'site' and q.medium = 'voice'
 order by 1 limit %(most)s;

-- name: metrics_ledger
-- What has been committed in the ledger since a transaction: each event once. Ids are not in the order of commits, but
-- what was written before the oldest transaction that is still under way is complete. `joined` is when the talk began
-- that an event ends, if a network leg was in it. Who has not read for a quarter of an hour begins anew.
with reach as materialized (select pg_snapshot_xmin(pg_current_snapshot()) as upto)
select (select upto from reach)::text as upto, n.*
  from reach
  left join lateral (
        select e.contact_center_id, coalesce(p.queue, '') as queue, e.kind, e.data ->> 'outcome' as outcome,
               count(*) as events,
               array_agg(extract(epoch from e.at - p.requested_at)::float8)
                   filter (where e.kind = 'joined' and p.requested_at is not null) as waits,
               coalesce(sum(extract(epoch from e.at - t.joined)), 0)::float8 as network_leg
          from contact_event e
          left join proxy_call p on p.proxy_call_id = e.proxy_call_id
          left join lateral (
                select case when j.kind = 'joined' and j.data ->> 'network_leg' = 'joined' then j.at end as joined
                  from contact_event j
                 where e.kind = any(%(leg_ends)s) and j.contact_id = e.contact_id and j.event_id < e.event_id
                   and (j.kind = 'joined' or j.kind = any(%(leg_ends)s))
                 order by j.event_id desc limit 1) t on true
         where e.at > clock_timestamp() - interval '15 minutes'
           and e.written_by >= %(since)s::text::xid8 and e.written_by < reach.upto
           and e.kind in ('requested', 'agent_reserved', 'agent_failed', 'network_leg_failed', 'joined', 'closed',
                          'agent_left', 'conversation_over', 'conversation_lost', 'caller_gone', 'switch_died')
         group by 1, 2, 3, 4) n on true;

-- name: metrics_reach repeatable
select pg_snapshot_xmin(pg_current_snapshot())::text as upto;
