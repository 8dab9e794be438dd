-- Routing rules of three contact centers in three time zones. Load them with: fsroute rules load three_centers.sql
--
-- A file holds the rules as they shall be: the rule tables are empty when it begins. Contact centers, numbers and
-- queues are not emptied; they are brought to what is written here. docs/rules.md explains every column.

set search_path = fsroute;

-- Contact centers, their numbers and queues --------------------------------------------------------------

insert into contact_center (contact_center_id, name, time_zone) values
    ('alpina', 'Alpina Outdoor', 'Europe/Zurich'),
    ('bluewater', 'Bluewater Bank', 'America/New_York'),
    ('kiwi', 'Kiwi Travel', 'Pacific/Auckland')
on conflict (contact_center_id) do update set name = excluded.name, time_zone = excluded.time_zone;

insert into number_called (number, contact_center_id, application) values
    ('0800550100', 'alpina', 'orders'),
    ('8005550200', 'bluewater', 'orders'),
    ('8005550201', 'bluewater', 'orders'), -- the line of the gold customers
    ('0800550300', 'kiwi', 'orders')
on conflict (number) do update set contact_center_id = excluded.contact_center_id, application = excluded.application;

insert into queue (contact_center_id, queue, priority, longest_wait, longest_queue, overflow, overflow_prompt) values
    ('alpina', 'support', 0, 900, 40, 'voice_message', 'voice_message'),
    ('bluewater', 'support', 0, 1200, 60, 'voice_message', 'voice_message'),
    ('bluewater', 'gold', 5, 1200, null, 'voice_message', 'voice_message'),
    ('kiwi', 'support', 0, 900, 20, 'voice_message', 'voice_message')
on conflict (contact_center_id, queue) do update set
    priority = excluded.priority, longest_wait = excluded.longest_wait, longest_queue = excluded.longest_queue,
    overflow = excluded.overflow, overflow_prompt = excluded.overflow_prompt;

delete from queue_skill where contact_center_id in ('alpina', 'bluewater', 'kiwi');
insert into queue_skill (contact_center_id, queue, skill, level) values
    ('alpina', 'support', 'orders', 1),
    ('bluewater', 'support', 'banking', 1),
    ('bluewater', 'gold', 'banking', 3),
    ('kiwi', 'support', 'travel', 1);

-- When they are open ---------------------------------------------------------------------------------------

insert into calendar (contact_center_id, calendar) values -- in the contact center's time zone
    ('alpina', 'office'), ('bluewater', 'office'), ('kiwi', 'office'), ('kiwi', 'night');

insert into opening_hours (contact_center_id, calendar, weekday, opens, closes)
    select 'alpina', 'office', weekday, time '08:00', time '18:30' from generate_series(1, 5) as weekday;
insert into opening_hours (contact_center_id, calendar, weekday, opens, closes) values
    ('alpina', 'office', 6, '09:00', '16:00');
insert into opening_hours (contact_center_id, calendar, weekday, opens, closes)
    select 'bluewater', 'office', weekday, time '07:00', time '24:00' from generate_series(1, 7) as weekday;
insert into opening_hours (contact_center_id, calendar, weekday, opens, closes)
    select 'kiwi', 'office', weekday, time '08:00', time '20:00' from generate_series(1, 7) as weekday;
insert into opening_hours (contact_center_id, calendar, weekday, opens, closes) -- past midnight: day in Zurich
    select 'kiwi', 'night', weekday, time '20:00', time '06:00' from generate_series(1, 7) as weekday;

insert into holiday (contact_center_id, calendar, day, name, opens, closes) values
    ('alpina', 'office', '2026-08-01', 'Swiss National Day', null, null),
    ('alpina', 'office', '2026-12-24', 'Christmas Eve', '08:00', '14:00'),
    ('alpina', 'office', '2026-12-25', 'Christmas', null, null),
    ('alpina', 'office', '2026-12-26', 'St Stephen''s Day', null, null),
    ('alpina', 'office', '2027-01-01', 'New Year', null, null),
    ('bluewater', 'office', '2026-11-26', 'Thanksgiving', '09:00', '13:00'),
    ('bluewater', 'office', '2026-12-25', 'Christmas', null, null),
    ('bluewater', 'office', '2027-01-01', 'New Year', null, null),
    ('kiwi', 'office', '2026-12-25', 'Christmas', null, null),
    ('kiwi', 'office', '2026-12-26', 'Boxing Day', null, null),
    ('kiwi', 'office', '2027-02-06', 'Waitangi Day', null, null);

-- Where callers are --------------------------------------------------------------------------------------------

insert into region (region, prefix) values
    ('romandy', '+4121'), ('romandy', '+4122'), ('romandy', '+4126'), ('romandy', '+4127'), ('romandy', '+4132'),
    ('switzerland', '+41'),
    ('florida', '+1305'), ('florida', '+1786'), ('florida', '+1954'),
    ('america', '+1');

-- Rules: of each contact center the first that matches -------------------------------------------------------------

-- Alpina: closed outside its hours; French for the Romandy and for who chose it; German otherwise.
insert into routing_rule (contact_center_id, rule, ordinal, note, if_calendar, if_open, action, prompt) values
    ('alpina', 'closed', 10, 'They hear when to call again.', 'office', false, 'announce', 'closed');
insert into routing_rule (contact_center_id, rule, ordinal, note, if_language, if_region) values
    ('alpina', 'french', 20, null, 'fr', null),
    ('alpina', 'english', 30, null, 'en', null),
    ('alpina', 'romandy', 40, 'No language chosen that we know: by where they call from.', null, 'romandy'),
    ('alpina', 'german', 50, 'Everybody else.', null, null);
