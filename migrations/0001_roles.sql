-- Roles and helpers. Roles belong to the whole server, so they are made only if missing.
do $$
declare
    name text;
begin
    foreach name in array array['segue_api', 'segue_auth', 'segue_system'] loop
        begin
            if not exists (select from pg_roles where rolname = name) then
                execute format('create role %I nologin', name);
            end if;
        exception
            -- Another database of the same server was migrated at the same moment.
            when duplicate_object or unique_violation then null;
        end;
        -- The account that connects must be able to take the role.
        if not pg_has_role(current_user, name, 'member') then
            execute format('grant %I to current_user', name);
        end if;
    end loop;
end
$$;

revoke all on schema public from public;
grant usage on schema public to segue_api, segue_auth, segue_system;

-- Grammars of names, the same as in segue_model::name. Functions, so that each stands once.
create function is_label(text) returns boolean
    language sql immutable parallel safe
    as $$ select length($1) between 1 and 40 and $1 ~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*$' $$;
comment on function is_label is 'Grammar of team, app, environment, service and host names.';

create function is_config_key(text) returns boolean
    language sql immutable parallel safe
    as $$ select length($1) between 1 and 128 and $1 ~ '^[A-Za-z_][A-Za-z0-9_]*$' $$;
comment on function is_config_key is 'Grammar of configuration keys and secrets: environment variables.';

create function is_domain(text) returns boolean
    language sql immutable parallel safe
    as $$
        select length($1) <= 253
            and $1 ~ '^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'
            and $1 !~ '\.[0-9]+$'
    $$;
comment on function is_domain is 'Grammar of host names that requests are routed by.';

create function is_git_ref(text) returns boolean
    language sql immutable parallel safe
    as $$ select length($1) <= 215 and $1 ~ '^refs/(heads|tags)/[A-Za-z0-9_][A-Za-z0-9._/-]*$' and $1 !~ '(\.\.|//|/\.|/$|\.lock(/|$)|\.(/|$))' $$;
comment on function is_git_ref is 'Grammar of git refs that may be pushed.';

-- Triggers that more than one table uses.
create function refuse_change() returns trigger
    language plpgsql
    as $$
begin
    raise exception 'rows of % never change', tg_table_name
        using errcode = 'SG001', constraint = tg_table_name || '_immutable';
end
$$;
comment on function refuse_change is 'Rows are only ever added.';

create function refuse_falling_rank() returns trigger
    language plpgsql
    as $$
begin
    raise exception 'the rank of a row of % may not fall from % to %', tg_table_name, old.rank, new.rank
        using errcode = 'SG002', constraint = tg_table_name || '_rank';
end
$$;
comment on function refuse_falling_rank is 'States are ranked and ranks only grow (invariant I3).';
