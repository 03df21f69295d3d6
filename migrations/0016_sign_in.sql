-- Sign-in of people: sessions, limits of guesses, sign-in of devices, signing keys that change.
alter table refresh_families
    add column address inet,
    add column client text not null default '' check (length(client) <= 200),
    add column used_at timestamptz not null default now(),
    add column expires_at timestamptz not null default now() + interval '90 days';
create index on refresh_families (user_id);
comment on column refresh_families.address is 'Socket peer of the sign-in, shown to the person.';
comment on column refresh_families.client is 'What the client called itself at sign-in, shown to the person; proves nothing.';
comment on column refresh_families.used_at is 'When it was last refreshed.';
comment on column refresh_families.expires_at is 'Ends then, however often it is refreshed.';

create table sign_in_attempts (
    attempt uuid not null,
    key bytea not null check (length(key) = 32),
    at timestamptz not null,
    primary key (attempt, key)
);
create index on sign_in_attempts (key, at);
create index on sign_in_attempts (at);
comment on table sign_in_attempts is 'Guesses of the last minute, so that all servers together count them. Not tenant data.';
comment on column sign_in_attempts.key is 'SHA-256 of what is counted: an address, an account.';

create table device_requests (
    id uuid primary key,
    device_hash bytea not null check (length(device_hash) = 32),
    user_code text not null check (user_code ~ '^[BCDFGHJKLMNPQRSTVWXZ]{8}$'),
    client text not null check (length(client) between 1 and 100),
    address inet,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    wait_ms integer not null default 5000 check (wait_ms between 0 and 120000),
    polled_at timestamptz,
    state text not null default 'pending' check (state in ('pending', 'approved', 'denied', 'used')),
    decided_by uuid references users (id),
    for_team uuid references teams (id),
    role text check (role in ('owner', 'admin', 'deployer', 'viewer')),
    scopes text[],
    constraint device_requests_device unique (device_hash),
    constraint device_requests_user_code unique (user_code),
    constraint device_requests_decided check (
        (state = 'pending') = (decided_by is null)
        and (state in ('approved', 'used')) = (for_team is not null and role is not null and scopes is not null))
);
create index on device_requests (expires_at);
comment on table device_requests is 'Sign-ins of devices (RFC 8628) that wait for a person, until they end. Not tenant data.';
comment on column device_requests.device_hash is 'SHA-256 of the code that only the device knows.';
comment on column device_requests.user_code is 'What the person types; eight letters without vowels.';
comment on column device_requests.wait_ms is 'The device may ask again after this long; grows when it does not keep to it.';
comment on column device_requests.for_team is 'The token is made in this team, with at most this role and these scopes.';

alter table signing_keys add column active_at timestamptz not null default now();
comment on column signing_keys.active_at is 'Signs from then on, so that every server knows it before the first token comes.';
comment on table signing_keys is 'Ed25519 keys that sign access tokens. The newest active one signs; what retired is removed.';

grant select, insert, update, delete on sign_in_attempts, device_requests to segue_system;
grant delete on signing_keys to segue_system;

grant create on schema public to segue_system;
drop function auth_refresh_start(uuid, uuid, bytea, timestamptz);
drop function auth_refresh_end(bytea);
drop function auth_signing_keys();
drop function auth_signing_key_add(text, bytea, bytea, boolean, timestamptz);

create function auth_session(session uuid, person uuid)
    returns table (id uuid, email text, name text, platform_admin boolean, epoch bigint, expires_at timestamptz)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select u.id, u.email, u.name, u.platform_admin, u.epoch, f.expires_at
        from refresh_families f
        join users u on u.id = f.user_id and u.disabled_at is null
        where f.id = $1 and f.user_id = $2 and f.revoked_at is null and f.expires_at > now()
    $$;
comment on function auth_session is 'The person of a session that is good now.';

create function auth_attempt(attempt uuid, keys bytea[], allowed integer) returns integer
    language plpgsql security definer set search_path = public, pg_temp
    as $$
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
$$;
comment on function auth_attempt is 'Notes a guess for each key, or answers the seconds to wait because one had its share of the last minute.';

