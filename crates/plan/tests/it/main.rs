//! Tests of the planner through its public surface: scenarios, properties over simulated traces, broken twins.

mod fixture;
mod props;
mod scenarios;
mod sim;
mod twins;
