-- The people behind three_centers.sql: three sites, and agents who serve one company or several.
-- Load it first, with: psql "$DATABASE" -f three_centers_agents.sql
-- With the embedded database `fsroute migrate` prints what to give psql instead of "$DATABASE", while fsroute runs.
-- Then the rules:      fsroute rules load three_centers.sql

set search_path = fsroute;

insert into contact_center (contact_center_id, name, time_zone) values
    ('alpina', 'Alpina Outdoor', 'Europe/Zurich'),
    ('bluewater', 'Bluewater Bank', 'America/New_York'),
    ('kiwi', 'Kiwi Travel', 'Pacific/Auckland')
on conflict (contact_center_id) do nothing;

insert into site (site_id, name) values
    ('zurich', 'Call center Zurich'),
    ('newyork', 'Call center New York'),
    ('auckland', 'Call center Auckland')
on conflict (site_id) do nothing;

insert into switch (switch_id, site_id, link_address) values
    ('zurich-1', 'zurich', '127.0.0.1:5062'),
    ('newyork-1', 'newyork', '127.0.0.1:5072'),
    ('auckland-1', 'auckland', '127.0.0.1:5082')
on conflict (switch_id) do nothing;

-- What a minute of a network leg costs, where the strategy asks for it.
insert into network_rate (from_site_id, to_site_id, rate) values
    ('zurich', 'newyork', 0.04), ('newyork', 'zurich', 0.04),
    ('zurich', 'auckland', 0.09), ('auckland', 'zurich', 0.09),
    ('newyork', 'auckland', 0.07), ('auckland', 'newyork', 0.07)
on conflict (from_site_id, to_site_id) do nothing;

insert into agent (agent_id, name, site_id, switch_id, address, team, rate, wrap_up, set_aside) values
    ('anja', 'Anja', 'zurich', 'zurich-1', 'sip:1001@127.0.0.1:6001', 'outdoor', 0.60, 5, 30),
    ('beat', 'Beat', 'zurich', 'zurich-1', 'sip:1002@127.0.0.1:6002', 'outdoor', 0.60, 5, 30),
    ('chloe', 'Chloé', 'zurich', 'zurich-1', 'sip:1003@127.0.0.1:6003', 'outdoor', 0.65, 5, 30),
    ('dario', 'Dario', 'zurich', 'zurich-1', 'sip:1004@127.0.0.1:6004', 'night', 0.70, 5, 30),
    ('erin', 'Erin', 'newyork', 'newyork-1', 'sip:2001@127.0.0.1:6011', 'bank', 0.55, 10, 30),
    ('felix', 'Félix', 'newyork', 'newyork-1', 'sip:2002@127.0.0.1:6012', 'bank', 0.55, 10, 30),
    ('grace', 'Grace', 'newyork', 'newyork-1', 'sip:2003@127.0.0.1:6013', 'gold', 0.80, 10, 30),
    ('hana', 'Hana', 'auckland', 'auckland-1', 'sip:3001@127.0.0.1:6021', 'travel', 0.50, 5, 30),
    ('iwi', 'Iwi', 'auckland', 'auckland-1', 'sip:3002@127.0.0.1:6022', 'travel', 0.50, 5, 30)
on conflict (agent_id) do nothing;

insert into agent_skill (agent_id, skill, level) values
    ('anja', 'orders', 3), ('anja', 'german', 3), ('anja', 'english', 2),
    ('beat', 'orders', 1), ('beat', 'german', 3), ('beat', 'french', 2),
    ('chloe', 'orders', 2), ('chloe', 'french', 3), ('chloe', 'english', 2),
    ('dario', 'orders', 1), ('dario', 'german', 2), ('dario', 'english', 3), ('dario', 'travel', 2),
    ('erin', 'banking', 2), ('erin', 'english', 3),
    ('felix', 'banking', 1), ('felix', 'english', 2), ('felix', 'spanish', 3),
    ('grace', 'banking', 3), ('grace', 'english', 3), ('grace', 'spanish', 1),
    ('hana', 'travel', 3), ('hana', 'english', 3),
    ('iwi', 'travel', 1), ('iwi', 'english', 3), ('iwi', 'banking', 1)
on conflict (agent_id, skill) do nothing;

-- Nobody serves a company without a row here.
insert into agent_authorization (agent_id, contact_center_id) values
    ('anja', 'alpina'), ('beat', 'alpina'), ('chloe', 'alpina'),
    ('dario', 'alpina'), ('dario', 'kiwi'),
    ('erin', 'bluewater'), ('felix', 'bluewater'), ('grace', 'bluewater'),
    ('hana', 'kiwi'), ('iwi', 'kiwi'), ('iwi', 'bluewater')
on conflict (agent_id, contact_center_id, medium, valid_from) do nothing;
