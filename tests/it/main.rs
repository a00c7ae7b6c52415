//! The integration tests, one program for all of them.

mod model_golden;
