-- Calls that are routed before the answer.

-- name: doors repeatable
select site_id, contact_center_id, switch_id, address, agent_address from site_door order by site_id, contact_center_id;

-- name: site_capacities repeatable
select site_id, capacity from site where capacity is not null;

-- name: switches_seen repeatable
-- A switch's last sign of life, by the database's clock; the CTI processor's counts for more than fsroute's own, where
-- there is one: it stands still when the switch cannot be reached.
select s.switch_id, s.site_id, s.link_address, extract(epoch from s.seen_at)::float8 as seen_at
  from switch s order by s.switch_id;

-- name: take_agent
select take_agent(%(switch_id)s, %(agent)s, %(idle_since)s, %(seconds)s);

-- name: untake_agent
delete from agent_taken where switch_id = %(switch_id)s and agent = %(agent)s;

-- name: agents_taken repeatable
select switch_id, agent, extract(epoch from taken_at)::float8 as taken_at,
       extract(epoch from taken_until)::float8 as taken_until
  from agent_taken where taken_until > clock_timestamp();

-- name: forget_agents_taken
delete from agent_taken where taken_until < clock_timestamp() - interval '1 hour';

-- name: direct_call
-- With the proxy call, where an agent of fsroute's was reserved, as it is now.
select d.*, c.lost, c.proxy_call_id as directed_call_id, c.calls, c.capacity, c.sent, c.credits
  from direct_call(%(contact)s, %(caller)s, %(arrived)s, %(decided)s, %(reserve)s, %(take)s, %(place)s, %(share)s) c
  left join lateral proxy_call_now(c.proxy_call_id) d on c.proxy_call_id is not null;

-- name: rule_credits repeatable
select credits from rule_shares where contact_center_id = %(contact_center_id)s and rule = %(rule)s;

-- name: forget_rule_shares
-- Of rules that have routed nothing for so long that nobody remembers what was due.
delete from rule_shares where changed_at < clock_timestamp() - interval '7 days';

-- name: queue_directed
select * from queue_directed(%(contact_id)s);

-- name: decision_of_contact repeatable
select at, data from contact_event where contact_id = %(contact_id)s and kind = 'decided' order by event_id;

-- name: overdue_direct_calls repeatable
-- Redirected, and not come to the agent in time; not taken there, and no peer has asked for the next destination within
-- `again` seconds: nobody is there any more. Also what a process has left that died between two statements.
select k.contact_id::text, p.state
  from contact k
  left join direct_call d using (contact_id)
  left join proxy_call p on p.contact_id = k.contact_id and p.ended_at is null
 where k.ended_at is null and k.switch_id > '' and k.channel_uuid = ''
   and ((d.expires_at <= clock_timestamp() and p.state in ('offered', 'ready')
         and p.network_leg not in ('present', 'joined'))
        or (p.state in ('requested', 'queued', 'callback')
            and coalesce(p.held_until - make_interval(secs => p.directed_for), '-infinity')
                + make_interval(secs => %(again)s) <= clock_timestamp())
        or (p.state is null and k.arrived_at < clock_timestamp() - interval '1 minute'));

-- name: forget_direct_calls
delete from direct_call d using contact k where k.contact_id = d.contact_id and k.ended_at is not null;

-- name: agents_concerned repeatable
-- Agents by name, and those who have or had a reservation for one of these proxy calls: as they are now.
select d.* from agent_detail d
 where d.agent_id = any(array(
        select unnest(%(agent_ids)s::text[])
        union
        select r.agent_id from proxy_call p join reservation r on r.contact_id = p.contact_id
         where p.proxy_call_id = any(%(proxy_call_ids)s::bigint[])));
