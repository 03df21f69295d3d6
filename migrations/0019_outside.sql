-- Sources from outside: credentials, webhooks in and out, states of commits, locks and freeze windows.
create function is_plain_text(value text, most integer) returns boolean
    language sql immutable parallel safe
    return length(value) between 1 and most and value !~ '[\x01-\x1f\x7f]';
comment on function is_plain_text is 'One line for people.';

create table credentials (
    id uuid primary key,
    team_id uuid not null references teams (id),
    kind text not null constraint credentials_kind check (kind in ('registry', 'git')),
    host text not null check (length(host) between 1 and 260 and host ~ '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$'),
    user_name text not null check (is_plain_text(user_name, 200)),
    data_key_version integer not null,
    sealed bytea not null,
    created_by text not null,
    created_at timestamptz not null default now(),
    unique (team_id, id),
    constraint credentials_host_taken unique (team_id, kind, host),
    foreign key (team_id, data_key_version) references data_keys (team_id, version)
);
comment on table credentials is 'What a team proves itself with: to image registries when images are pulled, to git servers when sources are fetched and states of commits told.';
comment on column credentials.host is 'Host, with a port where it is not the usual one.';
comment on column credentials.sealed is 'Password or token, bound to team, kind and id.';

create table hooks (
    id uuid primary key,
    team_id uuid not null,
    app_id uuid not null,
    kind text not null constraint hooks_kind check (kind in ('github', 'gitlab', 'gitea', 'generic')),
    data_key_version integer not null,
    sealed bytea not null,
    created_by text not null,
    created_at timestamptz not null default now(),
    unique (team_id, id),
    unique (team_id, app_id, id),
    foreign key (team_id, app_id) references apps (team_id, id),
    foreign key (team_id, data_key_version) references data_keys (team_id, version)
);
create index on hooks (app_id);
comment on table hooks is 'Addresses that forges call when something was pushed.';
comment on column hooks.sealed is 'What the caller proves itself with; shown once, when it was made.';

create table hook_deliveries (
    id uuid primary key,
    team_id uuid not null,
    app_id uuid not null,
    hook_id uuid not null,
    body_hash bytea not null check (length(body_hash) = 32),
    delivery text not null check (is_plain_text(delivery, 200)),
    state text not null constraint hook_deliveries_state check (state in ('pending', 'done', 'ignored', 'failed')),
    git_ref text constraint hook_deliveries_ref check (is_git_ref(git_ref)),
    commit_id text check (commit_id ~ '^[0-9a-f]{40}([0-9a-f]{24})?$'),
    detail text not null default '' check (length(detail) <= 1000),
    deployment_id uuid,
    attempts integer not null default 0,
    next_at timestamptz,
    received_at timestamptz not null default now(),
    unique (team_id, id),
    constraint hook_deliveries_body_seen unique (hook_id, body_hash),
    constraint hook_deliveries_delivery_seen unique (hook_id, delivery),
    foreign key (team_id, app_id, hook_id) references hooks (team_id, app_id, id) on delete cascade,
    constraint hook_deliveries_next check ((state = 'pending') = (next_at is not null)),
    constraint hook_deliveries_push check (state <> 'pending' or (git_ref is not null and commit_id is not null))
);
create index on hook_deliveries (next_at) where state = 'pending';
create index on hook_deliveries (received_at);
comment on table hook_deliveries is 'Calls of hooks that proved themselves. Written by the API; a call that came before is seen here.';
comment on column hook_deliveries.body_hash is 'SHA-256 of the body: what is signed, so that the same call under another name is the same call.';
comment on column hook_deliveries.delivery is 'What the caller calls it.';

create table commit_statuses (
    deployment_id uuid primary key,
    team_id uuid not null,
    app_id uuid not null,
    environment_id uuid not null,
    kind text not null constraint commit_statuses_kind check (kind in ('github', 'gitlab', 'gitea')),
    repository text not null check (is_plain_text(repository, 500)),
    commit_id text not null check (commit_id ~ '^[0-9a-f]{40}([0-9a-f]{24})?$'),
    reported text constraint commit_statuses_reported check (reported in ('pending', 'success', 'failure')),
    attempts integer not null default 0,
    next_at timestamptz default now(),
    detail text not null default '' check (length(detail) <= 1000),
    created_at timestamptz not null default now(),
    foreign key (team_id, app_id, environment_id) references environments (team_id, app_id, id)
);
create index on commit_statuses (next_at) where next_at is not null;
comment on table commit_statuses is 'Commits whose forge is told how their deployment goes. The API adds a row with the deployment of a push; the worker tells.';
comment on column commit_statuses.repository is 'Address of the repository, as the app names it.';
comment on column commit_statuses.next_at is 'When it is looked at again; null: the last word was said, or given up.';