create function auth_attempt_good(attempt uuid) returns void
    language sql security definer set search_path = public, pg_temp
    as $$ delete from sign_in_attempts a where a.attempt = $1 $$;
comment on function auth_attempt_good is 'It was no guess: it does not count.';

create function auth_setup_state(token_hash bytea) returns text
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select case
            when s.used_at is not null then 'used'
            when exists (select from users where platform_admin) then 'set_up'
            when s.expires_at <= now() then 'expired'
            when s.hash is null then 'unknown'
            else 'good'
        end
        from (values (1)) one left join setup_tokens s on s.hash = $1
    $$;
comment on function auth_setup_state is 'What has become of a set-up link, for whoever holds it.';

create or replace function auth_refresh_use(old_hash bytea, new_hash bytea, expires timestamptz)
    returns table (outcome text, user_id uuid, family_id uuid)
    language plpgsql security definer set search_path = public, pg_temp
    as $$
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
$$;
comment on function auth_refresh_use is 'Exchanges a refresh token once; a second use revokes the whole sign-in, but for the first ten seconds.';

create function auth_device_start(request uuid, device_hash bytea, user_code text, client text, address inet, expires timestamptz)
    returns boolean
    language plpgsql security definer set search_path = public, pg_temp
    as $$
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
$$;
comment on function auth_device_start is 'A device wants to sign in. False if too many wait already.';

create function auth_device_show(user_code text)
    returns table (client text, address inet, created_at timestamptz, expires_at timestamptz)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select d.client, d.address, d.created_at, d.expires_at
        from device_requests d
        where d.user_code = $1 and d.state = 'pending' and d.expires_at > now()
    $$;
comment on function auth_device_show is 'A device that waits, for the person who was told its code.';

create function auth_device_poll(device_hash bytea)
    returns table (outcome text, person uuid, team uuid, role text, scopes text[], client text, wait_ms integer)
    language plpgsql security definer set search_path = public, pg_temp
    as $$
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
$$;
comment on function auth_device_poll is 'What a device is told that asks whether the person has decided.';

create function auth_signing_keys()
    returns table (kid text, public_key bytea, sealed_private_key bytea, created_at timestamptz, active_at timestamptz, retires_at timestamptz)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select k.kid, k.public_key, k.sealed_private_key, k.created_at, k.active_at, k.retires_at
        from signing_keys k
        where k.retires_at is null or k.retires_at > now()
        order by k.active_at desc, k.kid
    $$;
comment on function auth_signing_keys is 'Keys that verify, the newest first; the first one that is active signs.';

create function auth_signing_key_add(kid text, public_key bytea, sealed_private_key bytea, only_if_none boolean, active timestamptz, retire_others timestamptz)
    returns boolean
    language plpgsql security definer set search_path = public, pg_temp
    as $$
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
$$;
comment on function auth_signing_key_add is 'Adds a key; the others verify until the given time and are removed after it. With only_if_none two servers that start at once agree on one key.';

-- What a person does with the own account, in a transaction of the API that also writes the audit record.
create function person_session_start(session uuid, person uuid, token_hash bytea, token_expires timestamptz, session_expires timestamptz, address inet, client text)
    returns boolean
    language plpgsql security definer set search_path = public, pg_temp
    as $$
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
$$;
comment on function person_session_start is 'A sign-in with its first refresh token. False for somebody who may not sign in.';

create function person_session_list(person uuid, before uuid, most integer)
    returns table (id uuid, created_at timestamptz, used_at timestamptz, expires_at timestamptz, address inet, client text)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select f.id, f.created_at, f.used_at, f.expires_at, f.address, f.client
        from refresh_families f
        where f.user_id = $1 and f.revoked_at is null and f.expires_at > now() and ($2 is null or f.id < $2)
        order by f.id desc
        limit $3
    $$;
comment on function person_session_list is 'Sessions of a person that are good now, the newest first.';

