-- Hosts, networks and instances: what is wanted and what was seen, each with its own writer.
create table hosts (
    id uuid primary key,
    name text not null check (is_label(name)),
    endpoint text not null,
    labels jsonb not null default '{}' check (jsonb_typeof(labels) = 'object'),
    cordoned boolean not null default false,
    generation bigint not null default 1,
    created_at timestamptz not null default now(),
    removed_at timestamptz
);
create unique index hosts_name_taken on hosts (name) where removed_at is null;
comment on table hosts is 'Docker engines, as operators want them. Shared by all teams.';
comment on column hosts.endpoint is 'Where the engine answers, for the driver.';

create function host_rank(state text) returns smallint
    language sql immutable parallel safe
    return case state
        when 'joining' then 0 when 'ready' then 10 when 'suspect' then 20 when 'lost' then 30 when 'returning' then 40 when 'removed' then 100
    end;
comment on function host_rank is 'Rank of a host state, as in segue_model::state. A host may return, so its rank may fall.';

create table host_plan (
    host_id uuid primary key references hosts (id),
    state text not null default 'joining' constraint host_plan_state check (state in ('joining', 'ready', 'suspect', 'lost', 'returning', 'removed')),
    epoch bigint not null default 1,
    cpu_limit_millis bigint not null default 0,
    memory_limit_bytes bigint not null default 0,
    reserved_cpu_millis bigint not null default 0,
    reserved_memory_bytes bigint not null default 0,
    changed_at timestamptz not null default now(),
    constraint host_plan_cpu_reserved check (reserved_cpu_millis between 0 and cpu_limit_millis),
    constraint host_plan_memory_reserved check (reserved_memory_bytes between 0 and memory_limit_bytes)
);
comment on table host_plan is 'What the fleet planner decided for a host, and what instances have reserved on it (invariant I12).';
comment on column host_plan.epoch is 'Raised when the host is taken over, restarts or comes back.';
comment on column host_plan.cpu_limit_millis is 'Cores times overcommit; never set below what is reserved.';

create table host_seen (
    host_id uuid primary key references hosts (id),
    seq bigint not null default 0,
    cpu_millis bigint not null default 0,
    memory_bytes bigint not null default 0,
    arch text,
    engine_version text,
    api_version text,
    boot_id text,
    pressure boolean not null default false,
    misses integer not null default 0,
    pinged_at timestamptz,
    listed_at timestamptz,
    problem text
);
comment on table host_seen is 'What was observed of a host.';
comment on column host_seen.seq is 'Sequence of the newest observation; a late result cannot beat it.';
comment on column host_seen.misses is 'Pings missed in a row.';
comment on column host_seen.listed_at is 'When all its containers were last listed completely.';

create table subnets (
    id uuid primary key,
    team_id uuid not null,
    environment_id uuid not null,
    host_id uuid not null references hosts (id),
    base inet not null check (family(base) = 4 and masklen(base) = 24 and host(base) like '%.0'),
    cursor smallint not null default 1 check (cursor between 1 and 254),
    created_at timestamptz not null default now(),
    released_at timestamptz,
    unique (team_id, id),
    unique (team_id, environment_id, id),
    foreign key (team_id, environment_id) references environments (team_id, id)
);
create unique index subnets_base_taken on subnets (base) where released_at is null;
create unique index subnets_one_per_host on subnets (environment_id, host_id) where released_at is null;
create index subnets_resting on subnets (base, released_at) where released_at is not null;
comment on table subnets is 'A /24 per environment and host, handed out round-robin; after release it rests.';
comment on column subnets.cursor is 'Last octet given out last.';

create table instances (
    id uuid primary key,
    team_id uuid not null,
    app_id uuid not null,
    environment_id uuid not null,
    service text not null check (is_label(service)),
    slot integer not null check (slot between 1 and 1000),
    revision bytea not null check (length(revision) = 32),
    release_id uuid not null,
    serial bigint not null check (serial > 0),
    host_id uuid not null references hosts (id),
    host_epoch bigint not null,
    subnet_id uuid not null,
    address inet not null check (family(address) = 4 and masklen(address) = 32),
    port integer not null check (port between 1 and 65535),
    cpu_millis bigint not null check (cpu_millis >= 0),
    memory_bytes bigint not null check (memory_bytes >= 0),
    exclusive boolean not null,
    desired text not null default 'run' constraint instances_desired check (desired in ('run', 'drain', 'stop', 'gone')),
    rank smallint not null generated always as (case desired when 'run' then 10 when 'drain' then 20 when 'stop' then 30 else 40 end) stored,
    reserved boolean not null default true,
    attempt integer not null default 0 check (attempt >= 0),
    not_before timestamptz not null,
    created_at timestamptz not null default now(),
    unrouted_gen bigint,
    unrouted_at timestamptz,
    stop_decided_at timestamptz,
    died boolean not null default false,
    unique (team_id, id),
    constraint instances_serial unique (environment_id, serial),
    foreign key (team_id, app_id, environment_id) references environments (team_id, app_id, id),
    foreign key (team_id, environment_id, release_id) references releases (team_id, environment_id, id),
    foreign key (team_id, environment_id, subnet_id) references subnets (team_id, environment_id, id)
);
create unique index instances_one_per_slot on instances (environment_id, service, slot, revision) where desired = 'run';
create index on instances (host_id) where reserved;
create index on instances (environment_id, service, slot, serial desc);
create index on instances (release_id);
comment on table instances is 'One container each, decided by the planner; an id is never used twice and its rank never falls (invariant I3).';
comment on column instances.serial is 'Grows within the environment; part of the id.';
comment on column instances.reserved is 'Its reservation is still counted on its host.';
comment on column instances.unrouted_gen is 'First generation of the routes without it, once it was routed and is not any more.';
create trigger instances_rank after update on instances
    for each row when (new.rank < old.rank) execute function refuse_falling_rank();

