//! Every fuzz target is this file under another name: the name chooses a row of the table.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logitscope_fuzz::targets::run(env!("CARGO_BIN_NAME"), data));
