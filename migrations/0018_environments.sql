-- Environments: time to live, clones, promotion, previews by branch; one-off runs.
alter table environments
    add column branch text
        constraint environments_branch check (is_git_ref('refs/heads/' || branch)),
    add column ttl_seconds bigint
        constraint environments_ttl check (ttl_seconds between 60 and 31536000),
    add column expires_at timestamptz,
    add column cloned_from uuid,
    add column last_run bigint not null default 0,
    add constraint environments_expiry check ((ttl_seconds is null) = (expires_at is null)),
    add constraint environments_lives check (expires_at is null or not protected),
    add foreign key (team_id, cloned_from) references environments (team_id, id);
create unique index environments_branch_taken on environments (app_id, branch) where deleted_at is null and branch is not null;
create index environments_expiring on environments (expires_at) where deleted_at is null and expires_at is not null;
create index environments_removed on environments (deleted_at) where deleted_at is not null;
comment on column environments.branch is 'The branch that a preview follows.';
comment on column environments.ttl_seconds is 'How long it lives after it was last deployed by a push; null: until somebody removes it.';
comment on column environments.expires_at is 'When the worker removes it. A protected environment has none.';
comment on column environments.cloned_from is 'The environment that it was made after.';
comment on column environments.last_run is 'Number of the newest one-off run.';

alter table apps add column previews jsonb
    constraint apps_previews check (jsonb_typeof(previews) = 'object');
comment on column apps.previews is 'Whether pushes of other branches make environments, from which one, for how long, and which secrets they get; null: never set.';

alter table releases
    add column origin_release_id uuid,
    add foreign key (team_id, origin_release_id) references releases (team_id, id);
comment on column releases.origin_release_id is 'The release of another environment that this one was promoted from: the same images.';

create table secret_wishes (
    team_id uuid not null,
    environment_id uuid not null,
    key text not null check (is_config_key(key)),
    created_at timestamptz not null default now(),
    primary key (environment_id, key),
    foreign key (team_id, environment_id) references environments (team_id, id)
);
comment on table secret_wishes is 'Secrets that an environment needs and that nobody has set in it: a clone takes names over, never values. Written by the API.';

create function run_rank(state text) returns smallint
    language sql immutable parallel safe
    return case state
        when 'queued' then 0 when 'scheduled' then 10 when 'running' then 20
        when 'succeeded' then 100 when 'failed' then 101 when 'timed_out' then 102 when 'cancelled' then 103 when 'unknown' then 104
    end;
comment on function run_rank is 'Rank of a run state, as in segue_model::state.';

create table runs (
    id uuid primary key,
    team_id uuid not null,
    app_id uuid not null,
    environment_id uuid not null,
    number bigint not null check (number > 0),
    release_id uuid not null,
    service text not null check (is_label(service)),
    command jsonb not null check (jsonb_typeof(command) = 'array'),
    time_limit_seconds integer not null check (time_limit_seconds between 1 and 86400),
    cancel_requested boolean not null default false,
    created_by text not null,
    created_at timestamptz not null default now(),
    unique (team_id, id),
    unique (team_id, environment_id, id),
    constraint runs_number unique (environment_id, number),
    foreign key (team_id, app_id, environment_id) references environments (team_id, app_id, id),
    foreign key (team_id, environment_id, release_id) references releases (team_id, environment_id, id)
);
create index on runs (created_at);
comment on table runs is 'One-off runs as people asked for them: a command in one container of a release. What became of one is in run_status.';
comment on column runs.command is 'Arguments, no shell.';
comment on column runs.time_limit_seconds is 'From its start; then it is stopped.';

create table run_status (
    run_id uuid primary key,
    team_id uuid not null,
    environment_id uuid not null,
    state text not null default 'queued' constraint run_status_state check (state in ('queued', 'scheduled', 'running', 'succeeded', 'failed', 'timed_out', 'cancelled', 'unknown')),
    rank smallint not null generated always as (run_rank(state)) stored,
    started_at timestamptz,
    finished_at timestamptz,
    exit_code integer,
    oom boolean not null default false,
    failure jsonb,
    foreign key (team_id, environment_id, run_id) references runs (team_id, environment_id, id) on delete cascade,
    constraint run_status_finished check ((run_rank(state) >= 100) = (finished_at is not null))
);
create index on run_status (environment_id) where rank < 100;
comment on table run_status is 'What became of a run. The API inserts it queued; only the reconciler changes it.';
comment on column run_status.exit_code is 'What its process ended with, if that was seen.';
create trigger run_status_rank after update on run_status
    for each row when (new.rank < old.rank or (old.rank >= 100 and new.rank <> old.rank)) execute function refuse_falling_rank();