create table webhooks (
    id uuid primary key,
    team_id uuid not null references teams (id),
    app_id uuid,
    name text not null check (is_plain_text(name, 100)),
    kind text not null constraint webhooks_kind check (kind in ('standard', 'chat', 'mail')),
    shown text not null check (is_plain_text(shown, 300)),
    events text[] not null check (cardinality(events) between 1 and 20),
    data_key_version integer not null,
    sealed bytea not null,
    enabled boolean not null default true,
    disabled_reason text check (is_plain_text(disabled_reason, 300)),
    failing_since timestamptz,
    generation bigint not null default 1,
    created_by text not null,
    created_at timestamptz not null default now(),
    unique (team_id, id),
    foreign key (team_id, app_id) references apps (team_id, id),
    foreign key (team_id, data_key_version) references data_keys (team_id, version),
    constraint webhooks_disabled check (not enabled or disabled_reason is null)
);
create index on webhooks (team_id) where enabled;
comment on table webhooks is 'Who is told of events: addresses of programs, chat rooms, people.';
comment on column webhooks.app_id is 'Null: events of the whole team.';
comment on column webhooks.shown is 'Host or mail address; the whole address may be a secret and is sealed.';
comment on column webhooks.events is 'Kinds (deployment.changed), groups (deployment.*) or *.';
comment on column webhooks.sealed is 'Address and signing secret.';
comment on column webhooks.failing_since is 'First failure after the last success.';

create table webhook_deliveries (
    id uuid primary key default gen_random_uuid(),
    team_id uuid not null,
    webhook_id uuid not null,
    kind text not null,
    payload jsonb not null,
    state text not null default 'pending' constraint webhook_deliveries_state check (state in ('pending', 'delivered', 'failed')),
    attempts integer not null default 0,
    next_at timestamptz default now(),
    attempted_at timestamptz,
    status smallint check (status between 100 and 999),
    detail text not null default '' check (length(detail) <= 1000),
    created_at timestamptz not null default now(),
    unique (team_id, id),
    foreign key (team_id, webhook_id) references webhooks (team_id, id) on delete cascade,
    constraint webhook_deliveries_next check ((state = 'pending') = (next_at is not null))
);
create index on webhook_deliveries (next_at) where state = 'pending';
create index on webhook_deliveries (webhook_id, created_at desc, id desc);
create index on webhook_deliveries (created_at);
comment on table webhook_deliveries is 'What is to be told and was told. Added in the transaction of the event; only the worker changes it.';

