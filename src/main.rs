//! The `logitscope` program.

fn main() {}
