-- What operators enter by command: centers, sites, switches, queues, numbers, agents. What is not given stays as it is.
-- Each of the first answers whether the row is new; no row: it was there with the same in it.

-- name: add_contact_center repeatable
insert into contact_center as known (contact_center_id, name, time_zone)
values (%(contact_center_id)s, coalesce(%(name)s::text, %(contact_center_id)s), coalesce(%(time_zone)s::text, 'UTC'))
on conflict (contact_center_id) do update
   set name = coalesce(%(name)s::text, known.name), time_zone = coalesce(%(time_zone)s::text, known.time_zone)
 where (known.name, known.time_zone)
       is distinct from (coalesce(%(name)s::text, known.name), coalesce(%(time_zone)s::text, known.time_zone))
returning known.xmax = 0 as is_new;

-- name: add_site repeatable
insert into site as known (site_id, name, capacity)
values (%(site_id)s, coalesce(%(name)s::text, %(site_id)s), %(capacity)s)
on conflict (site_id) do update
   set name = coalesce(%(name)s::text, known.name), capacity = coalesce(%(capacity)s, known.capacity)
 where (known.name, known.capacity)
       is distinct from (coalesce(%(name)s::text, known.name), coalesce(%(capacity)s, known.capacity))
returning known.xmax = 0 as is_new;

-- name: add_switch repeatable
insert into switch as known (switch_id, site_id, link_address)
values (%(switch_id)s, %(site_id)s, %(link_address)s)
on conflict (switch_id) do update set site_id = excluded.site_id, link_address = excluded.link_address
 where (known.site_id, known.link_address) is distinct from (excluded.site_id, excluded.link_address)
returning known.xmax = 0 as is_new;

-- name: add_queue repeatable
insert into queue as known (contact_center_id, queue, priority, strategy, hold_music, longest_wait, refuse_when, extension)
values (%(contact_center_id)s, %(queue)s, coalesce(%(priority)s, 0), coalesce(%(strategy)s::text, 'longest_idle'),
        coalesce(%(hold_music)s::text, 'local_stream://fsroute'), %(longest_wait)s,
        coalesce(%(refuse_when)s::text, 'no_agent_authorized'), %(extension)s)
on conflict (contact_center_id, queue) do update
   set priority = coalesce(%(priority)s, known.priority), strategy = coalesce(%(strategy)s::text, known.strategy),
       hold_music = coalesce(%(hold_music)s::text, known.hold_music),
       longest_wait = coalesce(%(longest_wait)s, known.longest_wait),
       refuse_when = coalesce(%(refuse_when)s::text, known.refuse_when),
       extension = coalesce(%(extension)s::text, known.extension)
 where (known.priority, known.strategy, known.hold_music, known.longest_wait, known.refuse_when, known.extension)
       is distinct from
       (coalesce(%(priority)s, known.priority), coalesce(%(strategy)s::text, known.strategy),
        coalesce(%(hold_music)s::text, known.hold_music), coalesce(%(longest_wait)s, known.longest_wait),
        coalesce(%(refuse_when)s::text, known.refuse_when), coalesce(%(extension)s::text, known.extension))
returning known.xmax = 0 as is_new;

-- name: add_queue_skill repeatable
insert into queue_skill as known (contact_center_id, queue, skill, level)
values (%(contact_center_id)s, %(queue)s, %(skill)s, %(level)s)
on conflict (contact_center_id, queue, skill) do update set level = excluded.level where known.level <> excluded.level;

-- name: drop_queue_skill repeatable
delete from queue_skill where contact_center_id = %(contact_center_id)s and queue = %(queue)s and skill = %(skill)s;

-- name: add_number repeatable
insert into number_called as known (number, contact_center_id, application)
values (%(number)s, %(contact_center_id)s, %(application)s)
on conflict (number) do update
   set contact_center_id = excluded.contact_center_id, application = excluded.application
 where (known.contact_center_id, known.application) is distinct from (excluded.contact_center_id, excluded.application)
returning known.xmax = 0 as is_new;

-- name: drop_number repeatable
delete from number_called where number = %(number)s;

-- name: add_agent repeatable
insert into agent as known (agent_id, name, site_id, switch_id, address, extension, team, wrap_up, set_aside, accept_key,
                            leg, own_phone, hot_desk)
