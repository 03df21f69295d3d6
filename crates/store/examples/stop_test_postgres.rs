//! Stops the Postgres that test runs of this checkout share. Nothing happens if none runs.
//!
//! `cargo run -p segue-store --features testing --example stop_test_postgres`

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    segue_store::testing::stop_shared().await
}
