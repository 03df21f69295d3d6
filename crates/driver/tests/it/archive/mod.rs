//! The archive validator against what people with bad intentions send, and its output against two other parsers.

mod bombs;
mod hostile;
mod parsers;
mod raw;
