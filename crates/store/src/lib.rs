//! The only place that speaks SQL, and the sealing of secrets.

pub mod embedded;
