-- Two call centers, two client companies: what `fsroute demo` serves, and a start for your own.
-- Load it with: psql "$DATABASE" -f two_sites.sql
--
-- Site "west" has the callers, site "east" the agents; two agents of "west" serve as well.

set search_path = fsroute;

insert into contact_center (contact_center_id, name) values
    ('acme', 'Acme Mail Order'),
    ('globex', 'Globex Travel');

insert into site (site_id, name) values
    ('west', 'Call center West'),
    ('east', 'Call center East');

insert into switch (switch_id, site_id, link_address) values
    ('west-1', 'west', '127.0.0.1:5062'),
    ('east-1', 'east', '127.0.0.1:5072');

-- Which number belongs to whom, and which application answers it.
insert into number_called (number, contact_center_id, application) values
    ('8005550100', 'acme', 'orders'),
    ('8005550200', 'globex', 'orders');

-- How contacts are served. Times in seconds.
insert into queue (contact_center_id, queue, priority, hold_music, offer_timeout, network_leg_timeout, longest_wait)
values
    ('acme', 'support', 0, 'local_stream://fsroute', 20, 10, 600),
    ('globex', 'support', 0, 'local_stream://fsroute', 20, 10, 600);

insert into queue_skill (contact_center_id, queue, skill, level) values
    ('acme', 'support', 'orders', 1),
    ('globex', 'support', 'travel', 2);

-- Who serves, and where the agent is reached.
insert into agent (agent_id, name, site_id, switch_id, address, wrap_up, set_aside) values
    ('ann', 'Ann', 'east', 'east-1', 'sip:1001@127.0.0.1:6001', 5, 30),
    ('bob', 'Bob', 'east', 'east-1', 'sip:1002@127.0.0.1:6002', 5, 30),
    ('cyd', 'Cyd', 'east', 'east-1', 'sip:1003@127.0.0.1:6003', 5, 30),
    ('dee', 'Dee', 'west', 'west-1', 'sip:1004@127.0.0.1:6004', 5, 30);

insert into agent_skill (agent_id, skill, level) values
    ('ann', 'orders', 3),
    ('bob', 'orders', 1), ('bob', 'travel', 2),
    ('cyd', 'travel', 3),
    ('dee', 'orders', 2);

-- An agent serves only the companies, the media and the time named here.
insert into agent_authorization (agent_id, contact_center_id, medium) values
    ('ann', 'acme', 'voice'),
    ('bob', 'acme', 'voice'), ('bob', 'globex', 'voice'),
    ('cyd', 'globex', 'voice'),
    ('dee', 'acme', 'voice');

-- What agents dial for themselves (docs/agents.md): extensions, and what came of a contact.
update agent set extension = case agent_id when 'ann' then '1001' when 'bob' then '1002' when 'cyd' then '1003' else '1004' end;
insert into outcome_code (contact_center_id, code, meaning) values
    ('acme', '1', 'order placed'), ('acme', '2', 'question answered'), ('acme', '9', 'wrong number'),
    ('globex', '1', 'journey booked'), ('globex', '9', 'wrong number');
