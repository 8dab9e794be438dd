-- Times and rates that nothing can reckon with are refused where they are written: 30 days are the longest of times, and
-- the calendar of programs ends in the year 9999. One such row of an agent would keep every agent from being read.

set search_path = fsroute;

update queue set offer_timeout = 2592000 where offer_timeout > 2592000;
update queue set network_leg_timeout = 2592000 where network_leg_timeout > 2592000;
update queue set longest_wait = 2592000 where longest_wait > 2592000;
update queue set callback_retry_after = 2592000 where callback_retry_after > 2592000;
update queue set callback_ring = 2592000 where callback_ring > 2592000;
update agent set wrap_up = 2592000 where wrap_up > 2592000;
update agent set set_aside = 2592000 where set_aside > 2592000;
update agent_medium set wrap_up = 2592000 where wrap_up > 2592000;
update agent set rate = 0 where rate >= 'infinity';
update network_rate set rate = 0 where rate >= 'infinity';
update queue set lead = 'offered' where lead !~ '^(ready|offered|position:[0-9]{1,9}|expected:[0-9]{1,9}(\.[0-9]+)?)$';
update agent set available_from = least(greatest(available_from, 'epoch'), '9999-01-01 00:00Z')
 where not available_from between 'epoch' and '9999-01-01 00:00Z';
update agent set idle_since = least(greatest(idle_since, 'epoch'), '9999-01-01 00:00Z')
 where not idle_since between 'epoch' and '9999-01-01 00:00Z';
delete from agent_authorization where valid_from > '9999-01-01 00:00Z' or valid_until < 'epoch';
update agent_authorization set valid_from = '-infinity' where valid_from < 'epoch' and valid_from > '-infinity';
update agent_authorization set valid_until = 'infinity' where valid_until > '9999-01-01 00:00Z' and valid_until < 'infinity';

alter table queue drop constraint queue_offer_timeout_check, add constraint queue_offer_timeout_check
    check (offer_timeout > 0 and offer_timeout <= 2592000);
alter table queue drop constraint queue_network_leg_timeout_check, add constraint queue_network_leg_timeout_check
    check (network_leg_timeout > 0 and network_leg_timeout <= 2592000);
alter table queue drop constraint queue_longest_wait_check, add constraint queue_longest_wait_check
    check (longest_wait > 0 and longest_wait <= 2592000);
alter table queue drop constraint queue_callback_retry_after_check, add constraint queue_callback_retry_after_check
    check (callback_retry_after > 0 and callback_retry_after <= 2592000);
alter table queue drop constraint queue_callback_ring_check, add constraint queue_callback_ring_check
    check (callback_ring > 0 and callback_ring <= 2592000);
alter table agent drop constraint agent_wrap_up_check, add constraint agent_wrap_up_check
    check (wrap_up >= 0 and wrap_up <= 2592000);
alter table agent drop constraint agent_set_aside_check, add constraint agent_set_aside_check
    check (set_aside >= 0 and set_aside <= 2592000);
alter table agent_medium drop constraint agent_medium_wrap_up_check, add constraint agent_medium_wrap_up_check
    check (wrap_up >= 0 and wrap_up <= 2592000);
alter table agent drop constraint agent_rate_check, add constraint agent_rate_check
    check (rate >= 0 and rate < 'infinity');
alter table network_rate drop constraint network_rate_rate_check, add constraint network_rate_rate_check
    check (rate >= 0 and rate < 'infinity');
alter table queue drop constraint queue_lead_check, add constraint queue_lead_check
    check (lead ~ '^(ready|offered|position:[0-9]{1,9}|expected:[0-9]{1,9}(\.[0-9]+)?)$');
alter table agent add constraint agent_available_from_check
    check (available_from between 'epoch' and '9999-01-01 00:00Z');
alter table agent add constraint agent_idle_since_check
    check (idle_since between 'epoch' and '9999-01-01 00:00Z');
alter table agent_authorization add constraint agent_authorization_valid_from_check
    check (valid_from = '-infinity' or valid_from between 'epoch' and '9999-01-01 00:00Z');
alter table agent_authorization add constraint agent_authorization_valid_until_check
    check (valid_until = 'infinity' or valid_until between 'epoch' and '9999-01-01 00:00Z');
