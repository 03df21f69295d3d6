//! Sources from outside: a real git fetches from a forge on loopback, which calls a hook and is told how it goes.

mod calling;
mod fetching;
mod forge;
mod locking;
mod retrying;

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use self::forge::Forge;
use crate::harness::Person;
use crate::live::{PATIENCE, Server};

async fn started() -> (Server, Person, Forge) {
    let server = Server::start_with(|config| {
        config.outbound.allow = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let owner = server.api.team("acme", false).await;
    (server, owner, Forge::start().await)
}

async fn app(server: &Server, owner: &Person, body: Value) {
    server
        .api
        .post("/v1/teams/acme/apps", owner, body)
        .await
        .expect(201);
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    let found = timeout(PATIENCE, found).await;
    found.unwrap_or_else(|_| panic!("waited for {what}"))
}
