//! The loops that make hosts so: reconcile, act, observe, probe, build, logs, sweep.

mod core;
mod observe;
mod probe;
