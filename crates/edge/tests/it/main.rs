//! The real edge, driven through its sockets, with a control plane and applications of the test.

mod app;
mod basics;
mod client;
mod control;
mod drain;
mod faults;
mod harness;
mod refusals;
mod switch;
mod tls;
