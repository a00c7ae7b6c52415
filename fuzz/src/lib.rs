//! The fuzz targets. They stand in a module of their own, which the tests of the main crate include as well.

use std::alloc::System;

use cap::Cap;

pub mod targets;

/// More memory, in bytes, than any input may make the program take: what asks for more ends the process, and is a finding.
const MOST_MEMORY: usize = 1 << 30;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, MOST_MEMORY);
