-- What `fsroute status` shows.

-- name: status_queues
select q.contact_center_id, q.queue,
       count(*) filter (where p.state in ('requested', 'queued', 'callback')) as waiting,
       count(*) filter (where p.state in ('offered', 'ready')) as offered,
       count(*) filter (where p.state = 'bridged') as talking,
       extract(epoch from clock_timestamp() - min(p.arrived_at) filter (where p.state in ('requested', 'queued', 'callback')))
           as longest_wait
  from queue q
  left join proxy_call p on p.contact_center_id = q.contact_center_id and p.queue = q.queue
       and p.ended_at is null and p.switch_id > ''
 group by q.contact_center_id, q.queue
 order by q.contact_center_id, q.queue;

-- name: status_leases
select name, holder, epoch, expires_at > clock_timestamp() as valid from lease order by name;

-- name: members_of_queue repeatable
-- Who waits, or is being offered to an agent.
select count(*) from proxy_call
 where switch_id > '' and ended_at is null and contact_center_id = %(contact_center_id)s and queue = %(queue)s
   and state in ('requested', 'queued', 'callback', 'offered', 'ready');

-- name: reservation_ended repeatable
select end_reason from reservation where agent_leg_uuid = %(agent_leg_uuid)s;
