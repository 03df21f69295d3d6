//! The composition root, driven from outside.

#[cfg(test)]
mod supervise;
