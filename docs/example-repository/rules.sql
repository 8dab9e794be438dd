-- Who gets which call at Acme. Checked, tried and loaded with:
--   fsroute rules check rules.sql      pytest      fsroute rules load rules.sql
set search_path = fsroute;

insert into contact_center (contact_center_id, name, time_zone) values ('acme', 'Acme Mail Order', 'America/New_York')
on conflict (contact_center_id) do update set name = excluded.name, time_zone = excluded.time_zone;

insert into number_called (number, contact_center_id, application) values ('8005550100', 'acme', 'shop')
on conflict (number) do update set contact_center_id = excluded.contact_center_id, application = excluded.application;

insert into queue (contact_center_id, queue, longest_wait) values ('acme', 'support', 600)
on conflict (contact_center_id, queue) do update set longest_wait = excluded.longest_wait;

delete from queue_skill where contact_center_id = 'acme';
insert into queue_skill (contact_center_id, queue, skill, level) values ('acme', 'support', 'orders', 1);

insert into calendar (contact_center_id, calendar) values ('acme', 'holidays');
insert into opening_hours (contact_center_id, calendar, weekday, opens, closes)
    select 'acme', 'holidays', weekday, time '00:00', time '24:00' from generate_series(1, 7) as weekday;
insert into holiday (contact_center_id, calendar, day, name) values ('acme', 'holidays', '2026-12-25', 'Christmas');

insert into routing_rule (contact_center_id, rule, ordinal, note, if_calendar, if_open, action, prompt) values
    ('acme', 'holiday', 10, 'Nobody is there.', 'holidays', false, 'announce', 'closed');
insert into routing_rule (contact_center_id, rule, ordinal, note, queue, priority) values
    ('acme', 'express', 20, 'Express orders begin with 9: they go first, to people who know how.', 'support', 5),
    ('acme', 'everybody', 30, 'Everybody else.', 'support', 0);

insert into routing_rule_fact (contact_center_id, rule, fact, pattern) values ('acme', 'express', 'order', '9.*');
insert into routing_rule_skill (contact_center_id, rule, skill, level) values ('acme', 'express', 'orders', 2);
