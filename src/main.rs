//! The `logitscope` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    logitscope::cli::main(std::env::args_os())
}
