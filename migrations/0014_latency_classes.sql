-- Latency as a small fixed histogram, so that a new release can be compared with the one before it.
alter table request_counts add column by_latency bigint[] not null default array_fill(0::bigint, array[13])
    constraint request_counts_latency check (cardinality(by_latency) = 13);
comment on column request_counts.by_latency is 'Requests by the time from head to end: up to 1, 2.5, 5, 10, 25, 50, 100, 250, 500 ms, 1, 2.5, 5, 10 s; what took longer is in none.';
