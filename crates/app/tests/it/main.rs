//! The composition root, driven from outside.

#[cfg(test)]
mod command;
#[cfg(test)]
mod supervise;
