-- The sum of the migrations, for reading. Made by crates/store/examples/prepare.rs.

CREATE FUNCTION public.auth_attempt(attempt uuid, keys bytea[], allowed integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
declare
    one bytea;
    times integer;
    oldest timestamptz;
    wait integer := 0;
begin
    delete from sign_in_attempts a
    where (a.attempt, a.key) in (
        select s.attempt, s.key from sign_in_attempts s
        where s.at < clock_timestamp() - interval '1 minute'
        limit 100
        for update skip locked);
    -- One after the other for the same address or account, in one order, so that the count is exact.
    for one in select distinct k from unnest($2) k order by k loop
        perform pg_advisory_xact_lock(hashtextextended(encode(one, 'hex'), 16));
        select count(*), min(a.at) into times, oldest
        from sign_in_attempts a
        where a.key = one and a.at > clock_timestamp() - interval '1 minute';
        if times >= $3 then
            wait := greatest(wait, 1, ceil(extract(epoch from oldest + interval '1 minute' - clock_timestamp()))::integer);
        end if;
    end loop;
    if wait = 0 then
        insert into sign_in_attempts (attempt, key, at) select distinct $1, k, clock_timestamp() from unnest($2) k;
    end if;
    return wait;
end
$_$;

ALTER FUNCTION public.auth_attempt(attempt uuid, keys bytea[], allowed integer) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_attempt(attempt uuid, keys bytea[], allowed integer) IS 'Notes a guess for each key, or answers the seconds to wait because one had its share of the last minute.';

CREATE FUNCTION public.auth_attempt_good(attempt uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$ delete from sign_in_attempts a where a.attempt = $1 $_$;

ALTER FUNCTION public.auth_attempt_good(attempt uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_attempt_good(attempt uuid) IS 'It was no guess: it does not count.';

CREATE FUNCTION public.auth_device_poll(device_hash bytea) RETURNS TABLE(outcome text, person uuid, team uuid, role text, scopes text[], client text, wait_ms integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
declare
    request device_requests;
begin
    select d.* into request from device_requests d where d.device_hash = $1 for update;
    if not found or request.state = 'used' or request.expires_at <= now() then
        return query select 'expired', null::uuid, null::uuid, null::text, null::text[], null::text, null::integer;
    elsif request.state = 'denied' then
        return query select 'denied', null::uuid, null::uuid, null::text, null::text[], null::text, null::integer;
    elsif request.state = 'approved' then
        return query select 'approved', request.decided_by, request.for_team, request.role, request.scopes, request.client, null::integer;
    elsif request.polled_at > clock_timestamp() - make_interval(secs => (request.wait_ms - 500) / 1000.0) then
        update device_requests d set polled_at = clock_timestamp(), wait_ms = least(d.wait_ms + 5000, 120000)
        where d.id = request.id
        returning d.wait_ms into request.wait_ms;
        return query select 'slow_down', null::uuid, null::uuid, null::text, null::text[], null::text, request.wait_ms;
    else
        update device_requests d set polled_at = clock_timestamp() where d.id = request.id;
        return query select 'pending', null::uuid, null::uuid, null::text, null::text[], null::text, request.wait_ms;
    end if;
end
$_$;

ALTER FUNCTION public.auth_device_poll(device_hash bytea) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_device_poll(device_hash bytea) IS 'What a device is told that asks whether the person has decided.';

CREATE FUNCTION public.auth_device_show(user_code text) RETURNS TABLE(client text, address inet, created_at timestamp with time zone, expires_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        select d.client, d.address, d.created_at, d.expires_at
        from device_requests d
        where d.user_code = $1 and d.state = 'pending' and d.expires_at > now()
    $_$;

ALTER FUNCTION public.auth_device_show(user_code text) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_device_show(user_code text) IS 'A device that waits, for the person who was told its code.';

CREATE FUNCTION public.auth_device_start(request uuid, device_hash bytea, user_code text, client text, address inet, expires timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
begin
    delete from device_requests d
    where d.id in (
        select e.id from device_requests e
        where e.expires_at < now() - interval '1 hour'
        limit 100
        for update skip locked);
    if (select count(*) from device_requests d where d.expires_at > now()) >= 10000 then
        return false;
    end if;
    insert into device_requests (id, device_hash, user_code, client, address, expires_at) values ($1, $2, $3, $4, $5, $6);
    return true;
end
$_$;

ALTER FUNCTION public.auth_device_start(request uuid, device_hash bytea, user_code text, client text, address inet, expires timestamp with time zone) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_device_start(request uuid, device_hash bytea, user_code text, client text, address inet, expires timestamp with time zone) IS 'A device wants to sign in. False if too many wait already.';

CREATE FUNCTION public.auth_epochs() RETURNS TABLE(subject uuid, epoch bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
        select u.id, case when u.disabled_at is null then u.epoch else 9223372036854775807 end from users u where u.epoch > 1 or u.disabled_at is not null
        union all
        select t.id, case when t.deleted_at is null then t.epoch else 9223372036854775807 end from teams t where t.epoch > 1 or t.deleted_at is not null
    $$;

ALTER FUNCTION public.auth_epochs() OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_epochs() IS 'Epochs of people and teams whose tokens were revoked at least once; all others are 1. Read every few seconds.';

CREATE FUNCTION public.auth_hook(hook uuid) RETURNS TABLE(team_id uuid, app_id uuid, kind text, sealed bytea, data_key_version integer, sealed_key bytea, kek_id text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        select h.team_id, h.app_id, h.kind, h.sealed, h.data_key_version, d.sealed, d.kek_id
        from hooks h
        join data_keys d on d.team_id = h.team_id and d.version = h.data_key_version
        join apps a on a.id = h.app_id
        where h.id = $1 and a.deleted_at is null
    $_$;

ALTER FUNCTION public.auth_hook(hook uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_hook(hook uuid) IS 'A hook, before its team is known: whoever calls it proves himself by its secret.';

CREATE FUNCTION public.auth_invitation(token_hash bytea) RETURNS TABLE(invitation_id uuid, team_id uuid, team_name text, email text, role text, app_name text, environment_name text, invited_by text, expires_at timestamp with time zone, state text, accepted_by uuid, known boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        select i.id, i.team_id, t.name, i.email, i.role, a.name, e.name, u.name, i.expires_at,
            case
                when i.accepted_at is not null then 'accepted'
                when i.revoked_at is not null or t.deleted_at is not null or a.deleted_at is not null or e.deleted_at is not null then 'revoked'
                when i.expires_at <= now() then 'expired'
                else 'open'
            end,
            i.accepted_by,
            exists (select from users k where k.email = i.email)
        from invitations i
        join teams t on t.id = i.team_id
        join users u on u.id = i.created_by
        left join apps a on a.id = i.app_id
        left join environments e on e.id = i.environment_id
        where i.hash = $1
    $_$;

ALTER FUNCTION public.auth_invitation(token_hash bytea) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_invitation(token_hash bytea) IS 'The invitation of a link, whatever became of it. Who shows it tells of one that is over only that it is over.';

CREATE FUNCTION public.auth_is_set_up() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ select exists (select from users where platform_admin) $$;

ALTER FUNCTION public.auth_is_set_up() OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_is_set_up() IS 'Whether somebody administers this installation. People without that right, such as the owner of the example, do not count.';

CREATE FUNCTION public.auth_memberships(user_id uuid) RETURNS TABLE(team_id uuid, team_name text, team_epoch bigint, role text, app_id uuid, environment_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
#variable_conflict use_column
begin
    return query
        select m.team_id, t.name, t.epoch, m.role, m.app_id, m.environment_id
        from memberships m join teams t on t.id = m.team_id and t.deleted_at is null
        where m.user_id = $1
        order by t.name, m.app_id, m.environment_id;
end
$_$;

ALTER FUNCTION public.auth_memberships(user_id uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_memberships(user_id uuid) IS 'Everything a person was given.';

CREATE FUNCTION public.auth_refresh_use(old_hash bytea, new_hash bytea, expires timestamp with time zone) RETURNS TABLE(outcome text, user_id uuid, family_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
declare
    family refresh_families;
    token refresh_tokens;
    ended boolean;
begin
    select r.* into token from refresh_tokens r where r.hash = $1 for update;
    if not found then
        return query select 'unknown', null::uuid, null::uuid;
        return;
    end if;
    select f.* into family from refresh_families f where f.id = token.family_id for update;
    ended := family.revoked_at is not null or family.expires_at <= now() or token.expires_at <= now()
        or exists (select from users u where u.id = family.user_id and u.disabled_at is not null);
    if ended then
        return query select 'expired', family.user_id, family.id;
    elsif token.used_at > now() - interval '10 seconds' then
        -- Two tabs at the same moment. The second gets nothing, so a thief would not either.
        return query select 'superseded', family.user_id, family.id;
    elsif token.used_at is not null then
        -- Somebody has a copy. Both lose.
        update refresh_families f set revoked_at = now() where f.id = family.id;
        return query select 'reused', family.user_id, family.id;
    else
        update refresh_tokens r set used_at = now() where r.hash = $1;
        delete from refresh_tokens r where r.family_id = family.id and r.expires_at <= now();
        insert into refresh_tokens (hash, family_id, expires_at) values ($2, family.id, least($3, family.expires_at));
        update refresh_families f set used_at = now() where f.id = family.id;
        return query select 'rotated', family.user_id, family.id;
    end if;
end
$_$;

ALTER FUNCTION public.auth_refresh_use(old_hash bytea, new_hash bytea, expires timestamp with time zone) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_refresh_use(old_hash bytea, new_hash bytea, expires timestamp with time zone) IS 'Exchanges a refresh token once; a second use revokes the whole sign-in, but for the first ten seconds.';

CREATE FUNCTION public.auth_reset(token_hash bytea) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        select exists (
            select from password_resets r
            where r.hash = $1 and r.used_at is null and r.expires_at > now()
                and person_reset_may(r.user_id, r.giver, r.at_most, r.only_team))
    $_$;

ALTER FUNCTION public.auth_reset(token_hash bytea) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_reset(token_hash bytea) IS 'Whether a link for a new password is good now. Why it is not is nobody''s business.';

CREATE FUNCTION public.auth_revoke_user(user_id uuid) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        update refresh_families f set revoked_at = now() where f.user_id = $1 and f.revoked_at is null;
        update users u set epoch = u.epoch + 1 where u.id = $1 returning u.epoch
    $_$;

ALTER FUNCTION public.auth_revoke_user(user_id uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_revoke_user(user_id uuid) IS 'Ends every access and refresh token of a person.';

CREATE FUNCTION public.auth_session(session uuid, person uuid) RETURNS TABLE(id uuid, email text, name text, platform_admin boolean, epoch bigint, expires_at timestamp with time zone, confirmed_until timestamp with time zone)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
#variable_conflict use_column
begin
    return query
        select u.id, u.email, u.name, u.platform_admin, u.epoch, f.expires_at,
            case when f.confirmed_until > now() then f.confirmed_until end
        from refresh_families f
        join users u on u.id = f.user_id and u.disabled_at is null
        where f.id = $1 and f.user_id = $2 and f.revoked_at is null and f.expires_at > now();
end
$_$;

ALTER FUNCTION public.auth_session(session uuid, person uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_session(session uuid, person uuid) IS 'The person of a session that is good now, and until when a password given again counts.';

CREATE FUNCTION public.auth_setup(token_hash bytea, user_id uuid, email text, name text, password_hash text, team_id uuid, team_name text, membership_id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
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
$_$;

ALTER FUNCTION public.auth_setup(token_hash bytea, user_id uuid, email text, name text, password_hash text, team_id uuid, team_name text, membership_id uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_setup(token_hash bytea, user_id uuid, email text, name text, password_hash text, team_id uuid, team_name text, membership_id uuid) IS 'Uses the one-time set-up token: first person, first team. False if the token is not good or somebody exists.';

CREATE FUNCTION public.auth_setup_state(token_hash bytea) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        select case
            when s.used_at is not null then 'used'
            when exists (select from users where platform_admin) then 'set_up'
            when s.expires_at <= now() then 'expired'
            when s.hash is null then 'unknown'
            else 'good'
        end
        from (values (1)) one left join setup_tokens s on s.hash = $1
    $_$;

ALTER FUNCTION public.auth_setup_state(token_hash bytea) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_setup_state(token_hash bytea) IS 'What has become of a set-up link, for whoever holds it.';

CREATE FUNCTION public.auth_signing_key_add(kid text, public_key bytea, sealed_private_key bytea, only_if_none boolean, active timestamp with time zone, retire_others timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
begin
    lock table signing_keys in exclusive mode;
    if $4 and exists (select from signing_keys k where k.retires_at is null) then
        return false;
    end if;
    delete from signing_keys k where k.retires_at <= now();
    update signing_keys k set retires_at = least(k.retires_at, $6);
    insert into signing_keys (kid, public_key, sealed_private_key, active_at) values ($1, $2, $3, $5);
    return true;
end
$_$;

ALTER FUNCTION public.auth_signing_key_add(kid text, public_key bytea, sealed_private_key bytea, only_if_none boolean, active timestamp with time zone, retire_others timestamp with time zone) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_signing_key_add(kid text, public_key bytea, sealed_private_key bytea, only_if_none boolean, active timestamp with time zone, retire_others timestamp with time zone) IS 'Adds a key; the others verify until the given time and are removed after it. With only_if_none two servers that start at once agree on one key.';

CREATE FUNCTION public.auth_signing_keys() RETURNS TABLE(kid text, public_key bytea, sealed_private_key bytea, created_at timestamp with time zone, active_at timestamp with time zone, retires_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
        select k.kid, k.public_key, k.sealed_private_key, k.created_at, k.active_at, k.retires_at
        from signing_keys k
        where k.retires_at is null or k.retires_at > now()
        order by k.active_at desc, k.kid
    $$;

ALTER FUNCTION public.auth_signing_keys() OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_signing_keys() IS 'Keys that verify, the newest first; the first one that is active signs.';

CREATE FUNCTION public.auth_team(wanted text) RETURNS TABLE(team_id uuid, name text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        select t.id, t.name from teams t
        where t.deleted_at is null
            and (t.name = $1 or 'team_' || replace(t.id::text, '-', '') = $1)
        order by t.name = $1
        limit 1
    $_$;

ALTER FUNCTION public.auth_team(wanted text) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_team(wanted text) IS 'A team by name or id, for the people who run the installation and need not be members.';

CREATE FUNCTION public.auth_team_create(team_id uuid, name text, owner uuid, membership_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
begin
    insert into teams (id, name) values ($1, $2);
    insert into memberships (id, team_id, user_id, role) values ($4, $1, $3, 'owner');
end
$_$;

ALTER FUNCTION public.auth_team_create(team_id uuid, name text, owner uuid, membership_id uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_team_create(team_id uuid, name text, owner uuid, membership_id uuid) IS 'A new team with its owner.';

CREATE FUNCTION public.auth_token(token_hash bytea) RETURNS TABLE(token_id uuid, team_id uuid, created_by uuid, role text, scopes text[], app_id uuid, address_ranges cidr[], expires_at timestamp with time zone, noted boolean, email text, name text, platform_admin boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
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
$_$;

ALTER FUNCTION public.auth_token(token_hash bytea) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_token(token_hash bytea) IS 'A token that is good now, whose it is, and whether its use was noted within a minute; it ends with its creator''s last membership.';

CREATE FUNCTION public.auth_token_used(token uuid, team uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        insert into token_uses as u (token_id, team_id, used_at) values ($1, $2, now())
        on conflict (token_id) do update set used_at = excluded.used_at where u.used_at < now() - interval '1 minute'
    $_$;

ALTER FUNCTION public.auth_token_used(token uuid, team uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_token_used(token uuid, team uuid) IS 'Notes the use of a token, at most once a minute.';

CREATE FUNCTION public.auth_user(user_id uuid) RETURNS TABLE(id uuid, email text, name text, platform_admin boolean, epoch bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        select u.id, u.email, u.name, u.platform_admin, u.epoch
        from users u where u.id = $1 and u.disabled_at is null
    $_$;

ALTER FUNCTION public.auth_user(user_id uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_user(user_id uuid) IS 'A person who may sign in.';

CREATE FUNCTION public.auth_user_by_email(address text) RETURNS TABLE(id uuid, email text, name text, password_hash text, platform_admin boolean, epoch bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        select u.id, u.email, u.name, u.password_hash, u.platform_admin, u.epoch
        from users u where u.email = lower($1) and u.disabled_at is null
    $_$;

ALTER FUNCTION public.auth_user_by_email(address text) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_user_by_email(address text) IS 'For sign-in.';

CREATE FUNCTION public.auth_user_create(user_id uuid, email text, name text, password_hash text, platform_admin boolean) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$ insert into users (id, email, name, password_hash, platform_admin) values ($1, lower($2), $3, $4, $5) $_$;

ALTER FUNCTION public.auth_user_create(user_id uuid, email text, name text, password_hash text, platform_admin boolean) OWNER TO segue_system;

COMMENT ON FUNCTION public.auth_user_create(user_id uuid, email text, name text, password_hash text, platform_admin boolean) IS 'A new person without any membership.';

CREATE FUNCTION public.build_rank(state text) RETURNS smallint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE state WHEN 'queued'::text THEN 0 WHEN 'claimed'::text THEN 10 WHEN 'running'::text THEN 20 WHEN 'pushing'::text THEN 30 WHEN 'testing'::text THEN 40 WHEN 'succeeded'::text THEN 100 WHEN 'failed'::text THEN 101 WHEN 'timed_out'::text THEN 102 WHEN 'cancelled'::text THEN 103 ELSE NULL::integer END;

ALTER FUNCTION public.build_rank(state text) OWNER TO segue;

COMMENT ON FUNCTION public.build_rank(state text) IS 'Rank of a build state, as in segue_model::state.';

CREATE FUNCTION public.deployment_rank(state text) RETURNS smallint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE state WHEN 'queued'::text THEN 0 WHEN 'building'::text THEN 10 WHEN 'release_task'::text THEN 20 WHEN 'starting'::text THEN 30 WHEN 'switching'::text THEN 40 WHEN 'live'::text THEN 50 WHEN 'baking'::text THEN 60 WHEN 'failing'::text THEN 70 WHEN 'rolling_back'::text THEN 80 WHEN 'succeeded'::text THEN 100 WHEN 'rolled_back'::text THEN 101 WHEN 'failed'::text THEN 102 WHEN 'cancelled'::text THEN 103 WHEN 'superseded'::text THEN 104 ELSE NULL::integer END;

ALTER FUNCTION public.deployment_rank(state text) OWNER TO segue;

COMMENT ON FUNCTION public.deployment_rank(state text) IS 'Rank of a deployment state, as in segue_model::state.';

CREATE FUNCTION public.is_git_ref(text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ select length($1) <= 215 and $1 ~ '^refs/(heads|tags)/[A-Za-z0-9_][A-Za-z0-9._/-]*$' and $1 !~ '(\.\.|//|/\.|/$|\.lock(/|$)|\.(/|$))' $_$;

ALTER FUNCTION public.is_git_ref(text) OWNER TO segue;

COMMENT ON FUNCTION public.is_git_ref(text) IS 'Grammar of git refs that may be pushed.';

CREATE FUNCTION public.is_label(text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ select length($1) between 1 and 40 and $1 ~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*$' $_$;

ALTER FUNCTION public.is_label(text) OWNER TO segue;

COMMENT ON FUNCTION public.is_label(text) IS 'Grammar of team, app, environment, service and host names.';

CREATE TABLE public.environments (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    protected boolean DEFAULT false NOT NULL,
    generation bigint DEFAULT 1 NOT NULL,
    stopped boolean DEFAULT false NOT NULL,
    last_release bigint DEFAULT 0 NOT NULL,
    last_deployment bigint DEFAULT 0 NOT NULL,
    last_config bigint DEFAULT 0 NOT NULL,
    last_spec bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    branch text,
    ttl_seconds bigint,
    expires_at timestamp with time zone,
    cloned_from uuid,
    last_run bigint DEFAULT 0 NOT NULL,
    CONSTRAINT environments_branch CHECK (public.is_git_ref(('refs/heads/'::text || branch))),
    CONSTRAINT environments_expiry CHECK (((ttl_seconds IS NULL) = (expires_at IS NULL))),
    CONSTRAINT environments_kind CHECK ((kind = ANY (ARRAY['production'::text, 'staging'::text, 'preview'::text]))),
    CONSTRAINT environments_lives CHECK (((expires_at IS NULL) OR (NOT protected))),
    CONSTRAINT environments_name_check CHECK (public.is_label(name)),
    CONSTRAINT environments_ttl CHECK (((ttl_seconds >= 60) AND (ttl_seconds <= 31536000)))
);

ALTER TABLE ONLY public.environments FORCE ROW LEVEL SECURITY;

ALTER TABLE public.environments OWNER TO segue;

COMMENT ON TABLE public.environments IS 'The unit of reconciliation. Only people''s wishes; what became of them is in environment_status.';

COMMENT ON COLUMN public.environments.generation IS 'Raised by every wish; a plan that was made from an older one is not committed.';

COMMENT ON COLUMN public.environments.stopped IS 'Nothing of it shall run.';

COMMENT ON COLUMN public.environments.last_release IS 'Version of the newest release, vN.';

COMMENT ON COLUMN public.environments.last_deployment IS 'Number of the newest deployment, #N.';

COMMENT ON COLUMN public.environments.branch IS 'The branch that a preview follows.';

COMMENT ON COLUMN public.environments.ttl_seconds IS 'How long it lives after it was last deployed by a push; null: until somebody removes it.';

COMMENT ON COLUMN public.environments.expires_at IS 'When the worker removes it. A protected environment has none.';

COMMENT ON COLUMN public.environments.cloned_from IS 'The environment that it was made after.';

COMMENT ON COLUMN public.environments.last_run IS 'Number of the newest one-off run.';

CREATE TABLE public.installation (
    only_row boolean DEFAULT true NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    address_range cidr DEFAULT '10.96.0.0/12'::cidr NOT NULL,
    subnet_cursor integer DEFAULT 0 NOT NULL,
    edge_silence_ms bigint DEFAULT 60000 NOT NULL,
    address_rest_ms bigint DEFAULT 600000 NOT NULL,
    subnet_rest_ms bigint DEFAULT 86400000 NOT NULL,
    listing_max_age_ms bigint DEFAULT 60000 NOT NULL,
    cpu_overcommit_percent integer DEFAULT 400 NOT NULL,
    memory_overcommit_percent integer DEFAULT 100 NOT NULL,
    rollback_deadline_ms bigint DEFAULT 600000 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT installation_address_range_check CHECK (((family((address_range)::inet) = 4) AND (masklen((address_range)::inet) <= 20))),
    CONSTRAINT installation_address_rest_ms_check CHECK ((address_rest_ms >= 0)),
    CONSTRAINT installation_cpu_overcommit_percent_check CHECK (((cpu_overcommit_percent >= 1) AND (cpu_overcommit_percent <= 10000))),
    CONSTRAINT installation_edge_silence_ms_check CHECK (((edge_silence_ms >= 0) AND (edge_silence_ms <= 86400000))),
    CONSTRAINT installation_listing_max_age_ms_check CHECK ((listing_max_age_ms > 0)),
    CONSTRAINT installation_memory_overcommit_percent_check CHECK (((memory_overcommit_percent >= 1) AND (memory_overcommit_percent <= 1000))),
    CONSTRAINT installation_only_row_check CHECK (only_row),
    CONSTRAINT installation_rollback_deadline_ms_check CHECK ((rollback_deadline_ms > 0)),
    CONSTRAINT installation_subnet_rest_ms_check CHECK ((subnet_rest_ms >= 0))
);

ALTER TABLE public.installation OWNER TO segue;

COMMENT ON TABLE public.installation IS 'One row: identity and bounds of this installation.';

COMMENT ON COLUMN public.installation.address_range IS 'Container subnets (/24) are cut from this range.';

COMMENT ON COLUMN public.installation.subnet_cursor IS 'Index of the /24 that was given out last; the next is looked for behind it, so that addresses rest.';

COMMENT ON COLUMN public.installation.edge_silence_ms IS 'A silent edge holds SIGTERM back for this long.';

CREATE FUNCTION public.environment_rested(environment uuid) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_temp'
    RETURN (EXISTS (SELECT FROM (public.environments e CROSS JOIN public.installation i) WHERE ((e.id = environment_rested.environment) AND (e.deleted_at < (now() - ((i.subnet_rest_ms)::double precision * '00:00:00.001'::interval))))));

ALTER FUNCTION public.environment_rested(environment uuid) OWNER TO segue;

COMMENT ON FUNCTION public.environment_rested(environment uuid) IS 'Whether an environment was removed so long ago that its addresses have rested; only then what never changes may go.';

CREATE FUNCTION public.host_instances(host uuid) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$ select count(*) from instances i where i.host_id = $1 and i.reserved $_$;

ALTER FUNCTION public.host_instances(host uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.host_instances(host uuid) IS 'How many instances of all teams a host carries: a number, no more.';

CREATE FUNCTION public.host_rank(state text) RETURNS smallint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE state WHEN 'joining'::text THEN 0 WHEN 'ready'::text THEN 10 WHEN 'suspect'::text THEN 20 WHEN 'lost'::text THEN 30 WHEN 'returning'::text THEN 40 WHEN 'removed'::text THEN 100 ELSE NULL::integer END;

ALTER FUNCTION public.host_rank(state text) OWNER TO segue;

COMMENT ON FUNCTION public.host_rank(state text) IS 'Rank of a host state, as in segue_model::state. A host may return, so its rank may fall.';

CREATE FUNCTION public.invitation_person(invitation uuid, person uuid, name text, password_hash text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
begin
    insert into users (id, email, name, password_hash)
    select $2, i.email, $3, $4
    from invitations i
    where i.id = $1
        and i.team_id = nullif(current_setting('segue.team', true), '')::uuid
        and i.accepted_at is null and i.revoked_at is null and i.expires_at > now();
    if not found then
        raise exception 'the invitation is not open' using errcode = '23514', constraint = 'invitation_open';
    end if;
end
$_$;

ALTER FUNCTION public.invitation_person(invitation uuid, person uuid, name text, password_hash text) OWNER TO segue_system;

COMMENT ON FUNCTION public.invitation_person(invitation uuid, person uuid, name text, password_hash text) IS 'The person whom an open invitation of the own team names, and nobody else.';

CREATE FUNCTION public.is_config_key(text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ select length($1) between 1 and 128 and $1 ~ '^[A-Za-z_][A-Za-z0-9_]*$' $_$;

ALTER FUNCTION public.is_config_key(text) OWNER TO segue;

COMMENT ON FUNCTION public.is_config_key(text) IS 'Grammar of configuration keys and secrets: environment variables.';

CREATE FUNCTION public.is_domain(text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$
        select length($1) <= 253
            and $1 ~ '^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'
            and $1 !~ '\.[0-9]+$'
    $_$;

ALTER FUNCTION public.is_domain(text) OWNER TO segue;

COMMENT ON FUNCTION public.is_domain(text) IS 'Grammar of host names that requests are routed by.';

CREATE FUNCTION public.is_plain_text(value text, most integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (((length(value) >= 1) AND (length(value) <= most)) AND (value !~ '[\x01-\x1f\x7f]'::text));

ALTER FUNCTION public.is_plain_text(value text, most integer) OWNER TO segue;

COMMENT ON FUNCTION public.is_plain_text(value text, most integer) IS 'One line for people.';

CREATE FUNCTION public.log_partitions_keep(today date, keep_days integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
declare
    day date;
    name text;
    old record;
    changed integer := 0;
begin
    if keep_days < 1 then
        raise exception 'logs are kept for at least a day' using errcode = 'SG003';
    end if;
    for day in select generate_series(today, today + 2, interval '1 day')::date loop
        name := 'log_chunks_' || to_char(day, 'YYYYMMDD');
        if to_regclass(name) is null then
            begin
                execute format('create table %I partition of log_chunks for values from (%L) to (%L)', name,
                    (day::timestamp at time zone 'utc'), ((day + 1)::timestamp at time zone 'utc'));
                execute format('alter table %I enable row level security', name);
                execute format('alter table %I force row level security', name);
                changed := changed + 1;
            exception
                -- Rows of that day lie in the rest already; it serves them and is emptied by age.
                when check_violation then null;
            end;
        end if;
    end loop;
    for old in
        select c.relname
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'log_chunks'::regclass and c.relname ~ '^log_chunks_[0-9]{8}$'
            and to_date(right(c.relname, 8), 'YYYYMMDD') < today - keep_days
    loop
        execute format('drop table %I', old.relname);
        changed := changed + 1;
    end loop;
    return changed;
end
$_$;

ALTER FUNCTION public.log_partitions_keep(today date, keep_days integer) OWNER TO segue;

COMMENT ON FUNCTION public.log_partitions_keep(today date, keep_days integer) IS 'Makes the partitions of today and the next two days, drops those that are older than keep_days.';

CREATE FUNCTION public.observed_rank(state text) RETURNS smallint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE state WHEN 'none'::text THEN 0 WHEN 'creating'::text THEN 10 WHEN 'created'::text THEN 20 WHEN 'started'::text THEN 30 WHEN 'ready'::text THEN 40 WHEN 'unready'::text THEN 41 WHEN 'exited'::text THEN 80 WHEN 'gone'::text THEN 100 WHEN 'lost'::text THEN 101 ELSE NULL::integer END;

ALTER FUNCTION public.observed_rank(state text) OWNER TO segue;

COMMENT ON FUNCTION public.observed_rank(state text) IS 'Rank of an observed state, as in segue_model::state.';

CREATE FUNCTION public.observed_may_become(old_state text, new_state text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (((old_state = 'unready'::text) AND (new_state = 'ready'::text)) OR (public.observed_rank(new_state) >= public.observed_rank(old_state)));

ALTER FUNCTION public.observed_may_become(old_state text, new_state text) OWNER TO segue;

COMMENT ON FUNCTION public.observed_may_become(old_state text, new_state text) IS 'The same as segue_model::state::Observed::may_become: ranks grow; ready and unready alternate; the engine may restart an ended container by itself.';

CREATE FUNCTION public.person_by_email(address text) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$ select u.id from users u where u.email = lower($1) $_$;

ALTER FUNCTION public.person_by_email(address text) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_by_email(address text) IS 'A person, disabled or not, for operators.';

CREATE FUNCTION public.person_device_decide(person uuid, code text, approve boolean, team uuid, as_role text, with_scopes text[]) RETURNS TABLE(request uuid, client text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        update device_requests d
        set state = case when $3 then 'approved' else 'denied' end, decided_by = $1,
            for_team = case when $3 then $4 end, role = case when $3 then $5 end, scopes = case when $3 then $6 end
        where d.user_code = $2 and d.state = 'pending' and d.expires_at > now()
        returning d.id, d.client
    $_$;

ALTER FUNCTION public.person_device_decide(person uuid, code text, approve boolean, team uuid, as_role text, with_scopes text[]) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_device_decide(person uuid, code text, approve boolean, team uuid, as_role text, with_scopes text[]) IS 'A person lets a device in, or not.';

CREATE FUNCTION public.person_device_use(hash bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
begin
    update device_requests d set state = 'used'
    where d.device_hash = $1 and d.state = 'approved' and d.expires_at > now();
    return found;
end
$_$;

ALTER FUNCTION public.person_device_use(hash bytea) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_device_use(hash bytea) IS 'Takes the approval, once, in the transaction that makes the token.';

CREATE FUNCTION public.person_disable(person uuid, disabled boolean) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
begin
    update users u set disabled_at = case when $2 then coalesce(u.disabled_at, now()) end, epoch = u.epoch + 1 where u.id = $1;
    if not found then
        return false;
    end if;
    if $2 then
        update refresh_families f set revoked_at = now() where f.user_id = $1 and f.revoked_at is null;
    end if;
    return true;
end
$_$;

ALTER FUNCTION public.person_disable(person uuid, disabled boolean) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_disable(person uuid, disabled boolean) IS 'A disabled person cannot sign in, and the tokens that they made answer nothing.';

CREATE FUNCTION public.person_name_set(person uuid, new_name text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$ update users u set name = $2 where u.id = $1 $_$;

ALTER FUNCTION public.person_name_set(person uuid, new_name text) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_name_set(person uuid, new_name text) IS 'What the person is called.';

CREATE FUNCTION public.person_password_get(person uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$ select u.password_hash from users u where u.id = $1 and u.disabled_at is null $_$;

ALTER FUNCTION public.person_password_get(person uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_password_get(person uuid) IS 'For a person who proves the old password before the new one is set.';

CREATE FUNCTION public.person_password_set(person uuid, new_hash text, keep_session uuid, keep_token uuid) RETURNS TABLE(sessions integer, devices integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
declare
    sessions_ended integer;
    devices_ended integer;
begin
    update users u set password_hash = $2, epoch = u.epoch + 1 where u.id = $1;
    update refresh_families f set revoked_at = now()
    where f.user_id = $1 and f.revoked_at is null and f.expires_at > now() and f.id is distinct from $3;
    get diagnostics sessions_ended = row_count;
    update tokens t set revoked_at = now()
    where t.created_by = $1 and t.device and t.revoked_at is null and t.expires_at > now() and t.id is distinct from $4;
    get diagnostics devices_ended = row_count;
    -- A device that was let in and has not come for its token gets none.
    delete from device_requests d where d.decided_by = $1 and d.state = 'approved';
    update password_resets r set expires_at = now()
    where r.user_id = $1 and r.used_at is null and r.expires_at > now();
    return query select sessions_ended, devices_ended;
end
$_$;

ALTER FUNCTION public.person_password_set(person uuid, new_hash text, keep_session uuid, keep_token uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_password_set(person uuid, new_hash text, keep_session uuid, keep_token uuid) IS 'A new password ends every other session of the person, the tokens of their devices, and links that were not used.';

CREATE FUNCTION public.person_refresh_end(token_hash bytea) RETURNS TABLE(person uuid, session uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        update refresh_families f set revoked_at = now()
        from refresh_tokens r
        where r.hash = $1 and f.id = r.family_id and f.revoked_at is null
        returning f.user_id, f.id
    $_$;

ALTER FUNCTION public.person_refresh_end(token_hash bytea) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_refresh_end(token_hash bytea) IS 'Signs out whoever holds this refresh token.';

CREATE FUNCTION public.person_reset_ask(reset uuid, address text, token_hash bytea, expires timestamp with time zone, pause interval) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
declare
    found_person uuid;
begin
    -- One after the other: two questions at once are one letter.
    select u.id into found_person from users u
    where u.email = lower($2) and u.disabled_at is null and u.password_hash is not null
    for update;
    if found_person is null or exists (
        select from password_resets r
        where r.user_id = found_person and r.asked and r.created_at > now() - $5
    ) then
        return null;
    end if;
    delete from password_resets r
    where r.id in (
        select o.id from password_resets o
        where o.expires_at < now() - interval '1 day'
        limit 100
        for update skip locked);
    -- A link that an admin made stays: whoever only knows an address must not be able to end it.
    update password_resets r set expires_at = now()
    where r.user_id = found_person and r.asked and r.used_at is null and r.expires_at > now();
    insert into password_resets (id, user_id, hash, expires_at, asked) values ($1, found_person, $3, $4, true);
    return found_person;
end
$_$;

ALTER FUNCTION public.person_reset_ask(reset uuid, address text, token_hash bytea, expires timestamp with time zone, pause interval) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_reset_ask(reset uuid, address text, token_hash bytea, expires timestamp with time zone, pause interval) IS 'A link for a new password for whoever reads the mail of this address: the person, or null if nobody with a password has it or one was asked for a moment ago.';

CREATE FUNCTION public.person_reset_create(reset uuid, person uuid, token_hash bytea, expires timestamp with time zone, giver uuid, at_most text, only_team uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
begin
    if not person_reset_may($2, $5, $6, $7) then
        return false;
    end if;
    delete from password_resets r
    where r.id in (
        select o.id from password_resets o
        where o.expires_at < now() - interval '1 day'
        limit 100
        for update skip locked);
    update password_resets r set expires_at = now()
    where r.user_id = $2 and r.used_at is null and r.expires_at > now();
    insert into password_resets (id, user_id, hash, expires_at, giver, at_most, only_team) values ($1, $2, $3, $4, $5, $6, $7);
    return true;
end
$_$;

ALTER FUNCTION public.person_reset_create(reset uuid, person uuid, token_hash bytea, expires timestamp with time zone, giver uuid, at_most text, only_team uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_reset_create(reset uuid, person uuid, token_hash bytea, expires timestamp with time zone, giver uuid, at_most text, only_team uuid) IS 'A link for a new password; older ones of the person end. False for somebody who may not make it.';

CREATE FUNCTION public.person_reset_may(person uuid, giver uuid, at_most text, only_team uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        select exists (select from users u where u.id = $1 and u.disabled_at is null) and ($2 is null or (
            $1 <> $2
            and exists (select from users g where g.id = $2 and g.disabled_at is null)
            and not exists (select from users u where u.id = $1 and u.platform_admin)
            and not exists (
                select from memberships m
                join teams t on t.id = m.team_id and t.deleted_at is null
                where m.user_id = $1 and not exists (
                    select from memberships o
                    where o.team_id = m.team_id and o.user_id = $2 and o.app_id is null
                        and ($4 is null or o.team_id = $4)
                        and least(role_rank(o.role), role_rank($3)) >= greatest(role_rank(m.role), role_rank('admin'))
                )
            )))
    $_$;

ALTER FUNCTION public.person_reset_may(person uuid, giver uuid, at_most text, only_team uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_reset_may(person uuid, giver uuid, at_most text, only_team uuid) IS 'Whether somebody may let a person set a new password: never for themselves, and in every team of the person they must be an admin of the whole team with at least the role of the person there, as far as their credential reaches. People who run the installation (no giver) may for everybody.';

CREATE FUNCTION public.person_reset_use(token_hash bytea, new_hash text) RETURNS TABLE(person uuid, giver uuid, asked boolean, sessions integer, devices integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
declare
    reset password_resets;
begin
    -- Who made it may have lost what it rests on, or the person may be more than they were: judged again.
    update password_resets r set used_at = now()
    where r.hash = $1 and r.used_at is null and r.expires_at > now()
        and person_reset_may(r.user_id, r.giver, r.at_most, r.only_team)
    returning r.* into reset;
    if not found then
        return;
    end if;
    return query
        select reset.user_id, reset.giver, reset.asked, s.sessions, s.devices
        from person_password_set(reset.user_id, $2, null, null) s;
end
$_$;

ALTER FUNCTION public.person_reset_use(token_hash bytea, new_hash text) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_reset_use(token_hash bytea, new_hash text) IS 'Uses a link once: the new password, and the end of every session and device of the person.';

CREATE FUNCTION public.person_session_confirm(person uuid, session uuid, until timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
begin
    update refresh_families f set confirmed_until = $3
    where f.id = $2 and f.user_id = $1 and f.revoked_at is null and f.expires_at > now();
    return found;
end
$_$;

ALTER FUNCTION public.person_session_confirm(person uuid, session uuid, until timestamp with time zone) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_session_confirm(person uuid, session uuid, until timestamp with time zone) IS 'The person gave the password again in this session.';

CREATE FUNCTION public.person_session_end(person uuid, session uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
begin
    update refresh_families f set revoked_at = now()
    where f.id = $2 and f.user_id = $1 and f.revoked_at is null and f.expires_at > now();
    return found;
end
$_$;

ALTER FUNCTION public.person_session_end(person uuid, session uuid) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_session_end(person uuid, session uuid) IS 'Ends a session: its access and refresh tokens at once.';

CREATE FUNCTION public.person_session_list(person uuid, before uuid, most integer) RETURNS TABLE(id uuid, created_at timestamp with time zone, used_at timestamp with time zone, expires_at timestamp with time zone, address inet, client text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        select f.id, f.created_at, f.used_at, f.expires_at, f.address, f.client
        from refresh_families f
        where f.user_id = $1 and f.revoked_at is null and f.expires_at > now() and ($2 is null or f.id < $2)
        order by f.id desc
        limit $3
    $_$;

ALTER FUNCTION public.person_session_list(person uuid, before uuid, most integer) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_session_list(person uuid, before uuid, most integer) IS 'Sessions of a person that are good now, the newest first.';

CREATE FUNCTION public.person_session_start(session uuid, person uuid, token_hash bytea, token_expires timestamp with time zone, session_expires timestamp with time zone, address inet, client text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
begin
    perform from users u where u.id = $2 and u.disabled_at is null for update;
    if not found then
        return false;
    end if;
    delete from refresh_families f
    where f.user_id = $2 and least(f.revoked_at, f.expires_at) < now() - interval '30 days';
    -- Nobody signs in at more than a hundred places: the ones that rested longest end.
    update refresh_families f set revoked_at = now()
    where f.id in (
        select o.id from refresh_families o
        where o.user_id = $2 and o.revoked_at is null and o.expires_at > now()
        order by o.used_at desc, o.id
        offset 99);
    insert into refresh_families (id, user_id, address, client, expires_at) values ($1, $2, $6, $7, $5);
    insert into refresh_tokens (hash, family_id, expires_at) values ($3, $1, least($4, $5));
    return true;
end
$_$;

ALTER FUNCTION public.person_session_start(session uuid, person uuid, token_hash bytea, token_expires timestamp with time zone, session_expires timestamp with time zone, address inet, client text) OWNER TO segue_system;

COMMENT ON FUNCTION public.person_session_start(session uuid, person uuid, token_hash bytea, token_expires timestamp with time zone, session_expires timestamp with time zone, address inet, client text) IS 'A sign-in with its first refresh token. False for somebody who may not sign in.';

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'rows of % never change', tg_table_name
        using errcode = 'SG001', constraint = tg_table_name || '_immutable';
end
$$;

ALTER FUNCTION public.refuse_change() OWNER TO segue;

COMMENT ON FUNCTION public.refuse_change() IS 'Rows are only ever added.';

CREATE FUNCTION public.refuse_change_unless_rested() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'DELETE' and environment_rested(old.environment_id) then
        return old;
    end if;
    raise exception 'rows of % never change', tg_table_name
        using errcode = 'SG001', constraint = tg_table_name || '_immutable';
end
$$;

ALTER FUNCTION public.refuse_change_unless_rested() OWNER TO segue;

COMMENT ON FUNCTION public.refuse_change_unless_rested() IS 'As refuse_change, but what belongs to an environment that was removed long ago may be deleted.';

CREATE FUNCTION public.refuse_falling_generation() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'routes go from generation % to %, not to %', old.route_gen, old.route_gen + 1, new.route_gen
        using errcode = 'SG002', constraint = 'routes_generation';
end
$$;

ALTER FUNCTION public.refuse_falling_generation() OWNER TO segue;

COMMENT ON FUNCTION public.refuse_falling_generation() IS 'Generations have no gap and never fall.';

CREATE FUNCTION public.refuse_falling_rank() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'the rank of a row of % may not fall from % to %', tg_table_name, old.rank, new.rank
        using errcode = 'SG002', constraint = tg_table_name || '_rank';
end
$$;

ALTER FUNCTION public.refuse_falling_rank() OWNER TO segue;

COMMENT ON FUNCTION public.refuse_falling_rank() IS 'States are ranked and ranks only grow (invariant I3).';

CREATE FUNCTION public.refuse_identity_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if (new.team_id, new.environment_id, new.service, new.slot, new.revision, new.release_id, new.serial, new.host_id, new.address, new.port)
        is distinct from (old.team_id, old.environment_id, old.service, old.slot, old.revision, old.release_id, old.serial, old.host_id, old.address, old.port) then
        raise exception 'what an instance is never changes'
            using errcode = 'SG001', constraint = 'instances_immutable';
    end if;
    return new;
end
$$;

ALTER FUNCTION public.refuse_identity_change() OWNER TO segue;

COMMENT ON FUNCTION public.refuse_identity_change() IS 'Invariant I3: an id is never reused for another spec.';

CREATE FUNCTION public.refuse_observed_fall() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'an instance may not be seen to go from % to %', old.state, new.state
        using errcode = 'SG002', constraint = 'instance_seen_rank';
end
$$;

ALTER FUNCTION public.refuse_observed_fall() OWNER TO segue;

COMMENT ON FUNCTION public.refuse_observed_fall() IS 'Invariant I3 for observed states.';

CREATE FUNCTION public.refuse_release_build_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'DELETE' and exists (
        select from releases r where r.id = old.release_id and environment_rested(r.environment_id)
    ) then
        return old;
    end if;
    raise exception 'rows of % never change', tg_table_name
        using errcode = 'SG001', constraint = tg_table_name || '_immutable';
end
$$;

ALTER FUNCTION public.refuse_release_build_change() OWNER TO segue;

COMMENT ON FUNCTION public.refuse_release_build_change() IS 'Invariant I2, for the builds that a release names.';

CREATE FUNCTION public.refuse_release_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'DELETE' then
        if environment_rested(old.environment_id) then
            return old;
        end if;
        raise exception 'a release never changes'
            using errcode = 'SG001', constraint = 'releases_immutable';
    end if;
    if (to_jsonb(new) - 'stable_at') is distinct from (to_jsonb(old) - 'stable_at')
        or (old.stable_at is not null and new.stable_at is distinct from old.stable_at) then
        raise exception 'a release never changes'
            using errcode = 'SG001', constraint = 'releases_immutable';
    end if;
    return new;
end
$$;

ALTER FUNCTION public.refuse_release_change() OWNER TO segue;

COMMENT ON FUNCTION public.refuse_release_change() IS 'Invariant I2.';

CREATE FUNCTION public.role_rank(role text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN array_position(ARRAY['viewer'::text, 'deployer'::text, 'admin'::text, 'owner'::text], role);

ALTER FUNCTION public.role_rank(role text) OWNER TO segue;

COMMENT ON FUNCTION public.role_rank(role text) IS 'Might of a role: a stronger one has a higher rank.';

CREATE FUNCTION public.run_rank(state text) RETURNS smallint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE state WHEN 'queued'::text THEN 0 WHEN 'scheduled'::text THEN 10 WHEN 'running'::text THEN 20 WHEN 'succeeded'::text THEN 100 WHEN 'failed'::text THEN 101 WHEN 'timed_out'::text THEN 102 WHEN 'cancelled'::text THEN 103 WHEN 'unknown'::text THEN 104 ELSE NULL::integer END;

ALTER FUNCTION public.run_rank(state text) OWNER TO segue;

COMMENT ON FUNCTION public.run_rank(state text) IS 'Rank of a run state, as in segue_model::state.';

CREATE FUNCTION public.schema_version() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ select coalesce(max(version), 0) from _sqlx_migrations where success $$;

ALTER FUNCTION public.schema_version() OWNER TO segue;

COMMENT ON FUNCTION public.schema_version() IS 'The newest migration that ran, for programs that must not run on an older schema.';

CREATE FUNCTION public.team_name_claim() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    insert into team_names (name, team_id) values (new.name, new.id) on conflict (name) do nothing;
    if not exists (select from team_names n where n.name = new.name and n.team_id = new.id) then
        raise exception 'the name of a team is never given again'
            using errcode = '23505', constraint = 'teams_name_taken';
    end if;
    return null;
end
$$;

ALTER FUNCTION public.team_name_claim() OWNER TO segue_system;

COMMENT ON FUNCTION public.team_name_claim() IS 'Keeps a team''s names for it. A team may take back a name that it had.';

CREATE FUNCTION public.webhook_outbox() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
begin
    insert into webhook_deliveries (team_id, webhook_id, kind, payload)
    select new.team_id, w.id, new.kind, jsonb_build_object(
        'type', new.kind,
        'timestamp', to_char(new.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'data', jsonb_build_object(
            'id', new.id, 'team', t.name, 'app', a.name, 'environment', e.name, 'message', new.message,
            'subject', new.subject, 'failure', new.failure, 'actor', new.actor, 'deployment', d.told))
    from webhooks w
    join teams t on t.id = new.team_id
    left join apps a on a.id = new.app_id
    left join environments e on e.id = new.environment_id
    left join lateral (
        select coalesce(o.state, 'queued') as state, jsonb_build_object(
            'number', m.number, 'state', coalesce(o.state, 'queued'), 'kind', m.kind, 'release', r.version,
            'commit', r.commit_id, 'message', m.message, 'by', case
                when m.created_by ~ '^usr_[0-9a-f]{32}$' then
                    (select u.name from users u where u.id = right(m.created_by, 32)::uuid)
                when m.created_by ~ '^tok_[0-9a-f]{32}$' then
                    (select 'token ' || k.name from tokens k where k.team_id = m.team_id and k.id = right(m.created_by, 32)::uuid)
            end) as told
        from deployments m
        join releases r on r.team_id = m.team_id and r.id = m.release_id
        left join rollouts o on o.team_id = m.team_id and o.deployment_id = m.id
        where m.team_id = new.team_id and m.id = case
            when new.subject ->> 'deployment' ~ '^dep_[0-9a-f]{32}$' then right(new.subject ->> 'deployment', 32)::uuid
        end
    ) d on true
    where w.team_id = new.team_id and w.enabled
        and (w.app_id is null or w.app_id = new.app_id)
        and (new.kind = any (w.events) or '*' = any (w.events) or split_part(new.kind, '.', 1) || '.*' = any (w.events))
        and (w.kind = 'standard' or new.kind <> 'deployment.changed' or d.state in ('live', 'failed', 'rolled_back', 'cancelled'));
    if found then
        perform pg_notify('segue_deliveries', '');
    end if;
    return null;
end
$_$;

ALTER FUNCTION public.webhook_outbox() OWNER TO segue_system;

COMMENT ON FUNCTION public.webhook_outbox() IS 'An event and what is told of it are one transaction: nothing is lost, nothing is told of what did not happen. Programs are told each step of a deployment, people only that it is live, or that and why it is not.';

CREATE FUNCTION public.work_add(unit uuid, kind text, due timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
        insert into work as w (unit, kind, shard, due_at)
        values ($1, $2, get_byte(uuid_send($1), 15) % 16, $3)
        on conflict (unit) do update
            set seq = nextval('work_seq'), due_at = least(w.due_at, excluded.due_at);
        select pg_notify('segue_work', '');
    $_$;

ALTER FUNCTION public.work_add(unit uuid, kind text, due timestamp with time zone) OWNER TO segue_system;

COMMENT ON FUNCTION public.work_add(unit uuid, kind text, due timestamp with time zone) IS 'Marks a unit for a look and wakes the workers when the transaction commits. The notification carries nothing.';

CREATE TABLE public.addresses (
    team_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    subnet_id uuid NOT NULL,
    octet smallint NOT NULL,
    instance_id uuid NOT NULL,
    given_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT addresses_octet_check CHECK (((octet >= 2) AND (octet <= 254)))
);

ALTER TABLE ONLY public.addresses FORCE ROW LEVEL SECURITY;

ALTER TABLE public.addresses OWNER TO segue;

COMMENT ON TABLE public.addresses IS 'Who has, or last had, an address: at most one instance, and the next one only when the last is gone and the address has rested (rule 9).';

CREATE TABLE public.app_refs (
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    ref text NOT NULL,
    commit_id text NOT NULL,
    deployment_id uuid,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT app_refs_commit_id_check CHECK ((commit_id ~ '^[0-9a-f]{40}([0-9a-f]{24})?$'::text)),
    CONSTRAINT app_refs_ref_check CHECK (public.is_git_ref(ref))
);

ALTER TABLE ONLY public.app_refs FORCE ROW LEVEL SECURITY;

ALTER TABLE public.app_refs OWNER TO segue;

COMMENT ON TABLE public.app_refs IS 'What was pushed to each ref; repositories themselves are a cache.';

CREATE TABLE public.apps (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    name text NOT NULL,
    repo jsonb,
    labels jsonb DEFAULT '{}'::jsonb NOT NULL,
    generation bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    previews jsonb,
    CONSTRAINT apps_labels_check CHECK ((jsonb_typeof(labels) = 'object'::text)),
    CONSTRAINT apps_name_check CHECK (public.is_label(name)),
    CONSTRAINT apps_previews CHECK ((jsonb_typeof(previews) = 'object'::text))
);

ALTER TABLE ONLY public.apps FORCE ROW LEVEL SECURITY;

ALTER TABLE public.apps OWNER TO segue;

COMMENT ON TABLE public.apps IS 'An app has one source.';

COMMENT ON COLUMN public.apps.repo IS 'Where the source is fetched from, if not pushed: url, branch, auto_deploy.';

COMMENT ON COLUMN public.apps.generation IS 'Raised by every change; people''s If-Match names it.';

COMMENT ON COLUMN public.apps.previews IS 'Whether pushes of other branches make environments, from which one, for how long, and which secrets they get; null: never set.';

CREATE TABLE public.attempts (
    id bigint NOT NULL,
    team_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    instance_id uuid NOT NULL,
    host_id uuid NOT NULL,
    verb text NOT NULL,
    lease_epoch bigint NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    failure jsonb,
    CONSTRAINT attempts_verb CHECK ((verb = ANY (ARRAY['create'::text, 'start'::text, 'stop'::text, 'remove'::text])))
);

ALTER TABLE ONLY public.attempts FORCE ROW LEVEL SECURITY;

ALTER TABLE public.attempts OWNER TO segue;

COMMENT ON TABLE public.attempts IS 'Engine calls, written before they are made: an instance whose attempt is newer than its last observation is unknown.';

ALTER TABLE public.attempts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.attempts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit (
    team_id uuid NOT NULL,
    seq bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    resource text NOT NULL,
    detail jsonb NOT NULL,
    request_id text,
    address text,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_action_check CHECK ((action ~ '^[a-z_]+$'::text)),
    CONSTRAINT audit_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT audit_previous_hash_check CHECK ((length(previous_hash) = 32)),
    CONSTRAINT audit_seq_check CHECK ((seq > 0))
);

ALTER TABLE ONLY public.audit FORCE ROW LEVEL SECURITY;

ALTER TABLE public.audit OWNER TO segue;

COMMENT ON TABLE public.audit IS 'One record per write by the API, in the same transaction; each holds the hash of the one before it.';

COMMENT ON COLUMN public.audit.hash IS 'SHA-256 over the previous hash and every column.';

CREATE TABLE public.audit_checkpoints (
    team_id uuid NOT NULL,
    number bigint NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    at timestamp with time zone NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL,
    CONSTRAINT audit_checkpoints_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT audit_checkpoints_number_check CHECK ((number > 0)),
    CONSTRAINT audit_checkpoints_seq_check CHECK ((seq > 0)),
    CONSTRAINT audit_checkpoints_signature_check CHECK ((length(signature) = 64))
);

ALTER TABLE ONLY public.audit_checkpoints FORCE ROW LEVEL SECURITY;

ALTER TABLE public.audit_checkpoints OWNER TO segue;

COMMENT ON TABLE public.audit_checkpoints IS 'Ends of audit chains as they once were, signed by a key that is not in the database.';

COMMENT ON COLUMN public.audit_checkpoints.number IS 'From 1 without gaps in each team; signed, so that a missing one shows.';

CREATE TABLE public.audit_heads (
    team_id uuid NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_heads_hash_check CHECK ((length(hash) = 32))
);

ALTER TABLE ONLY public.audit_heads FORCE ROW LEVEL SECURITY;

ALTER TABLE public.audit_heads OWNER TO segue;

COMMENT ON TABLE public.audit_heads IS 'End of each team''s chain; the zero id is the installation''s own.';

CREATE TABLE public.audit_keys (
    key_id text NOT NULL,
    sealed_seed bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT audit_keys_key_id_check CHECK ((key_id ~ '^[0-9a-f]{16}$'::text))
);

ALTER TABLE public.audit_keys OWNER TO segue;

COMMENT ON TABLE public.audit_keys IS 'Ed25519 keys that sign checkpoints of audit chains. Never removed: old checkpoints are verified by them.';

COMMENT ON COLUMN public.audit_keys.sealed_seed IS 'Sealed by the key-encryption key. The public half is derived from it and never read from a row.';

CREATE TABLE public.build_status (
    build_id uuid NOT NULL,
    team_id uuid NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    rank smallint GENERATED ALWAYS AS (public.build_rank(state)) STORED NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    cancel_requested boolean DEFAULT false NOT NULL,
    claimed_by uuid,
    claim_epoch bigint DEFAULT 0 NOT NULL,
    claim_until timestamp with time zone,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    image jsonb,
    exposed_port integer,
    generated boolean,
    steps jsonb DEFAULT '[]'::jsonb NOT NULL,
    failure jsonb,
    CONSTRAINT build_status_exposed_port_check CHECK (((exposed_port >= 1) AND (exposed_port <= 65535))),
    CONSTRAINT build_status_image CHECK (((state <> 'succeeded'::text) OR (image IS NOT NULL))),
    CONSTRAINT build_status_state CHECK ((state = ANY (ARRAY['queued'::text, 'claimed'::text, 'running'::text, 'pushing'::text, 'testing'::text, 'succeeded'::text, 'failed'::text, 'timed_out'::text, 'cancelled'::text])))
);

ALTER TABLE ONLY public.build_status FORCE ROW LEVEL SECURITY;

ALTER TABLE public.build_status OWNER TO segue;

COMMENT ON TABLE public.build_status IS 'What became of a build. Written by the builder, which claims it for a time.';

COMMENT ON COLUMN public.build_status.attempt IS 'Claims so far; infrastructure errors are tried three times, people''s errors never.';

COMMENT ON COLUMN public.build_status.cancel_requested IS 'Set by the API, the only column that it may write.';

COMMENT ON COLUMN public.build_status.claim_epoch IS 'Raised by every claim: a builder that lost its claim can write nothing.';

COMMENT ON COLUMN public.build_status.image IS 'segue_model::spec::ImageRef, when it is known.';

COMMENT ON COLUMN public.build_status.generated IS 'The Dockerfile was made by Segue: profile strict.';

CREATE TABLE public.builds (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    kind text NOT NULL,
    source_id uuid,
    image_name text,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT builds_input CHECK ((((kind = 'source'::text) AND (source_id IS NOT NULL)) OR ((kind = 'resolve'::text) AND (image_name IS NOT NULL)))),
    CONSTRAINT builds_kind CHECK ((kind = ANY (ARRAY['source'::text, 'resolve'::text])))
);

ALTER TABLE ONLY public.builds FORCE ROW LEVEL SECURITY;

ALTER TABLE public.builds OWNER TO segue;

COMMENT ON TABLE public.builds IS 'Builds as people asked for them; what became of them is in build_status.';

COMMENT ON COLUMN public.builds.kind IS 'source: makes an image; resolve: pins an image that people named.';

COMMENT ON COLUMN public.builds.settings IS 'The manifest''s [build], as the API parsed it.';

CREATE TABLE public.certificates (
    id uuid NOT NULL,
    names text[] NOT NULL,
    chain_pem text NOT NULL,
    sealed_key bytea NOT NULL,
    not_after timestamp with time zone NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT certificates_names_check CHECK ((cardinality(names) > 0))
);

ALTER TABLE public.certificates OWNER TO segue;

COMMENT ON TABLE public.certificates IS 'Certificates that edges present.';

COMMENT ON COLUMN public.certificates.sealed_key IS 'Private key, sealed by the key-encryption key.';

CREATE TABLE public.chunks (
    team_id uuid NOT NULL,
    digest bytea NOT NULL,
    data bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chunks_data_check CHECK ((length(data) <= 1048576)),
    CONSTRAINT chunks_digest_check CHECK ((length(digest) = 32))
);
ALTER TABLE ONLY public.chunks ALTER COLUMN data SET STORAGE EXTERNAL;

ALTER TABLE ONLY public.chunks FORCE ROW LEVEL SECURITY;

ALTER TABLE public.chunks OWNER TO segue;

COMMENT ON TABLE public.chunks IS 'Pieces of at most 1 MiB, content-addressed per team, so that an unchanged piece is kept once.';

COMMENT ON COLUMN public.chunks.digest IS 'SHA-256 of the piece.';

CREATE TABLE public.commit_statuses (
    deployment_id uuid NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    kind text NOT NULL,
    repository text NOT NULL,
    commit_id text NOT NULL,
    reported text,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT now(),
    detail text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT commit_statuses_commit_id_check CHECK ((commit_id ~ '^[0-9a-f]{40}([0-9a-f]{24})?$'::text)),
    CONSTRAINT commit_statuses_detail_check CHECK ((length(detail) <= 1000)),
    CONSTRAINT commit_statuses_kind CHECK ((kind = ANY (ARRAY['github'::text, 'gitlab'::text, 'gitea'::text]))),
    CONSTRAINT commit_statuses_reported CHECK ((reported = ANY (ARRAY['pending'::text, 'success'::text, 'failure'::text]))),
    CONSTRAINT commit_statuses_repository_check CHECK (public.is_plain_text(repository, 500))
);

ALTER TABLE ONLY public.commit_statuses FORCE ROW LEVEL SECURITY;

ALTER TABLE public.commit_statuses OWNER TO segue;

COMMENT ON TABLE public.commit_statuses IS 'Commits whose forge is told how their deployment goes. The API adds a row with the deployment of a push; the worker tells.';

COMMENT ON COLUMN public.commit_statuses.repository IS 'Address of the repository, as the app names it.';

COMMENT ON COLUMN public.commit_statuses.next_at IS 'When it is looked at again; null: the last word was said, or given up.';

CREATE TABLE public.config_versions (
    team_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    version bigint NOT NULL,
    config jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT config_versions_config_check CHECK ((jsonb_typeof(config) = 'object'::text))
);

ALTER TABLE ONLY public.config_versions FORCE ROW LEVEL SECURITY;

ALTER TABLE public.config_versions OWNER TO segue;

COMMENT ON TABLE public.config_versions IS 'Plain configuration of an environment, the whole map per version.';

CREATE TABLE public.credentials (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    kind text NOT NULL,
    host text NOT NULL,
    user_name text NOT NULL,
    data_key_version integer NOT NULL,
    sealed bytea NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT credentials_host_check CHECK ((((length(host) >= 1) AND (length(host) <= 260)) AND (host ~ '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$'::text))),
    CONSTRAINT credentials_kind CHECK ((kind = ANY (ARRAY['registry'::text, 'git'::text]))),
    CONSTRAINT credentials_user_name_check CHECK (public.is_plain_text(user_name, 200))
);

ALTER TABLE ONLY public.credentials FORCE ROW LEVEL SECURITY;

ALTER TABLE public.credentials OWNER TO segue;

COMMENT ON TABLE public.credentials IS 'What a team proves itself with: to image registries when images are pulled, to git servers when sources are fetched and states of commits told.';

COMMENT ON COLUMN public.credentials.host IS 'Host, with a port where it is not the usual one.';

COMMENT ON COLUMN public.credentials.sealed IS 'Password or token, bound to team, kind and id.';

CREATE TABLE public.data_keys (
    team_id uuid NOT NULL,
    version integer NOT NULL,
    sealed bytea NOT NULL,
    kek_id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT data_keys_version_check CHECK ((version > 0))
);

ALTER TABLE ONLY public.data_keys FORCE ROW LEVEL SECURITY;

ALTER TABLE public.data_keys OWNER TO segue;

COMMENT ON TABLE public.data_keys IS 'Keys that seal a team''s secrets, themselves sealed by the key-encryption key.';

COMMENT ON COLUMN public.data_keys.kek_id IS 'Which key-encryption key sealed it; rewrapping changes this and nothing else.';

CREATE TABLE public.deploy_locks (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    environment_id uuid,
    reason text NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    CONSTRAINT deploy_locks_reason_check CHECK (public.is_plain_text(reason, 500))
);

ALTER TABLE ONLY public.deploy_locks FORCE ROW LEVEL SECURITY;

ALTER TABLE public.deploy_locks OWNER TO segue;

COMMENT ON TABLE public.deploy_locks IS 'Nothing is deployed while one is held; rollbacks are.';

COMMENT ON COLUMN public.deploy_locks.environment_id IS 'Null: all environments of the app.';

COMMENT ON COLUMN public.deploy_locks.expires_at IS 'Null: until somebody takes it away.';

CREATE TABLE public.deployments (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    number bigint NOT NULL,
    release_id uuid NOT NULL,
    kind text NOT NULL,
    git_ref text,
    cancel_requested boolean DEFAULT false NOT NULL,
    message text DEFAULT ''::text NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT deployments_git_ref_check CHECK (public.is_git_ref(git_ref)),
    CONSTRAINT deployments_kind CHECK ((kind = ANY (ARRAY['deploy'::text, 'rollback'::text, 'promote'::text, 'restart'::text, 'config'::text, 'secret'::text, 'spec'::text]))),
    CONSTRAINT deployments_message_check CHECK ((length(message) <= 1000)),
    CONSTRAINT deployments_number_check CHECK ((number > 0))
);

ALTER TABLE ONLY public.deployments FORCE ROW LEVEL SECURITY;

ALTER TABLE public.deployments OWNER TO segue;

COMMENT ON TABLE public.deployments IS 'Attempts to carry an environment to a release, as people asked for them. Their progress is in rollouts.';

CREATE TABLE public.device_requests (
    id uuid NOT NULL,
    device_hash bytea NOT NULL,
    user_code text NOT NULL,
    client text NOT NULL,
    address inet,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    wait_ms integer DEFAULT 5000 NOT NULL,
    polled_at timestamp with time zone,
    state text DEFAULT 'pending'::text NOT NULL,
    decided_by uuid,
    for_team uuid,
    role text,
    scopes text[],
    CONSTRAINT device_requests_client_check CHECK (((length(client) >= 1) AND (length(client) <= 100))),
    CONSTRAINT device_requests_decided CHECK ((((state = 'pending'::text) = (decided_by IS NULL)) AND ((state = ANY (ARRAY['approved'::text, 'used'::text])) = ((for_team IS NOT NULL) AND (role IS NOT NULL) AND (scopes IS NOT NULL))))),
    CONSTRAINT device_requests_device_hash_check CHECK ((length(device_hash) = 32)),
    CONSTRAINT device_requests_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'deployer'::text, 'viewer'::text]))),
    CONSTRAINT device_requests_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'approved'::text, 'denied'::text, 'used'::text]))),
    CONSTRAINT device_requests_user_code_check CHECK ((user_code ~ '^[BCDFGHJKLMNPQRSTVWXZ]{8}$'::text)),
    CONSTRAINT device_requests_wait_ms_check CHECK (((wait_ms >= 0) AND (wait_ms <= 120000)))
);

ALTER TABLE public.device_requests OWNER TO segue;

COMMENT ON TABLE public.device_requests IS 'Sign-ins of devices (RFC 8628) that wait for a person, until they end. Not tenant data.';

COMMENT ON COLUMN public.device_requests.device_hash IS 'SHA-256 of the code that only the device knows.';

COMMENT ON COLUMN public.device_requests.user_code IS 'What the person types; eight letters without vowels.';

COMMENT ON COLUMN public.device_requests.wait_ms IS 'The device may ask again after this long; grows when it does not keep to it.';

COMMENT ON COLUMN public.device_requests.for_team IS 'The token is made in this team, with at most this role and these scopes.';

CREATE TABLE public.domains (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    service text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    proof text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    verified_at timestamp with time zone,
    deleted_at timestamp with time zone,
    CONSTRAINT domains_kind CHECK ((kind = ANY (ARRAY['generated'::text, 'custom'::text]))),
    CONSTRAINT domains_name_check CHECK (public.is_domain(name)),
    CONSTRAINT domains_service_check CHECK (public.is_label(service)),
    CONSTRAINT domains_state CHECK ((state = ANY (ARRAY['pending_dns'::text, 'verified'::text, 'active'::text, 'deleted'::text])))
);

ALTER TABLE ONLY public.domains FORCE ROW LEVEL SECURITY;

ALTER TABLE public.domains OWNER TO segue;

COMMENT ON TABLE public.domains IS 'Host names. One owner per name in the whole installation, a deleted one included: it is given back only after its quarantine, a generated one never.';

COMMENT ON COLUMN public.domains.proof IS 'What must stand in the TXT record.';

CREATE TABLE public.edge_acks (
    edge_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    team_id uuid NOT NULL,
    route_gen bigint NOT NULL,
    acknowledged_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.edge_acks FORCE ROW LEVEL SECURITY;

ALTER TABLE public.edge_acks OWNER TO segue;

COMMENT ON TABLE public.edge_acks IS 'The generation behind which no request can start any more, by edge.';

CREATE TABLE public.edge_draining (
    edge_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    team_id uuid NOT NULL,
    instance_id uuid NOT NULL,
    requests integer NOT NULL,
    upgraded integer NOT NULL,
    reported_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.edge_draining FORCE ROW LEVEL SECURITY;

ALTER TABLE public.edge_draining OWNER TO segue;

COMMENT ON TABLE public.edge_draining IS 'What edges still have open on instances that left the routes.';

CREATE TABLE public.edge_in_flight (
    edge_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    team_id uuid NOT NULL,
    in_flight integer NOT NULL,
    reported_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.edge_in_flight FORCE ROW LEVEL SECURITY;

ALTER TABLE public.edge_in_flight OWNER TO segue;

COMMENT ON TABLE public.edge_in_flight IS 'Requests in flight, as last reported.';

CREATE TABLE public.edges (
    id uuid NOT NULL,
    token_hash bytea NOT NULL,
    lease_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    report_number bigint DEFAULT 0 NOT NULL,
    http_port integer,
    https_port integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT edges_token_hash_check CHECK ((length(token_hash) = 32))
);

ALTER TABLE public.edges OWNER TO segue;

COMMENT ON TABLE public.edges IS 'Edge processes with a persisted identity: live while the lease runs, silent after it, until they are removed.';

COMMENT ON COLUMN public.edges.token_hash IS 'SHA-256 of the token that only this edge has.';

COMMENT ON COLUMN public.edges.report_number IS 'The last report whose counts were added; a repeated one is not added twice.';

CREATE TABLE public.environment_status (
    environment_id uuid NOT NULL,
    team_id uuid NOT NULL,
    observed_generation bigint DEFAULT 0 NOT NULL,
    next_serial bigint DEFAULT 1 NOT NULL,
    serving_release_id uuid,
    stable_release_id uuid,
    reasons jsonb DEFAULT '[]'::jsonb NOT NULL,
    planned_at timestamp with time zone,
    check_at timestamp with time zone
);

ALTER TABLE ONLY public.environment_status FORCE ROW LEVEL SECURITY;

ALTER TABLE public.environment_status OWNER TO segue;

COMMENT ON TABLE public.environment_status IS 'What became of people''s wishes. Written by the reconciler only.';

COMMENT ON COLUMN public.environment_status.observed_generation IS 'The newest generation that a plan was made from.';

COMMENT ON COLUMN public.environment_status.next_serial IS 'Serial of the next instance; only grows.';

COMMENT ON COLUMN public.environment_status.reasons IS 'Why something waits, as the last plan said it.';

COMMENT ON COLUMN public.environment_status.check_at IS 'When the planner wants to look again without any change.';

CREATE TABLE public.events (
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    seq bigint NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid,
    environment_id uuid,
    kind text NOT NULL,
    subject jsonb DEFAULT '{}'::jsonb NOT NULL,
    message text NOT NULL,
    failure jsonb,
    actor text NOT NULL,
    CONSTRAINT events_kind_check CHECK ((kind ~ '^[a-z_]+\.[a-z_]+$'::text)),
    CONSTRAINT events_message_check CHECK ((message !~ '[\x01-\x1f\x7f]'::text))
);

ALTER TABLE ONLY public.events FORCE ROW LEVEL SECURITY;

ALTER TABLE public.events OWNER TO segue;

COMMENT ON TABLE public.events IS 'What happened and why, written by the owner of the change in its transaction. Read by (xid, seq) below the oldest running transaction.';

COMMENT ON COLUMN public.events.subject IS 'segue_model::change::EventSubject.';

COMMENT ON COLUMN public.events.actor IS 'A person, a token or a part of Segue.';

ALTER TABLE public.events ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.events_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.fleet_freeze (
    only_row boolean DEFAULT true NOT NULL,
    frozen boolean DEFAULT false NOT NULL,
    since timestamp with time zone,
    bad_instances integer DEFAULT 0 NOT NULL,
    bad_environments integer DEFAULT 0 NOT NULL,
    bad_hosts integer DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT fleet_freeze_only_row_check CHECK (only_row)
);

ALTER TABLE public.fleet_freeze OWNER TO segue;

COMMENT ON TABLE public.fleet_freeze IS 'One row, written by a singleton duty: counters of rule 3 and whether stop and remove wait.';

CREATE TABLE public.freeze_windows (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    environment_id uuid,
    reason text NOT NULL,
    time_zone text NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    days smallint[],
    from_minute smallint,
    minutes integer,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT freeze_windows_from_minute_check CHECK (((from_minute >= 0) AND (from_minute <= 1439))),
    CONSTRAINT freeze_windows_minutes_check CHECK (((minutes >= 1) AND (minutes <= 10080))),
    CONSTRAINT freeze_windows_once CHECK (((num_nonnulls(starts_at, ends_at) = ANY (ARRAY[0, 2])) AND ((starts_at IS NULL) OR (ends_at > starts_at)))),
    CONSTRAINT freeze_windows_one_kind CHECK ((num_nonnulls(starts_at, days) = 1)),
    CONSTRAINT freeze_windows_reason_check CHECK (public.is_plain_text(reason, 500)),
    CONSTRAINT freeze_windows_time_zone_check CHECK (public.is_plain_text(time_zone, 100)),
    CONSTRAINT freeze_windows_weekly CHECK ((num_nonnulls(days, from_minute, minutes) = ANY (ARRAY[0, 3])))
);

ALTER TABLE ONLY public.freeze_windows FORCE ROW LEVEL SECURITY;

ALTER TABLE public.freeze_windows OWNER TO segue;

COMMENT ON TABLE public.freeze_windows IS 'Times in which nothing is deployed: once, or every week.';

COMMENT ON COLUMN public.freeze_windows.days IS 'Days of the week on which it begins, 1 is Monday.';

COMMENT ON COLUMN public.freeze_windows.from_minute IS 'Minute of the day at which it begins, in its time zone.';

CREATE TABLE public.hook_deliveries (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    hook_id uuid NOT NULL,
    body_hash bytea NOT NULL,
    delivery text NOT NULL,
    state text NOT NULL,
    git_ref text,
    commit_id text,
    detail text DEFAULT ''::text NOT NULL,
    deployment_id uuid,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT hook_deliveries_body_hash_check CHECK ((length(body_hash) = 32)),
    CONSTRAINT hook_deliveries_commit_id_check CHECK ((commit_id ~ '^[0-9a-f]{40}([0-9a-f]{24})?$'::text)),
    CONSTRAINT hook_deliveries_delivery_check CHECK (public.is_plain_text(delivery, 200)),
    CONSTRAINT hook_deliveries_detail_check CHECK ((length(detail) <= 1000)),
    CONSTRAINT hook_deliveries_next CHECK (((state = 'pending'::text) = (next_at IS NOT NULL))),
    CONSTRAINT hook_deliveries_push CHECK (((state <> 'pending'::text) OR ((git_ref IS NOT NULL) AND (commit_id IS NOT NULL)))),
    CONSTRAINT hook_deliveries_ref CHECK (public.is_git_ref(git_ref)),
    CONSTRAINT hook_deliveries_state CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'ignored'::text, 'failed'::text])))
);

ALTER TABLE ONLY public.hook_deliveries FORCE ROW LEVEL SECURITY;

ALTER TABLE public.hook_deliveries OWNER TO segue;

COMMENT ON TABLE public.hook_deliveries IS 'Calls of hooks that proved themselves. Written by the API; a call that came before is seen here.';

COMMENT ON COLUMN public.hook_deliveries.body_hash IS 'SHA-256 of the body: what is signed, so that the same call under another name is the same call.';

COMMENT ON COLUMN public.hook_deliveries.delivery IS 'What the caller calls it.';

CREATE TABLE public.hooks (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    kind text NOT NULL,
    data_key_version integer NOT NULL,
    sealed bytea NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT hooks_kind CHECK ((kind = ANY (ARRAY['github'::text, 'gitlab'::text, 'gitea'::text, 'generic'::text])))
);

ALTER TABLE ONLY public.hooks FORCE ROW LEVEL SECURITY;

ALTER TABLE public.hooks OWNER TO segue;

COMMENT ON TABLE public.hooks IS 'Addresses that forges call when something was pushed.';

COMMENT ON COLUMN public.hooks.sealed IS 'What the caller proves itself with; shown once, when it was made.';

CREATE TABLE public.host_plan (
    host_id uuid NOT NULL,
    state text DEFAULT 'joining'::text NOT NULL,
    epoch bigint DEFAULT 1 NOT NULL,
    cpu_limit_millis bigint DEFAULT 0 NOT NULL,
    memory_limit_bytes bigint DEFAULT 0 NOT NULL,
    reserved_cpu_millis bigint DEFAULT 0 NOT NULL,
    reserved_memory_bytes bigint DEFAULT 0 NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT host_plan_cpu_reserved CHECK (((reserved_cpu_millis >= 0) AND (reserved_cpu_millis <= cpu_limit_millis))),
    CONSTRAINT host_plan_memory_reserved CHECK (((reserved_memory_bytes >= 0) AND (reserved_memory_bytes <= memory_limit_bytes))),
    CONSTRAINT host_plan_state CHECK ((state = ANY (ARRAY['joining'::text, 'ready'::text, 'suspect'::text, 'lost'::text, 'returning'::text, 'removed'::text])))
);

ALTER TABLE public.host_plan OWNER TO segue;

COMMENT ON TABLE public.host_plan IS 'What the fleet planner decided for a host, and what instances have reserved on it (invariant I12).';

COMMENT ON COLUMN public.host_plan.epoch IS 'Raised when the host is taken over, restarts or comes back.';

COMMENT ON COLUMN public.host_plan.cpu_limit_millis IS 'Cores times overcommit; never set below what is reserved.';

CREATE TABLE public.host_seen (
    host_id uuid NOT NULL,
    seq bigint DEFAULT 0 NOT NULL,
    cpu_millis bigint DEFAULT 0 NOT NULL,
    memory_bytes bigint DEFAULT 0 NOT NULL,
    arch text,
    engine_version text,
    api_version text,
    boot_id text,
    pressure boolean DEFAULT false NOT NULL,
    misses integer DEFAULT 0 NOT NULL,
    pinged_at timestamp with time zone,
    listed_at timestamp with time zone,
    problem text,
    foreign_networks jsonb DEFAULT '[]'::jsonb NOT NULL,
    foreign_at timestamp with time zone,
    CONSTRAINT host_seen_foreign_networks CHECK ((jsonb_typeof(foreign_networks) = 'array'::text))
);

ALTER TABLE public.host_seen OWNER TO segue;

COMMENT ON TABLE public.host_seen IS 'What was observed of a host.';

COMMENT ON COLUMN public.host_seen.seq IS 'Sequence of the newest observation; a late result cannot beat it.';

COMMENT ON COLUMN public.host_seen.misses IS 'Pings missed in a row.';

COMMENT ON COLUMN public.host_seen.listed_at IS 'When all its containers were last listed completely.';

COMMENT ON COLUMN public.host_seen.foreign_networks IS 'Subnets of its engine''s networks that are not of this installation: [{"name", "subnet"}].';

COMMENT ON COLUMN public.host_seen.foreign_at IS 'When those were listed; an older list cannot beat a newer one.';

CREATE TABLE public.hosts (
    id uuid NOT NULL,
    name text NOT NULL,
    endpoint text NOT NULL,
    labels jsonb DEFAULT '{}'::jsonb NOT NULL,
    cordoned boolean DEFAULT false NOT NULL,
    generation bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT hosts_labels_check CHECK ((jsonb_typeof(labels) = 'object'::text)),
    CONSTRAINT hosts_name_check CHECK (public.is_label(name))
);

ALTER TABLE public.hosts OWNER TO segue;

COMMENT ON TABLE public.hosts IS 'Docker engines, as operators want them. Shared by all teams.';

COMMENT ON COLUMN public.hosts.endpoint IS 'Where the engine answers, for the driver.';

CREATE TABLE public.idempotency (
    team_id uuid NOT NULL,
    actor text NOT NULL,
    key text NOT NULL,
    route text NOT NULL,
    body_hash bytea NOT NULL,
    status smallint,
    response jsonb,
    location text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT idempotency_body_hash_check CHECK ((length(body_hash) = 32)),
    CONSTRAINT idempotency_key_check CHECK (((length(key) >= 1) AND (length(key) <= 255))),
    CONSTRAINT idempotency_status_check CHECK (((status >= 100) AND (status <= 599)))
);

ALTER TABLE ONLY public.idempotency FORCE ROW LEVEL SECURITY;

ALTER TABLE public.idempotency OWNER TO segue;

COMMENT ON TABLE public.idempotency IS 'Answers to requests that carried an Idempotency-Key, kept for a day.';

COMMENT ON COLUMN public.idempotency.team_id IS 'The zero id: a request outside of any team.';

COMMENT ON COLUMN public.idempotency.status IS 'Null only inside the transaction that writes it.';

CREATE TABLE public.image_facts (
    team_id uuid NOT NULL,
    content text NOT NULL,
    exposed_port integer,
    noted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT image_facts_content_check CHECK ((content ~ '^sha256:[0-9a-f]{64}$'::text)),
    CONSTRAINT image_facts_exposed_port_check CHECK (((exposed_port >= 1) AND (exposed_port <= 65535)))
);

ALTER TABLE ONLY public.image_facts FORCE ROW LEVEL SECURITY;

ALTER TABLE public.image_facts OWNER TO segue;

COMMENT ON TABLE public.image_facts IS 'What the engine said of an image, by content address; revisions need it for images that are pinned already.';

COMMENT ON COLUMN public.image_facts.exposed_port IS 'Its single EXPOSEd port; null if it has none or several.';

CREATE TABLE public.instance_replacements (
    team_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    instance_id uuid NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.instance_replacements FORCE ROW LEVEL SECURITY;

ALTER TABLE public.instance_replacements OWNER TO segue;

COMMENT ON TABLE public.instance_replacements IS 'Requests of people to replace one instance by a fresh one. Inserted by the API only; the reconciler reads them, and deletes one in the transaction in which its instance is no longer wanted to run.';

COMMENT ON COLUMN public.instance_replacements.instance_id IS 'Which one goes. Asking twice is asking once.';

COMMENT ON COLUMN public.instance_replacements.requested_by IS 'The actor, as in the audit.';

CREATE TABLE public.instance_seen (
    instance_id uuid NOT NULL,
    team_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    seq bigint DEFAULT 0 NOT NULL,
    state text DEFAULT 'none'::text NOT NULL,
    observed_at timestamp with time zone,
    started_at timestamp with time zone,
    ready_at timestamp with time zone,
    unready_at timestamp with time zone,
    exited_at timestamp with time zone,
    gone_at timestamp with time zone,
    exit_code integer,
    oom boolean DEFAULT false NOT NULL,
    restarts integer DEFAULT 0 NOT NULL,
    aliased boolean DEFAULT false NOT NULL,
    failure jsonb,
    words_due_since timestamp with time zone,
    CONSTRAINT instance_seen_state CHECK ((state = ANY (ARRAY['none'::text, 'creating'::text, 'created'::text, 'started'::text, 'ready'::text, 'unready'::text, 'exited'::text, 'gone'::text, 'lost'::text])))
);

ALTER TABLE ONLY public.instance_seen FORCE ROW LEVEL SECURITY;

ALTER TABLE public.instance_seen OWNER TO segue;

COMMENT ON TABLE public.instance_seen IS 'What was observed of an instance. Written by the observer (lost: by the reconciler, which decides it).';

COMMENT ON COLUMN public.instance_seen.seq IS 'Sequence of the newest observation; a late result cannot beat it.';

COMMENT ON COLUMN public.instance_seen.ready_at IS 'Ready without a break since.';

COMMENT ON COLUMN public.instance_seen.gone_at IS 'Its address rests from then on.';

COMMENT ON COLUMN public.instance_seen.aliased IS 'Whether it has its service''s network alias.';

COMMENT ON COLUMN public.instance_seen.words_due_since IS 'It ended, and its last words have not been read yet, since then. Null: they were read, or nothing ended.';

CREATE TABLE public.instances (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    service text NOT NULL,
    slot integer NOT NULL,
    revision bytea NOT NULL,
    release_id uuid NOT NULL,
    serial bigint NOT NULL,
    host_id uuid NOT NULL,
    host_epoch bigint NOT NULL,
    subnet_id uuid NOT NULL,
    address inet NOT NULL,
    port integer NOT NULL,
    cpu_millis bigint NOT NULL,
    memory_bytes bigint NOT NULL,
    exclusive boolean NOT NULL,
    desired text DEFAULT 'run'::text NOT NULL,
    rank smallint GENERATED ALWAYS AS (
CASE desired
    WHEN 'run'::text THEN 10
    WHEN 'drain'::text THEN 20
    WHEN 'stop'::text THEN 30
    ELSE 40
END) STORED NOT NULL,
    reserved boolean DEFAULT true NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    not_before timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    unrouted_gen bigint,
    unrouted_at timestamp with time zone,
    stop_decided_at timestamp with time zone,
    died boolean DEFAULT false NOT NULL,
    run_id uuid,
    CONSTRAINT instances_address_check CHECK (((family(address) = 4) AND (masklen(address) = 32))),
    CONSTRAINT instances_attempt_check CHECK ((attempt >= 0)),
    CONSTRAINT instances_cpu_millis_check CHECK ((cpu_millis >= 0)),
    CONSTRAINT instances_desired CHECK ((desired = ANY (ARRAY['run'::text, 'drain'::text, 'stop'::text, 'gone'::text]))),
    CONSTRAINT instances_memory_bytes_check CHECK ((memory_bytes >= 0)),
    CONSTRAINT instances_port_check CHECK (((port >= 1) AND (port <= 65535))),
    CONSTRAINT instances_revision_check CHECK ((length(revision) = 32)),
    CONSTRAINT instances_serial_check CHECK ((serial > 0)),
    CONSTRAINT instances_service_check CHECK (public.is_label(service)),
    CONSTRAINT instances_slot_check CHECK (((slot >= 1) AND (slot <= 1000)))
);

ALTER TABLE ONLY public.instances FORCE ROW LEVEL SECURITY;

ALTER TABLE public.instances OWNER TO segue;

COMMENT ON TABLE public.instances IS 'One container each, decided by the planner; an id is never used twice and its rank never falls (invariant I3).';

COMMENT ON COLUMN public.instances.serial IS 'Grows within the environment; part of the id.';

COMMENT ON COLUMN public.instances.reserved IS 'Its reservation is still counted on its host.';

COMMENT ON COLUMN public.instances.unrouted_gen IS 'First generation of the routes without it, once it was routed and is not any more.';

COMMENT ON COLUMN public.instances.died IS 'It ended by itself, or was taken over in a crash loop.';

COMMENT ON COLUMN public.instances.run_id IS 'It is the container of a one-off run and belongs to no service''s set. A run has one, ever: it is never started twice.';

CREATE TABLE public.invitations (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    app_id uuid,
    environment_id uuid,
    hash bytea NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    accepted_at timestamp with time zone,
    accepted_by uuid,
    revoked_at timestamp with time zone,
    CONSTRAINT invitations_accepted CHECK (((accepted_at IS NULL) = (accepted_by IS NULL))),
    CONSTRAINT invitations_email_check CHECK (((email = lower(email)) AND ((length(email) >= 3) AND (length(email) <= 254)) AND (email ~~ '_%@_%'::text))),
    CONSTRAINT invitations_environment_needs_app CHECK (((environment_id IS NULL) OR (app_id IS NOT NULL))),
    CONSTRAINT invitations_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT invitations_one_end CHECK (((accepted_at IS NULL) OR (revoked_at IS NULL))),
    CONSTRAINT invitations_role CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'deployer'::text, 'viewer'::text])))
);

ALTER TABLE ONLY public.invitations FORCE ROW LEVEL SECURITY;

ALTER TABLE public.invitations OWNER TO segue;

COMMENT ON TABLE public.invitations IS 'Links by which a person becomes a member. Good once, for one e-mail address, until they end or are taken back.';

COMMENT ON COLUMN public.invitations.email IS 'The person who may use it: a new one gets this address, a known one must have it.';

COMMENT ON COLUMN public.invitations.app_id IS 'Null: the role is on the whole team.';

COMMENT ON COLUMN public.invitations.hash IS 'SHA-256 of the token in the link; the token itself is shown once and never kept.';

COMMENT ON COLUMN public.invitations.created_by IS 'Whose authority it rests on: it is taken back when that falls below the role it gives.';

CREATE TABLE public.lease_epochs (
    shard text NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL
);

ALTER TABLE public.lease_epochs OWNER TO segue;

COMMENT ON TABLE public.lease_epochs IS 'Fencing tokens. Fenced transactions take the row for share; a takeover updates it, and so waits for them or ends them.';

CREATE TABLE public.leases (
    shard text NOT NULL,
    holder uuid,
    expires_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT leases_shard_check CHECK ((shard ~ '^[a-z_]+(/[a-z0-9_-]+)?$'::text))
);

ALTER TABLE public.leases OWNER TO segue;

COMMENT ON TABLE public.leases IS 'Who works on a shard of environments, a host or a singleton duty. Renewed often, so apart from the epoch.';

CREATE TABLE public.letters (
    id uuid NOT NULL,
    address text NOT NULL,
    sealed bytea NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT letters_address_check CHECK (((length(address) >= 3) AND (length(address) <= 254))),
    CONSTRAINT letters_sealed_check CHECK ((length(sealed) <= 16384))
);

ALTER TABLE public.letters OWNER TO segue;

COMMENT ON TABLE public.letters IS 'Mails to single people, until they are sent or too old. Not tenant data.';

COMMENT ON COLUMN public.letters.sealed IS 'Subject and text, sealed by the key-encryption key: there may be a link in it.';

CREATE TABLE public.log_chunks (
    id bigint NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    service text,
    instance_id uuid,
    build_id uuid,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    lines integer NOT NULL,
    dropped bigint DEFAULT 0 NOT NULL,
    raw_bytes integer NOT NULL,
    data bytea NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    written_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT log_chunks_dropped_check CHECK ((dropped >= 0)),
    CONSTRAINT log_chunks_lines_check CHECK ((lines >= 0)),
    CONSTRAINT log_chunks_origin CHECK ((num_nonnulls(instance_id, build_id) = 1)),
    CONSTRAINT log_chunks_raw_bytes_check CHECK ((raw_bytes >= 0))
)
PARTITION BY RANGE (written_at);

ALTER TABLE ONLY public.log_chunks FORCE ROW LEVEL SECURITY;

ALTER TABLE public.log_chunks OWNER TO segue;

COMMENT ON TABLE public.log_chunks IS 'Redacted output of containers and builds in compressed pieces, one partition per day.';

COMMENT ON COLUMN public.log_chunks.dropped IS 'Lines that were dropped before this piece because a bound was reached.';

COMMENT ON COLUMN public.log_chunks.data IS 'zstd of NDJSON lines.';

COMMENT ON COLUMN public.log_chunks.xid IS 'Readers go by (xid, id) below the oldest running transaction, so that a late commit is never missed.';

ALTER TABLE public.log_chunks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.log_chunks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.log_chunks_rest (
    id bigint NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    service text,
    instance_id uuid,
    build_id uuid,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    lines integer NOT NULL,
    dropped bigint DEFAULT 0 NOT NULL,
    raw_bytes integer NOT NULL,
    data bytea NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    written_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT log_chunks_dropped_check CHECK ((dropped >= 0)),
    CONSTRAINT log_chunks_lines_check CHECK ((lines >= 0)),
    CONSTRAINT log_chunks_origin CHECK ((num_nonnulls(instance_id, build_id) = 1)),
    CONSTRAINT log_chunks_raw_bytes_check CHECK ((raw_bytes >= 0))
);

ALTER TABLE ONLY public.log_chunks_rest FORCE ROW LEVEL SECURITY;

ALTER TABLE public.log_chunks_rest OWNER TO segue;

COMMENT ON TABLE public.log_chunks_rest IS 'Takes what has no daily partition, so that a late sweep loses nothing.';

CREATE TABLE public.memberships (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    app_id uuid,
    environment_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT memberships_environment_needs_app CHECK (((environment_id IS NULL) OR (app_id IS NOT NULL))),
    CONSTRAINT memberships_role CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'deployer'::text, 'viewer'::text])))
);

ALTER TABLE ONLY public.memberships FORCE ROW LEVEL SECURITY;

ALTER TABLE public.memberships OWNER TO segue;

COMMENT ON TABLE public.memberships IS 'Who may do what: a role on a team, on one app or on one environment.';

COMMENT ON COLUMN public.memberships.app_id IS 'Null: the whole team.';

CREATE TABLE public.password_resets (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    hash bytea NOT NULL,
    giver uuid,
    at_most text,
    only_team uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    asked boolean DEFAULT false NOT NULL,
    CONSTRAINT password_resets_asked CHECK (((NOT asked) OR (giver IS NULL))),
    CONSTRAINT password_resets_at_most_check CHECK ((at_most = ANY (ARRAY['owner'::text, 'admin'::text, 'deployer'::text, 'viewer'::text]))),
    CONSTRAINT password_resets_bounds CHECK ((((giver IS NULL) = (at_most IS NULL)) AND ((giver IS NOT NULL) OR (only_team IS NULL)))),
    CONSTRAINT password_resets_hash_check CHECK ((length(hash) = 32))
);

ALTER TABLE public.password_resets OWNER TO segue;

COMMENT ON TABLE public.password_resets IS 'One-time links by which a person sets a new password. Not tenant data.';

COMMENT ON COLUMN public.password_resets.hash IS 'SHA-256 of the token in the link; the token itself is shown once and never kept.';

COMMENT ON COLUMN public.password_resets.giver IS 'Whose authority it rests on, when it is made and when it is used; null: people who run the installation.';

COMMENT ON COLUMN public.password_resets.at_most IS 'What the credential of the giver allowed at most.';

COMMENT ON COLUMN public.password_resets.only_team IS 'The one team that the credential of the giver reached; null: all of them.';

COMMENT ON COLUMN public.password_resets.asked IS 'The person asked for it by their own address; it rests on their mailbox and on nobody''s authority.';

CREATE TABLE public.refresh_families (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    address inet,
    client text DEFAULT ''::text NOT NULL,
    used_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone DEFAULT (now() + '90 days'::interval) NOT NULL,
    confirmed_until timestamp with time zone,
    CONSTRAINT refresh_families_client_check CHECK ((length(client) <= 200))
);

ALTER TABLE public.refresh_families OWNER TO segue;

COMMENT ON TABLE public.refresh_families IS 'One sign-in of a person; revoked as a whole when a refresh token is used twice.';

COMMENT ON COLUMN public.refresh_families.address IS 'Socket peer of the sign-in, shown to the person.';

COMMENT ON COLUMN public.refresh_families.client IS 'What the client called itself at sign-in, shown to the person; proves nothing.';

COMMENT ON COLUMN public.refresh_families.used_at IS 'When it was last refreshed.';

COMMENT ON COLUMN public.refresh_families.expires_at IS 'Ends then, however often it is refreshed.';

COMMENT ON COLUMN public.refresh_families.confirmed_until IS 'The person gave the password again in this session; until then it counts.';

CREATE TABLE public.refresh_tokens (
    hash bytea NOT NULL,
    family_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT refresh_tokens_hash_check CHECK ((length(hash) = 32))
);

ALTER TABLE public.refresh_tokens OWNER TO segue;

COMMENT ON TABLE public.refresh_tokens IS 'Single-use refresh tokens. SHA-256 of the token.';

CREATE TABLE public.release_builds (
    team_id uuid NOT NULL,
    release_id uuid NOT NULL,
    build_id uuid NOT NULL
);

ALTER TABLE ONLY public.release_builds FORCE ROW LEVEL SECURITY;

ALTER TABLE public.release_builds OWNER TO segue;

COMMENT ON TABLE public.release_builds IS 'Builds whose images a release waits for; the same as its spec names.';

CREATE TABLE public.releases (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    version bigint NOT NULL,
    spec jsonb NOT NULL,
    config_version bigint,
    source_id uuid,
    commit_id text,
    message text DEFAULT ''::text NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    stable_at timestamp with time zone,
    origin_release_id uuid,
    CONSTRAINT releases_message_check CHECK ((length(message) <= 1000)),
    CONSTRAINT releases_version_check CHECK ((version > 0))
);

ALTER TABLE ONLY public.releases FORCE ROW LEVEL SECURITY;

ALTER TABLE public.releases OWNER TO segue;

COMMENT ON TABLE public.releases IS 'Immutable, except that they are once seen to be good (stable_at).';

COMMENT ON COLUMN public.releases.spec IS 'segue_model::spec::ReleaseSpec.';

COMMENT ON COLUMN public.releases.origin_release_id IS 'The release of another environment that this one was promoted from: the same images.';

CREATE TABLE public.request_counts (
    team_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    service text NOT NULL,
    release_id uuid,
    route_gen bigint NOT NULL,
    second timestamp with time zone NOT NULL,
    by_class bigint[] NOT NULL,
    edge_failed bigint NOT NULL,
    broken bigint NOT NULL,
    retries bigint NOT NULL,
    latency_sum_us bigint NOT NULL,
    latency_max_us bigint NOT NULL,
    wait_max_us bigint NOT NULL,
    by_latency bigint[] DEFAULT array_fill((0)::bigint, ARRAY[13]) NOT NULL,
    CONSTRAINT request_counts_by_class_check CHECK ((cardinality(by_class) = 5)),
    CONSTRAINT request_counts_latency CHECK ((cardinality(by_latency) = 13))
);

ALTER TABLE ONLY public.request_counts FORCE ROW LEVEL SECURITY;

ALTER TABLE public.request_counts OWNER TO segue;

COMMENT ON TABLE public.request_counts IS 'Finished requests by service, release, generation and second of their report.';

COMMENT ON COLUMN public.request_counts.release_id IS 'Null: no endpoint was there.';

COMMENT ON COLUMN public.request_counts.by_class IS 'Answers of the application by status class, 1xx to 5xx.';

COMMENT ON COLUMN public.request_counts.edge_failed IS 'The edge''s own 502, 503 and 504.';

COMMENT ON COLUMN public.request_counts.by_latency IS 'Requests by the time from head to end: up to 1, 2.5, 5, 10, 25, 50, 100, 250, 500 ms, 1, 2.5, 5, 10 s; what took longer is in none.';

CREATE TABLE public.rollouts (
    deployment_id uuid NOT NULL,
    team_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    state text NOT NULL,
    rank smallint GENERATED ALWAYS AS (public.deployment_rank(state)) STORED NOT NULL,
    strategy text NOT NULL,
    from_release_id uuid,
    started_at timestamp with time zone NOT NULL,
    progress_at timestamp with time zone NOT NULL,
    progress integer DEFAULT 0 NOT NULL,
    first_gen bigint,
    first_gen_at timestamp with time zone,
    switch_gen bigint,
    live_at timestamp with time zone,
    early_deaths integer DEFAULT 0 NOT NULL,
    failure jsonb,
    finished_at timestamp with time zone,
    last_death jsonb,
    CONSTRAINT rollouts_state CHECK ((state = ANY (ARRAY['queued'::text, 'building'::text, 'release_task'::text, 'starting'::text, 'switching'::text, 'live'::text, 'baking'::text, 'failing'::text, 'rolling_back'::text, 'succeeded'::text, 'rolled_back'::text, 'failed'::text, 'cancelled'::text, 'superseded'::text]))),
    CONSTRAINT rollouts_strategy CHECK ((strategy = ANY (ARRAY['switch'::text, 'rolling'::text, 'recreate'::text])))
);

ALTER TABLE ONLY public.rollouts FORCE ROW LEVEL SECURITY;

ALTER TABLE public.rollouts OWNER TO segue;

COMMENT ON TABLE public.rollouts IS 'The running part of a deployment. Written by the reconciler only; at most one unfinished per environment (invariant I1).';

COMMENT ON COLUMN public.rollouts.strategy IS 'How it really replaces instances: switch becomes rolling where it does not fit.';

COMMENT ON COLUMN public.rollouts.from_release_id IS 'What served before; where an automatic rollback goes.';

COMMENT ON COLUMN public.rollouts.progress IS 'Ready instances of the target when progress_at was set.';

COMMENT ON COLUMN public.rollouts.first_gen IS 'First generation of the routes with an instance of the target: a receipt begins here.';

COMMENT ON COLUMN public.rollouts.switch_gen IS 'Generation that every live edge must acknowledge before the deployment is live.';

COMMENT ON COLUMN public.rollouts.last_death IS 'How the newest of the early deaths happened; its container may be gone.';

CREATE TABLE public.routes (
    environment_id uuid NOT NULL,
    team_id uuid NOT NULL,
    route_gen bigint NOT NULL,
    routes jsonb NOT NULL,
    removed boolean DEFAULT false NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT routes_route_gen_check CHECK ((route_gen > 0))
);

ALTER TABLE ONLY public.routes FORCE ROW LEVEL SECURITY;

ALTER TABLE public.routes OWNER TO segue;

COMMENT ON TABLE public.routes IS 'What edges serve for an environment, one version at a time.';

COMMENT ON COLUMN public.routes.routes IS 'segue_model::route::EnvironmentRoutes.';

COMMENT ON COLUMN public.routes.removed IS 'The environment is gone; kept so that edges learn it.';

COMMENT ON COLUMN public.routes.changed_xid IS 'Transaction of the change: readers ask for what is not below the horizon of their last look, so that a late commit is never missed.';

CREATE TABLE public.run_status (
    run_id uuid NOT NULL,
    team_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    rank smallint GENERATED ALWAYS AS (public.run_rank(state)) STORED NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    exit_code integer,
    oom boolean DEFAULT false NOT NULL,
    failure jsonb,
    CONSTRAINT run_status_finished CHECK (((public.run_rank(state) >= 100) = (finished_at IS NOT NULL))),
    CONSTRAINT run_status_state CHECK ((state = ANY (ARRAY['queued'::text, 'scheduled'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'timed_out'::text, 'cancelled'::text, 'unknown'::text])))
);

ALTER TABLE ONLY public.run_status FORCE ROW LEVEL SECURITY;

ALTER TABLE public.run_status OWNER TO segue;

COMMENT ON TABLE public.run_status IS 'What became of a run. The API inserts it queued; only the reconciler changes it.';

COMMENT ON COLUMN public.run_status.exit_code IS 'What its process ended with, if that was seen.';

CREATE TABLE public.runs (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    number bigint NOT NULL,
    release_id uuid NOT NULL,
    service text NOT NULL,
    command jsonb NOT NULL,
    time_limit_seconds integer NOT NULL,
    cancel_requested boolean DEFAULT false NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT runs_command_check CHECK ((jsonb_typeof(command) = 'array'::text)),
    CONSTRAINT runs_number_check CHECK ((number > 0)),
    CONSTRAINT runs_service_check CHECK (public.is_label(service)),
    CONSTRAINT runs_time_limit_seconds_check CHECK (((time_limit_seconds >= 1) AND (time_limit_seconds <= 86400)))
);

ALTER TABLE ONLY public.runs FORCE ROW LEVEL SECURITY;

ALTER TABLE public.runs OWNER TO segue;

COMMENT ON TABLE public.runs IS 'One-off runs as people asked for them: a command in one container of a release. What became of one is in run_status.';

COMMENT ON COLUMN public.runs.command IS 'Arguments, no shell.';

COMMENT ON COLUMN public.runs.time_limit_seconds IS 'From its start; then it is stopped.';

CREATE TABLE public.scale_targets (
    team_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    service text NOT NULL,
    replicas integer NOT NULL,
    set_by text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT scale_targets_replicas_check CHECK (((replicas >= 0) AND (replicas <= 1000))),
    CONSTRAINT scale_targets_service_check CHECK (public.is_label(service)),
    CONSTRAINT scale_targets_set_by CHECK ((set_by = ANY (ARRAY['person'::text, 'autoscaler'::text])))
);

ALTER TABLE ONLY public.scale_targets FORCE ROW LEVEL SECURITY;

ALTER TABLE public.scale_targets OWNER TO segue;

COMMENT ON TABLE public.scale_targets IS 'Wanted replicas by service. Not part of a release; a rollback does not touch them.';

CREATE TABLE public.secret_versions (
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    key text NOT NULL,
    version bigint NOT NULL,
    data_key_version integer,
    sealed bytea,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT secret_versions_key_check CHECK (public.is_config_key(key)),
    CONSTRAINT secret_versions_tombstone CHECK (((sealed IS NULL) = (data_key_version IS NULL))),
    CONSTRAINT secret_versions_version_check CHECK ((version > 0))
);

ALTER TABLE ONLY public.secret_versions FORCE ROW LEVEL SECURITY;

ALTER TABLE public.secret_versions OWNER TO segue;

COMMENT ON TABLE public.secret_versions IS 'Sealed values, every version.';

COMMENT ON COLUMN public.secret_versions.sealed IS 'Nonce and XChaCha20-Poly1305 box, bound to team, app, environment, key and version; null: the secret was removed.';

CREATE TABLE public.secret_wishes (
    team_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    key text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT secret_wishes_key_check CHECK (public.is_config_key(key))
);

ALTER TABLE ONLY public.secret_wishes FORCE ROW LEVEL SECURITY;

ALTER TABLE public.secret_wishes OWNER TO segue;

COMMENT ON TABLE public.secret_wishes IS 'Secrets that an environment needs and that nobody has set in it: a clone takes names over, never values. Written by the API.';

CREATE TABLE public.setup_tokens (
    hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT setup_tokens_hash_check CHECK ((length(hash) = 32))
);

ALTER TABLE public.setup_tokens OWNER TO segue;

COMMENT ON TABLE public.setup_tokens IS 'One-time links by which the first owner is made. SHA-256 of the token.';

CREATE TABLE public.sign_in_attempts (
    attempt uuid NOT NULL,
    key bytea NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT sign_in_attempts_key_check CHECK ((length(key) = 32))
);

ALTER TABLE public.sign_in_attempts OWNER TO segue;

COMMENT ON TABLE public.sign_in_attempts IS 'Guesses of the last minute, so that all servers together count them. Not tenant data.';

COMMENT ON COLUMN public.sign_in_attempts.key IS 'SHA-256 of what is counted: an address, an account.';

CREATE TABLE public.signing_keys (
    kid text NOT NULL,
    public_key bytea NOT NULL,
    sealed_private_key bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    retires_at timestamp with time zone,
    active_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT signing_keys_kid_check CHECK ((kid ~ '^[A-Za-z0-9_-]{1,64}$'::text)),
    CONSTRAINT signing_keys_public_key_check CHECK ((length(public_key) = 32))
);

ALTER TABLE public.signing_keys OWNER TO segue;

COMMENT ON TABLE public.signing_keys IS 'Ed25519 keys that sign access tokens. The newest active one signs; what retired is removed.';

COMMENT ON COLUMN public.signing_keys.sealed_private_key IS 'Sealed by the key-encryption key, which is not in the database.';

COMMENT ON COLUMN public.signing_keys.retires_at IS 'Verifies until then, signs no more.';

COMMENT ON COLUMN public.signing_keys.active_at IS 'Signs from then on, so that every server knows it before the first token comes.';

CREATE TABLE public.source_chunks (
    team_id uuid NOT NULL,
    source_id uuid NOT NULL,
    "position" integer NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT source_chunks_position_check CHECK ((("position" >= 0) AND ("position" <= 255)))
);

ALTER TABLE ONLY public.source_chunks FORCE ROW LEVEL SECURITY;

ALTER TABLE public.source_chunks OWNER TO segue;

COMMENT ON TABLE public.source_chunks IS 'Which chunks make a source, in order.';

CREATE TABLE public.sources (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid NOT NULL,
    state text DEFAULT 'uploading'::text NOT NULL,
    sha256 bytea,
    size_bytes bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    completed_at timestamp with time zone,
    last_used_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT sources_complete CHECK (((state = 'uploading'::text) OR ((sha256 IS NOT NULL) AND (size_bytes IS NOT NULL)))),
    CONSTRAINT sources_sha256_check CHECK ((length(sha256) = 32)),
    CONSTRAINT sources_size_bytes_check CHECK (((size_bytes >= 0) AND (size_bytes <= 268435456))),
    CONSTRAINT sources_state CHECK ((state = ANY (ARRAY['uploading'::text, 'complete'::text, 'dropped'::text])))
);

ALTER TABLE ONLY public.sources FORCE ROW LEVEL SECURITY;

ALTER TABLE public.sources OWNER TO segue;

COMMENT ON TABLE public.sources IS 'Uploaded source archives (canonical tar).';

COMMENT ON COLUMN public.sources.sha256 IS 'Of the whole archive; by it people and clients name a source.';

COMMENT ON COLUMN public.sources.last_used_at IS 'Its chunks are dropped 24 h after this.';

CREATE TABLE public.spec_versions (
    team_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    version bigint NOT NULL,
    spec jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.spec_versions FORCE ROW LEVEL SECURITY;

ALTER TABLE public.spec_versions OWNER TO segue;

COMMENT ON TABLE public.spec_versions IS 'What people wrote for an environment (the manifest in normal form), every version.';

CREATE TABLE public.subnets (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    host_id uuid NOT NULL,
    base inet NOT NULL,
    cursor smallint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    released_at timestamp with time zone,
    CONSTRAINT subnets_base_check CHECK (((family(base) = 4) AND (masklen(base) = 24) AND (host(base) ~~ '%.0'::text))),
    CONSTRAINT subnets_cursor_check CHECK (((cursor >= 1) AND (cursor <= 254)))
);

ALTER TABLE ONLY public.subnets FORCE ROW LEVEL SECURITY;

ALTER TABLE public.subnets OWNER TO segue;

COMMENT ON TABLE public.subnets IS 'A /24 per environment and host, handed out round-robin; after release it rests.';

COMMENT ON COLUMN public.subnets.cursor IS 'Last octet given out last.';

CREATE TABLE public.team_names (
    name text NOT NULL,
    team_id uuid NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT team_names_name_check CHECK (public.is_label(name))
);

ALTER TABLE ONLY public.team_names FORCE ROW LEVEL SECURITY;

ALTER TABLE public.team_names OWNER TO segue;

COMMENT ON TABLE public.team_names IS 'Every name that a team has or had. Another team never gets it, also after a rename.';

CREATE TABLE public.team_quotas (
    team_id uuid NOT NULL,
    apps integer,
    cpu_millis bigint,
    memory_bytes bigint,
    set_by text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT team_quotas_apps_check CHECK (((apps >= 0) AND (apps <= 1000000))),
    CONSTRAINT team_quotas_cpu_millis_check CHECK (((cpu_millis >= 0) AND (cpu_millis <= 1000000000))),
    CONSTRAINT team_quotas_memory_bytes_check CHECK (((memory_bytes >= 0) AND (memory_bytes <= '1125899906842624'::bigint)))
);

ALTER TABLE ONLY public.team_quotas FORCE ROW LEVEL SECURITY;

ALTER TABLE public.team_quotas OWNER TO segue;

COMMENT ON TABLE public.team_quotas IS 'What a team may ask for at most. No row, and null: as much as it likes.';

COMMENT ON COLUMN public.team_quotas.cpu_millis IS 'Thousandths of a core over all environments: replicas times what an instance reserves.';

COMMENT ON COLUMN public.team_quotas.memory_bytes IS 'The same of memory.';

COMMENT ON COLUMN public.team_quotas.set_by IS 'Who of the installation set it.';

CREATE TABLE public.teams (
    id uuid NOT NULL,
    name text NOT NULL,
    epoch bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT teams_name_check CHECK (public.is_label(name))
);

ALTER TABLE ONLY public.teams FORCE ROW LEVEL SECURITY;

ALTER TABLE public.teams OWNER TO segue;

COMMENT ON TABLE public.teams IS 'Tenants. A name is never given to another team.';

COMMENT ON COLUMN public.teams.epoch IS 'Raised when access tokens of the team must stop working.';

CREATE TABLE public.token_uses (
    token_id uuid NOT NULL,
    team_id uuid NOT NULL,
    used_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.token_uses FORCE ROW LEVEL SECURITY;

ALTER TABLE public.token_uses OWNER TO segue;

COMMENT ON TABLE public.token_uses IS 'When a token was last used, at most once a minute; apart from tokens so that use does not touch them.';

CREATE TABLE public.tokens (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    created_by uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    hash bytea NOT NULL,
    role text NOT NULL,
    scopes text[] NOT NULL,
    app_id uuid,
    address_ranges cidr[] DEFAULT '{}'::cidr[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    device boolean DEFAULT false NOT NULL,
    CONSTRAINT tokens_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT tokens_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT tokens_prefix_check CHECK ((prefix ~ '^[A-Za-z0-9_]{4,32}$'::text)),
    CONSTRAINT tokens_role CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'deployer'::text, 'viewer'::text])))
);

ALTER TABLE ONLY public.tokens FORCE ROW LEVEL SECURITY;

ALTER TABLE public.tokens OWNER TO segue;

COMMENT ON TABLE public.tokens IS 'API and deploy tokens. The token itself is shown once and never kept.';

COMMENT ON COLUMN public.tokens.prefix IS 'First characters, so that people can tell tokens apart.';

COMMENT ON COLUMN public.tokens.hash IS 'SHA-256 of the whole token.';

COMMENT ON COLUMN public.tokens.role IS 'At most what its creator had.';

COMMENT ON COLUMN public.tokens.app_id IS 'Good for this app only.';

COMMENT ON COLUMN public.tokens.address_ranges IS 'Good from these networks only; empty: from everywhere.';

COMMENT ON COLUMN public.tokens.device IS 'Made by the sign-in of a device: ends when the person gets another password.';

CREATE TABLE public.users (
    id uuid NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    password_hash text,
    platform_admin boolean DEFAULT false NOT NULL,
    epoch bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    disabled_at timestamp with time zone,
    CONSTRAINT users_email_check CHECK (((email = lower(email)) AND ((length(email) >= 3) AND (length(email) <= 254)) AND (email ~~ '_%@_%'::text))),
    CONSTRAINT users_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)))
);

ALTER TABLE public.users OWNER TO segue;

COMMENT ON TABLE public.users IS 'People. Not tenant data: a person may belong to several teams.';

COMMENT ON COLUMN public.users.password_hash IS 'Argon2id in PHC form; null when the person signs in otherwise.';

COMMENT ON COLUMN public.users.platform_admin IS 'May manage hosts and teams of the installation.';

COMMENT ON COLUMN public.users.epoch IS 'Raised when access tokens of the person must stop working.';

CREATE VIEW public.violation_i1 AS
 SELECT rollouts.environment_id,
    count(*) AS unfinished
   FROM public.rollouts
  WHERE (rollouts.rank < 100)
  GROUP BY rollouts.environment_id
 HAVING (count(*) > 1);

ALTER TABLE public.violation_i1 OWNER TO segue;

COMMENT ON VIEW public.violation_i1 IS 'I1: at most one unfinished deployment per environment.';

CREATE VIEW public.violation_i12 AS
 SELECT p.host_id,
    p.reserved_cpu_millis,
    COALESCE(s.cpu, (0)::bigint) AS counted_cpu_millis,
    p.reserved_memory_bytes,
    COALESCE(s.memory, (0)::bigint) AS counted_memory_bytes
   FROM (public.host_plan p
     LEFT JOIN ( SELECT instances.host_id,
            (sum(instances.cpu_millis))::bigint AS cpu,
            (sum(instances.memory_bytes))::bigint AS memory
           FROM public.instances
          WHERE instances.reserved
          GROUP BY instances.host_id) s ON ((s.host_id = p.host_id)))
  WHERE ((p.reserved_cpu_millis <> COALESCE(s.cpu, (0)::bigint)) OR (p.reserved_memory_bytes <> COALESCE(s.memory, (0)::bigint)));

ALTER TABLE public.violation_i12 OWNER TO segue;

COMMENT ON VIEW public.violation_i12 IS 'I12: what a host has reserved is what its instances reserve.';

CREATE VIEW public.violation_i20_addresses AS
 SELECT i.address,
    count(*) AS holders
   FROM (public.instances i
     JOIN public.instance_seen s ON ((s.instance_id = i.id)))
  WHERE (s.state <> 'gone'::text)
  GROUP BY i.address, i.host_id
 HAVING (count(*) > 1);

ALTER TABLE public.violation_i20_addresses OWNER TO segue;

COMMENT ON VIEW public.violation_i20_addresses IS 'I20: an address has one holder.';

CREATE VIEW public.violation_i7 AS
 SELECT r.environment_id,
    r.route_gen,
    (e.value ->> 'instance'::text) AS instance
   FROM ((((public.routes r
     CROSS JOIN LATERAL jsonb_array_elements((r.routes -> 'routes'::text)) route(value))
     CROSS JOIN LATERAL jsonb_array_elements((route.value -> 'pools'::text)) pool(value))
     CROSS JOIN LATERAL jsonb_array_elements((pool.value -> 'endpoints'::text)) e(value))
     LEFT JOIN public.instances i ON (((i.id = (replace((e.value ->> 'instance'::text), 'ins_'::text, ''::text))::uuid) AND (i.team_id = r.team_id) AND (i.environment_id = r.environment_id))))
  WHERE ((NOT r.removed) AND ((i.id IS NULL) OR (i.rank > 10)));

ALTER TABLE public.violation_i7 OWNER TO segue;

COMMENT ON VIEW public.violation_i7 IS 'I7: a routed endpoint is desired and belongs to the same team and environment.';

CREATE TABLE public.webhook_deliveries (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    team_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT now(),
    attempted_at timestamp with time zone,
    status smallint,
    detail text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT webhook_deliveries_detail_check CHECK ((length(detail) <= 1000)),
    CONSTRAINT webhook_deliveries_next CHECK (((state = 'pending'::text) = (next_at IS NOT NULL))),
    CONSTRAINT webhook_deliveries_state CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text]))),
    CONSTRAINT webhook_deliveries_status_check CHECK (((status >= 100) AND (status <= 999)))
);

ALTER TABLE ONLY public.webhook_deliveries FORCE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_deliveries OWNER TO segue;

COMMENT ON TABLE public.webhook_deliveries IS 'What is to be told and was told. Added in the transaction of the event; the worker makes the tries, a person only asks for one more.';

CREATE TABLE public.webhooks (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    app_id uuid,
    name text NOT NULL,
    kind text NOT NULL,
    shown text NOT NULL,
    events text[] NOT NULL,
    data_key_version integer NOT NULL,
    sealed bytea NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    disabled_reason text,
    failing_since timestamp with time zone,
    generation bigint DEFAULT 1 NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT webhooks_disabled CHECK (((NOT enabled) OR (disabled_reason IS NULL))),
    CONSTRAINT webhooks_disabled_reason_check CHECK (public.is_plain_text(disabled_reason, 300)),
    CONSTRAINT webhooks_events_check CHECK (((cardinality(events) >= 1) AND (cardinality(events) <= 20))),
    CONSTRAINT webhooks_kind CHECK ((kind = ANY (ARRAY['standard'::text, 'chat'::text, 'mail'::text]))),
    CONSTRAINT webhooks_name_check CHECK (public.is_plain_text(name, 100)),
    CONSTRAINT webhooks_shown_check CHECK (public.is_plain_text(shown, 300))
);

ALTER TABLE ONLY public.webhooks FORCE ROW LEVEL SECURITY;

ALTER TABLE public.webhooks OWNER TO segue;

COMMENT ON TABLE public.webhooks IS 'Who is told of events: addresses of programs, chat rooms, people.';

COMMENT ON COLUMN public.webhooks.app_id IS 'Null: events of the whole team.';

COMMENT ON COLUMN public.webhooks.shown IS 'Host or mail address; the whole address may be a secret and is sealed.';

COMMENT ON COLUMN public.webhooks.events IS 'Kinds (deployment.changed), groups (deployment.*) or *.';

COMMENT ON COLUMN public.webhooks.sealed IS 'Address and signing secret.';

COMMENT ON COLUMN public.webhooks.failing_since IS 'First failure after the last success.';

CREATE SEQUENCE public.work_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE public.work_seq OWNER TO segue;

CREATE TABLE public.work (
    unit uuid NOT NULL,
    kind text NOT NULL,
    shard smallint NOT NULL,
    seq bigint DEFAULT nextval('public.work_seq'::regclass) NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT work_kind CHECK ((kind = ANY (ARRAY['environment'::text, 'host'::text])))
);

ALTER TABLE public.work OWNER TO segue;

COMMENT ON TABLE public.work IS 'The durable dirty set: units that need a look. Deleted only if seq is unchanged since it was read.';

COMMENT ON COLUMN public.work.unit IS 'Id of an environment or host.';

COMMENT ON COLUMN public.work.shard IS 'Last byte of the unit''s id modulo the number of shards.';

ALTER TABLE ONLY public.log_chunks ATTACH PARTITION public.log_chunks_rest DEFAULT;

ALTER TABLE ONLY public.addresses
    ADD CONSTRAINT addresses_pkey PRIMARY KEY (subnet_id, octet);

ALTER TABLE ONLY public.app_refs
    ADD CONSTRAINT app_refs_pkey PRIMARY KEY (app_id, ref);

ALTER TABLE ONLY public.apps
    ADD CONSTRAINT apps_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.apps
    ADD CONSTRAINT apps_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_checkpoints
    ADD CONSTRAINT audit_checkpoints_pkey PRIMARY KEY (team_id, number);

ALTER TABLE ONLY public.audit_checkpoints
    ADD CONSTRAINT audit_checkpoints_seq UNIQUE (team_id, seq);

ALTER TABLE ONLY public.audit_heads
    ADD CONSTRAINT audit_heads_pkey PRIMARY KEY (team_id);

ALTER TABLE ONLY public.audit_keys
    ADD CONSTRAINT audit_keys_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (team_id, seq);

ALTER TABLE ONLY public.build_status
    ADD CONSTRAINT build_status_pkey PRIMARY KEY (build_id);

ALTER TABLE ONLY public.builds
    ADD CONSTRAINT builds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.builds
    ADD CONSTRAINT builds_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.certificates
    ADD CONSTRAINT certificates_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT chunks_pkey PRIMARY KEY (team_id, digest);

ALTER TABLE ONLY public.commit_statuses
    ADD CONSTRAINT commit_statuses_pkey PRIMARY KEY (deployment_id);

ALTER TABLE ONLY public.config_versions
    ADD CONSTRAINT config_versions_pkey PRIMARY KEY (environment_id, version);

ALTER TABLE ONLY public.config_versions
    ADD CONSTRAINT config_versions_team_id_environment_id_version_key UNIQUE (team_id, environment_id, version);

ALTER TABLE ONLY public.credentials
    ADD CONSTRAINT credentials_host_taken UNIQUE (team_id, kind, host);

ALTER TABLE ONLY public.credentials
    ADD CONSTRAINT credentials_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.credentials
    ADD CONSTRAINT credentials_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.data_keys
    ADD CONSTRAINT data_keys_pkey PRIMARY KEY (team_id, version);

ALTER TABLE ONLY public.deploy_locks
    ADD CONSTRAINT deploy_locks_held UNIQUE NULLS NOT DISTINCT (team_id, app_id, environment_id);

ALTER TABLE ONLY public.deploy_locks
    ADD CONSTRAINT deploy_locks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deploy_locks
    ADD CONSTRAINT deploy_locks_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.deployments
    ADD CONSTRAINT deployments_number UNIQUE (environment_id, number);

ALTER TABLE ONLY public.deployments
    ADD CONSTRAINT deployments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments
    ADD CONSTRAINT deployments_team_id_environment_id_id_key UNIQUE (team_id, environment_id, id);

ALTER TABLE ONLY public.deployments
    ADD CONSTRAINT deployments_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.device_requests
    ADD CONSTRAINT device_requests_device UNIQUE (device_hash);

ALTER TABLE ONLY public.device_requests
    ADD CONSTRAINT device_requests_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.device_requests
    ADD CONSTRAINT device_requests_user_code UNIQUE (user_code);

ALTER TABLE ONLY public.domains
    ADD CONSTRAINT domains_name_taken UNIQUE (name);

ALTER TABLE ONLY public.domains
    ADD CONSTRAINT domains_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.domains
    ADD CONSTRAINT domains_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.edge_acks
    ADD CONSTRAINT edge_acks_pkey PRIMARY KEY (environment_id, edge_id);

ALTER TABLE ONLY public.edge_draining
    ADD CONSTRAINT edge_draining_pkey PRIMARY KEY (environment_id, edge_id, instance_id);

ALTER TABLE ONLY public.edge_in_flight
    ADD CONSTRAINT edge_in_flight_pkey PRIMARY KEY (environment_id, edge_id);

ALTER TABLE ONLY public.edges
    ADD CONSTRAINT edges_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.edges
    ADD CONSTRAINT edges_token_taken UNIQUE (token_hash);

ALTER TABLE ONLY public.environment_status
    ADD CONSTRAINT environment_status_pkey PRIMARY KEY (environment_id);

ALTER TABLE ONLY public.environments
    ADD CONSTRAINT environments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.environments
    ADD CONSTRAINT environments_team_id_app_id_id_key UNIQUE (team_id, app_id, id);

ALTER TABLE ONLY public.environments
    ADD CONSTRAINT environments_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (xid, seq);

ALTER TABLE ONLY public.fleet_freeze
    ADD CONSTRAINT fleet_freeze_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.freeze_windows
    ADD CONSTRAINT freeze_windows_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.freeze_windows
    ADD CONSTRAINT freeze_windows_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.hook_deliveries
    ADD CONSTRAINT hook_deliveries_body_seen UNIQUE (hook_id, body_hash);

ALTER TABLE ONLY public.hook_deliveries
    ADD CONSTRAINT hook_deliveries_delivery_seen UNIQUE (hook_id, delivery);

ALTER TABLE ONLY public.hook_deliveries
    ADD CONSTRAINT hook_deliveries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.hook_deliveries
    ADD CONSTRAINT hook_deliveries_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.hooks
    ADD CONSTRAINT hooks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.hooks
    ADD CONSTRAINT hooks_team_id_app_id_id_key UNIQUE (team_id, app_id, id);

ALTER TABLE ONLY public.hooks
    ADD CONSTRAINT hooks_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.host_plan
    ADD CONSTRAINT host_plan_pkey PRIMARY KEY (host_id);

ALTER TABLE ONLY public.host_seen
    ADD CONSTRAINT host_seen_pkey PRIMARY KEY (host_id);

ALTER TABLE ONLY public.hosts
    ADD CONSTRAINT hosts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT idempotency_key PRIMARY KEY (team_id, actor, key);

ALTER TABLE ONLY public.image_facts
    ADD CONSTRAINT image_facts_pkey PRIMARY KEY (team_id, content);

ALTER TABLE ONLY public.installation
    ADD CONSTRAINT installation_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.instance_replacements
    ADD CONSTRAINT instance_replacements_once PRIMARY KEY (instance_id);

ALTER TABLE ONLY public.instance_seen
    ADD CONSTRAINT instance_seen_pkey PRIMARY KEY (instance_id);

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_of_environment UNIQUE (team_id, environment_id, id);

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_serial UNIQUE (environment_id, serial);

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_hash_taken UNIQUE (hash);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.lease_epochs
    ADD CONSTRAINT lease_epochs_pkey PRIMARY KEY (shard);

ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (shard);

ALTER TABLE ONLY public.letters
    ADD CONSTRAINT letters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.log_chunks
    ADD CONSTRAINT log_chunks_pkey PRIMARY KEY (written_at, id);

ALTER TABLE ONLY public.log_chunks_rest
    ADD CONSTRAINT log_chunks_rest_pkey PRIMARY KEY (written_at, id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_given_twice UNIQUE NULLS NOT DISTINCT (team_id, user_id, app_id, environment_id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.password_resets
    ADD CONSTRAINT password_resets_hash UNIQUE (hash);

ALTER TABLE ONLY public.password_resets
    ADD CONSTRAINT password_resets_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.refresh_families
    ADD CONSTRAINT refresh_families_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY public.release_builds
    ADD CONSTRAINT release_builds_pkey PRIMARY KEY (release_id, build_id);

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_team_id_environment_id_id_key UNIQUE (team_id, environment_id, id);

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_version UNIQUE (environment_id, version);

ALTER TABLE ONLY public.request_counts
    ADD CONSTRAINT request_counts_key UNIQUE NULLS NOT DISTINCT (environment_id, service, release_id, route_gen, second);

ALTER TABLE ONLY public.rollouts
    ADD CONSTRAINT rollouts_pkey PRIMARY KEY (deployment_id);

ALTER TABLE ONLY public.routes
    ADD CONSTRAINT routes_pkey PRIMARY KEY (environment_id);

ALTER TABLE ONLY public.run_status
    ADD CONSTRAINT run_status_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_number UNIQUE (environment_id, number);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_team_id_environment_id_id_key UNIQUE (team_id, environment_id, id);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.scale_targets
    ADD CONSTRAINT scale_targets_pkey PRIMARY KEY (environment_id, service);

ALTER TABLE ONLY public.secret_versions
    ADD CONSTRAINT secret_versions_pkey PRIMARY KEY (environment_id, key, version);

ALTER TABLE ONLY public.secret_wishes
    ADD CONSTRAINT secret_wishes_pkey PRIMARY KEY (environment_id, key);

ALTER TABLE ONLY public.setup_tokens
    ADD CONSTRAINT setup_tokens_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY public.sign_in_attempts
    ADD CONSTRAINT sign_in_attempts_pkey PRIMARY KEY (attempt, key);

ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (kid);

ALTER TABLE ONLY public.source_chunks
    ADD CONSTRAINT source_chunks_pkey PRIMARY KEY (source_id, "position");

ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.spec_versions
    ADD CONSTRAINT spec_versions_pkey PRIMARY KEY (environment_id, version);

ALTER TABLE ONLY public.subnets
    ADD CONSTRAINT subnets_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.subnets
    ADD CONSTRAINT subnets_team_id_environment_id_id_key UNIQUE (team_id, environment_id, id);

ALTER TABLE ONLY public.subnets
    ADD CONSTRAINT subnets_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.team_names
    ADD CONSTRAINT team_names_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.team_quotas
    ADD CONSTRAINT team_quotas_pkey PRIMARY KEY (team_id);

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_name_taken UNIQUE (name);

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.token_uses
    ADD CONSTRAINT token_uses_pkey PRIMARY KEY (token_id);

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_hash_taken UNIQUE (hash);

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_taken UNIQUE (email);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_team_id_id_key UNIQUE (team_id, id);

ALTER TABLE ONLY public.work
    ADD CONSTRAINT work_pkey PRIMARY KEY (unit);

CREATE INDEX addresses_instance_id_idx ON public.addresses USING btree (instance_id);

CREATE UNIQUE INDEX apps_name_taken ON public.apps USING btree (team_id, name) WHERE (deleted_at IS NULL);

CREATE INDEX attempts_instance_id_started_at_idx ON public.attempts USING btree (instance_id, started_at DESC);

CREATE INDEX audit_actor ON public.audit USING btree (team_id, actor, seq);

CREATE INDEX audit_at ON public.audit USING btree (team_id, at);

CREATE INDEX audit_resource ON public.audit USING btree (team_id, resource, seq);

CREATE INDEX build_status_claim_until_idx ON public.build_status USING btree (claim_until) WHERE (rank < 100);

CREATE INDEX build_status_waiting ON public.build_status USING btree (build_id) WHERE (rank < 100);

CREATE INDEX builds_environment_id_created_at_idx ON public.builds USING btree (environment_id, created_at);

CREATE INDEX commit_statuses_next_at_idx ON public.commit_statuses USING btree (next_at) WHERE (next_at IS NOT NULL);

CREATE INDEX device_requests_expires_at_idx ON public.device_requests USING btree (expires_at);

CREATE INDEX domains_environment_id_idx ON public.domains USING btree (environment_id);

CREATE UNIQUE INDEX environments_branch_taken ON public.environments USING btree (app_id, branch) WHERE ((deleted_at IS NULL) AND (branch IS NOT NULL));

CREATE INDEX environments_expiring ON public.environments USING btree (expires_at) WHERE ((deleted_at IS NULL) AND (expires_at IS NOT NULL));

CREATE UNIQUE INDEX environments_name_taken ON public.environments USING btree (app_id, name) WHERE (deleted_at IS NULL);

CREATE INDEX environments_removed ON public.environments USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);

CREATE INDEX events_at_idx ON public.events USING btree (at);

CREATE INDEX events_environment_id_xid_seq_idx ON public.events USING btree (environment_id, xid, seq);

CREATE INDEX events_team_id_xid_seq_idx ON public.events USING btree (team_id, xid, seq);

CREATE INDEX freeze_windows_app_id_idx ON public.freeze_windows USING btree (app_id);

CREATE INDEX hook_deliveries_next_at_idx ON public.hook_deliveries USING btree (next_at) WHERE (state = 'pending'::text);

CREATE INDEX hook_deliveries_received_at_idx ON public.hook_deliveries USING btree (received_at);

CREATE INDEX hooks_app_id_idx ON public.hooks USING btree (app_id);

CREATE UNIQUE INDEX hosts_name_taken ON public.hosts USING btree (name) WHERE (removed_at IS NULL);

CREATE INDEX idempotency_created_at_idx ON public.idempotency USING btree (created_at);

CREATE INDEX instance_replacements_environment_id_idx ON public.instance_replacements USING btree (environment_id);

CREATE INDEX instance_seen_environment_id_idx ON public.instance_seen USING btree (environment_id) WHERE (state <> 'gone'::text);

CREATE INDEX instances_environment_id_service_slot_serial_idx ON public.instances USING btree (environment_id, service, slot, serial DESC);

CREATE INDEX instances_host_id_idx ON public.instances USING btree (host_id) WHERE reserved;

CREATE UNIQUE INDEX instances_one_per_run ON public.instances USING btree (run_id) WHERE (run_id IS NOT NULL);

CREATE UNIQUE INDEX instances_one_per_slot ON public.instances USING btree (environment_id, service, slot, revision) WHERE (desired = 'run'::text);

CREATE INDEX instances_release_id_idx ON public.instances USING btree (release_id);

CREATE INDEX invitations_team_id_email_idx ON public.invitations USING btree (team_id, email) WHERE ((accepted_at IS NULL) AND (revoked_at IS NULL));

CREATE INDEX letters_next_at_idx ON public.letters USING btree (next_at);

CREATE INDEX log_chunks_build_id_xid_id_idx ON ONLY public.log_chunks USING btree (build_id, xid, id) WHERE (build_id IS NOT NULL);

CREATE INDEX log_chunks_environment_id_xid_id_idx ON ONLY public.log_chunks USING btree (environment_id, xid, id);

CREATE INDEX log_chunks_rest_build_id_xid_id_idx ON public.log_chunks_rest USING btree (build_id, xid, id) WHERE (build_id IS NOT NULL);

CREATE INDEX log_chunks_rest_environment_id_xid_id_idx ON public.log_chunks_rest USING btree (environment_id, xid, id);

CREATE INDEX memberships_user_id_idx ON public.memberships USING btree (user_id);

CREATE INDEX password_resets_expires_at_idx ON public.password_resets USING btree (expires_at);

CREATE INDEX password_resets_user_id_idx ON public.password_resets USING btree (user_id);

CREATE INDEX refresh_families_user_id_idx ON public.refresh_families USING btree (user_id);

CREATE INDEX refresh_tokens_family_id_idx ON public.refresh_tokens USING btree (family_id);

CREATE INDEX request_counts_environment_second ON public.request_counts USING btree (environment_id, second);

CREATE INDEX request_counts_second_idx ON public.request_counts USING btree (second);

CREATE UNIQUE INDEX rollouts_one_unfinished ON public.rollouts USING btree (environment_id) WHERE (rank < 100);

CREATE INDEX routes_changed_xid_idx ON public.routes USING btree (changed_xid);

CREATE INDEX run_status_environment_id_idx ON public.run_status USING btree (environment_id) WHERE (rank < 100);

CREATE INDEX runs_created_at_idx ON public.runs USING btree (created_at);

CREATE INDEX sign_in_attempts_at_idx ON public.sign_in_attempts USING btree (at);

CREATE INDEX sign_in_attempts_key_at_idx ON public.sign_in_attempts USING btree (key, at);

CREATE INDEX source_chunks_team_id_digest_idx ON public.source_chunks USING btree (team_id, digest);

CREATE UNIQUE INDEX sources_once ON public.sources USING btree (app_id, sha256) WHERE (state = 'complete'::text);

CREATE UNIQUE INDEX subnets_base_taken ON public.subnets USING btree (base) WHERE (released_at IS NULL);

CREATE UNIQUE INDEX subnets_one_per_host ON public.subnets USING btree (environment_id, host_id) WHERE (released_at IS NULL);

CREATE INDEX subnets_resting ON public.subnets USING btree (base, released_at) WHERE (released_at IS NOT NULL);

CREATE INDEX team_names_team_id_idx ON public.team_names USING btree (team_id);

CREATE INDEX tokens_created_by_idx ON public.tokens USING btree (created_by) WHERE (device AND (revoked_at IS NULL));

CREATE INDEX webhook_deliveries_created_at_idx ON public.webhook_deliveries USING btree (created_at);

CREATE INDEX webhook_deliveries_next_at_idx ON public.webhook_deliveries USING btree (next_at) WHERE (state = 'pending'::text);

CREATE INDEX webhook_deliveries_webhook_id_created_at_id_idx ON public.webhook_deliveries USING btree (webhook_id, created_at DESC, id DESC);

CREATE INDEX webhooks_team_id_idx ON public.webhooks USING btree (team_id) WHERE enabled;

CREATE INDEX work_shard_due_at_idx ON public.work USING btree (shard, due_at);

ALTER INDEX public.log_chunks_build_id_xid_id_idx ATTACH PARTITION public.log_chunks_rest_build_id_xid_id_idx;

ALTER INDEX public.log_chunks_environment_id_xid_id_idx ATTACH PARTITION public.log_chunks_rest_environment_id_xid_id_idx;

ALTER INDEX public.log_chunks_pkey ATTACH PARTITION public.log_chunks_rest_pkey;

CREATE TRIGGER audit_checkpoints_immutable BEFORE DELETE OR UPDATE ON public.audit_checkpoints FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_immutable BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER build_status_rank AFTER UPDATE ON public.build_status FOR EACH ROW WHEN (((new.rank < old.rank) AND (NOT ((new.rank = 0) AND (old.rank < 100))))) EXECUTE FUNCTION public.refuse_falling_rank();

CREATE TRIGGER config_versions_immutable BEFORE DELETE OR UPDATE ON public.config_versions FOR EACH ROW EXECUTE FUNCTION public.refuse_change_unless_rested();

CREATE TRIGGER events_immutable BEFORE UPDATE ON public.events FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER events_webhooks AFTER INSERT ON public.events FOR EACH ROW EXECUTE FUNCTION public.webhook_outbox();

CREATE TRIGGER instance_seen_rank AFTER UPDATE ON public.instance_seen FOR EACH ROW WHEN (((NOT public.observed_may_become(old.state, new.state)) OR (new.seq < old.seq))) EXECUTE FUNCTION public.refuse_observed_fall();

CREATE TRIGGER instances_immutable BEFORE UPDATE ON public.instances FOR EACH ROW EXECUTE FUNCTION public.refuse_identity_change();

CREATE TRIGGER instances_rank AFTER UPDATE ON public.instances FOR EACH ROW WHEN ((new.rank < old.rank)) EXECUTE FUNCTION public.refuse_falling_rank();

CREATE TRIGGER release_builds_immutable BEFORE DELETE OR UPDATE ON public.release_builds FOR EACH ROW EXECUTE FUNCTION public.refuse_release_build_change();

CREATE TRIGGER releases_immutable BEFORE DELETE OR UPDATE ON public.releases FOR EACH ROW EXECUTE FUNCTION public.refuse_release_change();

CREATE TRIGGER rollouts_rank AFTER UPDATE ON public.rollouts FOR EACH ROW WHEN ((new.rank < old.rank)) EXECUTE FUNCTION public.refuse_falling_rank();

CREATE TRIGGER routes_generation AFTER UPDATE ON public.routes FOR EACH ROW WHEN ((new.route_gen <> (old.route_gen + 1))) EXECUTE FUNCTION public.refuse_falling_generation();

CREATE TRIGGER run_status_rank AFTER UPDATE ON public.run_status FOR EACH ROW WHEN (((new.rank < old.rank) OR ((old.rank >= 100) AND (new.rank <> old.rank)))) EXECUTE FUNCTION public.refuse_falling_rank();

CREATE TRIGGER secret_versions_immutable BEFORE DELETE OR UPDATE ON public.secret_versions FOR EACH ROW EXECUTE FUNCTION public.refuse_change_unless_rested();

CREATE TRIGGER spec_versions_immutable BEFORE DELETE OR UPDATE ON public.spec_versions FOR EACH ROW EXECUTE FUNCTION public.refuse_change_unless_rested();

CREATE TRIGGER teams_name_claim AFTER INSERT OR UPDATE OF name ON public.teams FOR EACH ROW EXECUTE FUNCTION public.team_name_claim();

ALTER TABLE ONLY public.addresses
    ADD CONSTRAINT addresses_team_id_environment_id_subnet_id_fkey FOREIGN KEY (team_id, environment_id, subnet_id) REFERENCES public.subnets(team_id, environment_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.addresses
    ADD CONSTRAINT addresses_team_id_instance_id_fkey FOREIGN KEY (team_id, instance_id) REFERENCES public.instances(team_id, id);

ALTER TABLE ONLY public.app_refs
    ADD CONSTRAINT app_refs_team_id_app_id_fkey FOREIGN KEY (team_id, app_id) REFERENCES public.apps(team_id, id);

ALTER TABLE ONLY public.app_refs
    ADD CONSTRAINT app_refs_team_id_deployment_id_fkey FOREIGN KEY (team_id, deployment_id) REFERENCES public.deployments(team_id, id);

ALTER TABLE ONLY public.apps
    ADD CONSTRAINT apps_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);

ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.hosts(id);

ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_team_id_instance_id_fkey FOREIGN KEY (team_id, instance_id) REFERENCES public.instances(team_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.audit_checkpoints
    ADD CONSTRAINT audit_checkpoints_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.audit_keys(key_id);

ALTER TABLE ONLY public.build_status
    ADD CONSTRAINT build_status_team_id_build_id_fkey FOREIGN KEY (team_id, build_id) REFERENCES public.builds(team_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.builds
    ADD CONSTRAINT builds_team_id_app_id_environment_id_fkey FOREIGN KEY (team_id, app_id, environment_id) REFERENCES public.environments(team_id, app_id, id);

ALTER TABLE ONLY public.builds
    ADD CONSTRAINT builds_team_id_source_id_fkey FOREIGN KEY (team_id, source_id) REFERENCES public.sources(team_id, id);

ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT chunks_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);

ALTER TABLE ONLY public.commit_statuses
    ADD CONSTRAINT commit_statuses_team_id_app_id_environment_id_fkey FOREIGN KEY (team_id, app_id, environment_id) REFERENCES public.environments(team_id, app_id, id);

ALTER TABLE ONLY public.config_versions
    ADD CONSTRAINT config_versions_team_id_environment_id_fkey FOREIGN KEY (team_id, environment_id) REFERENCES public.environments(team_id, id);

ALTER TABLE ONLY public.credentials
    ADD CONSTRAINT credentials_team_id_data_key_version_fkey FOREIGN KEY (team_id, data_key_version) REFERENCES public.data_keys(team_id, version);

ALTER TABLE ONLY public.credentials
    ADD CONSTRAINT credentials_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);

ALTER TABLE ONLY public.data_keys
    ADD CONSTRAINT data_keys_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);

ALTER TABLE ONLY public.deploy_locks
    ADD CONSTRAINT deploy_locks_team_id_app_id_environment_id_fkey FOREIGN KEY (team_id, app_id, environment_id) REFERENCES public.environments(team_id, app_id, id);

ALTER TABLE ONLY public.deploy_locks
    ADD CONSTRAINT deploy_locks_team_id_app_id_fkey FOREIGN KEY (team_id, app_id) REFERENCES public.apps(team_id, id);

ALTER TABLE ONLY public.deployments
    ADD CONSTRAINT deployments_team_id_app_id_environment_id_fkey FOREIGN KEY (team_id, app_id, environment_id) REFERENCES public.environments(team_id, app_id, id);

ALTER TABLE ONLY public.deployments
    ADD CONSTRAINT deployments_team_id_environment_id_release_id_fkey FOREIGN KEY (team_id, environment_id, release_id) REFERENCES public.releases(team_id, environment_id, id);

ALTER TABLE ONLY public.device_requests
    ADD CONSTRAINT device_requests_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.device_requests
    ADD CONSTRAINT device_requests_for_team_fkey FOREIGN KEY (for_team) REFERENCES public.teams(id);

ALTER TABLE ONLY public.domains
    ADD CONSTRAINT domains_team_id_app_id_environment_id_fkey FOREIGN KEY (team_id, app_id, environment_id) REFERENCES public.environments(team_id, app_id, id);

ALTER TABLE ONLY public.edge_acks
    ADD CONSTRAINT edge_acks_edge_id_fkey FOREIGN KEY (edge_id) REFERENCES public.edges(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.edge_acks
    ADD CONSTRAINT edge_acks_team_id_environment_id_fkey FOREIGN KEY (team_id, environment_id) REFERENCES public.environments(team_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.edge_draining
    ADD CONSTRAINT edge_draining_edge_id_fkey FOREIGN KEY (edge_id) REFERENCES public.edges(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.edge_draining
    ADD CONSTRAINT edge_draining_team_id_instance_id_fkey FOREIGN KEY (team_id, instance_id) REFERENCES public.instances(team_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.edge_in_flight
    ADD CONSTRAINT edge_in_flight_edge_id_fkey FOREIGN KEY (edge_id) REFERENCES public.edges(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.edge_in_flight
    ADD CONSTRAINT edge_in_flight_team_id_environment_id_fkey FOREIGN KEY (team_id, environment_id) REFERENCES public.environments(team_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.environment_status
    ADD CONSTRAINT environment_status_team_id_environment_id_fkey FOREIGN KEY (team_id, environment_id) REFERENCES public.environments(team_id, id);

ALTER TABLE ONLY public.environment_status
    ADD CONSTRAINT environment_status_team_id_environment_id_serving_release__fkey FOREIGN KEY (team_id, environment_id, serving_release_id) REFERENCES public.releases(team_id, environment_id, id);

ALTER TABLE ONLY public.environment_status
    ADD CONSTRAINT environment_status_team_id_environment_id_stable_release_i_fkey FOREIGN KEY (team_id, environment_id, stable_release_id) REFERENCES public.releases(team_id, environment_id, id);

ALTER TABLE ONLY public.environments
    ADD CONSTRAINT environments_team_id_app_id_fkey FOREIGN KEY (team_id, app_id) REFERENCES public.apps(team_id, id);

ALTER TABLE ONLY public.environments
    ADD CONSTRAINT environments_team_id_cloned_from_fkey FOREIGN KEY (team_id, cloned_from) REFERENCES public.environments(team_id, id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_team_id_app_id_fkey FOREIGN KEY (team_id, app_id) REFERENCES public.apps(team_id, id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_team_id_environment_id_fkey FOREIGN KEY (team_id, environment_id) REFERENCES public.environments(team_id, id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);

ALTER TABLE ONLY public.freeze_windows
    ADD CONSTRAINT freeze_windows_team_id_app_id_environment_id_fkey FOREIGN KEY (team_id, app_id, environment_id) REFERENCES public.environments(team_id, app_id, id);

ALTER TABLE ONLY public.freeze_windows
    ADD CONSTRAINT freeze_windows_team_id_app_id_fkey FOREIGN KEY (team_id, app_id) REFERENCES public.apps(team_id, id);

ALTER TABLE ONLY public.hook_deliveries
    ADD CONSTRAINT hook_deliveries_team_id_app_id_hook_id_fkey FOREIGN KEY (team_id, app_id, hook_id) REFERENCES public.hooks(team_id, app_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.hooks
    ADD CONSTRAINT hooks_team_id_app_id_fkey FOREIGN KEY (team_id, app_id) REFERENCES public.apps(team_id, id);

ALTER TABLE ONLY public.hooks
    ADD CONSTRAINT hooks_team_id_data_key_version_fkey FOREIGN KEY (team_id, data_key_version) REFERENCES public.data_keys(team_id, version);

ALTER TABLE ONLY public.host_plan
    ADD CONSTRAINT host_plan_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.hosts(id);

ALTER TABLE ONLY public.host_seen
    ADD CONSTRAINT host_seen_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.hosts(id);

ALTER TABLE ONLY public.image_facts
    ADD CONSTRAINT image_facts_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);

ALTER TABLE ONLY public.instance_replacements
    ADD CONSTRAINT instance_replacements_team_id_environment_id_instance_id_fkey FOREIGN KEY (team_id, environment_id, instance_id) REFERENCES public.instances(team_id, environment_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.instance_seen
    ADD CONSTRAINT instance_seen_team_id_instance_id_fkey FOREIGN KEY (team_id, instance_id) REFERENCES public.instances(team_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.hosts(id);

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_team_id_app_id_environment_id_fkey FOREIGN KEY (team_id, app_id, environment_id) REFERENCES public.environments(team_id, app_id, id);

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_team_id_environment_id_release_id_fkey FOREIGN KEY (team_id, environment_id, release_id) REFERENCES public.releases(team_id, environment_id, id);

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_team_id_environment_id_run_id_fkey FOREIGN KEY (team_id, environment_id, run_id) REFERENCES public.runs(team_id, environment_id, id);

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_team_id_environment_id_subnet_id_fkey FOREIGN KEY (team_id, environment_id, subnet_id) REFERENCES public.subnets(team_id, environment_id, id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_accepted_by_fkey FOREIGN KEY (accepted_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_team_id_app_id_environment_id_fkey FOREIGN KEY (team_id, app_id, environment_id) REFERENCES public.environments(team_id, app_id, id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_team_id_app_id_fkey FOREIGN KEY (team_id, app_id) REFERENCES public.apps(team_id, id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);

ALTER TABLE ONLY public.lease_epochs
    ADD CONSTRAINT lease_epochs_shard_fkey FOREIGN KEY (shard) REFERENCES public.leases(shard);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_team_id_app_id_environment_id_fkey FOREIGN KEY (team_id, app_id, environment_id) REFERENCES public.environments(team_id, app_id, id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_team_id_app_id_fkey FOREIGN KEY (team_id, app_id) REFERENCES public.apps(team_id, id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.password_resets
    ADD CONSTRAINT password_resets_giver_fkey FOREIGN KEY (giver) REFERENCES public.users(id);

ALTER TABLE ONLY public.password_resets
    ADD CONSTRAINT password_resets_only_team_fkey FOREIGN KEY (only_team) REFERENCES public.teams(id);

ALTER TABLE ONLY public.password_resets
    ADD CONSTRAINT password_resets_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.refresh_families
    ADD CONSTRAINT refresh_families_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_family_id_fkey FOREIGN KEY (family_id) REFERENCES public.refresh_families(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.release_builds
    ADD CONSTRAINT release_builds_team_id_build_id_fkey FOREIGN KEY (team_id, build_id) REFERENCES public.builds(team_id, id);

ALTER TABLE ONLY public.release_builds
    ADD CONSTRAINT release_builds_team_id_release_id_fkey FOREIGN KEY (team_id, release_id) REFERENCES public.releases(team_id, id);

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_team_id_app_id_environment_id_fkey FOREIGN KEY (team_id, app_id, environment_id) REFERENCES public.environments(team_id, app_id, id);

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_team_id_environment_id_config_version_fkey FOREIGN KEY (team_id, environment_id, config_version) REFERENCES public.config_versions(team_id, environment_id, version);

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_team_id_origin_release_id_fkey FOREIGN KEY (team_id, origin_release_id) REFERENCES public.releases(team_id, id);

ALTER TABLE ONLY public.releases
    ADD CONSTRAINT releases_team_id_source_id_fkey FOREIGN KEY (team_id, source_id) REFERENCES public.sources(team_id, id);

ALTER TABLE ONLY public.request_counts
    ADD CONSTRAINT request_counts_team_id_environment_id_fkey FOREIGN KEY (team_id, environment_id) REFERENCES public.environments(team_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.rollouts
    ADD CONSTRAINT rollouts_team_id_environment_id_deployment_id_fkey FOREIGN KEY (team_id, environment_id, deployment_id) REFERENCES public.deployments(team_id, environment_id, id);

ALTER TABLE ONLY public.rollouts
    ADD CONSTRAINT rollouts_team_id_environment_id_from_release_id_fkey FOREIGN KEY (team_id, environment_id, from_release_id) REFERENCES public.releases(team_id, environment_id, id);

ALTER TABLE ONLY public.routes
    ADD CONSTRAINT routes_team_id_environment_id_fkey FOREIGN KEY (team_id, environment_id) REFERENCES public.environments(team_id, id);

ALTER TABLE ONLY public.run_status
    ADD CONSTRAINT run_status_team_id_environment_id_run_id_fkey FOREIGN KEY (team_id, environment_id, run_id) REFERENCES public.runs(team_id, environment_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_team_id_app_id_environment_id_fkey FOREIGN KEY (team_id, app_id, environment_id) REFERENCES public.environments(team_id, app_id, id);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_team_id_environment_id_release_id_fkey FOREIGN KEY (team_id, environment_id, release_id) REFERENCES public.releases(team_id, environment_id, id);

ALTER TABLE ONLY public.scale_targets
    ADD CONSTRAINT scale_targets_team_id_environment_id_fkey FOREIGN KEY (team_id, environment_id) REFERENCES public.environments(team_id, id);

ALTER TABLE ONLY public.secret_versions
    ADD CONSTRAINT secret_versions_team_id_app_id_environment_id_fkey FOREIGN KEY (team_id, app_id, environment_id) REFERENCES public.environments(team_id, app_id, id);

ALTER TABLE ONLY public.secret_versions
    ADD CONSTRAINT secret_versions_team_id_data_key_version_fkey FOREIGN KEY (team_id, data_key_version) REFERENCES public.data_keys(team_id, version);

ALTER TABLE ONLY public.secret_wishes
    ADD CONSTRAINT secret_wishes_team_id_environment_id_fkey FOREIGN KEY (team_id, environment_id) REFERENCES public.environments(team_id, id);

ALTER TABLE ONLY public.source_chunks
    ADD CONSTRAINT source_chunks_team_id_digest_fkey FOREIGN KEY (team_id, digest) REFERENCES public.chunks(team_id, digest);

ALTER TABLE ONLY public.source_chunks
    ADD CONSTRAINT source_chunks_team_id_source_id_fkey FOREIGN KEY (team_id, source_id) REFERENCES public.sources(team_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.sources
    ADD CONSTRAINT sources_team_id_app_id_fkey FOREIGN KEY (team_id, app_id) REFERENCES public.apps(team_id, id);

ALTER TABLE ONLY public.spec_versions
    ADD CONSTRAINT spec_versions_team_id_environment_id_fkey FOREIGN KEY (team_id, environment_id) REFERENCES public.environments(team_id, id);

ALTER TABLE ONLY public.subnets
    ADD CONSTRAINT subnets_host_id_fkey FOREIGN KEY (host_id) REFERENCES public.hosts(id);

ALTER TABLE ONLY public.subnets
    ADD CONSTRAINT subnets_team_id_environment_id_fkey FOREIGN KEY (team_id, environment_id) REFERENCES public.environments(team_id, id);

ALTER TABLE ONLY public.team_names
    ADD CONSTRAINT team_names_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);

ALTER TABLE ONLY public.team_quotas
    ADD CONSTRAINT team_quotas_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);

ALTER TABLE ONLY public.token_uses
    ADD CONSTRAINT token_uses_team_id_token_id_fkey FOREIGN KEY (team_id, token_id) REFERENCES public.tokens(team_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_team_id_app_id_fkey FOREIGN KEY (team_id, app_id) REFERENCES public.apps(team_id, id);

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_team_id_webhook_id_fkey FOREIGN KEY (team_id, webhook_id) REFERENCES public.webhooks(team_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_team_id_app_id_fkey FOREIGN KEY (team_id, app_id) REFERENCES public.apps(team_id, id);

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_team_id_data_key_version_fkey FOREIGN KEY (team_id, data_key_version) REFERENCES public.data_keys(team_id, version);

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);

ALTER TABLE public.addresses ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.app_refs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.apps ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.attempts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_checkpoints ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_heads ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.build_status ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.builds ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.chunks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.commit_statuses ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.config_versions ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.credentials ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.data_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deploy_locks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.domains ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.edge_acks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.edge_draining ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.edge_in_flight ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.environment_status ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.environments ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.events ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.freeze_windows ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.hook_deliveries ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.hooks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.idempotency ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.image_facts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.instance_replacements ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.instance_seen ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.instances ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.invitations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.log_chunks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.log_chunks_rest ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.memberships ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.release_builds ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.releases ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.request_counts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.rollouts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.routes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.run_status ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.runs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.scale_targets ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.secret_versions ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.secret_wishes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.source_chunks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.sources ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.spec_versions ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.subnets ENABLE ROW LEVEL SECURITY;

CREATE POLICY system_all ON public.addresses TO segue_system USING (true);

CREATE POLICY system_all ON public.app_refs TO segue_system USING (true);

CREATE POLICY system_all ON public.apps TO segue_system USING (true);

CREATE POLICY system_all ON public.attempts TO segue_system USING (true);

CREATE POLICY system_all ON public.audit TO segue_system USING (true);

CREATE POLICY system_all ON public.audit_checkpoints TO segue_system USING (true);

CREATE POLICY system_all ON public.audit_heads TO segue_system USING (true);

CREATE POLICY system_all ON public.build_status TO segue_system USING (true);

CREATE POLICY system_all ON public.builds TO segue_system USING (true);

CREATE POLICY system_all ON public.chunks TO segue_system USING (true);

CREATE POLICY system_all ON public.commit_statuses TO segue_system USING (true);

CREATE POLICY system_all ON public.config_versions TO segue_system USING (true);

CREATE POLICY system_all ON public.credentials TO segue_system USING (true);

CREATE POLICY system_all ON public.data_keys TO segue_system USING (true);

CREATE POLICY system_all ON public.deploy_locks TO segue_system USING (true);

CREATE POLICY system_all ON public.deployments TO segue_system USING (true);

CREATE POLICY system_all ON public.domains TO segue_system USING (true);

CREATE POLICY system_all ON public.edge_acks TO segue_system USING (true);

CREATE POLICY system_all ON public.edge_draining TO segue_system USING (true);

CREATE POLICY system_all ON public.edge_in_flight TO segue_system USING (true);

CREATE POLICY system_all ON public.environment_status TO segue_system USING (true);

CREATE POLICY system_all ON public.environments TO segue_system USING (true);

CREATE POLICY system_all ON public.events TO segue_system USING (true);

CREATE POLICY system_all ON public.freeze_windows TO segue_system USING (true);

CREATE POLICY system_all ON public.hook_deliveries TO segue_system USING (true);

CREATE POLICY system_all ON public.hooks TO segue_system USING (true);

CREATE POLICY system_all ON public.idempotency TO segue_system USING (true);

CREATE POLICY system_all ON public.image_facts TO segue_system USING (true);

CREATE POLICY system_all ON public.instance_replacements TO segue_system USING (true);

CREATE POLICY system_all ON public.instance_seen TO segue_system USING (true);

CREATE POLICY system_all ON public.instances TO segue_system USING (true);

CREATE POLICY system_all ON public.invitations TO segue_system USING (true);

CREATE POLICY system_all ON public.log_chunks TO segue_system USING (true);

CREATE POLICY system_all ON public.log_chunks_rest TO segue_system USING (true);

CREATE POLICY system_all ON public.memberships TO segue_system USING (true);

CREATE POLICY system_all ON public.release_builds TO segue_system USING (true);

CREATE POLICY system_all ON public.releases TO segue_system USING (true);

CREATE POLICY system_all ON public.request_counts TO segue_system USING (true);

CREATE POLICY system_all ON public.rollouts TO segue_system USING (true);

CREATE POLICY system_all ON public.routes TO segue_system USING (true);

CREATE POLICY system_all ON public.run_status TO segue_system USING (true);

CREATE POLICY system_all ON public.runs TO segue_system USING (true);

CREATE POLICY system_all ON public.scale_targets TO segue_system USING (true);

CREATE POLICY system_all ON public.secret_versions TO segue_system USING (true);

CREATE POLICY system_all ON public.secret_wishes TO segue_system USING (true);

CREATE POLICY system_all ON public.source_chunks TO segue_system USING (true);

CREATE POLICY system_all ON public.sources TO segue_system USING (true);

CREATE POLICY system_all ON public.spec_versions TO segue_system USING (true);

CREATE POLICY system_all ON public.subnets TO segue_system USING (true);

CREATE POLICY system_all ON public.team_names TO segue_system USING (true);

CREATE POLICY system_all ON public.team_quotas TO segue_system USING (true);

CREATE POLICY system_all ON public.teams TO segue_system USING (true);

CREATE POLICY system_all ON public.token_uses TO segue_system USING (true);

CREATE POLICY system_all ON public.tokens TO segue_system USING (true);

CREATE POLICY system_all ON public.webhook_deliveries TO segue_system USING (true);

CREATE POLICY system_all ON public.webhooks TO segue_system USING (true);

ALTER TABLE public.team_names ENABLE ROW LEVEL SECURITY;

CREATE POLICY team_only ON public.addresses TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.app_refs TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.apps TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.attempts TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.audit TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.audit_checkpoints TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.audit_heads TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.build_status TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.builds TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.chunks TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.commit_statuses TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.config_versions TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.credentials TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.data_keys TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.deploy_locks TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.deployments TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.domains TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.edge_acks TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.edge_draining TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.edge_in_flight TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.environment_status TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.environments TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.events TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.freeze_windows TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.hook_deliveries TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.hooks TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.idempotency TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.image_facts TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.instance_replacements TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.instance_seen TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.instances TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.invitations TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.log_chunks TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.log_chunks_rest TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.memberships TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.release_builds TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.releases TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.request_counts TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.rollouts TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.routes TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.run_status TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.runs TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.scale_targets TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.secret_versions TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.secret_wishes TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.source_chunks TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.sources TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.spec_versions TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.subnets TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.team_names TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.team_quotas TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.teams TO segue_api USING ((id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.token_uses TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.tokens TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.webhook_deliveries TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

CREATE POLICY team_only ON public.webhooks TO segue_api USING ((team_id = (NULLIF(current_setting('segue.team'::text, true), ''::text))::uuid));

ALTER TABLE public.team_quotas ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.teams ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.token_uses ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.tokens ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_deliveries ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhooks ENABLE ROW LEVEL SECURITY;

REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO segue_api;
GRANT USAGE ON SCHEMA public TO segue_auth;
GRANT USAGE ON SCHEMA public TO segue_system;

REVOKE ALL ON FUNCTION public.auth_attempt(attempt uuid, keys bytea[], allowed integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_attempt(attempt uuid, keys bytea[], allowed integer) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_attempt_good(attempt uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_attempt_good(attempt uuid) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_device_poll(device_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_device_poll(device_hash bytea) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_device_show(user_code text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_device_show(user_code text) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_device_start(request uuid, device_hash bytea, user_code text, client text, address inet, expires timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_device_start(request uuid, device_hash bytea, user_code text, client text, address inet, expires timestamp with time zone) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_epochs() FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_epochs() TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_hook(hook uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_hook(hook uuid) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_invitation(token_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_invitation(token_hash bytea) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_is_set_up() FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_is_set_up() TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_memberships(user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_memberships(user_id uuid) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_refresh_use(old_hash bytea, new_hash bytea, expires timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_refresh_use(old_hash bytea, new_hash bytea, expires timestamp with time zone) TO segue_auth;
GRANT ALL ON FUNCTION public.auth_refresh_use(old_hash bytea, new_hash bytea, expires timestamp with time zone) TO segue_api;

REVOKE ALL ON FUNCTION public.auth_reset(token_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_reset(token_hash bytea) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_revoke_user(user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_revoke_user(user_id uuid) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_session(session uuid, person uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_session(session uuid, person uuid) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_setup(token_hash bytea, user_id uuid, email text, name text, password_hash text, team_id uuid, team_name text, membership_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_setup(token_hash bytea, user_id uuid, email text, name text, password_hash text, team_id uuid, team_name text, membership_id uuid) TO segue_api;

REVOKE ALL ON FUNCTION public.auth_setup_state(token_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_setup_state(token_hash bytea) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_signing_key_add(kid text, public_key bytea, sealed_private_key bytea, only_if_none boolean, active timestamp with time zone, retire_others timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_signing_key_add(kid text, public_key bytea, sealed_private_key bytea, only_if_none boolean, active timestamp with time zone, retire_others timestamp with time zone) TO segue_auth;
GRANT ALL ON FUNCTION public.auth_signing_key_add(kid text, public_key bytea, sealed_private_key bytea, only_if_none boolean, active timestamp with time zone, retire_others timestamp with time zone) TO segue_api;

REVOKE ALL ON FUNCTION public.auth_signing_keys() FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_signing_keys() TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_team(wanted text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_team(wanted text) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_team_create(team_id uuid, name text, owner uuid, membership_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_team_create(team_id uuid, name text, owner uuid, membership_id uuid) TO segue_api;

REVOKE ALL ON FUNCTION public.auth_token(token_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_token(token_hash bytea) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_token_used(token uuid, team uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_token_used(token uuid, team uuid) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_user(user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_user(user_id uuid) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_user_by_email(address text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_user_by_email(address text) TO segue_auth;

REVOKE ALL ON FUNCTION public.auth_user_create(user_id uuid, email text, name text, password_hash text, platform_admin boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION public.auth_user_create(user_id uuid, email text, name text, password_hash text, platform_admin boolean) TO segue_api;

GRANT SELECT,INSERT,UPDATE ON TABLE public.environments TO segue_api;
GRANT SELECT ON TABLE public.environments TO segue_system;

GRANT UPDATE(id) ON TABLE public.environments TO segue_system;

GRANT UPDATE(generation) ON TABLE public.environments TO segue_system;

GRANT UPDATE(deleted_at) ON TABLE public.environments TO segue_system;

GRANT SELECT ON TABLE public.installation TO segue_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.installation TO segue_system;

REVOKE ALL ON FUNCTION public.host_instances(host uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.host_instances(host uuid) TO segue_api;

REVOKE ALL ON FUNCTION public.invitation_person(invitation uuid, person uuid, name text, password_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.invitation_person(invitation uuid, person uuid, name text, password_hash text) TO segue_api;

REVOKE ALL ON FUNCTION public.log_partitions_keep(today date, keep_days integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.log_partitions_keep(today date, keep_days integer) TO segue_system;

REVOKE ALL ON FUNCTION public.person_by_email(address text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_by_email(address text) TO segue_api;

REVOKE ALL ON FUNCTION public.person_device_decide(person uuid, code text, approve boolean, team uuid, as_role text, with_scopes text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_device_decide(person uuid, code text, approve boolean, team uuid, as_role text, with_scopes text[]) TO segue_api;

REVOKE ALL ON FUNCTION public.person_device_use(hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_device_use(hash bytea) TO segue_api;

REVOKE ALL ON FUNCTION public.person_disable(person uuid, disabled boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_disable(person uuid, disabled boolean) TO segue_api;

REVOKE ALL ON FUNCTION public.person_name_set(person uuid, new_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_name_set(person uuid, new_name text) TO segue_api;

REVOKE ALL ON FUNCTION public.person_password_get(person uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_password_get(person uuid) TO segue_api;

REVOKE ALL ON FUNCTION public.person_password_set(person uuid, new_hash text, keep_session uuid, keep_token uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_password_set(person uuid, new_hash text, keep_session uuid, keep_token uuid) TO segue_api;

REVOKE ALL ON FUNCTION public.person_refresh_end(token_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_refresh_end(token_hash bytea) TO segue_api;

REVOKE ALL ON FUNCTION public.person_reset_ask(reset uuid, address text, token_hash bytea, expires timestamp with time zone, pause interval) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_reset_ask(reset uuid, address text, token_hash bytea, expires timestamp with time zone, pause interval) TO segue_api;

REVOKE ALL ON FUNCTION public.person_reset_create(reset uuid, person uuid, token_hash bytea, expires timestamp with time zone, giver uuid, at_most text, only_team uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_reset_create(reset uuid, person uuid, token_hash bytea, expires timestamp with time zone, giver uuid, at_most text, only_team uuid) TO segue_api;

REVOKE ALL ON FUNCTION public.person_reset_may(person uuid, giver uuid, at_most text, only_team uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.person_reset_use(token_hash bytea, new_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_reset_use(token_hash bytea, new_hash text) TO segue_api;

REVOKE ALL ON FUNCTION public.person_session_confirm(person uuid, session uuid, until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_session_confirm(person uuid, session uuid, until timestamp with time zone) TO segue_api;

REVOKE ALL ON FUNCTION public.person_session_end(person uuid, session uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_session_end(person uuid, session uuid) TO segue_api;

REVOKE ALL ON FUNCTION public.person_session_list(person uuid, before uuid, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_session_list(person uuid, before uuid, most integer) TO segue_api;

REVOKE ALL ON FUNCTION public.person_session_start(session uuid, person uuid, token_hash bytea, token_expires timestamp with time zone, session_expires timestamp with time zone, address inet, client text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_session_start(session uuid, person uuid, token_hash bytea, token_expires timestamp with time zone, session_expires timestamp with time zone, address inet, client text) TO segue_api;

REVOKE ALL ON FUNCTION public.schema_version() FROM PUBLIC;
GRANT ALL ON FUNCTION public.schema_version() TO segue_api;
GRANT ALL ON FUNCTION public.schema_version() TO segue_auth;
GRANT ALL ON FUNCTION public.schema_version() TO segue_system;

REVOKE ALL ON FUNCTION public.team_name_claim() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.webhook_outbox() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.work_add(unit uuid, kind text, due timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.work_add(unit uuid, kind text, due timestamp with time zone) TO segue_api;

GRANT SELECT ON TABLE public.addresses TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.addresses TO segue_system;

GRANT SELECT,INSERT,UPDATE ON TABLE public.app_refs TO segue_api;
GRANT SELECT ON TABLE public.app_refs TO segue_system;

GRANT UPDATE(deployment_id) ON TABLE public.app_refs TO segue_system;

GRANT SELECT,INSERT,UPDATE ON TABLE public.apps TO segue_api;
GRANT SELECT ON TABLE public.apps TO segue_system;

GRANT SELECT ON TABLE public.attempts TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.attempts TO segue_system;

GRANT SELECT,INSERT ON TABLE public.audit TO segue_api;
GRANT SELECT ON TABLE public.audit TO segue_system;

GRANT SELECT ON TABLE public.audit_checkpoints TO segue_api;
GRANT SELECT,INSERT ON TABLE public.audit_checkpoints TO segue_system;

GRANT SELECT,INSERT,UPDATE ON TABLE public.audit_heads TO segue_api;
GRANT SELECT ON TABLE public.audit_heads TO segue_system;

GRANT SELECT ON TABLE public.audit_keys TO segue_api;
GRANT SELECT,INSERT ON TABLE public.audit_keys TO segue_system;

GRANT UPDATE(sealed_seed) ON TABLE public.audit_keys TO segue_system;

GRANT SELECT ON TABLE public.build_status TO segue_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.build_status TO segue_system;

GRANT INSERT(build_id) ON TABLE public.build_status TO segue_api;

GRANT INSERT(team_id) ON TABLE public.build_status TO segue_api;

GRANT UPDATE(cancel_requested) ON TABLE public.build_status TO segue_api;

GRANT SELECT,INSERT ON TABLE public.builds TO segue_api;
GRANT SELECT ON TABLE public.builds TO segue_system;

GRANT SELECT,INSERT,UPDATE ON TABLE public.certificates TO segue_system;

GRANT SELECT,INSERT ON TABLE public.chunks TO segue_api;
GRANT SELECT,DELETE ON TABLE public.chunks TO segue_system;

GRANT UPDATE(created_at) ON TABLE public.chunks TO segue_api;

GRANT SELECT,INSERT ON TABLE public.commit_statuses TO segue_api;
GRANT SELECT,DELETE,UPDATE ON TABLE public.commit_statuses TO segue_system;

GRANT SELECT,INSERT ON TABLE public.config_versions TO segue_api;
GRANT SELECT,DELETE ON TABLE public.config_versions TO segue_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.credentials TO segue_api;
GRANT SELECT ON TABLE public.credentials TO segue_system;

GRANT SELECT,INSERT ON TABLE public.data_keys TO segue_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.data_keys TO segue_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.deploy_locks TO segue_api;
GRANT SELECT ON TABLE public.deploy_locks TO segue_system;

GRANT SELECT,INSERT ON TABLE public.deployments TO segue_api;
GRANT SELECT,DELETE ON TABLE public.deployments TO segue_system;

GRANT UPDATE(cancel_requested) ON TABLE public.deployments TO segue_api;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.device_requests TO segue_system;

GRANT SELECT,INSERT,UPDATE ON TABLE public.domains TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.domains TO segue_system;

GRANT SELECT ON TABLE public.edge_acks TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.edge_acks TO segue_system;

GRANT SELECT ON TABLE public.edge_draining TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.edge_draining TO segue_system;

GRANT SELECT ON TABLE public.edge_in_flight TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.edge_in_flight TO segue_system;

GRANT SELECT,INSERT,UPDATE ON TABLE public.edges TO segue_system;

GRANT SELECT(id) ON TABLE public.edges TO segue_api;

GRANT SELECT(lease_until) ON TABLE public.edges TO segue_api;

GRANT SELECT(http_port) ON TABLE public.edges TO segue_api;

GRANT SELECT(https_port) ON TABLE public.edges TO segue_api;

GRANT SELECT(created_at) ON TABLE public.edges TO segue_api;

GRANT SELECT(removed_at) ON TABLE public.edges TO segue_api;

GRANT SELECT ON TABLE public.environment_status TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.environment_status TO segue_system;

GRANT INSERT(environment_id) ON TABLE public.environment_status TO segue_api;

GRANT INSERT(team_id) ON TABLE public.environment_status TO segue_api;

GRANT SELECT,INSERT ON TABLE public.events TO segue_api;
GRANT SELECT,INSERT ON TABLE public.events TO segue_system;

GRANT SELECT ON TABLE public.fleet_freeze TO segue_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.fleet_freeze TO segue_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.freeze_windows TO segue_api;
GRANT SELECT ON TABLE public.freeze_windows TO segue_system;

GRANT SELECT,INSERT ON TABLE public.hook_deliveries TO segue_api;
GRANT SELECT,DELETE,UPDATE ON TABLE public.hook_deliveries TO segue_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.hooks TO segue_api;
GRANT SELECT ON TABLE public.hooks TO segue_system;

GRANT SELECT ON TABLE public.host_plan TO segue_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.host_plan TO segue_system;

GRANT SELECT ON TABLE public.host_seen TO segue_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.host_seen TO segue_system;

GRANT SELECT ON TABLE public.hosts TO segue_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.hosts TO segue_system;

GRANT UPDATE(labels) ON TABLE public.hosts TO segue_api;

GRANT UPDATE(cordoned) ON TABLE public.hosts TO segue_api;

GRANT UPDATE(generation) ON TABLE public.hosts TO segue_api;

GRANT UPDATE(removed_at) ON TABLE public.hosts TO segue_api;

GRANT SELECT,INSERT,UPDATE ON TABLE public.idempotency TO segue_api;
GRANT SELECT,DELETE ON TABLE public.idempotency TO segue_system;

GRANT SELECT ON TABLE public.image_facts TO segue_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.image_facts TO segue_system;

GRANT SELECT,INSERT ON TABLE public.instance_replacements TO segue_api;
GRANT SELECT,DELETE ON TABLE public.instance_replacements TO segue_system;

GRANT SELECT ON TABLE public.instance_seen TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.instance_seen TO segue_system;

GRANT SELECT ON TABLE public.instances TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.instances TO segue_system;

GRANT SELECT,INSERT ON TABLE public.invitations TO segue_api;
GRANT SELECT ON TABLE public.invitations TO segue_system;

GRANT UPDATE(accepted_at) ON TABLE public.invitations TO segue_api;

GRANT UPDATE(accepted_by) ON TABLE public.invitations TO segue_api;

GRANT UPDATE(revoked_at) ON TABLE public.invitations TO segue_api;

GRANT SELECT,INSERT,UPDATE ON TABLE public.lease_epochs TO segue_system;

GRANT SELECT,INSERT,UPDATE ON TABLE public.leases TO segue_system;

GRANT INSERT ON TABLE public.letters TO segue_api;
GRANT SELECT,DELETE,UPDATE ON TABLE public.letters TO segue_system;

GRANT SELECT ON TABLE public.log_chunks TO segue_api;
GRANT SELECT,INSERT,DELETE ON TABLE public.log_chunks TO segue_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.memberships TO segue_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.memberships TO segue_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.password_resets TO segue_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.refresh_families TO segue_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.refresh_tokens TO segue_system;

GRANT SELECT,INSERT ON TABLE public.release_builds TO segue_api;
GRANT SELECT,DELETE ON TABLE public.release_builds TO segue_system;

GRANT SELECT,INSERT ON TABLE public.releases TO segue_api;
GRANT SELECT,DELETE ON TABLE public.releases TO segue_system;

GRANT UPDATE(stable_at) ON TABLE public.releases TO segue_system;

GRANT SELECT ON TABLE public.request_counts TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.request_counts TO segue_system;

GRANT SELECT ON TABLE public.rollouts TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.rollouts TO segue_system;

GRANT SELECT ON TABLE public.routes TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.routes TO segue_system;

GRANT SELECT ON TABLE public.run_status TO segue_api;
GRANT SELECT,DELETE,UPDATE ON TABLE public.run_status TO segue_system;

GRANT INSERT(run_id) ON TABLE public.run_status TO segue_api;

GRANT INSERT(team_id) ON TABLE public.run_status TO segue_api;

GRANT INSERT(environment_id) ON TABLE public.run_status TO segue_api;

GRANT SELECT,INSERT ON TABLE public.runs TO segue_api;
GRANT SELECT,DELETE ON TABLE public.runs TO segue_system;

GRANT UPDATE(id) ON TABLE public.runs TO segue_system;

GRANT UPDATE(cancel_requested) ON TABLE public.runs TO segue_api;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.scale_targets TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.scale_targets TO segue_system;

GRANT SELECT,INSERT ON TABLE public.secret_versions TO segue_api;
GRANT SELECT,DELETE ON TABLE public.secret_versions TO segue_system;

GRANT SELECT,INSERT,DELETE ON TABLE public.secret_wishes TO segue_api;
GRANT SELECT,DELETE ON TABLE public.secret_wishes TO segue_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.setup_tokens TO segue_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sign_in_attempts TO segue_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.signing_keys TO segue_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.source_chunks TO segue_api;
GRANT SELECT,DELETE ON TABLE public.source_chunks TO segue_system;

GRANT SELECT,INSERT,UPDATE ON TABLE public.sources TO segue_api;
GRANT SELECT ON TABLE public.sources TO segue_system;

GRANT UPDATE(state) ON TABLE public.sources TO segue_system;

GRANT UPDATE(sha256) ON TABLE public.sources TO segue_system;

GRANT UPDATE(size_bytes) ON TABLE public.sources TO segue_system;

GRANT UPDATE(last_used_at) ON TABLE public.sources TO segue_system;

GRANT SELECT,INSERT ON TABLE public.spec_versions TO segue_api;
GRANT SELECT,DELETE ON TABLE public.spec_versions TO segue_system;

GRANT SELECT ON TABLE public.subnets TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.subnets TO segue_system;

GRANT SELECT ON TABLE public.team_names TO segue_api;
GRANT SELECT,INSERT ON TABLE public.team_names TO segue_system;

GRANT SELECT,INSERT,UPDATE ON TABLE public.team_quotas TO segue_api;
GRANT SELECT ON TABLE public.team_quotas TO segue_system;

GRANT SELECT ON TABLE public.teams TO segue_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.teams TO segue_system;

GRANT UPDATE(name) ON TABLE public.teams TO segue_api;

GRANT UPDATE(deleted_at) ON TABLE public.teams TO segue_api;

GRANT SELECT ON TABLE public.token_uses TO segue_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.token_uses TO segue_system;

GRANT SELECT,INSERT,UPDATE ON TABLE public.tokens TO segue_api;
GRANT SELECT ON TABLE public.tokens TO segue_system;

GRANT UPDATE(revoked_at) ON TABLE public.tokens TO segue_system;

GRANT SELECT,INSERT,UPDATE ON TABLE public.users TO segue_system;

GRANT SELECT(id) ON TABLE public.users TO segue_api;

GRANT SELECT(email) ON TABLE public.users TO segue_api;

GRANT SELECT(name) ON TABLE public.users TO segue_api;

GRANT SELECT(platform_admin) ON TABLE public.users TO segue_api;

GRANT SELECT(created_at) ON TABLE public.users TO segue_api;

GRANT SELECT(disabled_at) ON TABLE public.users TO segue_api;

GRANT SELECT ON TABLE public.violation_i1 TO segue_system;

GRANT SELECT ON TABLE public.violation_i12 TO segue_system;

GRANT SELECT ON TABLE public.violation_i20_addresses TO segue_system;

GRANT SELECT ON TABLE public.violation_i7 TO segue_system;

GRANT SELECT,INSERT ON TABLE public.webhook_deliveries TO segue_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhook_deliveries TO segue_system;

GRANT UPDATE(state) ON TABLE public.webhook_deliveries TO segue_api;

GRANT UPDATE(next_at) ON TABLE public.webhook_deliveries TO segue_api;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhooks TO segue_api;
GRANT SELECT ON TABLE public.webhooks TO segue_system;

GRANT UPDATE(enabled) ON TABLE public.webhooks TO segue_system;

GRANT UPDATE(disabled_reason) ON TABLE public.webhooks TO segue_system;

GRANT UPDATE(failing_since) ON TABLE public.webhooks TO segue_system;

GRANT UPDATE(generation) ON TABLE public.webhooks TO segue_system;

GRANT USAGE ON SEQUENCE public.work_seq TO segue_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.work TO segue_system;
