-- What agents may serve, in the ledger.

set search_path = fsroute;

-- What agents may serve goes into the ledger, as an event `qualified` of the moment at which a change commits: the audit
-- judges what was by what held then. A change is noted for each agent once in a transaction, and the coordinator hears of it.
create table agent_requalified ( -- empty but within a transaction
    agent_id text not null,
    changed_by xid8 not null default pg_current_xact_id(),
    primary key (agent_id, changed_by)
);

create function log_qualification() returns trigger language plpgsql set search_path = fsroute as $$
begin
    insert into agent_event (agent_id, kind, data)
    select new.agent_id, 'qualified', jsonb_strip_nulls(jsonb_build_object('site_id', a.site_id, 'team', a.team, 'leg', a.leg))
           || jsonb_build_object(
               'skills', coalesce((select jsonb_object_agg(skill, level) from agent_skill k
                                    where k.agent_id = new.agent_id), '{}'),
               'authorizations', coalesce((select jsonb_agg(jsonb_build_array(contact_center_id, medium,
                       case when isfinite(valid_from) then extract(epoch from valid_from) end,
                       case when isfinite(valid_until) then extract(epoch from valid_until) end))
                   from agent_authorization u where u.agent_id = new.agent_id), '[]'),
               'media', coalesce((select jsonb_object_agg(medium, jsonb_build_array(slots, weight))
                                    from agent_medium m where m.agent_id = new.agent_id), '{}'))
      from (values (1)) as once left join agent a on a.agent_id = new.agent_id;
    delete from agent_requalified where agent_id = new.agent_id and changed_by = new.changed_by;
    return null;
end $$;
create constraint trigger log_qualification after insert on agent_requalified
    deferrable initially deferred for each row execute function log_qualification();

-- Of more agents than go into one signal the coordinator reads all.
create function agents_requalified(p_agent_ids text[]) returns void language sql set search_path = fsroute as $$
    insert into agent_requalified (agent_id) select distinct unnest(p_agent_ids) on conflict do nothing;
    select pg_notify('fsroute.coordinator', case when cardinality(p_agent_ids) > 100 then '[null]' else
                     (select json_agg(distinct 'a:' || agent_id)::text from unnest(p_agent_ids) as agent_id) end)
     where p_agent_ids <> '{}';
$$;

create function requalify() returns trigger language plpgsql set search_path = fsroute as $$
begin
    perform agents_requalified(array(select agent_id from changed));
    return null;
end $$;

create function requalify_agent() returns trigger language plpgsql set search_path = fsroute as $$
begin
    perform agents_requalified(array[coalesce(new.agent_id, old.agent_id)]);
    return null;
end $$;

create trigger requalify_inserted after insert on agent referencing new table as changed
    for each statement execute function requalify();
create trigger requalify_deleted after delete on agent referencing old table as changed
    for each statement execute function requalify();
create trigger requalify_updated after update of site_id, team, leg on agent for each row
    when ((old.site_id, old.team, old.leg) is distinct from (new.site_id, new.team, new.leg))
    execute function requalify_agent();
do $$
declare
    v_table text;
begin
    foreach v_table in array array['agent_skill', 'agent_authorization', 'agent_medium'] loop
        execute format('create trigger requalify_inserted after insert on %I referencing new table as changed
                            for each statement execute function requalify()', v_table);
        execute format('create trigger requalify_updated after update on %I referencing new table as changed
                            for each statement execute function requalify()', v_table);
        execute format('create trigger requalify_deleted after delete on %I referencing old table as changed
                            for each statement execute function requalify()', v_table);
    end loop;
end $$;

-- What holds already.
insert into agent_requalified (agent_id) select agent_id from agent;
