-- One environment's traffic over a time, without reading what everybody else counted meanwhile.
create index request_counts_environment_second on request_counts (environment_id, second);
