-- Leases with fencing epochs, and the durable set of what needs a look.
create table leases (
    shard text primary key check (shard ~ '^[a-z_]+(/[a-z0-9_-]+)?$'),
    holder uuid,
    expires_at timestamptz not null default '-infinity'
);
comment on table leases is 'Who works on a shard of environments, a host or a singleton duty. Renewed often, so apart from the epoch.';

create table lease_epochs (
    shard text primary key references leases (shard),
    epoch bigint not null default 0
);
comment on table lease_epochs is 'Fencing tokens. Fenced transactions take the row for share; a takeover updates it, and so waits for them or ends them.';

create sequence work_seq;
create table work (
    unit uuid primary key,
    kind text not null constraint work_kind check (kind in ('environment', 'host')),
    shard smallint not null,
    seq bigint not null default nextval('work_seq'),
    due_at timestamptz not null default now()
);
create index on work (shard, due_at);
comment on table work is 'The durable dirty set: units that need a look. Deleted only if seq is unchanged since it was read.';
comment on column work.unit is 'Id of an environment or host.';
comment on column work.shard is 'Last byte of the unit''s id modulo the number of shards.';

create function work_add(unit uuid, kind text, due timestamptz) returns void
    language sql security definer
    set search_path = public, pg_temp
    as $$
        insert into work as w (unit, kind, shard, due_at)
        values ($1, $2, get_byte(uuid_send($1), 15) % 16, $3)
        on conflict (unit) do update
            set seq = nextval('work_seq'), due_at = least(w.due_at, excluded.due_at);
        select pg_notify('segue_work', '');
    $$;
comment on function work_add is 'Marks a unit for a look and wakes the workers when the transaction commits. The notification carries nothing.';
