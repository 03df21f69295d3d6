//! The composition root, driven from outside.

mod supervise;
