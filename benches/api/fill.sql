-- 10,000 applications as they look after some months: environments, releases, deployments, versions of the
-- configuration, host names, events, requests of the last minutes. Specifications are the template's.
create function pg_temp.id(kind integer, n bigint) returns uuid language sql immutable as $$
    -- Version 7: ordered by the time that it holds, as real ones are.
    select (lpad(to_hex(1700000000000 + kind * 10000000000 + n * 1000), 12, '0') || '7' || substr(md5(kind || ':' || n), 1, 3)
        || '8' || substr(md5(n || ':' || kind), 1, 15))::uuid
$$;

create temporary table named as
select n, pg_temp.id(0, n) as app, t.id as team
from generate_series(1, current_setting('segue.apps')::bigint) n
join (select id, row_number() over (order by name) - 1 as at, count(*) over () as teams from teams) t
    on t.at = case when n % 2 = 0 then 0 else 1 + (n / 2) % (t.teams - 1) end;

insert into apps (id, team_id, name, labels, created_at)
select app, team, 'app-' || n, jsonb_build_object('tier', case when n % 10 = 0 then 'gold' else 'iron' end), now() - interval '90 days'
from named;

create temporary table placed as
select n, app, team, pg_temp.id(1, n) as env, 'production' as name from named
union all
select n, app, team, pg_temp.id(2, n), 'staging' from named where n % 5 = 0;

insert into environments (id, team_id, app_id, name, kind, last_release, last_deployment, last_config, last_spec)
select env, team, app, name, name, 3, 5, 3, 1 from placed;

insert into config_versions (team_id, environment_id, version, config, created_by, created_at)
select team, env, v, jsonb_build_object('LOG_LEVEL', 'info', 'GREETING', 'hello ' || v, 'REGION', 'eu'), t.created_by,
    now() - (10 - v) * interval '1 day'
from placed, generate_series(1, 3) v, (select created_by from config_versions limit 1) t;

insert into spec_versions (team_id, environment_id, version, spec, created_by)
select p.team, p.env, 1, t.spec, t.created_by
from placed p, (select spec, created_by from spec_versions limit 1) t;

insert into releases (id, team_id, app_id, environment_id, version, spec, config_version, message, created_by, created_at, stable_at)
select pg_temp.id(10 + v, case p.name when 'production' then p.n else 1000000 + p.n end), p.team, p.app, p.env, v, t.spec, v,
    'release ' || v, t.created_by, now() - (10 - v) * interval '1 day', now() - (10 - v) * interval '1 day'
from placed p, generate_series(1, 3) v, (select spec, created_by from releases limit 1) t;

insert into environment_status (environment_id, team_id, observed_generation, serving_release_id, stable_release_id, planned_at)
select p.env, p.team, 1, r.id, r.id, now()
from placed p
join releases r on r.environment_id = p.env and r.version = 3;

insert into deployments (id, team_id, app_id, environment_id, number, release_id, kind, message, created_by, created_at)
select pg_temp.id(20 + d, case p.name when 'production' then p.n else 1000000 + p.n end), p.team, p.app, p.env, d, r.id, 'deploy',
    'deployment ' || d, r.created_by, now() - (10 - d) * interval '1 day'
from placed p, generate_series(1, 5) d
join lateral (select id, created_by from releases where environment_id = p.env and version = least(d, 3)) r on true;

insert into rollouts (deployment_id, team_id, environment_id, state, strategy, started_at, progress_at, live_at, finished_at)
select d.id, d.team_id, d.environment_id, 'succeeded', 'switch', d.created_at, d.created_at, d.created_at, d.created_at
from deployments d
join placed p on p.env = d.environment_id;

insert into domains (id, team_id, app_id, environment_id, service, name, kind, state)
select pg_temp.id(30, case name when 'production' then n else 1000000 + n end), team, app, env, 'web',
    case name when 'production' then 'app-' || n else 'app-' || n || '-staging' end || '.localhost', 'generated', 'active'
from placed;

insert into events (at, team_id, app_id, environment_id, kind, subject, message, actor)
select now() - (20 - e) * interval '1 hour', team, app, env, 'deployment.changed', '{}', 'deployment ' || e || ' is live', 'system:worker'
from placed, generate_series(1, 10) e;

insert into edges (id, token_hash, lease_until) values (gen_random_uuid(), sha256('edge'), now() + interval '1 hour');

insert into request_counts (team_id, environment_id, service, release_id, route_gen, second, by_class, edge_failed, broken,
    retries, latency_sum_us, latency_max_us, wait_max_us)
select p.team, p.env, 'web', r.id, 1, date_trunc('second', now()) - s * interval '1 second', array[0, 5, 0, 0, 0], 0, 0, 0, 5000, 2000, 0
from placed p
join releases r on r.environment_id = p.env and r.version = 3
cross join generate_series(0, 120) s
where p.n % 10 = 0;

analyze;
