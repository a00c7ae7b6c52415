//! The `logitscope` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    logitscope::model::serve_chat_templates().unwrap_or_else(|| logitscope::cli::main(std::env::args_os()))
}