create function person_session_end(person uuid, session uuid) returns boolean
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    update refresh_families f set revoked_at = now()
    where f.id = $2 and f.user_id = $1 and f.revoked_at is null and f.expires_at > now();
    return found;
end
$$;
comment on function person_session_end is 'Ends a session: its access and refresh tokens at once.';

create function person_refresh_end(token_hash bytea)
    returns table (person uuid, session uuid)
    language sql security definer set search_path = public, pg_temp
    as $$
        update refresh_families f set revoked_at = now()
        from refresh_tokens r
        where r.hash = $1 and f.id = r.family_id and f.revoked_at is null
        returning f.user_id, f.id
    $$;
comment on function person_refresh_end is 'Signs out whoever holds this refresh token.';

create function person_password_get(person uuid) returns text
    language sql stable security definer set search_path = public, pg_temp
    as $$ select u.password_hash from users u where u.id = $1 and u.disabled_at is null $$;
comment on function person_password_get is 'For a person who proves the old password before the new one is set.';

create function person_password_set(person uuid, new_hash text, keep_session uuid) returns integer
    language plpgsql security definer set search_path = public, pg_temp
    as $$
declare
    ended integer;
begin
    update users u set password_hash = $2, epoch = u.epoch + 1 where u.id = $1;
    update refresh_families f set revoked_at = now()
    where f.user_id = $1 and f.revoked_at is null and f.id is distinct from $3;
    get diagnostics ended = row_count;
    return ended;
end
$$;
comment on function person_password_set is 'A new password ends every other session of the person.';

create function person_name_set(person uuid, new_name text) returns void
    language sql security definer set search_path = public, pg_temp
    as $$ update users u set name = $2 where u.id = $1 $$;
comment on function person_name_set is 'What the person is called.';

create function person_disable(person uuid, disabled boolean) returns boolean
    language plpgsql security definer set search_path = public, pg_temp
    as $$
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
$$;
comment on function person_disable is 'A disabled person cannot sign in, and the tokens that they made answer nothing.';

create function person_by_email(address text) returns uuid
    language sql stable security definer set search_path = public, pg_temp
    as $$ select u.id from users u where u.email = lower($1) $$;
comment on function person_by_email is 'A person, disabled or not, for operators.';

create function person_device_decide(person uuid, code text, approve boolean, team uuid, as_role text, with_scopes text[])
    returns table (request uuid, client text)
    language sql security definer set search_path = public, pg_temp
    as $$
        update device_requests d
        set state = case when $3 then 'approved' else 'denied' end, decided_by = $1,
            for_team = case when $3 then $4 end, role = case when $3 then $5 end, scopes = case when $3 then $6 end
        where d.user_code = $2 and d.state = 'pending' and d.expires_at > now()
        returning d.id, d.client
    $$;
comment on function person_device_decide is 'A person lets a device in, or not.';

create function person_device_use(hash bytea) returns boolean
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    update device_requests d set state = 'used'
    where d.device_hash = $1 and d.state = 'approved' and d.expires_at > now();
    return found;
end
$$;
comment on function person_device_use is 'Takes the approval, once, in the transaction that makes the token.';

do $$
declare
    signature text;
begin
    for signature in
        select p.oid::regprocedure::text from pg_proc p
        where p.pronamespace = 'public'::regnamespace and (p.proname like 'auth\_%' or p.proname like 'person\_%')
    loop
        execute format('alter function %s owner to segue_system', signature);
        execute format('revoke execute on function %s from public', signature);
        if signature like 'auth\_%' then
            execute format('grant execute on function %s to segue_auth', signature);
        else
            execute format('grant execute on function %s to segue_api', signature);
        end if;
    end loop;
end
$$;
grant execute on function auth_refresh_use(bytea, bytea, timestamptz) to segue_api;
grant execute on function auth_signing_key_add(text, bytea, bytea, boolean, timestamptz, timestamptz) to segue_api;
revoke create on schema public from segue_system;