create function refuse_identity_change() returns trigger
    language plpgsql
    as $$
begin
    if (new.team_id, new.environment_id, new.service, new.slot, new.revision, new.release_id, new.serial, new.host_id, new.address, new.port)
        is distinct from (old.team_id, old.environment_id, old.service, old.slot, old.revision, old.release_id, old.serial, old.host_id, old.address, old.port) then
        raise exception 'what an instance is never changes'
            using errcode = 'SG001', constraint = 'instances_immutable';
    end if;
    return new;
end
$$;
comment on function refuse_identity_change is 'Invariant I3: an id is never reused for another spec.';
create trigger instances_immutable before update on instances
    for each row execute function refuse_identity_change();

create function observed_rank(state text) returns smallint
    language sql immutable parallel safe
    return case state
        when 'none' then 0 when 'creating' then 10 when 'created' then 20 when 'started' then 30 when 'ready' then 40 when 'unready' then 41
        when 'exited' then 80 when 'gone' then 100 when 'lost' then 101
    end;
comment on function observed_rank is 'Rank of an observed state, as in segue_model::state.';

create function observed_may_become(old_state text, new_state text) returns boolean
    language sql immutable parallel safe
    return (old_state = 'unready' and new_state = 'ready')
        or observed_rank(new_state) >= observed_rank(old_state);
comment on function observed_may_become is 'The same as segue_model::state::Observed::may_become: ranks grow; ready and unready alternate; the engine may restart an ended container by itself.';

create table instance_seen (
    instance_id uuid primary key,
    team_id uuid not null,
    environment_id uuid not null,
    seq bigint not null default 0,
    state text not null default 'none' constraint instance_seen_state check (state in ('none', 'creating', 'created', 'started', 'ready', 'unready', 'exited', 'gone', 'lost')),
    observed_at timestamptz,
    started_at timestamptz,
    ready_at timestamptz,
    unready_at timestamptz,
    exited_at timestamptz,
    gone_at timestamptz,
    exit_code integer,
    oom boolean not null default false,
    restarts integer not null default 0,
    aliased boolean not null default false,
    failure jsonb,
    foreign key (team_id, instance_id) references instances (team_id, id) on delete cascade
);
create index on instance_seen (environment_id) where state <> 'gone';
comment on column instance_seen.aliased is 'Whether it has its service''s network alias.';
comment on column instances.died is 'It ended by itself, or was taken over in a crash loop.';
comment on table instance_seen is 'What was observed of an instance. Written by the observer (lost: by the reconciler, which decides it).';
comment on column instance_seen.seq is 'Sequence of the newest observation; a late result cannot beat it.';
comment on column instance_seen.ready_at is 'Ready without a break since.';
comment on column instance_seen.gone_at is 'Its address rests from then on.';
create function refuse_observed_fall() returns trigger
    language plpgsql
    as $$
begin
    raise exception 'an instance may not be seen to go from % to %', old.state, new.state
        using errcode = 'SG002', constraint = 'instance_seen_rank';
end
$$;
comment on function refuse_observed_fall is 'Invariant I3 for observed states.';
create trigger instance_seen_rank after update on instance_seen
    for each row when (not observed_may_become(old.state, new.state) or new.seq < old.seq)
    execute function refuse_observed_fall();

create table addresses (
    team_id uuid not null,
    environment_id uuid not null,
    subnet_id uuid not null,
    octet smallint not null check (octet between 2 and 254),
    instance_id uuid not null,
    given_at timestamptz not null default now(),
    primary key (subnet_id, octet),
    foreign key (team_id, environment_id, subnet_id) references subnets (team_id, environment_id, id) on delete cascade,
    foreign key (team_id, instance_id) references instances (team_id, id)
);
create index on addresses (instance_id);
comment on table addresses is 'Who has, or last had, an address: at most one instance, and the next one only when the last is gone and the address has rested (rule 9).';

create table attempts (
    id bigint generated always as identity primary key,
    team_id uuid not null,
    environment_id uuid not null,
    instance_id uuid not null,
    host_id uuid not null references hosts (id),
    verb text not null constraint attempts_verb check (verb in ('create', 'start', 'stop', 'remove')),
    lease_epoch bigint not null,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    failure jsonb,
    foreign key (team_id, instance_id) references instances (team_id, id) on delete cascade
);
create index on attempts (instance_id, started_at desc);
comment on table attempts is 'Engine calls, written before they are made: an instance whose attempt is newer than its last observation is unknown.';
