-- The installation, teams, people and what proves who they are.
create table installation (
    only_row boolean primary key default true check (only_row),
    id uuid not null default gen_random_uuid(),
    address_range cidr not null default '10.96.0.0/12' check (family(address_range) = 4 and masklen(address_range) <= 20),
    subnet_cursor integer not null default 0,
    edge_silence_ms bigint not null default 60000 check (edge_silence_ms between 0 and 86400000),
    address_rest_ms bigint not null default 600000 check (address_rest_ms >= 0),
    subnet_rest_ms bigint not null default 86400000 check (subnet_rest_ms >= 0),
    listing_max_age_ms bigint not null default 60000 check (listing_max_age_ms > 0),
    cpu_overcommit_percent integer not null default 400 check (cpu_overcommit_percent between 1 and 10000),
    memory_overcommit_percent integer not null default 100 check (memory_overcommit_percent between 1 and 1000),
    rollback_deadline_ms bigint not null default 600000 check (rollback_deadline_ms > 0),
    created_at timestamptz not null default now()
);
insert into installation default values;
comment on table installation is 'One row: identity and bounds of this installation.';
comment on column installation.address_range is 'Container subnets (/24) are cut from this range.';
comment on column installation.subnet_cursor is 'Index of the /24 that was given out last; the next is looked for behind it, so that addresses rest.';
comment on column installation.edge_silence_ms is 'A silent edge holds SIGTERM back for this long.';

create table fleet_freeze (
    only_row boolean primary key default true check (only_row),
    frozen boolean not null default false,
    since timestamptz,
    bad_instances integer not null default 0,
    bad_environments integer not null default 0,
    bad_hosts integer not null default 0,
    updated_at timestamptz not null default now()
);
insert into fleet_freeze default values;
comment on table fleet_freeze is 'One row, written by a singleton duty: counters of rule 3 and whether stop and remove wait.';

create table teams (
    id uuid primary key,
    name text not null check (is_label(name)),
    epoch bigint not null default 1,
    created_at timestamptz not null default now(),
    deleted_at timestamptz,
    constraint teams_name_taken unique (name)
);
comment on table teams is 'Tenants. A name is never given to another team.';
comment on column teams.epoch is 'Raised when access tokens of the team must stop working.';

create table users (
    id uuid primary key,
    email text not null check (email = lower(email) and length(email) between 3 and 254 and email like '_%@_%'),
    name text not null check (length(name) between 1 and 100),
    password_hash text,
    platform_admin boolean not null default false,
    epoch bigint not null default 1,
    created_at timestamptz not null default now(),
    disabled_at timestamptz,
    constraint users_email_taken unique (email)
);
comment on table users is 'People. Not tenant data: a person may belong to several teams.';
comment on column users.password_hash is 'Argon2id in PHC form; null when the person signs in otherwise.';
comment on column users.platform_admin is 'May manage hosts and teams of the installation.';
comment on column users.epoch is 'Raised when access tokens of the person must stop working.';

create table setup_tokens (
    hash bytea primary key check (length(hash) = 32),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz
);
comment on table setup_tokens is 'One-time links by which the first owner is made. SHA-256 of the token.';

create table signing_keys (
    kid text primary key check (kid ~ '^[A-Za-z0-9_-]{1,64}$'),
    public_key bytea not null check (length(public_key) = 32),
    sealed_private_key bytea not null,
    created_at timestamptz not null default now(),
    retires_at timestamptz
);
comment on table signing_keys is 'Ed25519 keys that sign access tokens. The newest one that is not retiring signs.';
comment on column signing_keys.sealed_private_key is 'Sealed by the key-encryption key, which is not in the database.';
comment on column signing_keys.retires_at is 'Verifies until then, signs no more.';

create table refresh_families (
    id uuid primary key,
    user_id uuid not null references users (id),
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);
comment on table refresh_families is 'One sign-in of a person; revoked as a whole when a refresh token is used twice.';

create table refresh_tokens (
    hash bytea primary key check (length(hash) = 32),
    family_id uuid not null references refresh_families (id) on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz
);
create index on refresh_tokens (family_id);
comment on table refresh_tokens is 'Single-use refresh tokens. SHA-256 of the token.';

create table data_keys (
    team_id uuid not null references teams (id),
    version integer not null check (version > 0),
    sealed bytea not null,
    kek_id text not null,
    created_at timestamptz not null default now(),
    primary key (team_id, version)
);
comment on table data_keys is 'Keys that seal a team''s secrets, themselves sealed by the key-encryption key.';
comment on column data_keys.kek_id is 'Which key-encryption key sealed it; rewrapping changes this and nothing else.';
