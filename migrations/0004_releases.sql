-- From source to deployment.
create table sources (
    id uuid primary key,
    team_id uuid not null,
    app_id uuid not null,
    state text not null default 'uploading' constraint sources_state check (state in ('uploading', 'complete', 'dropped')),
    sha256 bytea check (length(sha256) = 32),
    size_bytes bigint check (size_bytes between 0 and 268435456),
    created_at timestamptz not null default now(),
    completed_at timestamptz,
    last_used_at timestamptz not null default now(),
    unique (team_id, id),
    foreign key (team_id, app_id) references apps (team_id, id),
    constraint sources_complete check (state = 'uploading' or (sha256 is not null and size_bytes is not null))
);
create unique index sources_once on sources (app_id, sha256) where state = 'complete';
comment on table sources is 'Uploaded source archives (canonical tar).';
comment on column sources.sha256 is 'Of the whole archive; by it people and clients name a source.';
comment on column sources.last_used_at is 'Its chunks are dropped 24 h after this.';

create table chunks (
    team_id uuid not null references teams (id),
    digest bytea not null check (length(digest) = 32),
    data bytea not null check (length(data) <= 1048576),
    created_at timestamptz not null default now(),
    primary key (team_id, digest)
);
alter table chunks alter column data set storage external;
comment on table chunks is 'Pieces of at most 1 MiB, content-addressed per team, so that an unchanged piece is kept once.';
comment on column chunks.digest is 'SHA-256 of the piece.';

create table source_chunks (
    team_id uuid not null,
    source_id uuid not null,
    position integer not null check (position between 0 and 255),
    digest bytea not null,
    primary key (source_id, position),
    foreign key (team_id, source_id) references sources (team_id, id) on delete cascade,
    foreign key (team_id, digest) references chunks (team_id, digest)
);
create index on source_chunks (team_id, digest);
comment on table source_chunks is 'Which chunks make a source, in order.';

create function build_rank(state text) returns smallint
    language sql immutable parallel safe
    return case state
        when 'queued' then 0 when 'claimed' then 10 when 'running' then 20 when 'pushing' then 30 when 'testing' then 40
        when 'succeeded' then 100 when 'failed' then 101 when 'timed_out' then 102 when 'cancelled' then 103
    end;
comment on function build_rank is 'Rank of a build state, as in segue_model::state.';

create table builds (
    id uuid primary key,
    team_id uuid not null,
    app_id uuid not null,
    environment_id uuid not null,
    kind text not null constraint builds_kind check (kind in ('source', 'resolve')),
    source_id uuid,
    image_name text,
    settings jsonb not null default '{}',
    created_at timestamptz not null default now(),
    unique (team_id, id),
    foreign key (team_id, app_id, environment_id) references environments (team_id, app_id, id),
    foreign key (team_id, source_id) references sources (team_id, id),
    constraint builds_input check (
        (kind = 'source' and source_id is not null) or (kind = 'resolve' and image_name is not null)
    )
);
create index on builds (environment_id, created_at);
comment on table builds is 'Builds as people asked for them; what became of them is in build_status.';
comment on column builds.kind is 'source: makes an image; resolve: pins an image that people named.';
comment on column builds.settings is 'The manifest''s [build], as the API parsed it.';

