-- Row-level security and grants. The second lock behind TeamScope, and decision 0001 (who writes what)
-- in the form of grants: a role that does not own a row's change cannot make it.
do $$
declare
    tenant text;
begin
    for tenant in
        select c.relname
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'team_id' and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
    loop
        execute format('alter table %I enable row level security', tenant);
        execute format('alter table %I force row level security', tenant);
        execute format(
            'create policy team_only on %I to segue_api using (team_id = nullif(current_setting(''segue.team'', true), '''')::uuid)', tenant);
        execute format('create policy system_all on %I to segue_system using (true)', tenant);
    end loop;
end
$$;
-- The tenants themselves.
alter table teams enable row level security;
alter table teams force row level security;
create policy team_only on teams to segue_api using (id = nullif(current_setting('segue.team', true), '')::uuid);
create policy system_all on teams to segue_system using (true);

-- Both read everything that their policies let them see, but for what only auth may look up.
grant select on
    installation, fleet_freeze, teams, data_keys, apps, environments, memberships, tokens, token_uses, scale_targets, spec_versions,
    config_versions, secret_versions, domains, app_refs, sources, chunks, source_chunks, builds, build_status, image_facts,
    releases, release_builds, deployments, rollouts, environment_status, hosts, host_plan, host_seen, subnets, instances,
    instance_seen, addresses, attempts, routes, edge_acks, edge_draining, edge_in_flight, request_counts, log_chunks, events,
    audit, audit_heads, idempotency
    to segue_api, segue_system;
grant select (id, email, name, platform_admin, disabled_at, created_at) on users to segue_api;
grant select (id, lease_until, http_port, https_port, created_at, removed_at) on edges to segue_api;

-- Written by the API through TeamScope or PlatformScope.
grant insert, update on apps, environments, memberships, tokens, scale_targets, domains, app_refs, sources, source_chunks to segue_api;
grant update (created_at) on chunks to segue_api;
grant delete on memberships, scale_targets, source_chunks to segue_api;
grant insert on data_keys, spec_versions, config_versions, secret_versions, chunks, builds, releases, release_builds, events,
    audit, idempotency to segue_api;
grant insert, update on audit_heads, idempotency to segue_api;
grant update (cancel_requested) on deployments to segue_api;
grant insert on deployments to segue_api;
grant insert (build_id, team_id), update (cancel_requested) on build_status to segue_api;
grant insert (environment_id, team_id) on environment_status to segue_api;
grant update (name) on teams to segue_api;
grant update (labels, cordoned, generation, removed_at) on hosts to segue_api;

-- Written by the worker and the internal API.
grant select on users, setup_tokens, signing_keys, refresh_families, refresh_tokens, edges, certificates, leases, lease_epochs, work
    to segue_system;
grant insert, update on build_status, image_facts, rollouts, environment_status, hosts, host_plan, host_seen, subnets, instances,
    instance_seen, addresses, attempts, routes, certificates, edges, edge_acks, edge_draining, edge_in_flight, request_counts,
    leases, lease_epochs, work, fleet_freeze, installation, scale_targets, domains, data_keys to segue_system;
grant delete on addresses, subnets, instances, instance_seen, attempts, edge_draining, edge_in_flight, edge_acks, request_counts,
    work, chunks, source_chunks, idempotency, domains, setup_tokens, refresh_tokens, refresh_families to segue_system;
grant insert, delete on log_chunks to segue_system;
grant insert on events to segue_system;
grant update (stable_at) on releases to segue_system;
-- `select for share` asks for the right to update some column; this one cannot be changed, others refer to it.
grant update (id) on environments to segue_system;
grant update (state, last_used_at, sha256, size_bytes) on sources to segue_system;
grant insert, update on setup_tokens, signing_keys to segue_system;
-- The definer functions of the next migration run as segue_system.
grant insert, update on users, teams, memberships, refresh_families, refresh_tokens, token_uses to segue_system;
grant usage on sequence work_seq to segue_system;
revoke execute on function work_add(uuid, text, timestamptz) from public;
-- A new owner must be allowed to own things here, for this moment only.
grant create on schema public to segue_system;
alter function work_add(uuid, text, timestamptz) owner to segue_system;
grant execute on function work_add(uuid, text, timestamptz) to segue_api, segue_system;

-- Daily partitions need the owner's right; this function makes and drops them and does nothing else.
create function log_partitions_keep(today date, keep_days integer) returns integer
    language plpgsql security definer
    set search_path = public, pg_temp
    as $$
declare
    day date;
    name text;
    old record;
    changed integer := 0;
begin
    if keep_days < 1 then
        raise exception 'logs are kept for at least a day' using errcode = 'SG003';
    end if;
    for day in select generate_series(today, today + 2, interval '1 day')::date loop
        name := 'log_chunks_' || to_char(day, 'YYYYMMDD');
        if to_regclass(name) is null then
            begin
                execute format('create table %I partition of log_chunks for values from (%L) to (%L)', name,
                    (day::timestamp at time zone 'utc'), ((day + 1)::timestamp at time zone 'utc'));
                execute format('alter table %I enable row level security', name);
                execute format('alter table %I force row level security', name);
                changed := changed + 1;
            exception
                -- Rows of that day lie in the rest already; it serves them and is emptied by age.
                when check_violation then null;
            end;
        end if;
    end loop;
    for old in
        select c.relname
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'log_chunks'::regclass and c.relname ~ '^log_chunks_[0-9]{8}$'
            and to_date(right(c.relname, 8), 'YYYYMMDD') < today - keep_days
    loop
        execute format('drop table %I', old.relname);
        changed := changed + 1;
    end loop;
    return changed;
end
$$;
comment on function log_partitions_keep is 'Makes the partitions of today and the next two days, drops those that are older than keep_days.';
revoke execute on function log_partitions_keep(date, integer) from public;
grant execute on function log_partitions_keep(date, integer) to segue_system;
revoke create on schema public from segue_system;
