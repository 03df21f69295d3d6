//! One client connection, from accept to close: the strict reading of requests, the stream that
//! pingora's sessions use, websocket and HTTP/2 watching. Must not know routes.

pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod h2guard;
pub(crate) mod head;
mod pace;
mod pingora_io;
mod read;
pub(crate) mod serve;
pub(crate) mod stream;
pub(crate) mod ws;
