//! Integration tests of the store, on a real Postgres and as the service roles.

mod embedded;
