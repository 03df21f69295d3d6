//! The command line alone, as the tests of its texts start it.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    segue_cli::run(std::env::args_os()).await
}
