//! Whether a model fits into memory, before it is read.

use sysinfo::System;

use super::ModelError;
use super::size::human;

/// Bytes that programs can still take without pushing others out; `None` where the system does not say. In a container, those of
/// the container.
#[must_use]
pub fn available() -> Option<u64> {
    let mut system = System::new();
    system.refresh_memory();
    let machine = system.available_memory();
    let container = system.cgroup_limits().map(|limits| limits.free_memory);
    let available = container.map_or(machine, |free| free.min(machine));
    (system.total_memory() > 0).then_some(available)
}

/// # Errors
/// The weights need more than there is.
pub fn check(name: &str, needed: u64, available: Option<u64>) -> Result<(), ModelError> {
    match available {
        Some(available) if needed > available => Err(ModelError::Unsupported(format!(
            "{name} needs {} of memory for its weights, but {} are free: close other programs, choose a smaller model, or give \
             --dtype q8_0 or bf16 if it is opened in a larger type",
            human(needed),
            human(available)
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_figures_are_said() {
        assert!(check("m", 5, Some(5)).is_ok());
        assert!(check("m", u64::MAX, None).is_ok());
        let error = check("owner/name", 14_500_000_000, Some(7_900_000_000)).unwrap_err().to_string();
        assert!(
            error.starts_with("owner/name needs 14.5 GB of memory for its weights, but 7.9 GB are free"),
            "{error}"
        );
        assert!(available().is_some_and(|bytes| bytes > 0));
    }
}