alter table instances
    add column run_id uuid,
    add foreign key (team_id, environment_id, run_id) references runs (team_id, environment_id, id);
create unique index instances_one_per_run on instances (run_id) where run_id is not null;
comment on column instances.run_id is 'It is the container of a one-off run and belongs to no service''s set. A run has one, ever: it is never started twice.';

do $$
declare
    tenant text;
begin
    foreach tenant in array array['secret_wishes', 'runs', 'run_status'] loop
        execute format('alter table %I enable row level security', tenant);
        execute format('alter table %I force row level security', tenant);
        execute format(
            'create policy team_only on %I to segue_api using (team_id = nullif(current_setting(''segue.team'', true), '''')::uuid)', tenant);
        execute format('create policy system_all on %I to segue_system using (true)', tenant);
    end loop;
end
$$;
grant select on secret_wishes, runs, run_status to segue_api, segue_system;
grant insert, delete on secret_wishes to segue_api;
grant insert on runs to segue_api;
grant update (cancel_requested) on runs to segue_api;
grant insert (run_id, team_id, environment_id) on run_status to segue_api;
grant update on run_status to segue_system;
-- `select for share` asks for the right to update some column; this one cannot be changed, others refer to it.
grant update (id) on runs to segue_system;

-- The time of an environment is over: the worker marks it as removed, as people do through the API.
grant update (deleted_at, generation) on environments to segue_system;

-- What is left of an environment that was removed long ago is taken away: values, releases, what they ran as. Its row,
-- its generated names (never given to anybody else), its builds, events and audit stay.
create function environment_rested(environment uuid) returns boolean
    language sql stable
    set search_path = public, pg_temp
    return exists (
        select from environments e
        cross join installation i
        where e.id = environment and e.deleted_at < now() - i.subnet_rest_ms * interval '1 millisecond'
    );
comment on function environment_rested is 'Whether an environment was removed so long ago that its addresses have rested; only then what never changes may go.';

create function refuse_change_unless_rested() returns trigger
    language plpgsql
    as $$
begin
    if tg_op = 'DELETE' and environment_rested(old.environment_id) then
        return old;
    end if;
    raise exception 'rows of % never change', tg_table_name
        using errcode = 'SG001', constraint = tg_table_name || '_immutable';
end
$$;
comment on function refuse_change_unless_rested is 'As refuse_change, but what belongs to an environment that was removed long ago may be deleted.';
drop trigger spec_versions_immutable on spec_versions;
create trigger spec_versions_immutable before update or delete on spec_versions
    for each row execute function refuse_change_unless_rested();
drop trigger config_versions_immutable on config_versions;
create trigger config_versions_immutable before update or delete on config_versions
    for each row execute function refuse_change_unless_rested();

drop trigger secret_versions_immutable on secret_versions;
create trigger secret_versions_immutable before update or delete on secret_versions
    for each row execute function refuse_change_unless_rested();

create function refuse_release_build_change() returns trigger
    language plpgsql
    as $$
begin
    if tg_op = 'DELETE' and exists (
        select from releases r where r.id = old.release_id and environment_rested(r.environment_id)
    ) then
        return old;
    end if;
    raise exception 'rows of % never change', tg_table_name
        using errcode = 'SG001', constraint = tg_table_name || '_immutable';
end
$$;
comment on function refuse_release_build_change is 'Invariant I2, for the builds that a release names.';
drop trigger release_builds_immutable on release_builds;
create trigger release_builds_immutable before update or delete on release_builds
    for each row execute function refuse_release_build_change();

create or replace function refuse_release_change() returns trigger
    language plpgsql
    as $$
begin
    if tg_op = 'DELETE' then
        if environment_rested(old.environment_id) then
            return old;
        end if;
        raise exception 'a release never changes'
            using errcode = 'SG001', constraint = 'releases_immutable';
    end if;
    if (to_jsonb(new) - 'stable_at') is distinct from (to_jsonb(old) - 'stable_at')
        or (old.stable_at is not null and new.stable_at is distinct from old.stable_at) then
        raise exception 'a release never changes'
            using errcode = 'SG001', constraint = 'releases_immutable';
    end if;
    return new;
end
$$;

grant delete on environment_status, rollouts, deployments, release_builds, releases, runs, run_status, secret_wishes,
    secret_versions, config_versions, spec_versions, scale_targets, routes to segue_system;
grant update (deployment_id) on app_refs to segue_system;
