-- Networks on a host that are not ours take addresses: no subnet is given out over them.
alter table host_seen
    add column foreign_networks jsonb not null default '[]'
        constraint host_seen_foreign_networks check (jsonb_typeof(foreign_networks) = 'array'),
    add column foreign_at timestamptz;
comment on column host_seen.foreign_networks is 'Subnets of its engine''s networks that are not of this installation: [{"name", "subnet"}].';
comment on column host_seen.foreign_at is 'When those were listed; an older list cannot beat a newer one.';
