-- name: customer_facts repeatable
select facts from customer
 where contact_center_id = %(contact_center)s and key = %(key)s and value = %(value)s;

-- name: customers_incoming
create temporary table customer_incoming (
    line bigint not null, key text not null, value text not null, facts jsonb not null
) on commit drop;

-- name: customers_copy
copy customer_incoming (line, key, value, facts) from stdin;

-- name: customers_take
-- Of two lines about one number or account the last counts.
with incoming as (
    select distinct on (key, value) key, value, facts from customer_incoming order by key, value, line desc
), taken as (
    insert into customer (contact_center_id, key, value, facts)
    select %(contact_center)s, key, value, facts from incoming
    on conflict (contact_center_id, key, value)
        do update set facts = excluded.facts, loaded_at = excluded.loaded_at
    returning 1
)
select count(*) from taken;

-- name: customers_forget_others
delete from customer c
 where contact_center_id = %(contact_center)s
   and not exists (select from customer_incoming i where i.key = c.key and i.value = c.value);

-- name: customers_forget
delete from customer where contact_center_id = %(contact_center)s and key = %(key)s and value = %(value)s;

-- name: customers_count repeatable
select contact_center_id, key, count(*) as customers, max(loaded_at) as loaded_at
  from customer group by contact_center_id, key order by contact_center_id, key;
