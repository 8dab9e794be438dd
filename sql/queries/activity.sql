-- Activity of sites: what CTI processors write, and what is read of it.

-- name: activity_heads repeatable
select switch_id, site_id, version, whole_version, core_uuid, link, given_up,
       extract(epoch from link_since)::float8 as link_since, extract(epoch from known_at)::float8 as known_at,
       extract(epoch from reported_at)::float8 as reported_at
  from site_activity order by switch_id;

-- name: activity_changes repeatable
-- What is newer than the versions that the reader knows; of a switch that it does not know, or knows too little of, all.
-- One statement: head and rows are of one moment. To `select` by: without fsroute's own agents, whose rows are at hand,
-- without numbers that were called, and without counts.
select h.switch_id, h.site_id, h.version, h.whole_version, h.core_uuid, h.link, h.given_up,
       extract(epoch from h.link_since)::float8 as link_since, extract(epoch from h.known_at)::float8 as known_at,
       extract(epoch from h.reported_at)::float8 as reported_at, k.since is null as whole,
       coalesce((select json_agg(json_build_array(
               a.source, a.agent, a.status, a.state, extract(epoch from a.state_since), extract(epoch from a.state_until),
               extract(epoch from a.idle_since), a.address, a.reachable, a.skills, a.queues))
           from site_agent a where a.switch_id = h.switch_id and a.version > coalesce(k.since, 0)
             and not (%(select)s::boolean and a.source = 'fsroute')), '[]') as agents,
       coalesce((select json_agg(json_build_array(
               q.source, q.queue, q.medium, q.waiting, q.talking, extract(epoch from q.oldest_at), q.agents, q.idle,
               q.expected_wait, q.handling, q.service_level, q.threshold,
               case when %(select)s::boolean then '{}' else q.windows end))
           from site_queue q where q.switch_id = h.switch_id and q.version > coalesce(k.since, 0)
             and not (%(select)s::boolean and q.source = 'number')), '[]') as queues
  from site_activity h
 cross join lateral (select case when (%(known)s::jsonb ->> h.switch_id)::bigint >= h.whole_version
                                 then (%(known)s::jsonb ->> h.switch_id)::bigint end as since) k
 where (%(switch_ids)s::text[] is null or h.switch_id = any(%(switch_ids)s))
   and (k.since is null or h.version > k.since)
 order by h.switch_id;

-- name: begin_activity
select begin_activity(%(switch_id)s, %(epoch)s);

-- name: write_activity
select write_activity(%(switch_id)s, %(epoch)s, %(sequence)s, %(news)s::jsonb);

-- name: activity_calls repeatable
select source, queue, medium, call_id, state, picked_up, extract(epoch from entered_at)::float8 as entered_at,
       extract(epoch from answered_at)::float8 as answered_at, agent
  from site_call where switch_id = %(switch_id)s;

-- name: activity_intervals repeatable
select source, queue, medium, extract(epoch from begins_at)::float8 as begins_at, offered, answered, abandoned,
       abandoned_early, automatic, in_time, wait_s, longest_wait_s, handled, handling_s
  from activity_interval
 where switch_id = %(switch_id)s and begins_at >= to_timestamp(%(since)s);

-- name: activity_marks repeatable
select marks, core_uuid, extract(epoch from clock_timestamp() - reported_at)::float8 as age
  from site_activity where switch_id = %(switch_id)s;

-- name: activity_windows repeatable
select source, queue, medium, windows from site_queue where switch_id = %(switch_id)s;

-- name: own_activity repeatable
-- fsroute's agents of a switch, with the queues that each may serve by training, authorization, site and team.
select s.agent_id, s.status, s.state, a.address, extract(epoch from s.state_since)::float8 as state_since,
       extract(epoch from s.state_until)::float8 as state_until, extract(epoch from a.idle_since)::float8 as idle_since,
       coalesce((select jsonb_object_agg(skill, level) from agent_skill k where k.agent_id = a.agent_id), '{}') as skills,
       coalesce((select jsonb_object_agg(q.contact_center_id || '/' || q.queue, 1)
           from agent_authorization u
           join queue q on q.contact_center_id = u.contact_center_id and q.medium = u.medium
          where u.agent_id = a.agent_id
            and clock_timestamp() between u.valid_from and coalesce(u.valid_until, 'infinity')
            and (q.sites = '{}' or a.site_id = any(q.sites)) and (q.teams = '{}' or a.team = any(q.teams))
            and not exists (select 1 from queue_skill w
                             where w.contact_center_id = q.contact_center_id and w.queue = q.queue
                               and not exists (select 1 from agent_skill k where k.agent_id = a.agent_id
                                                  and k.skill = w.skill and k.level >= w.level))), '{}') as queues
  from agent a
  join agent_state s using (agent_id)
 where a.switch_id = %(switch_id)s and (%(agent_ids)s::text[] is null or a.agent_id = any(%(agent_ids)s))
 order by a.agent_id;

-- name: own_states repeatable
-- What of them changes with every contact.
select s.agent_id, s.status, s.state, a.address, extract(epoch from s.state_since)::float8 as state_since,
       extract(epoch from s.state_until)::float8 as state_until, extract(epoch from a.idle_since)::float8 as idle_since
  from agent a
  join agent_state s using (agent_id)
 where a.agent_id = any(%(agent_ids)s) and a.switch_id = %(switch_id)s
 order by a.agent_id;

-- name: proxy_calls_unseen repeatable
-- Of callers of a switch, newer than what was counted, and over.
select * from proxy_call_detail
 where proxy_call_id > %(newest)s and switch_id = %(switch_id)s and ended_at is not null
 order by proxy_call_id limit 10000;

-- name: newest_proxy_call repeatable
select coalesce(max(proxy_call_id), 0) as newest from proxy_call;

-- name: roll_up_activity
select roll_up_activity(%(switch_id)s, %(interval_days)s, %(days)s);
