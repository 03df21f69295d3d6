//! What is outside, driven for real: a registry with passwords, forges that call and are told, chat rooms, people and
//! programs that are told, over TLS too.

mod receivers;
mod registry;
mod telling;
