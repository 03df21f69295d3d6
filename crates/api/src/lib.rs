//! Translates HTTP to store calls.
