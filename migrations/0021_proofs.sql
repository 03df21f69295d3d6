-- What people prove, and what is proved of the log: links for forgotten passwords, sessions that gave their password
-- again, tokens that end with a password, signed checkpoints of audit chains, letters to single people.
create table password_resets (
    id uuid primary key,
    user_id uuid not null references users (id),
    hash bytea not null check (length(hash) = 32),
    giver uuid references users (id),
    at_most text check (at_most in ('owner', 'admin', 'deployer', 'viewer')),
    only_team uuid references teams (id),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    constraint password_resets_hash unique (hash),
    constraint password_resets_bounds check ((giver is null) = (at_most is null) and (giver is not null or only_team is null))
);
create index on password_resets (user_id);
create index on password_resets (expires_at);
comment on table password_resets is 'One-time links by which a person sets a new password. Not tenant data.';
comment on column password_resets.hash is 'SHA-256 of the token in the link; the token itself is shown once and never kept.';
comment on column password_resets.giver is 'Whose authority it rests on, when it is made and when it is used; null: people who run the installation.';
comment on column password_resets.at_most is 'What the credential of the giver allowed at most.';
comment on column password_resets.only_team is 'The one team that the credential of the giver reached; null: all of them.';

alter table refresh_families add column confirmed_until timestamptz;
comment on column refresh_families.confirmed_until is 'The person gave the password again in this session; until then it counts.';

alter table tokens add column device boolean not null default false;
create index on tokens (created_by) where device and revoked_at is null;
comment on column tokens.device is 'Made by the sign-in of a device: ends when the person gets another password.';

