//! Integration tests of the driver: one contract suite for the fake and for a real Docker engine, and what only a
//! real engine can show. They need a Docker engine on its usual socket and fail with a sentence where there is none.

mod archive;
mod bench;
mod builds;
mod contract;
mod real;
mod transport;
