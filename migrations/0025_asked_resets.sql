-- A forgotten password, by mail to oneself: whoever asks gets the same answer, and the mailbox alone gets the link.
alter table password_resets add column asked boolean not null default false;
alter table password_resets add constraint password_resets_asked check (not asked or giver is null);
comment on column password_resets.asked is 'The person asked for it by their own address; it rests on their mailbox and on nobody''s authority.';

grant create on schema public to segue_system;

create function person_reset_ask(reset uuid, address text, token_hash bytea, expires timestamptz, pause interval) returns uuid
    language plpgsql security definer set search_path = public, pg_temp
    as $$
declare
    found_person uuid;
begin
    -- One after the other: two questions at once are one letter.
    select u.id into found_person from users u
    where u.email = lower($2) and u.disabled_at is null and u.password_hash is not null
    for update;
    if found_person is null or exists (
        select from password_resets r
        where r.user_id = found_person and r.asked and r.created_at > now() - $5
    ) then
        return null;
    end if;
    delete from password_resets r
    where r.id in (
        select o.id from password_resets o
        where o.expires_at < now() - interval '1 day'
        limit 100
        for update skip locked);
    -- A link that an admin made stays: whoever only knows an address must not be able to end it.
    update password_resets r set expires_at = now()
    where r.user_id = found_person and r.asked and r.used_at is null and r.expires_at > now();
    insert into password_resets (id, user_id, hash, expires_at, asked) values ($1, found_person, $3, $4, true);
    return found_person;
end
$$;
comment on function person_reset_ask is 'A link for a new password for whoever reads the mail of this address: the person, or null if nobody with a password has it or one was asked for a moment ago.';

drop function person_reset_use(bytea, text);
create function person_reset_use(token_hash bytea, new_hash text)
    returns table (person uuid, giver uuid, asked boolean, sessions integer, devices integer)
    language plpgsql security definer set search_path = public, pg_temp
    as $$
declare
    reset password_resets;
begin
    -- Who made it may have lost what it rests on, or the person may be more than they were: judged again.
    update password_resets r set used_at = now()
    where r.hash = $1 and r.used_at is null and r.expires_at > now()
        and person_reset_may(r.user_id, r.giver, r.at_most, r.only_team)
    returning r.* into reset;
    if not found then
        return;
    end if;
    return query
        select reset.user_id, reset.giver, reset.asked, s.sessions, s.devices
        from person_password_set(reset.user_id, $2, null, null) s;
end
$$;
comment on function person_reset_use is 'Uses a link once: the new password, and the end of every session and device of the person.';

do $$
begin
    alter function person_reset_use(bytea, text) owner to segue_system;
    revoke execute on function person_reset_use(bytea, text) from public;
    grant execute on function person_reset_use(bytea, text) to segue_api;
    alter function person_reset_ask(uuid, text, bytea, timestamptz, interval) owner to segue_system;
    revoke execute on function person_reset_ask(uuid, text, bytea, timestamptz, interval) from public;
    grant execute on function person_reset_ask(uuid, text, bytea, timestamptz, interval) to segue_api;
end
$$;
revoke create on schema public from segue_system;
