//! All integration tests in one binary: linking is the slow part.

mod layers;
mod processor_golden;
