-- What `fsroute install` asks.

-- name: toll_free_numbers repeatable
select n.number, c.name from number_called n join contact_center c using (contact_center_id)
 order by contact_center_id, number
 limit 20000;

-- name: links_of_other_switches repeatable
select link_address from switch where switch_id <> %(switch_id)s order by switch_id limit 1000;
