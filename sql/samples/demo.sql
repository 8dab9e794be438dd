-- What `fsroute demo` serves, but for its agents and rules: six client companies, two sites. Times are short.

set search_path = fsroute;

insert into contact_center (contact_center_id, name) values
    ('acme', 'Acme Mail Order'),
    ('globex', 'Globex Travel'),
    ('initech', 'Initech Support'), -- its only agent is on a break: contacts overflow
    ('umbrella', 'Umbrella Insurance'), -- nobody is authorized for it: contacts are refused
    ('hooli', 'Hooli Bank'), -- its rules ask for experts whom there are none of
    ('stark', 'Stark Power'); -- closed at once, while callers wait

insert into site (site_id, name) values ('west', 'Call center West'), ('east', 'Call center East');

insert into switch (switch_id, site_id, link_address) values
    ('west-1', 'west', '127.0.0.1:5062'),
    ('east-1', 'east', '127.0.0.1:5072');

insert into number_called (number, contact_center_id, application) values
    ('8005550100', 'acme', 'orders'),
    ('8005550200', 'globex', 'orders'),
    ('8005550300', 'initech', 'orders'),
    ('8005550400', 'umbrella', 'orders'),
    ('8005550500', 'hooli', 'orders'),
    ('8005550501', 'hooli', 'orders'),
    ('8005550600', 'stark', 'orders');

insert into queue (contact_center_id, queue, hold_music, offer_timeout, network_leg_timeout, longest_wait) values
    ('acme', 'support', 'local_stream://fsroute', 3, 3, 120),
    ('globex', 'support', 'local_stream://fsroute', 3, 3, 120),
    ('initech', 'support', 'local_stream://fsroute', 3, 3, 3),
    ('umbrella', 'support', 'local_stream://fsroute', 3, 3, 120),
    ('acme', 'specialists', 'local_stream://fsroute', 3, 3, 120), -- where agents transfer callers to
    ('hooli', 'support', 'local_stream://fsroute', 3, 3, 120),
    ('stark', 'support', 'local_stream://fsroute', 3, 3, 120);

insert into queue_skill (contact_center_id, queue, skill, level) values
    ('acme', 'support', 'orders', 1),
    ('acme', 'specialists', 'orders', 2),
    ('globex', 'support', 'orders', 2);

insert into agent (agent_id, name, site_id, switch_id, address, status, status_reason) values
    ('ivy', 'Ivy', 'east', 'east-1', 'sip:ivy@agents.east', 'on_break', 'lunch');
insert into agent_authorization (agent_id, contact_center_id) values ('ivy', 'initech'), ('ivy', 'stark');
