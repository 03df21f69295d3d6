//! Tests that look at the project as a whole.

#[cfg(test)]
mod graph;
#[cfg(test)]
mod lints;
#[cfg(test)]
mod load;