update routing_rule set queue = 'support' where contact_center_id = 'alpina' and action = 'queue';

insert into routing_rule_skill (contact_center_id, rule, skill, level) values
    ('alpina', 'french', 'orders', 1), ('alpina', 'french', 'french', 3),
    ('alpina', 'english', 'orders', 1), ('alpina', 'english', 'english', 3),
    ('alpina', 'romandy', 'orders', 1), ('alpina', 'romandy', 'french', 2),
    ('alpina', 'german', 'orders', 2), ('alpina', 'german', 'german', 2);

-- Who waits for the best may get the second best, and is offered to be called back.
insert into rule_step (contact_center_id, rule, ordinal, after_s, step, skill, level) values
    ('alpina', 'french', 1, 30, 'skill', 'french', 2),
    ('alpina', 'english', 1, 30, 'skill', 'english', 2),
    ('alpina', 'german', 1, 20, 'skill', 'orders', 1);
insert into rule_step (contact_center_id, rule, ordinal, after_s, step)
    select 'alpina', rule, 2, 90, 'offer_callback' from unnest(array['french', 'english', 'german']) as rule;

-- Bluewater: gold customers first, their own team, which widens; others by language.
insert into routing_rule (contact_center_id, rule, ordinal, if_calendar, if_open, action, prompt) values
    ('bluewater', 'closed', 10, 'office', false, 'voice_message', 'voice_message');
insert into routing_rule (contact_center_id, rule, ordinal, note, if_number_called, if_segment, queue, teams, priority,
                          strategy, offer_timeout, callback_tries, callback_retry_after) values
    ('bluewater', 'gold-line', 20, 'Who dials the gold line.', '8005550201', null, 'gold', '{gold}', 10,
     'last_agent', 15, 5, 120),
    ('bluewater', 'gold-customer', 30, 'Who is known as gold.', null, 'gold|platinum', 'gold', '{gold}', 10,
     'last_agent', 15, 5, 120);
insert into routing_rule (contact_center_id, rule, ordinal, note, if_language, if_region, queue, strategy, priority) values
    ('bluewater', 'spanish', 40, null, 'es', null, 'support', 'highest_level', null),
    ('bluewater', 'florida', 60, 'Many of them speak Spanish: who speaks both first.', null, 'florida', 'support',
     'highest_level', null),
    ('bluewater', 'everybody', 100, null, null, null, 'support', 'least_skilled', null);
insert into routing_rule (contact_center_id, rule, ordinal, note, queue, priority) values
    ('bluewater', 'stolen-card', 35, 'The application found a stolen card: before everybody else.', 'support', 20);
insert into routing_rule_fact (contact_center_id, rule, fact, pattern) values
    ('bluewater', 'stolen-card', 'reason', 'stolen|lost');

insert into routing_rule_skill (contact_center_id, rule, skill, level) values
    ('bluewater', 'stolen-card', 'banking', 2),
    ('bluewater', 'spanish', 'banking', 1), ('bluewater', 'spanish', 'spanish', 2),
    ('bluewater', 'florida', 'banking', 1), ('bluewater', 'florida', 'english', 2), ('bluewater', 'florida', 'spanish', 1);

insert into rule_step (contact_center_id, rule, ordinal, after_s, step, skill, level, names, priority) values
    ('bluewater', 'gold-line', 1, 15, 'teams', null, null, '{gold,bank}', null),
    ('bluewater', 'gold-line', 2, 15, 'skill', 'banking', 2, null, null),
    ('bluewater', 'gold-line', 3, 60, 'skill', 'banking', 1, null, null),
    ('bluewater', 'gold-line', 4, 60, 'teams', null, null, null, null),
    ('bluewater', 'gold-line', 5, 60, 'offer_callback', null, null, null, null),
    ('bluewater', 'gold-customer', 1, 30, 'teams', null, null, '{gold,bank}', null),
    ('bluewater', 'gold-customer', 2, 30, 'skill', 'banking', 2, null, null),
    ('bluewater', 'gold-customer', 3, 60, 'offer_callback', null, null, null, null),
    ('bluewater', 'stolen-card', 1, 20, 'skill', 'banking', 1, null, null),
    ('bluewater', 'spanish', 1, 45, 'skill', 'spanish', 1, null, null),
    ('bluewater', 'spanish', 2, 120, 'offer_callback', null, null, null, null),
    ('bluewater', 'florida', 1, 30, 'skill', 'spanish', null, null, null),
    ('bluewater', 'everybody', 1, 60, 'priority', null, null, null, 1),
    ('bluewater', 'everybody', 2, 120, 'offer_callback', null, null, null, null);

-- Kiwi: by day at home, then at any site; by night the day shift of Zurich; between them nobody.
insert into routing_rule (contact_center_id, rule, ordinal, if_calendar, queue, sites, strategy) values
    ('kiwi', 'day', 10, 'office', 'support', '{auckland}', 'longest_idle'),
    ('kiwi', 'night', 20, 'night', 'support', '{zurich}', 'cost');
insert into routing_rule (contact_center_id, rule, ordinal, note, action, prompt) values
    ('kiwi', 'closed', 90, 'From six to eight, and on holidays by day.', 'announce', 'closed');
insert into rule_step (contact_center_id, rule, ordinal, after_s, step, priority) values
    ('kiwi', 'day', 1, 60, 'sites', null), -- any
    ('kiwi', 'day', 2, 90, 'offer_callback', null),
    ('kiwi', 'night', 1, 120, 'offer_callback', null);
