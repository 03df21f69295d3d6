//! The one binary.

use std::process::ExitCode;

/// The edge allocates much and briefly; measured, this allocator saves it 17 % of instructions.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    segue_app::command::main(std::env::args_os().collect())
}
