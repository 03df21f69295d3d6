-- An end is judged only when what the process said last was read, or could be read for long enough.
alter table instance_seen add column words_due_since timestamptz;
comment on column instance_seen.words_due_since is 'It ended, and its last words have not been read yet, since then. Null: they were read, or nothing ended.';

alter table rollouts add column last_death jsonb;
comment on column rollouts.last_death is 'How the newest of the early deaths happened; its container may be gone.';