create function webhook_outbox() returns trigger
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    insert into webhook_deliveries (team_id, webhook_id, kind, payload)
    select new.team_id, w.id, new.kind, jsonb_build_object(
        'type', new.kind,
        'timestamp', to_char(new.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'data', jsonb_build_object(
            'id', new.id, 'team', t.name, 'app', a.name, 'environment', e.name, 'message', new.message,
            'subject', new.subject, 'failure', new.failure, 'actor', new.actor))
    from webhooks w
    join teams t on t.id = new.team_id
    left join apps a on a.id = new.app_id
    left join environments e on e.id = new.environment_id
    where w.team_id = new.team_id and w.enabled
        and (w.app_id is null or w.app_id = new.app_id)
        and (new.kind = any (w.events) or '*' = any (w.events) or split_part(new.kind, '.', 1) || '.*' = any (w.events));
    if found then
        perform pg_notify('segue_deliveries', '');
    end if;
    return null;
end
$$;
comment on function webhook_outbox is 'An event and what is told of it are one transaction: nothing is lost, nothing is told of what did not happen.';
create trigger events_webhooks after insert on events
    for each row execute function webhook_outbox();

create table deploy_locks (
    id uuid primary key,
    team_id uuid not null,
    app_id uuid not null,
    environment_id uuid,
    reason text not null check (is_plain_text(reason, 500)),
    created_by text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    unique (team_id, id),
    constraint deploy_locks_held unique nulls not distinct (team_id, app_id, environment_id),
    foreign key (team_id, app_id) references apps (team_id, id),
    foreign key (team_id, app_id, environment_id) references environments (team_id, app_id, id)
);
comment on table deploy_locks is 'Nothing is deployed while one is held; rollbacks are.';
comment on column deploy_locks.environment_id is 'Null: all environments of the app.';
comment on column deploy_locks.expires_at is 'Null: until somebody takes it away.';

create table freeze_windows (
    id uuid primary key,
    team_id uuid not null,
    app_id uuid not null,
    environment_id uuid,
    reason text not null check (is_plain_text(reason, 500)),
    time_zone text not null check (is_plain_text(time_zone, 100)),
    starts_at timestamptz,
    ends_at timestamptz,
    days smallint[],
    from_minute smallint check (from_minute between 0 and 1439),
    minutes integer check (minutes between 1 and 10080),
    created_by text not null,
    created_at timestamptz not null default now(),
    unique (team_id, id),
    foreign key (team_id, app_id) references apps (team_id, id),
    foreign key (team_id, app_id, environment_id) references environments (team_id, app_id, id),
    constraint freeze_windows_once check (num_nonnulls(starts_at, ends_at) in (0, 2) and (starts_at is null or ends_at > starts_at)),
    constraint freeze_windows_weekly check (num_nonnulls(days, from_minute, minutes) in (0, 3)),
    constraint freeze_windows_one_kind check (num_nonnulls(starts_at, days) = 1)
);
create index on freeze_windows (app_id);
comment on table freeze_windows is 'Times in which nothing is deployed: once, or every week.';
comment on column freeze_windows.days is 'Days of the week on which it begins, 1 is Monday.';
comment on column freeze_windows.from_minute is 'Minute of the day at which it begins, in its time zone.';

create function auth_hook(hook uuid)
    returns table (team_id uuid, app_id uuid, kind text, sealed bytea, data_key_version integer, sealed_key bytea, kek_id text)
    language sql stable security definer set search_path = public, pg_temp
    as $$
        select h.team_id, h.app_id, h.kind, h.sealed, h.data_key_version, d.sealed, d.kek_id
        from hooks h
        join data_keys d on d.team_id = h.team_id and d.version = h.data_key_version
        join apps a on a.id = h.app_id
        where h.id = $1 and a.deleted_at is null
    $$;
comment on function auth_hook is 'A hook, before its team is known: whoever calls it proves himself by its secret.';

do $$
declare
    tenant text;
    signature text;
begin
    foreach tenant in array array['credentials', 'hooks', 'hook_deliveries', 'commit_statuses', 'webhooks', 'webhook_deliveries', 'deploy_locks', 'freeze_windows'] loop
        execute format('alter table %I enable row level security', tenant);
        execute format('alter table %I force row level security', tenant);
        execute format(
            'create policy team_only on %I to segue_api using (team_id = nullif(current_setting(''segue.team'', true), '''')::uuid)', tenant);
        execute format('create policy system_all on %I to segue_system using (true)', tenant);
        execute format('grant select on %I to segue_api, segue_system', tenant);
    end loop;
    grant create on schema public to segue_system;
    foreach signature in array array['auth_hook(uuid)', 'webhook_outbox()'] loop
        execute format('alter function %s owner to segue_system', signature);
        execute format('revoke execute on function %s from public', signature);
    end loop;
    revoke create on schema public from segue_system;
end
$$;
grant execute on function auth_hook(uuid) to segue_auth;
grant insert, update, delete on credentials, hooks, webhooks, deploy_locks, freeze_windows to segue_api;
grant insert on hook_deliveries, commit_statuses, webhook_deliveries to segue_api;
grant insert, update, delete on webhook_deliveries to segue_system;
grant update, delete on hook_deliveries, commit_statuses to segue_system;
grant update (enabled, disabled_reason, failing_since, generation) on webhooks to segue_system;
