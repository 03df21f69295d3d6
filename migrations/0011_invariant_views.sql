-- Invariants that SQL can say, as views: each must be empty. Operators and tests read them.
create view violation_i1 as
    select environment_id, count(*) as unfinished from rollouts where rank < 100 group by environment_id having count(*) > 1;
comment on view violation_i1 is 'I1: at most one unfinished deployment per environment.';

create view violation_i7 as
    select r.environment_id, r.route_gen, (e ->> 'instance') as instance
    from routes r
    cross join lateral jsonb_array_elements(r.routes -> 'routes') as route
    cross join lateral jsonb_array_elements(route -> 'pools') as pool
    cross join lateral jsonb_array_elements(pool -> 'endpoints') as e
    left join instances i
        on i.id = replace(e ->> 'instance', 'ins_', '')::uuid and i.team_id = r.team_id and i.environment_id = r.environment_id
    where not r.removed and (i.id is null or i.rank > 10);
comment on view violation_i7 is 'I7: a routed endpoint is desired and belongs to the same team and environment.';

create view violation_i12 as
    select p.host_id, p.reserved_cpu_millis, coalesce(s.cpu, 0) as counted_cpu_millis,
        p.reserved_memory_bytes, coalesce(s.memory, 0) as counted_memory_bytes
    from host_plan p
    left join (
        select host_id, sum(cpu_millis)::bigint as cpu, sum(memory_bytes)::bigint as memory from instances where reserved group by host_id
    ) s on s.host_id = p.host_id
    where p.reserved_cpu_millis <> coalesce(s.cpu, 0) or p.reserved_memory_bytes <> coalesce(s.memory, 0);
comment on view violation_i12 is 'I12: what a host has reserved is what its instances reserve.';

create view violation_i20_addresses as
    select i.address, count(*) as holders
    from instances i join instance_seen s on s.instance_id = i.id
    where s.state <> 'gone'
    group by i.address, i.host_id having count(*) > 1;
comment on view violation_i20_addresses is 'I20: an address has one holder.';

grant select on violation_i1, violation_i7, violation_i12, violation_i20_addresses to segue_system;