create table letters (
    id uuid primary key,
    address text not null check (length(address) between 3 and 254),
    sealed bytea not null check (length(sealed) <= 16384),
    attempts integer not null default 0,
    next_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index on letters (next_at);
comment on table letters is 'Mails to single people, until they are sent or too old. Not tenant data.';
comment on column letters.sealed is 'Subject and text, sealed by the key-encryption key: there may be a link in it.';

create table audit_keys (
    key_id text primary key check (key_id ~ '^[0-9a-f]{16}$'),
    sealed_seed bytea not null,
    created_at timestamptz not null default now()
);
comment on table audit_keys is 'Ed25519 keys that sign checkpoints of audit chains. Never removed: old checkpoints are verified by them.';
comment on column audit_keys.sealed_seed is 'Sealed by the key-encryption key. The public half is derived from it and never read from a row.';

create table audit_checkpoints (
    team_id uuid not null,
    number bigint not null check (number > 0),
    seq bigint not null check (seq > 0),
    hash bytea not null check (length(hash) = 32),
    at timestamptz not null,
    key_id text not null references audit_keys (key_id),
    signature bytea not null check (length(signature) = 64),
    primary key (team_id, number),
    constraint audit_checkpoints_seq unique (team_id, seq)
);
comment on table audit_checkpoints is 'Ends of audit chains as they once were, signed by a key that is not in the database.';
comment on column audit_checkpoints.number is 'From 1 without gaps in each team; signed, so that a missing one shows.';
create trigger audit_checkpoints_immutable before update or delete on audit_checkpoints
    for each row execute function refuse_change();

alter table audit_checkpoints enable row level security;
alter table audit_checkpoints force row level security;
create policy team_only on audit_checkpoints to segue_api using (team_id = nullif(current_setting('segue.team', true), '')::uuid);
create policy system_all on audit_checkpoints to segue_system using (true);
grant select on audit_checkpoints, audit_keys to segue_api, segue_system;
grant insert on audit_checkpoints, audit_keys to segue_system;
grant update (sealed_seed) on audit_keys to segue_system;
grant insert on letters to segue_api;
grant select, update, delete on letters to segue_system;
grant select, insert, update, delete on password_resets to segue_system;
grant update (revoked_at) on tokens to segue_system;

grant create on schema public to segue_system;

drop function auth_session(uuid, uuid);
create function auth_session(session uuid, person uuid)
    returns table (id uuid, email text, name text, platform_admin boolean, epoch bigint, expires_at timestamptz, confirmed_until timestamptz)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select u.id, u.email, u.name, u.platform_admin, u.epoch, f.expires_at,
            case when f.confirmed_until > now() then f.confirmed_until end
        from refresh_families f
        join users u on u.id = f.user_id and u.disabled_at is null
        where f.id = $1 and f.user_id = $2 and f.revoked_at is null and f.expires_at > now()
    $$;
comment on function auth_session is 'The person of a session that is good now, and until when a password given again counts.';

create function person_session_confirm(person uuid, session uuid, until timestamptz) returns boolean
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    update refresh_families f set confirmed_until = $3
    where f.id = $2 and f.user_id = $1 and f.revoked_at is null and f.expires_at > now();
    return found;
end
$$;
comment on function person_session_confirm is 'The person gave the password again in this session.';

drop function person_password_set(uuid, text, uuid);
create function person_password_set(person uuid, new_hash text, keep_session uuid, keep_token uuid)
    returns table (sessions integer, devices integer)
    language plpgsql security definer set search_path = public, pg_temp
    as $$
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
$$;
comment on function person_password_set is 'A new password ends every other session of the person, the tokens of their devices, and links that were not used.';

create function role_rank(role text) returns integer
    language sql immutable parallel safe
    return array_position(array['viewer', 'deployer', 'admin', 'owner'], role);
comment on function role_rank is 'Might of a role: a stronger one has a higher rank.';

create function person_reset_may(person uuid, giver uuid, at_most text, only_team uuid) returns boolean
    language sql stable security definer set search_path = public, pg_temp
    as $$
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
    $$;
comment on function person_reset_may is 'Whether somebody may let a person set a new password: never for themselves, and in every team of the person they must be an admin of the whole team with at least the role of the person there, as far as their credential reaches. People who run the installation (no giver) may for everybody.';

create function person_reset_create(reset uuid, person uuid, token_hash bytea, expires timestamptz, giver uuid, at_most text, only_team uuid)
    returns boolean
    language plpgsql security definer set search_path = public, pg_temp
    as $$
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
$$;
comment on function person_reset_create is 'A link for a new password; older ones of the person end. False for somebody who may not make it.';

create function auth_reset(token_hash bytea) returns boolean
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select exists (
            select from password_resets r
            where r.hash = $1 and r.used_at is null and r.expires_at > now()
                and person_reset_may(r.user_id, r.giver, r.at_most, r.only_team))
    $$;
comment on function auth_reset is 'Whether a link for a new password is good now. Why it is not is nobody''s business.';

create function person_reset_use(token_hash bytea, new_hash text)
    returns table (person uuid, giver uuid, sessions integer, devices integer)
    language plpgsql security definer set search_path = public, pg_temp
    as $$
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
        select reset.user_id, reset.giver, s.sessions, s.devices
        from person_password_set(reset.user_id, $2, null, null) s;
end
$$;
comment on function person_reset_use is 'Uses a link once: the new password, and the end of every session and device of the person.';

do $$
declare
    signature text;
begin
    foreach signature in array array[
        'auth_session(uuid, uuid)', 'auth_reset(bytea)', 'person_session_confirm(uuid, uuid, timestamptz)',
        'person_password_set(uuid, text, uuid, uuid)', 'person_reset_may(uuid, uuid, text, uuid)',
        'person_reset_create(uuid, uuid, bytea, timestamptz, uuid, text, uuid)', 'person_reset_use(bytea, text)'
    ] loop
        execute format('alter function %s owner to segue_system', signature);
        execute format('revoke execute on function %s from public', signature);
        if signature like 'auth\_%' then
            execute format('grant execute on function %s to segue_auth', signature);
        elsif signature not like 'person_reset_may%' then
            execute format('grant execute on function %s to segue_api', signature);
        end if;
    end loop;
end
$$;
-- Each of these has an audit record now, in one transaction of the API's role.
revoke execute on function auth_setup(bytea, uuid, text, text, text, uuid, text, uuid), auth_user_create(uuid, text, text, text, boolean),
    auth_team_create(uuid, text, uuid, uuid) from segue_auth;
grant execute on function auth_setup(bytea, uuid, text, text, text, uuid, text, uuid), auth_user_create(uuid, text, text, text, boolean),
    auth_team_create(uuid, text, uuid, uuid) to segue_api;
revoke create on schema public from segue_system;
