-- Routes, certificates, edges and what edges report.
create table routes (
    environment_id uuid primary key,
    team_id uuid not null,
    route_gen bigint not null check (route_gen > 0),
    routes jsonb not null,
    removed boolean not null default false,
    changed_xid xid8 not null default pg_current_xact_id(),
    changed_at timestamptz not null default now(),
    foreign key (team_id, environment_id) references environments (team_id, id)
);
create index on routes (changed_xid);
comment on table routes is 'What edges serve for an environment, one version at a time.';
comment on column routes.routes is 'segue_model::route::EnvironmentRoutes.';
comment on column routes.changed_xid is 'Transaction of the change: readers ask for what is not below the horizon of their last look, so that a late commit is never missed.';
comment on column routes.removed is 'The environment is gone; kept so that edges learn it.';
create function refuse_falling_generation() returns trigger
    language plpgsql
    as $$
begin
    raise exception 'routes go from generation % to %, not to %', old.route_gen, old.route_gen + 1, new.route_gen
        using errcode = 'SG002', constraint = 'routes_generation';
end
$$;
comment on function refuse_falling_generation is 'Generations have no gap and never fall.';
create trigger routes_generation after update on routes
    for each row when (new.route_gen <> old.route_gen + 1) execute function refuse_falling_generation();

create table certificates (
    id uuid primary key,
    names text[] not null check (cardinality(names) > 0),
    chain_pem text not null,
    sealed_key bytea not null,
    not_after timestamptz not null,
    changed_xid xid8 not null default pg_current_xact_id(),
    created_at timestamptz not null default now(),
    removed_at timestamptz
);
comment on table certificates is 'Certificates that edges present.';
comment on column certificates.sealed_key is 'Private key, sealed by the key-encryption key.';

create table edges (
    id uuid primary key,
    token_hash bytea not null check (length(token_hash) = 32),
    lease_until timestamptz not null default '-infinity',
    report_number bigint not null default 0,
    http_port integer,
    https_port integer,
    created_at timestamptz not null default now(),
    removed_at timestamptz,
    constraint edges_token_taken unique (token_hash)
);
comment on table edges is 'Edge processes with a persisted identity: live while the lease runs, silent after it, until they are removed.';
comment on column edges.token_hash is 'SHA-256 of the token that only this edge has.';
comment on column edges.report_number is 'The last report whose counts were added; a repeated one is not added twice.';

create table edge_acks (
    edge_id uuid not null references edges (id) on delete cascade,
    environment_id uuid not null,
    team_id uuid not null,
    route_gen bigint not null,
    acknowledged_at timestamptz not null default now(),
    primary key (environment_id, edge_id),
    foreign key (team_id, environment_id) references environments (team_id, id) on delete cascade
);
comment on table edge_acks is 'The generation behind which no request can start any more, by edge.';

create table edge_draining (
    edge_id uuid not null references edges (id) on delete cascade,
    environment_id uuid not null,
    team_id uuid not null,
    instance_id uuid not null,
    requests integer not null,
    upgraded integer not null,
    reported_at timestamptz not null default now(),
    primary key (environment_id, edge_id, instance_id),
    foreign key (team_id, instance_id) references instances (team_id, id) on delete cascade
);
comment on table edge_draining is 'What edges still have open on instances that left the routes.';

create table edge_in_flight (
    edge_id uuid not null references edges (id) on delete cascade,
    environment_id uuid not null,
    team_id uuid not null,
    in_flight integer not null,
    reported_at timestamptz not null default now(),
    primary key (environment_id, edge_id),
    foreign key (team_id, environment_id) references environments (team_id, id) on delete cascade
);
comment on table edge_in_flight is 'Requests in flight, as last reported.';

create table request_counts (
    team_id uuid not null,
    environment_id uuid not null,
    service text not null,
    release_id uuid,
    route_gen bigint not null,
    second timestamptz not null,
    by_class bigint[] not null check (cardinality(by_class) = 5),
    edge_failed bigint not null,
    broken bigint not null,
    retries bigint not null,
    latency_sum_us bigint not null,
    latency_max_us bigint not null,
    wait_max_us bigint not null,
    constraint request_counts_key unique nulls not distinct (environment_id, service, release_id, route_gen, second),
    foreign key (team_id, environment_id) references environments (team_id, id) on delete cascade
);
create index on request_counts (second);
comment on table request_counts is 'Finished requests by service, release, generation and second of their report.';
comment on column request_counts.by_class is 'Answers of the application by status class, 1xx to 5xx.';
comment on column request_counts.edge_failed is 'The edge''s own 502, 503 and 504.';
comment on column request_counts.release_id is 'Null: no endpoint was there.';
