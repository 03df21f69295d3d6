//! What every loop of the worker stands on: supervised tasks, the keyed queue, leases with their own
//! deadline, a small HTTP client for probes, the redactor, and the words of failures. Knows nothing of environments or engines.

pub(crate) mod clock;
pub(crate) mod http;
pub(crate) mod lease;
pub(crate) mod queue;
pub(crate) mod redact;
pub(crate) mod supervise;
pub(crate) mod words;
