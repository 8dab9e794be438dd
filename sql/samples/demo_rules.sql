-- The rules of `fsroute demo`: the same times as in life, ten times as short. `fsroute rules load` takes such a file.

set search_path = fsroute;

insert into routing_rule (contact_center_id, rule, ordinal, note, if_number_called, strategy, priority, refuse_when) values
    ('acme', 'everybody', 100, null, null, 'longest_idle', null, null),
    ('globex', 'everybody', 100, 'Those who can do more are kept for those who need it.', null, 'least_skilled', null, null),
    ('hooli', 'experts', 10, 'An expert; after a while anybody who knows the trade.', '8005550500', 'longest_idle', null,
     'never'),
    ('hooli', 'call-back', 20, 'Who does not want to wait is called back, in turn.', '8005550501', 'longest_idle', null,
     'never');

insert into routing_rule_skill (contact_center_id, rule, skill, level) values
    ('hooli', 'experts', 'orders', 5),
    ('hooli', 'call-back', 'orders', 5);

insert into rule_step (contact_center_id, rule, ordinal, after_s, step, skill, level) values
    ('hooli', 'experts', 1, 1.5, 'skill', 'orders', 1),
    ('hooli', 'call-back', 1, 0.5, 'offer_callback', null, null),
    ('hooli', 'call-back', 2, 5, 'skill', 'orders', 1);
