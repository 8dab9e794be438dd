-- What `fsroute top` and `fsroute status` show at this moment. No caller's number or name: who looks on sees a terminal
-- that others see, too.

-- name: top_calls
select p.proxy_call_id, p.contact_center_id, p.queue, p.medium, p.state, p.switch_id, w.site_id, p.position,
       r.agent_id, p.agent_leg, p.network_leg,
       extract(epoch from clock_timestamp() - p.arrived_at)::float8 as age,
       extract(epoch from clock_timestamp() - p.bridged_at)::float8 as talk,
       case when p.state in ('requested', 'queued', 'callback', 'offered', 'ready') then p.expected_wait end as expected
  from proxy_call p
  join switch w on w.switch_id = p.switch_id
  left join reservation r on r.proxy_call_id = p.proxy_call_id and r.ended_at is null and r.slot > 0
 where p.ended_at is null and p.switch_id > ''
 order by p.arrived_at, p.proxy_call_id limit %(most)s;

-- name: top_totals
select count(*) filter (where state in ('requested', 'queued', 'callback')) as waiting,
       count(*) filter (where state in ('offered', 'ready')) as offered,
       count(*) filter (where state = 'bridged') as talking,
       (select count(*) from contact where ended_at is null and switch_id > '') as contacts
  from proxy_call where ended_at is null and switch_id > '';

-- name: top_agents
select agent_id, name, site_id, status, status_reason, state, contact_center_id,
       extract(epoch from clock_timestamp() - state_since)::float8 as since
  from agent_state order by agent_id limit %(most)s;

-- name: top_sites
select w.switch_id, w.site_id, coalesce(a.link, 'unknown') as link,
       extract(epoch from clock_timestamp() - w.seen_at)::float8 as seen,
       extract(epoch from clock_timestamp() - a.reported_at)::float8 as age,
       q.waiting, q.talking
  from switch w
  left join site_activity a using (switch_id)
  left join site_queue q on q.switch_id = w.switch_id and q.source = 'site' and q.medium = 'voice'
 order by w.switch_id limit %(most)s;

-- name: top_rates
-- Of the last minute.
select count(*) filter (where kind = 'arrived') as arrived,
       count(*) filter (where kind = 'agent_reserved') as reserved,
       count(*) filter (where kind = 'joined') as joined,
       count(*) filter (where kind = 'caller_gone' and state = 'abandoned') as abandoned
  from contact_event where at > clock_timestamp() - interval '1 minute';

-- name: status_server
select current_setting('server_version') as postgresql, pg_database_size(current_database()) as size,
       (select max(version) from schema_version) as schema_version,
       (select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend')
           as connections;

-- name: status_processes
-- Those that run name themselves and their version on the connection that hears signals.
select (regexp_match(application_name, '^fsroute (.*) signals ([^ ]+)$'))[1] as switch_id,
       (regexp_match(application_name, '^fsroute (.*) signals ([^ ]+)$'))[2] as version,
       coalesce(host(client_addr), 'local') as host,
       extract(epoch from clock_timestamp() - backend_start)::float8 as connected
  from pg_stat_activity
 where datname = current_database() and application_name ~ '^fsroute .* signals [^ ]+$'
   and application_name !~ '^fsroute command '
 order by 1, 3, 4;
