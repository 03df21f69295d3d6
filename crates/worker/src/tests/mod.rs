//! The whole worker over a real database and the fake engine.

mod bench;
mod builds;
mod crash;
mod life;
mod logs;
mod networks;
mod outside;
mod proofs;
mod runs;
mod sweep;
