-- What must be looked up before a team is known. segue_auth has no right on any table: only these
-- functions, each of which answers one narrow question. They run as segue_system.
grant create on schema public to segue_system;

create function auth_token(token_hash bytea)
    returns table (token_id uuid, team_id uuid, created_by uuid, role text, scopes text[], app_id uuid, address_ranges cidr[], expires_at timestamptz)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select t.id, t.team_id, t.created_by, t.role, t.scopes, t.app_id, t.address_ranges, t.expires_at
        from tokens t
        join teams on teams.id = t.team_id and teams.deleted_at is null
        join users u on u.id = t.created_by and u.disabled_at is null
        where t.hash = $1 and t.revoked_at is null and t.expires_at > now()
            and exists (select from memberships m where m.team_id = t.team_id and m.user_id = t.created_by)
    $$;
comment on function auth_token is 'A token that is good now; a token ends with its creator''s last membership.';

create function auth_token_used(token uuid, team uuid) returns void
    language sql security definer set search_path = public, pg_temp
    as $$
        insert into token_uses as u (token_id, team_id, used_at) values ($1, $2, now())
        on conflict (token_id) do update set used_at = excluded.used_at where u.used_at < now() - interval '1 minute'
    $$;
comment on function auth_token_used is 'Notes the use of a token, at most once a minute.';

create function auth_user_by_email(address text)
    returns table (id uuid, email text, name text, password_hash text, platform_admin boolean, epoch bigint)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select u.id, u.email, u.name, u.password_hash, u.platform_admin, u.epoch
        from users u where u.email = lower($1) and u.disabled_at is null
    $$;
comment on function auth_user_by_email is 'For sign-in.';

create function auth_user(user_id uuid)
    returns table (id uuid, email text, name text, platform_admin boolean, epoch bigint)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select u.id, u.email, u.name, u.platform_admin, u.epoch
        from users u where u.id = $1 and u.disabled_at is null
    $$;
comment on function auth_user is 'A person who may sign in.';

create function auth_memberships(user_id uuid)
    returns table (team_id uuid, team_name text, team_epoch bigint, role text, app_id uuid, environment_id uuid)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select m.team_id, t.name, t.epoch, m.role, m.app_id, m.environment_id
        from memberships m join teams t on t.id = m.team_id and t.deleted_at is null
        where m.user_id = $1
        order by t.name, m.app_id, m.environment_id
    $$;
comment on function auth_memberships is 'Everything a person was given.';

create function auth_epochs()
    returns table (subject uuid, epoch bigint)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select u.id, case when u.disabled_at is null then u.epoch else 9223372036854775807 end from users u where u.epoch > 1 or u.disabled_at is not null
        union all
        select t.id, case when t.deleted_at is null then t.epoch else 9223372036854775807 end from teams t where t.epoch > 1 or t.deleted_at is not null
    $$;
comment on function auth_epochs is 'Epochs of people and teams whose tokens were revoked at least once; all others are 1. Read every few seconds.';

create function auth_is_set_up() returns boolean
    language sql stable security definer set search_path = public, pg_temp
    as $$ select exists (select from users where platform_admin) $$;
comment on function auth_is_set_up is 'Whether somebody administers this installation. People without that right, such as the owner of the example, do not count.';

create function auth_setup(token_hash bytea, user_id uuid, email text, name text, password_hash text, team_id uuid, team_name text, membership_id uuid)
    returns boolean
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    update setup_tokens s set used_at = now()
    where s.hash = $1 and s.used_at is null and s.expires_at > now() and not exists (select from users where platform_admin);
    if not found then
        return false;
    end if;
    insert into users (id, email, name, password_hash, platform_admin) values ($2, lower($3), $4, $5, true);
    insert into teams (id, name) values ($6, $7);
    insert into memberships (id, team_id, user_id, role) values ($8, $6, $2, 'owner');
    return true;
end
$$;
comment on function auth_setup is 'Uses the one-time set-up token: first person, first team. False if the token is not good or somebody exists.';

create function auth_user_create(user_id uuid, email text, name text, password_hash text, platform_admin boolean) returns void
    language sql security definer set search_path = public, pg_temp
    as $$ insert into users (id, email, name, password_hash, platform_admin) values ($1, lower($2), $3, $4, $5) $$;
comment on function auth_user_create is 'A new person without any membership.';

create function auth_team_create(team_id uuid, name text, owner uuid, membership_id uuid) returns void
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    insert into teams (id, name) values ($1, $2);
    insert into memberships (id, team_id, user_id, role) values ($4, $1, $3, 'owner');
end
$$;
comment on function auth_team_create is 'A new team with its owner.';

