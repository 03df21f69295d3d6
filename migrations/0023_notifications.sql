-- What those outside are told of a deployment: which one, where it stands, why it was made. People hear of its ends only.
create or replace function webhook_outbox() returns trigger
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    insert into webhook_deliveries (team_id, webhook_id, kind, payload)
    select new.team_id, w.id, new.kind, jsonb_build_object(
        'type', new.kind,
        'timestamp', to_char(new.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'data', jsonb_build_object(
            'id', new.id, 'team', t.name, 'app', a.name, 'environment', e.name, 'message', new.message,
            'subject', new.subject, 'failure', new.failure, 'actor', new.actor, 'deployment', d.told))
    from webhooks w
    join teams t on t.id = new.team_id
    left join apps a on a.id = new.app_id
    left join environments e on e.id = new.environment_id
    left join lateral (
        select coalesce(o.state, 'queued') as state, jsonb_build_object(
            'number', m.number, 'state', coalesce(o.state, 'queued'), 'kind', m.kind, 'release', r.version,
            'commit', r.commit_id, 'message', m.message, 'by', case
                when m.created_by ~ '^usr_[0-9a-f]{32}$' then
                    (select u.name from users u where u.id = right(m.created_by, 32)::uuid)
                when m.created_by ~ '^tok_[0-9a-f]{32}$' then
                    (select 'token ' || k.name from tokens k where k.team_id = m.team_id and k.id = right(m.created_by, 32)::uuid)
            end) as told
        from deployments m
        join releases r on r.team_id = m.team_id and r.id = m.release_id
        left join rollouts o on o.team_id = m.team_id and o.deployment_id = m.id
        where m.team_id = new.team_id and m.id = case
            when new.subject ->> 'deployment' ~ '^dep_[0-9a-f]{32}$' then right(new.subject ->> 'deployment', 32)::uuid
        end
    ) d on true
    where w.team_id = new.team_id and w.enabled
        and (w.app_id is null or w.app_id = new.app_id)
        and (new.kind = any (w.events) or '*' = any (w.events) or split_part(new.kind, '.', 1) || '.*' = any (w.events))
        and (w.kind = 'standard' or new.kind <> 'deployment.changed' or d.state in ('live', 'failed', 'rolled_back', 'cancelled'));
    if found then
        perform pg_notify('segue_deliveries', '');
    end if;
    return null;
end
$$;
comment on function webhook_outbox is 'An event and what is told of it are one transaction: nothing is lost, nothing is told of what did not happen. Programs are told each step of a deployment, people only that it is live, or that and why it is not.';
