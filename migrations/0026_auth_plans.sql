-- Who asks is looked up at every request. A function in SQL that runs as its owner is planned at every call, which costs
-- ten times what running it does; one in PL/pgSQL keeps its plans for the connection. And what is known of a token comes
-- with its person and its last use, in one answer.
grant create on schema public to segue_system;

drop function auth_token(bytea);
create function auth_token(token_hash bytea)
    returns table (
        token_id uuid, team_id uuid, created_by uuid, role text, scopes text[], app_id uuid, address_ranges cidr[],
        expires_at timestamptz, noted boolean, email text, name text, platform_admin boolean)
    language plpgsql stable security definer set search_path = public, pg_temp
    as $$
#variable_conflict use_column
begin
    return query
        select t.id, t.team_id, t.created_by, t.role, t.scopes, t.app_id, t.address_ranges, t.expires_at,
            exists (select from token_uses k where k.token_id = t.id and k.used_at >= now() - interval '1 minute'),
            u.email, u.name, u.platform_admin
        from tokens t
        join teams on teams.id = t.team_id and teams.deleted_at is null
        join users u on u.id = t.created_by and u.disabled_at is null
        where t.hash = $1 and t.revoked_at is null and t.expires_at > now()
            and exists (select from memberships m where m.team_id = t.team_id and m.user_id = t.created_by);
end
$$;
comment on function auth_token is 'A token that is good now, whose it is, and whether its use was noted within a minute; it ends with its creator''s last membership.';

create or replace function auth_memberships(user_id uuid)
    returns table (team_id uuid, team_name text, team_epoch bigint, role text, app_id uuid, environment_id uuid)
    language plpgsql stable security definer set search_path = public, pg_temp
    as $$
#variable_conflict use_column
begin
    return query
        select m.team_id, t.name, t.epoch, m.role, m.app_id, m.environment_id
        from memberships m join teams t on t.id = m.team_id and t.deleted_at is null
        where m.user_id = $1
        order by t.name, m.app_id, m.environment_id;
end
$$;

create or replace function auth_session(session uuid, person uuid)
    returns table (
        id uuid, email text, name text, platform_admin boolean, epoch bigint, expires_at timestamptz, confirmed_until timestamptz)
    language plpgsql stable security definer set search_path = public, pg_temp
    as $$
#variable_conflict use_column
begin
    return query
        select u.id, u.email, u.name, u.platform_admin, u.epoch, f.expires_at,
            case when f.confirmed_until > now() then f.confirmed_until end
        from refresh_families f
        join users u on u.id = f.user_id and u.disabled_at is null
        where f.id = $1 and f.user_id = $2 and f.revoked_at is null and f.expires_at > now();
end
$$;

do $$
declare
    signature text;
begin
    foreach signature in array array['auth_token(bytea)', 'auth_memberships(uuid)', 'auth_session(uuid, uuid)'] loop
        execute format('alter function %s owner to segue_system', signature);
        execute format('revoke execute on function %s from public', signature);
        execute format('grant execute on function %s to segue_auth', signature);
    end loop;
end
$$;
revoke create on schema public from segue_system;