create function auth_revoke_user(user_id uuid) returns bigint
    language sql security definer set search_path = public, pg_temp
    as $$
        update refresh_families f set revoked_at = now() where f.user_id = $1 and f.revoked_at is null;
        update users u set epoch = u.epoch + 1 where u.id = $1 returning u.epoch
    $$;
comment on function auth_revoke_user is 'Ends every access and refresh token of a person.';

create function auth_refresh_start(family uuid, user_id uuid, token_hash bytea, expires timestamptz) returns void
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    insert into refresh_families (id, user_id) values ($1, $2);
    insert into refresh_tokens (hash, family_id, expires_at) values ($3, $1, $4);
end
$$;
comment on function auth_refresh_start is 'A sign-in.';

create function auth_refresh_use(old_hash bytea, new_hash bytea, expires timestamptz)
    returns table (outcome text, user_id uuid, family_id uuid)
    language plpgsql security definer set search_path = public, pg_temp
    as $$
declare
    family refresh_families;
    token refresh_tokens;
begin
    select r.* into token from refresh_tokens r where r.hash = $1 for update;
    if not found then
        return query select 'unknown', null::uuid, null::uuid;
        return;
    end if;
    select f.* into family from refresh_families f where f.id = token.family_id for update;
    if family.revoked_at is not null or token.expires_at <= now() then
        return query select 'expired', family.user_id, family.id;
    elsif token.used_at is not null then
        -- Somebody has a copy. Both lose.
        update refresh_families f set revoked_at = now() where f.id = family.id;
        return query select 'reused', family.user_id, family.id;
    else
        update refresh_tokens r set used_at = now() where r.hash = $1;
        insert into refresh_tokens (hash, family_id, expires_at) values ($2, family.id, $3);
        return query select 'rotated', family.user_id, family.id;
    end if;
end
$$;
comment on function auth_refresh_use is 'Exchanges a refresh token once; a second use revokes the whole sign-in.';

create function auth_refresh_end(token_hash bytea) returns void
    language sql security definer set search_path = public, pg_temp
    as $$
        update refresh_families f set revoked_at = now()
        from refresh_tokens r
        where r.hash = $1 and f.id = r.family_id and f.revoked_at is null
    $$;
comment on function auth_refresh_end is 'Sign-out.';

create function auth_signing_keys()
    returns table (kid text, public_key bytea, sealed_private_key bytea, created_at timestamptz, retires_at timestamptz)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select k.kid, k.public_key, k.sealed_private_key, k.created_at, k.retires_at
        from signing_keys k
        where k.retires_at is null or k.retires_at > now()
        order by k.created_at desc, k.kid
    $$;
comment on function auth_signing_keys is 'Keys that verify; the first that does not retire signs.';

create function auth_signing_key_add(kid text, public_key bytea, sealed_private_key bytea, only_if_none boolean, retire_others_at timestamptz)
    returns boolean
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    lock table signing_keys in exclusive mode;
    if $4 and exists (select from signing_keys k where k.retires_at is null) then
        return false;
    end if;
    update signing_keys k set retires_at = $5 where k.retires_at is null;
    insert into signing_keys (kid, public_key, sealed_private_key) values ($1, $2, $3);
    return true;
end
$$;
comment on function auth_signing_key_add is 'Adds a key; the others verify until the given time. With only_if_none two servers that start at once agree on one key.';

do $$
declare
    signature text;
begin
    for signature in
        select p.oid::regprocedure::text from pg_proc p
        where p.pronamespace = 'public'::regnamespace and p.proname like 'auth\_%'
    loop
        execute format('alter function %s owner to segue_system', signature);
        execute format('revoke execute on function %s from public', signature);
        execute format('grant execute on function %s to segue_auth', signature);
    end loop;
end
$$;
revoke create on schema public from segue_system;

create function schema_version() returns bigint
    language sql stable security definer set search_path = public, pg_temp
    as $$ select coalesce(max(version), 0) from _sqlx_migrations where success $$;
comment on function schema_version is 'The newest migration that ran, for programs that must not run on an older schema.';
revoke execute on function schema_version() from public;
grant execute on function schema_version() to segue_api, segue_auth, segue_system;

create function host_instances(host uuid) returns bigint
    language sql stable security definer set search_path = public, pg_temp
    as $$ select count(*) from instances i where i.host_id = $1 and i.reserved $$;
comment on function host_instances is 'How many instances of all teams a host carries: a number, no more.';
grant create on schema public to segue_system;
alter function host_instances(uuid) owner to segue_system;
revoke create on schema public from segue_system;
revoke execute on function host_instances(uuid) from public;
grant execute on function host_instances(uuid) to segue_api;
