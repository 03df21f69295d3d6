-- Apps, environments and what people set on them.
create table apps (
    id uuid primary key,
    team_id uuid not null references teams (id),
    name text not null check (is_label(name)),
    repo jsonb,
    labels jsonb not null default '{}' check (jsonb_typeof(labels) = 'object'),
    generation bigint not null default 1,
    created_at timestamptz not null default now(),
    deleted_at timestamptz,
    unique (team_id, id)
);
create unique index apps_name_taken on apps (team_id, name) where deleted_at is null;
comment on table apps is 'An app has one source.';
comment on column apps.repo is 'Where the source is fetched from, if not pushed: url, branch, auto_deploy.';
comment on column apps.generation is 'Raised by every change; people''s If-Match names it.';

create table environments (
    id uuid primary key,
    team_id uuid not null,
    app_id uuid not null,
    name text not null check (is_label(name)),
    kind text not null constraint environments_kind check (kind in ('production', 'staging', 'preview')),
    protected boolean not null default false,
    generation bigint not null default 1,
    stopped boolean not null default false,
    last_release bigint not null default 0,
    last_deployment bigint not null default 0,
    last_config bigint not null default 0,
    last_spec bigint not null default 0,
    created_at timestamptz not null default now(),
    deleted_at timestamptz,
    unique (team_id, id),
    unique (team_id, app_id, id),
    foreign key (team_id, app_id) references apps (team_id, id)
);
create unique index environments_name_taken on environments (app_id, name) where deleted_at is null;
comment on table environments is 'The unit of reconciliation. Only people''s wishes; what became of them is in environment_status.';
comment on column environments.generation is 'Raised by every wish; a plan that was made from an older one is not committed.';
comment on column environments.stopped is 'Nothing of it shall run.';
comment on column environments.last_release is 'Version of the newest release, vN.';
comment on column environments.last_deployment is 'Number of the newest deployment, #N.';

create table memberships (
    id uuid primary key,
    team_id uuid not null references teams (id),
    user_id uuid not null references users (id),
    role text not null constraint memberships_role check (role in ('owner', 'admin', 'deployer', 'viewer')),
    app_id uuid,
    environment_id uuid,
    created_at timestamptz not null default now(),
    foreign key (team_id, app_id) references apps (team_id, id),
    foreign key (team_id, app_id, environment_id) references environments (team_id, app_id, id),
    constraint memberships_environment_needs_app check (environment_id is null or app_id is not null),
    constraint memberships_given_twice unique nulls not distinct (team_id, user_id, app_id, environment_id)
);
create index on memberships (user_id);
comment on table memberships is 'Who may do what: a role on a team, on one app or on one environment.';
comment on column memberships.app_id is 'Null: the whole team.';

create table tokens (
    id uuid primary key,
    team_id uuid not null references teams (id),
    created_by uuid not null references users (id),
    name text not null check (length(name) between 1 and 100),
    prefix text not null check (prefix ~ '^[A-Za-z0-9_]{4,32}$'),
    hash bytea not null check (length(hash) = 32),
    role text not null constraint tokens_role check (role in ('owner', 'admin', 'deployer', 'viewer')),
    scopes text[] not null,
    app_id uuid,
    address_ranges cidr[] not null default '{}',
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    unique (team_id, id),
    constraint tokens_hash_taken unique (hash),
    foreign key (team_id, app_id) references apps (team_id, id)
);
comment on table tokens is 'API and deploy tokens. The token itself is shown once and never kept.';
comment on column tokens.prefix is 'First characters, so that people can tell tokens apart.';
comment on column tokens.hash is 'SHA-256 of the whole token.';
comment on column tokens.role is 'At most what its creator had.';
comment on column tokens.app_id is 'Good for this app only.';
comment on column tokens.address_ranges is 'Good from these networks only; empty: from everywhere.';

create table token_uses (
    token_id uuid primary key,
    team_id uuid not null,
    used_at timestamptz not null,
    foreign key (team_id, token_id) references tokens (team_id, id) on delete cascade
);
comment on table token_uses is 'When a token was last used, at most once a minute; apart from tokens so that use does not touch them.';

