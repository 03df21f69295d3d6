-- Logs, events, audit, idempotency: what is only ever added.
create table log_chunks (
    id bigint generated always as identity,
    team_id uuid not null,
    app_id uuid not null,
    environment_id uuid not null,
    service text,
    instance_id uuid,
    build_id uuid,
    first_at timestamptz not null,
    last_at timestamptz not null,
    lines integer not null check (lines >= 0),
    dropped bigint not null default 0 check (dropped >= 0),
    raw_bytes integer not null check (raw_bytes >= 0),
    data bytea not null,
    xid xid8 not null default pg_current_xact_id(),
    written_at timestamptz not null default now(),
    primary key (written_at, id),
    constraint log_chunks_origin check (num_nonnulls(instance_id, build_id) = 1)
) partition by range (written_at);
create index on log_chunks (environment_id, xid, id);
create index on log_chunks (build_id, xid, id) where build_id is not null;
comment on table log_chunks is 'Redacted output of containers and builds in compressed pieces, one partition per day.';
comment on column log_chunks.dropped is 'Lines that were dropped before this piece because a bound was reached.';
comment on column log_chunks.data is 'zstd of NDJSON lines.';
comment on column log_chunks.xid is 'Readers go by (xid, id) below the oldest running transaction, so that a late commit is never missed.';
create table log_chunks_rest partition of log_chunks default;
comment on table log_chunks_rest is 'Takes what has no daily partition, so that a late sweep loses nothing.';

create table events (
    xid xid8 not null default pg_current_xact_id(),
    seq bigint generated always as identity,
    id uuid not null default gen_random_uuid(),
    at timestamptz not null default now(),
    team_id uuid not null references teams (id),
    app_id uuid,
    environment_id uuid,
    kind text not null check (kind ~ '^[a-z_]+\.[a-z_]+$'),
    subject jsonb not null default '{}',
    message text not null check (message !~ '[\x01-\x1f\x7f]'),
    failure jsonb,
    actor text not null,
    primary key (xid, seq),
    foreign key (team_id, app_id) references apps (team_id, id),
    foreign key (team_id, environment_id) references environments (team_id, id)
);
create index on events (team_id, xid, seq);
create index on events (environment_id, xid, seq);
create index on events (at);
comment on table events is 'What happened and why, written by the owner of the change in its transaction. Read by (xid, seq) below the oldest running transaction.';
comment on column events.subject is 'segue_model::change::EventSubject.';
comment on column events.actor is 'A person, a token or a part of Segue.';

create table audit_heads (
    team_id uuid primary key,
    seq bigint not null,
    hash bytea not null check (length(hash) = 32)
);
comment on table audit_heads is 'End of each team''s chain; the zero id is the installation''s own.';

create table audit (
    team_id uuid not null,
    seq bigint not null check (seq > 0),
    at timestamptz not null,
    actor text not null,
    action text not null check (action ~ '^[a-z_]+$'),
    resource text not null,
    detail jsonb not null,
    request_id text,
    address text,
    previous_hash bytea not null check (length(previous_hash) = 32),
    hash bytea not null check (length(hash) = 32),
    primary key (team_id, seq)
);
comment on table audit is 'One record per write by the API, in the same transaction; each holds the hash of the one before it.';
comment on column audit.hash is 'SHA-256 over the previous hash and every column.';
create trigger audit_immutable before update or delete on audit
    for each row execute function refuse_change();
create trigger events_immutable before update on events
    for each row execute function refuse_change();

create table idempotency (
    team_id uuid not null,
    actor text not null,
    key text not null check (length(key) between 1 and 255),
    route text not null,
    body_hash bytea not null check (length(body_hash) = 32),
    status smallint check (status between 100 and 599),
    response jsonb,
    location text,
    created_at timestamptz not null default now(),
    constraint idempotency_key primary key (team_id, actor, key)
);
create index on idempotency (created_at);
comment on table idempotency is 'Answers to requests that carried an Idempotency-Key, kept for a day.';
comment on column idempotency.team_id is 'The zero id: a request outside of any team.';
comment on column idempotency.status is 'Null only inside the transaction that writes it.';
