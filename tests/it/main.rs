//! All integration tests in one binary: linking is the slow part.

mod cli;
mod layers;
mod model_golden;
mod processor_golden;