create table scale_targets (
    team_id uuid not null,
    environment_id uuid not null,
    service text not null check (is_label(service)),
    replicas integer not null check (replicas between 0 and 1000),
    set_by text not null constraint scale_targets_set_by check (set_by in ('person', 'autoscaler')),
    updated_at timestamptz not null default now(),
    primary key (environment_id, service),
    foreign key (team_id, environment_id) references environments (team_id, id)
);
comment on table scale_targets is 'Wanted replicas by service. Not part of a release; a rollback does not touch them.';

create table spec_versions (
    team_id uuid not null,
    environment_id uuid not null,
    version bigint not null,
    spec jsonb not null,
    created_by text not null,
    created_at timestamptz not null default now(),
    primary key (environment_id, version),
    foreign key (team_id, environment_id) references environments (team_id, id)
);
comment on table spec_versions is 'What people wrote for an environment (the manifest in normal form), every version.';

create table config_versions (
    team_id uuid not null,
    environment_id uuid not null,
    version bigint not null,
    config jsonb not null check (jsonb_typeof(config) = 'object'),
    created_by text not null,
    created_at timestamptz not null default now(),
    primary key (environment_id, version),
    unique (team_id, environment_id, version),
    foreign key (team_id, environment_id) references environments (team_id, id)
);
comment on table config_versions is 'Plain configuration of an environment, the whole map per version.';

create table secret_versions (
    team_id uuid not null,
    app_id uuid not null,
    environment_id uuid not null,
    key text not null check (is_config_key(key)),
    version bigint not null check (version > 0),
    data_key_version integer,
    sealed bytea,
    created_by text not null,
    created_at timestamptz not null default now(),
    primary key (environment_id, key, version),
    foreign key (team_id, app_id, environment_id) references environments (team_id, app_id, id),
    foreign key (team_id, data_key_version) references data_keys (team_id, version),
    constraint secret_versions_tombstone check ((sealed is null) = (data_key_version is null))
);
comment on table secret_versions is 'Sealed values, every version.';
comment on column secret_versions.sealed is 'Nonce and XChaCha20-Poly1305 box, bound to team, app, environment, key and version; null: the secret was removed.';

create table domains (
    id uuid primary key,
    team_id uuid not null,
    app_id uuid not null,
    environment_id uuid not null,
    service text not null check (is_label(service)),
    name text not null check (is_domain(name)),
    kind text not null constraint domains_kind check (kind in ('generated', 'custom')),
    state text not null constraint domains_state check (state in ('pending_dns', 'verified', 'active', 'deleted')),
    proof text,
    created_at timestamptz not null default now(),
    verified_at timestamptz,
    deleted_at timestamptz,
    unique (team_id, id),
    foreign key (team_id, app_id, environment_id) references environments (team_id, app_id, id),
    constraint domains_name_taken unique (name)
);
create index on domains (environment_id);
comment on table domains is 'Host names. One owner per name in the whole installation, a deleted one included: it is given back only after its quarantine, a generated one never.';
comment on column domains.proof is 'What must stand in the TXT record.';

create table app_refs (
    team_id uuid not null,
    app_id uuid not null,
    ref text not null check (is_git_ref(ref)),
    commit_id text not null check (commit_id ~ '^[0-9a-f]{40}([0-9a-f]{24})?$'),
    deployment_id uuid,
    updated_at timestamptz not null default now(),
    primary key (app_id, ref),
    foreign key (team_id, app_id) references apps (team_id, id)
);
comment on table app_refs is 'What was pushed to each ref; repositories themselves are a cache.';

create trigger spec_versions_immutable before update or delete on spec_versions
    for each row execute function refuse_change();
create trigger config_versions_immutable before update or delete on config_versions
    for each row execute function refuse_change();
create trigger secret_versions_immutable before update or delete on secret_versions
    for each row execute function refuse_change();
