//! The only place that speaks SQL, and the sealing of secrets.
//!
//! - [`Store`]: a handle to the database; [`Store::migrate`] runs the migrations.
//! - [`TeamScope`]: tenant data, the only way to it.
//! - [`Auth`]: look-ups before a team is known.
//! - [`PlatformScope`]: hosts, for operators.
//! - [`SystemStore`]: the worker and the internal interface.
//! - [`seal`]: secrets at rest. [`embedded`]: the private Postgres.

#[cfg(all(feature = "testing", not(debug_assertions)))]
compile_error!("the feature `testing` gives up durability and is refused in optimised builds");

#[cfg(feature = "queries")]
mod auth;
#[cfg(feature = "queries")]
mod auth_account;
#[cfg(feature = "queries")]
mod auth_hook;
#[cfg(feature = "queries")]
mod auth_keys;
#[cfg(feature = "queries")]
mod auth_proof;
#[cfg(feature = "queries")]
mod auth_sign_in;
#[cfg(feature = "queries")]
mod begin;
#[cfg(feature = "queries")]
mod chain;
#[cfg(feature = "queries")]
mod checkpoint;
mod context;
#[cfg(feature = "queries")]
mod decode;
pub mod embedded;
mod error;
#[cfg(feature = "queries")]
mod letters;
mod migrate;
#[cfg(feature = "queries")]
mod platform;
pub mod seal;
#[cfg(feature = "queries")]
mod store;
#[cfg(feature = "queries")]
mod system;
#[cfg(feature = "queries")]
mod team;
#[cfg(all(feature = "testing", feature = "queries"))]
pub mod testing;
mod text_enum;

#[cfg(feature = "queries")]
pub use self::auth::{Auth, Membership, TokenGrant, UserRecord};
#[cfg(feature = "queries")]
pub use self::auth_account::{
    AccountScope, DeviceGrant, Keep, NewSession, PasswordChanged, Refresh, SessionView, SignIn,
};
#[cfg(feature = "queries")]
pub use self::auth_hook::HookGrant;
#[cfg(feature = "queries")]
pub use self::auth_keys::{NewSigningKey, SigningKey};
#[cfg(feature = "queries")]
pub use self::auth_proof::{ASKED_PAUSE, AskedReset, NewReset, ResetGiver, Setup};
#[cfg(feature = "queries")]
pub use self::auth_sign_in::{
    ApprovedDevice, DevicePoll, Guess, NewDevice, SessionGrant, SetupState, WaitingDevice,
};
#[cfg(feature = "queries")]
pub use self::checkpoint::AuditCheckpoint;
pub use self::context::{Actor, TeamContext, fresh_id};
pub use self::error::{Held, QuotaExceeded, StoreError};
#[cfg(feature = "queries")]
pub use self::letters::{ClaimedLetter, Letter};
pub use self::migrate::{migrate, newest_migration};
#[cfg(feature = "queries")]
pub use self::platform::{HostView, PlatformScope};
#[cfg(feature = "queries")]
pub use self::store::{Store, StoreConfig};
#[cfg(feature = "queries")]
pub use self::system::*;
#[cfg(feature = "queries")]
pub use self::team::*;
pub use self::text_enum::UnknownText;
