-- Requests of people that one instance be replaced by a fresh one.
alter table instances add constraint instances_of_environment unique (team_id, environment_id, id);

create table instance_replacements (
    team_id uuid not null,
    environment_id uuid not null,
    instance_id uuid not null,
    requested_by text not null,
    requested_at timestamptz not null default now(),
    constraint instance_replacements_once primary key (instance_id),
    foreign key (team_id, environment_id, instance_id) references instances (team_id, environment_id, id) on delete cascade
);
create index on instance_replacements (environment_id);
comment on table instance_replacements is 'Requests of people to replace one instance by a fresh one. Inserted by the API only; the reconciler reads them, and deletes one in the transaction in which its instance is no longer wanted to run.';
comment on column instance_replacements.instance_id is 'Which one goes. Asking twice is asking once.';
comment on column instance_replacements.requested_by is 'The actor, as in the audit.';

alter table instance_replacements enable row level security;
alter table instance_replacements force row level security;
create policy team_only on instance_replacements to segue_api using (team_id = nullif(current_setting('segue.team', true), '')::uuid);
create policy system_all on instance_replacements to segue_system using (true);
grant select, insert on instance_replacements to segue_api;
grant select, delete on instance_replacements to segue_system;
