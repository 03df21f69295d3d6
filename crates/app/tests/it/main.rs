//! The composition root, driven from outside.

#[cfg(test)]
mod command;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod supervise;