values (%(agent_id)s, coalesce(%(name)s::text, %(agent_id)s), %(site_id)s, %(switch_id)s, %(address)s, %(extension)s,
        %(team)s, coalesce(%(wrap_up)s, 0), coalesce(%(set_aside)s, 30), %(accept_key)s,
        coalesce(%(leg)s::text, 'dialled'), coalesce(%(own_phone)s, false), coalesce(%(hot_desk)s, false))
on conflict (agent_id) do update
   set name = coalesce(%(name)s::text, known.name), site_id = excluded.site_id, switch_id = excluded.switch_id,
       address = excluded.address, extension = coalesce(%(extension)s::text, known.extension),
       team = coalesce(%(team)s::text, known.team), wrap_up = coalesce(%(wrap_up)s, known.wrap_up),
       set_aside = coalesce(%(set_aside)s, known.set_aside),
       accept_key = coalesce(%(accept_key)s::text, known.accept_key), leg = coalesce(%(leg)s::text, known.leg),
       own_phone = coalesce(%(own_phone)s, known.own_phone), hot_desk = coalesce(%(hot_desk)s, known.hot_desk)
 where (known.name, known.site_id, known.switch_id, known.address, known.extension, known.team, known.wrap_up,
        known.set_aside, known.accept_key, known.leg, known.own_phone, known.hot_desk)
       is distinct from
       (coalesce(%(name)s::text, known.name), excluded.site_id, excluded.switch_id, excluded.address,
        coalesce(%(extension)s::text, known.extension), coalesce(%(team)s::text, known.team),
        coalesce(%(wrap_up)s, known.wrap_up), coalesce(%(set_aside)s, known.set_aside),
        coalesce(%(accept_key)s::text, known.accept_key), coalesce(%(leg)s::text, known.leg),
        coalesce(%(own_phone)s, known.own_phone), coalesce(%(hot_desk)s, known.hot_desk))
returning known.xmax = 0 as is_new;

-- name: agent_place repeatable
-- Where an agent belongs, who may sit elsewhere today.
select coalesce(home_switch_id, switch_id) as switch_id, coalesce(home_address, address) as address
  from agent where agent_id = %(agent_id)s;

-- name: add_agent_skill repeatable
insert into agent_skill as known (agent_id, skill, level) values (%(agent_id)s, %(skill)s, %(level)s)
on conflict (agent_id, skill) do update set level = excluded.level where known.level <> excluded.level;

-- name: drop_agent_skill repeatable
delete from agent_skill where agent_id = %(agent_id)s and skill = %(skill)s;

-- name: authorize_agent repeatable
-- From now on and without an end, unless that is so already.
insert into agent_authorization (agent_id, contact_center_id, medium)
select %(agent_id)s, %(contact_center_id)s, %(medium)s
 where not exists (select from agent_authorization
                    where agent_id = %(agent_id)s and contact_center_id = %(contact_center_id)s
                      and medium = %(medium)s and valid_from <= now() and coalesce(valid_until, 'infinity') = 'infinity')
on conflict (agent_id, contact_center_id, medium, valid_from) do update set valid_until = null;

-- name: revoke_agent repeatable
delete from agent_authorization
 where agent_id = %(agent_id)s and contact_center_id = %(contact_center_id)s and medium = %(medium)s;

-- name: site_of_switch repeatable
select site_id from switch where switch_id = %(switch_id)s;

-- name: is_there repeatable
select case %(what)s
       when 'contact center' then exists (select from contact_center where contact_center_id = %(name)s)
       when 'site' then exists (select from site where site_id = %(name)s)
       when 'switch' then exists (select from switch where switch_id = %(name)s)
       when 'agent' then exists (select from agent where agent_id = %(name)s)
       else false end;

-- name: list_sites repeatable
select s.site_id, s.name, s.capacity, count(distinct w.switch_id) as switches, count(distinct a.agent_id) as agents
  from site s
  left join switch w on w.site_id = s.site_id
  left join agent a on a.site_id = s.site_id
 group by s.site_id
 order by s.site_id;

-- name: list_numbers repeatable
select n.number, n.contact_center_id, c.name, n.application
  from number_called n join contact_center c using (contact_center_id)
 order by n.contact_center_id, n.number;

-- name: list_queues repeatable
select q.contact_center_id, q.queue, q.priority, q.strategy, q.hold_music, q.longest_wait, q.refuse_when, q.extension,
       coalesce((select jsonb_object_agg(s.skill, s.level) from queue_skill s
                  where s.contact_center_id = q.contact_center_id and s.queue = q.queue), '{}') as skills
  from queue q
 order by q.contact_center_id, q.queue;
