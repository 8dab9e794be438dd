-- name: request_proxy_call
select * from request_proxy_call(%(contact_id)s, %(queue)s);

-- name: route_proxy_call
select * from route_proxy_call(%(contact_id)s, %(routing)s);

-- name: proxy_call
select * from proxy_call_detail where proxy_call_id = %(proxy_call_id)s;

-- name: proxy_call_of_agent_leg
select * from proxy_call_detail where proxy_call_id =
    (select proxy_call_id from reservation where agent_leg_uuid = %(agent_leg_uuid)s and ended_at is null);

-- name: proxy_calls repeatable
select * from proxy_call_detail where proxy_call_id = any(%(proxy_call_ids)s::bigint[]);

-- name: live_proxy_call_versions repeatable
select proxy_call_id, version from proxy_call
 where ended_at is null and switch_id > '';

-- name: latest_proxy_call
select * from proxy_call_detail where proxy_call_id =
    (select proxy_call_id from proxy_call where contact_id = %(contact_id)s order by proxy_call_id desc limit 1);

-- name: live_proxy_calls
select * from proxy_call_detail
 where ended_at is null and switch_id > ''
 order by proxy_call_id;

-- name: live_proxy_calls_of_caller_switch
select * from proxy_call_detail
 where ended_at is null and switch_id = %(switch_id)s and switch_id > '';

-- name: live_proxy_calls_of_agent_switch
select * from proxy_call_detail
 where ended_at is null and switch_id > ''
   and (agent_switch_id = %(switch_id)s or network_switch_id = %(switch_id)s);

-- name: live_proxy_calls_of_other_acds
select * from proxy_call_detail
 where ended_at is null and switch_id > '' and acd ->> 'switch_id' = %(switch_id)s;

-- name: move_proxy_call
-- `let_go` is the agent whom this has freed, for a coordinator in this process. What only notes something does not wait
-- for the disk: lost with the server, it would be noted once more.
select m.*, case when %(hand_over)s and m.agent_id is null then agent_let_go(m.contact_id, m.proxy_call_id) end as let_go,
       case when %(only_notes)s then set_config('synchronous_commit', 'off', true) end as only_notes
  from move_proxy_call(%(proxy_call_id)s, %(kind)s, %(from)s, %(to)s, %(agent_leg_from)s, %(agent_leg_to)s,
    %(network_leg_from)s, %(network_leg_to)s, %(agent_leg_uuid)s, %(network_leg_uuid)s, %(end_reservation)s,
    %(epoch)s, %(set)s, %(data)s) m;

-- name: reserve_agent
select * from reserve_agent(%(epoch)s, %(proxy_call_id)s, %(agent_id)s, %(agent_leg_uuid)s, %(data)s);

-- name: agent_left
-- Its commit does not wait for the disk: the agent's next reservation does, and is written after it. Were it lost with
-- the server, the acd would find the leg gone once more.
select l.*, case when %(hand_over)s and l.agent_id is null then agent_let_go(l.contact_id, l.proxy_call_id) end as let_go
  from set_config('synchronous_commit', 'off', true), agent_left(%(agent_leg_uuid)s, %(data)s) l;

-- name: agent_goes_on
-- agent_left and the reserve_agent of what the agent turns to, in one commit: all of it or, where the epoch is outdated,
-- nothing. Both proxy calls are locked before the agent is, as everywhere, in one order; what each step needs of the one
-- before says which comes first. Without a reservation the commit does not wait for the disk, as that of agent_left.
with locked as materialized (
    select count(*) as calls from (select from proxy_call where proxy_call_id in (%(leaving)s, %(proxy_call_id)s)
                                    order by proxy_call_id for update) as ours
), freed as materialized (
    select l.* from locked, lateral agent_left(case when locked.calls >= 0 then %(left_leg_uuid)s end, %(data)s) l
), reserved as materialized (
    select r.*
      from (select count(*) as rows from freed) as f, lateral reserve_agent(%(epoch)s,
           case when f.rows >= 0 then %(proxy_call_id)s end, %(agent_id)s, %(agent_leg_uuid)s, %(why)s) r
)
select f.*, alone.let_go, alone.durability
  from freed f
  left join (select not exists (select from reserved) as only_left) as after on true
  left join lateral (
      select case when f.agent_id is null then agent_let_go(f.contact_id, f.proxy_call_id) end as let_go,
             set_config('synchronous_commit', 'off', true) as durability
  ) as alone on after.only_left
union all
select r.*, null, null from reserved r;

-- name: last_reserved_switch
-- Where the agent is, or was, whom the proxy call was offered last.
select agent_switch_id from reservation where proxy_call_id = %(proxy_call_id)s order by reservation_id desc limit 1;

-- name: proxy_call_of_token
select proxy_call_id, network_leg_uuid, token_expires_at > clock_timestamp() as valid
  from proxy_call where token_digest = decode(%(token_digest)s, 'hex');

-- name: write_progress
update proxy_call p set position = n.position, expected_wait = n.expected_wait, expected_wait_basis = n.basis,
       expected_wait_error = n.error
  from set_config('synchronous_commit', 'off', true),
       unnest(%(proxy_call_ids)s::bigint[], %(positions)s::integer[], %(expected_waits)s::double precision[],
              %(bases)s::text[], %(errors)s::double precision[])
           as n (proxy_call_id, position, expected_wait, basis, error)
 where p.proxy_call_id = n.proxy_call_id and p.state in ('queued', 'callback')
returning p.proxy_call_id, p.switch_id;

-- name: callback_of_caller
-- The place that somebody of this number keeps in the queue, while not on the line.
select d.* from contact_personal h
  join proxy_call p on p.contact_id = h.contact_id
       and p.state in ('callback', 'offered', 'ready') and p.caller_leg <> 'present'
  join contact c on c.contact_id = h.contact_id and c.ended_at is null
  join proxy_call_detail d on d.proxy_call_id = p.proxy_call_id
 where h.contact_center_id = %(contact_center_id)s and h.caller_number = %(caller_number)s
   and p.switch_id = %(switch_id)s and p.queue = %(queue)s and c.application = %(application)s
 order by p.arrived_at limit 1;
