//! From names to addresses.

use std::net::IpAddr;
use std::pin::Pin;

use futures::Future;

/// Addresses of a name.
pub type Resolved<'a> = Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Finds the addresses of a name. A trait, so that tests can be the name server that changes its mind.
pub trait Resolve: std::fmt::Debug + Send + Sync {
    /// The addresses of a name, now.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolved<'a>;
}

/// The machine's own resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Resolve for System {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolved<'a> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
