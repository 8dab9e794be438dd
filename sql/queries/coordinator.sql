-- name: recent_handling
-- Handling times of the last conversations, by what was asked for.
select p.contact_center_id, p.medium, p.skills, p.sites, p.teams, p.only_agent_id,
       avg(extract(epoch from r.ended_at - r.reserved_at))::float8 as mean, count(*)::integer as count,
       avg(extract(epoch from r.ended_at - r.reserved_at) ^ 2)::float8 as square
  from (select proxy_call_id, reserved_at, ended_at, end_reason from reservation
         order by reservation_id desc limit 2000) as r
  join proxy_call p using (proxy_call_id)
 where r.end_reason in ('wrap_up', 'conversation_lost') and r.ended_at > clock_timestamp() - interval '2 hours'
 group by 1, 2, 3, 4, 5, 6;