create table build_status (
    build_id uuid primary key,
    team_id uuid not null,
    state text not null default 'queued' constraint build_status_state check (state in ('queued', 'claimed', 'running', 'pushing', 'testing', 'succeeded', 'failed', 'timed_out', 'cancelled')),
    rank smallint not null generated always as (build_rank(state)) stored,
    attempt integer not null default 0,
    cancel_requested boolean not null default false,
    claimed_by uuid,
    claim_epoch bigint not null default 0,
    claim_until timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    image jsonb,
    exposed_port integer check (exposed_port between 1 and 65535),
    generated boolean,
    steps jsonb not null default '[]',
    failure jsonb,
    foreign key (team_id, build_id) references builds (team_id, id) on delete cascade,
    constraint build_status_image check (state <> 'succeeded' or image is not null)
);
create index on build_status (claim_until) where rank < 100;
create index build_status_waiting on build_status (build_id) where rank < 100;
comment on table build_status is 'What became of a build. Written by the builder, which claims it for a time.';
comment on column build_status.claim_epoch is 'Raised by every claim: a builder that lost its claim can write nothing.';
comment on column build_status.attempt is 'Claims so far; infrastructure errors are tried three times, people''s errors never.';
comment on column build_status.cancel_requested is 'Set by the API, the only column that it may write.';
comment on column build_status.image is 'segue_model::spec::ImageRef, when it is known.';
comment on column build_status.generated is 'The Dockerfile was made by Segue: profile strict.';
create trigger build_status_rank after update on build_status
    for each row when (new.rank < old.rank and not (new.rank = 0 and old.rank < 100))
    execute function refuse_falling_rank();

create table image_facts (
    team_id uuid not null references teams (id),
    content text not null check (content ~ '^sha256:[0-9a-f]{64}$'),
    exposed_port integer check (exposed_port between 1 and 65535),
    noted_at timestamptz not null default now(),
    primary key (team_id, content)
);
comment on table image_facts is 'What the engine said of an image, by content address; revisions need it for images that are pinned already.';
comment on column image_facts.exposed_port is 'Its single EXPOSEd port; null if it has none or several.';

create table releases (
    id uuid primary key,
    team_id uuid not null,
    app_id uuid not null,
    environment_id uuid not null,
    version bigint not null check (version > 0),
    spec jsonb not null,
    config_version bigint,
    source_id uuid,
    commit_id text,
    message text not null default '' check (length(message) <= 1000),
    created_by text not null,
    created_at timestamptz not null default now(),
    stable_at timestamptz,
    unique (team_id, id),
    unique (team_id, environment_id, id),
    constraint releases_version unique (environment_id, version),
    foreign key (team_id, app_id, environment_id) references environments (team_id, app_id, id),
    foreign key (team_id, source_id) references sources (team_id, id),
    foreign key (team_id, environment_id, config_version) references config_versions (team_id, environment_id, version)
);
comment on table releases is 'Immutable, except that they are once seen to be good (stable_at).';
comment on column releases.spec is 'segue_model::spec::ReleaseSpec.';
create function refuse_release_change() returns trigger
    language plpgsql
    as $$
begin
    if tg_op = 'DELETE'
        or (to_jsonb(new) - 'stable_at') is distinct from (to_jsonb(old) - 'stable_at')
        or (old.stable_at is not null and new.stable_at is distinct from old.stable_at) then
        raise exception 'a release never changes'
            using errcode = 'SG001', constraint = 'releases_immutable';
    end if;
    return new;
end
$$;
comment on function refuse_release_change is 'Invariant I2.';
create trigger releases_immutable before update or delete on releases
    for each row execute function refuse_release_change();

create table release_builds (
    team_id uuid not null,
    release_id uuid not null,
    build_id uuid not null,
    primary key (release_id, build_id),
    foreign key (team_id, release_id) references releases (team_id, id),
    foreign key (team_id, build_id) references builds (team_id, id)
);
comment on table release_builds is 'Builds whose images a release waits for; the same as its spec names.';
create trigger release_builds_immutable before update or delete on release_builds
    for each row execute function refuse_change();

create table deployments (
    id uuid primary key,
    team_id uuid not null,
    app_id uuid not null,
    environment_id uuid not null,
    number bigint not null check (number > 0),
    release_id uuid not null,
    kind text not null constraint deployments_kind check (kind in ('deploy', 'rollback', 'promote', 'restart', 'config', 'secret', 'spec')),
    git_ref text check (is_git_ref(git_ref)),
    cancel_requested boolean not null default false,
    message text not null default '' check (length(message) <= 1000),
    created_by text not null,
    created_at timestamptz not null default now(),
    unique (team_id, id),
    unique (team_id, environment_id, id),
    constraint deployments_number unique (environment_id, number),
    foreign key (team_id, app_id, environment_id) references environments (team_id, app_id, id),
    foreign key (team_id, environment_id, release_id) references releases (team_id, environment_id, id)
);
comment on table deployments is 'Attempts to carry an environment to a release, as people asked for them. Their progress is in rollouts.';

