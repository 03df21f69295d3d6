//! From columns to words of the model, and back. A value that cannot be read is an error, never a default.

use std::str::FromStr;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use segue_model::revision::Revision;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{StoreError, corrupt};

/// Parses a name, state or other text form.
pub(crate) fn text<T>(value: &str, what: &'static str) -> Result<T, StoreError>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    value.parse().map_err(corrupt(what))
}

/// Reads a JSON column.
pub(crate) fn json<T: DeserializeOwned>(value: Value, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(corrupt(what))
}

/// Reads a nullable JSON column.
pub(crate) fn json_opt<T: DeserializeOwned>(
    value: Option<Value>,
    what: &'static str,
) -> Result<Option<T>, StoreError> {
    value.map(|value| json(value, what)).transpose()
}

/// Writes a JSON column.
pub(crate) fn to_json<T: Serialize>(value: &T, what: &'static str) -> Result<Value, StoreError> {
    serde_json::to_value(value).map_err(corrupt(what))
}

/// Writes a nullable JSON column.
pub(crate) fn to_json_opt<T: Serialize>(
    value: Option<&T>,
    what: &'static str,
) -> Result<Option<Value>, StoreError> {
    value.map(|value| to_json(value, what)).transpose()
}

/// Reads a revision.
pub(crate) fn revision(bytes: &[u8]) -> Result<Revision, StoreError> {
    <[u8; 32]>::try_from(bytes)
        .map(Revision::from_bytes)
        .map_err(corrupt("revision"))
}

/// Reads a digest.
pub(crate) fn digest(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    <[u8; 32]>::try_from(bytes).map_err(corrupt("digest"))
}

/// A number of another width; one that does not fit is unreadable.
pub(crate) fn number<T, U>(value: T, what: &'static str) -> Result<U, StoreError>
where
    U: TryFrom<T>,
    U::Error: std::error::Error + Send + Sync + 'static,
{
    U::try_from(value).map_err(corrupt(what))
}

/// A nullable timestamp.
pub(crate) fn time(value: Option<jiff_sqlx::Timestamp>) -> Option<Timestamp> {
    value.map(jiff_sqlx::Timestamp::to_jiff)
}

/// A nullable timestamp as a parameter.
pub(crate) fn sql_time(value: Option<Timestamp>) -> Option<jiff_sqlx::Timestamp> {
    value.map(ToSqlx::to_sqlx)
}
