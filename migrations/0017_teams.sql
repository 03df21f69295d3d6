-- Invitations, quotas of teams, names of teams that are never given again, and what audit records are asked for by.
create table invitations (
    id uuid primary key,
    team_id uuid not null references teams (id),
    email text not null check (email = lower(email) and length(email) between 3 and 254 and email like '_%@_%'),
    role text not null constraint invitations_role check (role in ('owner', 'admin', 'deployer', 'viewer')),
    app_id uuid,
    environment_id uuid,
    hash bytea not null check (length(hash) = 32),
    created_by uuid not null references users (id),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    accepted_at timestamptz,
    accepted_by uuid references users (id),
    revoked_at timestamptz,
    unique (team_id, id),
    foreign key (team_id, app_id) references apps (team_id, id),
    foreign key (team_id, app_id, environment_id) references environments (team_id, app_id, id),
    constraint invitations_hash_taken unique (hash),
    constraint invitations_environment_needs_app check (environment_id is null or app_id is not null),
    constraint invitations_accepted check ((accepted_at is null) = (accepted_by is null)),
    constraint invitations_one_end check (accepted_at is null or revoked_at is null)
);
create index on invitations (team_id, email) where accepted_at is null and revoked_at is null;
comment on table invitations is 'Links by which a person becomes a member. Good once, for one e-mail address, until they end or are taken back.';
comment on column invitations.email is 'The person who may use it: a new one gets this address, a known one must have it.';
comment on column invitations.hash is 'SHA-256 of the token in the link; the token itself is shown once and never kept.';
comment on column invitations.app_id is 'Null: the role is on the whole team.';
comment on column invitations.created_by is 'Whose authority it rests on: it is taken back when that falls below the role it gives.';

create table team_quotas (
    team_id uuid primary key references teams (id),
    apps integer check (apps between 0 and 1000000),
    cpu_millis bigint check (cpu_millis between 0 and 1000000000),
    memory_bytes bigint check (memory_bytes between 0 and 1125899906842624),
    set_by text not null,
    updated_at timestamptz not null default now()
);
comment on table team_quotas is 'What a team may ask for at most. No row, and null: as much as it likes.';
comment on column team_quotas.cpu_millis is 'Thousandths of a core over all environments: replicas times what an instance reserves.';
comment on column team_quotas.memory_bytes is 'The same of memory.';
comment on column team_quotas.set_by is 'Who of the installation set it.';

create table team_names (
    name text primary key check (is_label(name)),
    team_id uuid not null references teams (id),
    since timestamptz not null default now()
);
create index on team_names (team_id);
comment on table team_names is 'Every name that a team has or had. Another team never gets it, also after a rename.';

create function team_name_claim() returns trigger
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    insert into team_names (name, team_id) values (new.name, new.id) on conflict (name) do nothing;
    if not exists (select from team_names n where n.name = new.name and n.team_id = new.id) then
        raise exception 'the name of a team is never given again'
            using errcode = '23505', constraint = 'teams_name_taken';
    end if;
    return null;
end
$$;
comment on function team_name_claim is 'Keeps a team''s names for it. A team may take back a name that it had.';
create trigger teams_name_claim after insert or update of name on teams
    for each row execute function team_name_claim();

create function auth_invitation(token_hash bytea)
    returns table (invitation_id uuid, team_id uuid, team_name text, email text, role text, app_name text, environment_name text, invited_by text, expires_at timestamptz, state text, accepted_by uuid, known boolean)
    language sql stable security definer set search_path = public, pg_temp
    as $$
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
    $$;
comment on function auth_invitation is 'The invitation of a link, whatever became of it. Who shows it tells of one that is over only that it is over.';

create function auth_team(wanted text)
    returns table (team_id uuid, name text)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select t.id, t.name from teams t
        where t.deleted_at is null
            and (t.name = $1 or 'team_' || replace(t.id::text, '-', '') = $1)
        order by t.name = $1
        limit 1
    $$;
comment on function auth_team is 'A team by name or id, for the people who run the installation and need not be members.';

create function invitation_person(invitation uuid, person uuid, name text, password_hash text) returns void
    language plpgsql security definer set search_path = public, pg_temp
    as $$
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
$$;
comment on function invitation_person is 'The person whom an open invitation of the own team names, and nobody else.';

do $$
declare
    tenant text;
    signature text;
begin
    foreach tenant in array array['invitations', 'team_quotas', 'team_names'] loop
        execute format('alter table %I enable row level security', tenant);
        execute format('alter table %I force row level security', tenant);
        execute format(
            'create policy team_only on %I to segue_api using (team_id = nullif(current_setting(''segue.team'', true), '''')::uuid)', tenant);
        execute format('create policy system_all on %I to segue_system using (true)', tenant);
        execute format('grant select on %I to segue_api, segue_system', tenant);
    end loop;
    grant create on schema public to segue_system;
    foreach signature in array array[
        'team_name_claim()', 'auth_invitation(bytea)', 'auth_team(text)', 'invitation_person(uuid, uuid, text, text)'
    ] loop
        execute format('alter function %s owner to segue_system', signature);
        execute format('revoke execute on function %s from public', signature);
    end loop;
    revoke create on schema public from segue_system;
end
$$;
grant execute on function auth_invitation(bytea), auth_team(text) to segue_auth;
grant execute on function invitation_person(uuid, uuid, text, text) to segue_api;
grant insert on team_names to segue_system;
-- As the role whose policy sees all teams: the owner of a table with forced row-level security may see none.
set local role segue_system;
insert into team_names (name, team_id, since) select name, id, created_at from teams;
reset role;
grant insert on invitations to segue_api;
grant update (accepted_at, accepted_by, revoked_at) on invitations to segue_api;
grant insert, update on team_quotas to segue_api;
grant update (deleted_at) on teams to segue_api;

-- What the audit log is filtered by; records are only ever added, so that these only grow at their end.
create index audit_at on audit (team_id, at);
create index audit_actor on audit (team_id, actor, seq);
create index audit_resource on audit (team_id, resource, seq);
