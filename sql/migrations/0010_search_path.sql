-- Functions find their tables whatever the session's search path is: an operator's psql may have any.

set search_path = fsroute;

do $$
declare
    f regprocedure;
begin
    for f in select oid from pg_proc where pronamespace = 'fsroute'::regnamespace loop
        execute format('alter function %s set search_path = fsroute', f);
    end loop;
end $$;