alter table app_refs add foreign key (team_id, deployment_id) references deployments (team_id, id);

create function deployment_rank(state text) returns smallint
    language sql immutable parallel safe
    return case state
        when 'queued' then 0 when 'building' then 10 when 'release_task' then 20 when 'starting' then 30 when 'switching' then 40
        when 'live' then 50 when 'baking' then 60 when 'failing' then 70 when 'rolling_back' then 80
        when 'succeeded' then 100 when 'rolled_back' then 101 when 'failed' then 102 when 'cancelled' then 103 when 'superseded' then 104
    end;
comment on function deployment_rank is 'Rank of a deployment state, as in segue_model::state.';

create table rollouts (
    deployment_id uuid primary key,
    team_id uuid not null,
    environment_id uuid not null,
    state text not null constraint rollouts_state check (state in ('queued', 'building', 'release_task', 'starting', 'switching', 'live', 'baking', 'failing', 'rolling_back', 'succeeded', 'rolled_back', 'failed', 'cancelled', 'superseded')),
    rank smallint not null generated always as (deployment_rank(state)) stored,
    strategy text not null constraint rollouts_strategy check (strategy in ('switch', 'rolling', 'recreate')),
    from_release_id uuid,
    started_at timestamptz not null,
    progress_at timestamptz not null,
    progress integer not null default 0,
    first_gen bigint,
    first_gen_at timestamptz,
    switch_gen bigint,
    live_at timestamptz,
    early_deaths integer not null default 0,
    failure jsonb,
    finished_at timestamptz,
    foreign key (team_id, environment_id, deployment_id) references deployments (team_id, environment_id, id),
    foreign key (team_id, environment_id, from_release_id) references releases (team_id, environment_id, id)
);
create unique index rollouts_one_unfinished on rollouts (environment_id) where rank < 100;
comment on column rollouts.strategy is 'How it really replaces instances: switch becomes rolling where it does not fit.';
comment on table rollouts is 'The running part of a deployment. Written by the reconciler only; at most one unfinished per environment (invariant I1).';
comment on column rollouts.from_release_id is 'What served before; where an automatic rollback goes.';
comment on column rollouts.progress is 'Ready instances of the target when progress_at was set.';
comment on column rollouts.first_gen is 'First generation of the routes with an instance of the target: a receipt begins here.';
comment on column rollouts.switch_gen is 'Generation that every live edge must acknowledge before the deployment is live.';
create trigger rollouts_rank after update on rollouts
    for each row when (new.rank < old.rank) execute function refuse_falling_rank();

create table environment_status (
    environment_id uuid primary key,
    team_id uuid not null,
    observed_generation bigint not null default 0,
    next_serial bigint not null default 1,
    serving_release_id uuid,
    stable_release_id uuid,
    reasons jsonb not null default '[]',
    planned_at timestamptz,
    check_at timestamptz,
    foreign key (team_id, environment_id) references environments (team_id, id),
    foreign key (team_id, environment_id, serving_release_id) references releases (team_id, environment_id, id),
    foreign key (team_id, environment_id, stable_release_id) references releases (team_id, environment_id, id)
);
comment on table environment_status is 'What became of people''s wishes. Written by the reconciler only.';
comment on column environment_status.observed_generation is 'The newest generation that a plan was made from.';
comment on column environment_status.next_serial is 'Serial of the next instance; only grows.';
comment on column environment_status.reasons is 'Why something waits, as the last plan said it.';
comment on column environment_status.check_at is 'When the planner wants to look again without any change.';
