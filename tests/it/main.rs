//! The integration tests, one program for all of them.
#![allow(clippy::unwrap_used)] // a test that can not go on should stop

mod model_golden;
mod model_open;
