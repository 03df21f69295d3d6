//! The API as its clients meet it: the real router, the real store on a real Postgres.

mod access;
mod flows;
mod harness;
mod live;
mod openapi;
