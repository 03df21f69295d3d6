//! The whole of Segue on a real Docker engine, driven as people drive it, with load held throughout.
//!
//! Each test has an installation of its own; nextest runs them one after the other (`.config/nextest.toml`).

#[cfg(test)]
mod builds;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod compose;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod environments;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod first_minutes;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod people;
#[cfg(test)]
mod real;
#[cfg(test)]
mod receipt;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod switch;
