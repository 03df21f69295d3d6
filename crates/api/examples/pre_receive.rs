//! The git hook alone, for tests: the program runs it when it is started under the name `pre-receive`.

use std::process::ExitCode;

fn main() -> ExitCode {
    segue_api::hook::pre_receive()
}
