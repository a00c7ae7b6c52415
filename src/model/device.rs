//! Devices that candle runs models on, and what their errors come to.

use candle_core::{Device, DeviceLocation};

use super::{DeviceChoice, ModelError};

impl DeviceChoice {
    /// # Errors
    /// This build can't run models there.
    pub(super) fn check(self) -> Result<(), ModelError> {
        let (feature, is_built) = match self {
            Self::Auto | Self::Cpu => return Ok(()),
            Self::Cuda(_) => ("cuda", cfg!(feature = "cuda")),
            Self::Metal => ("metal", cfg!(feature = "metal")),
        };
        if is_built {
            return Ok(());
        }
        Err(ModelError::Unsupported(format!(
            "--device {}: this program was built without it; build it with `cargo build --release --features {feature}`, or \
             take --device cpu",
            self.name()
        )))
    }

    /// The device; none for the processor, where our own kernels run models.
    ///
    /// # Errors
    /// There is no such device, or its driver does not work. `auto` takes the processor then.
    pub(super) fn open(self) -> Result<Option<Device>, ModelError> {
        self.check()?;
        let opened = match self {
            Self::Cpu => return Ok(None),
            Self::Auto => return Ok(Device::new_cuda(0).or_else(|_| Device::new_metal(0)).ok()),
            Self::Cuda(number) => Device::new_cuda(number),
            Self::Metal => Device::new_metal(0),
        };
        opened.map(Some).map_err(|error| {
            let (name, reason) = (self.name(), first_line(&error));
            ModelError::Unsupported(format!("--device {name}: can't be used ({reason}); take another one or cpu"))
        })
    }

    /// As `--device` writes it.
    fn name(self) -> String {
        match self {
            Self::Auto => "auto".into(),
            Self::Cpu => "cpu".into(),
            Self::Cuda(number) => format!("cuda:{number}"),
            Self::Metal => "metal".into(),
        }
    }
}

/// What `ModelInfo` calls a device.
pub(super) fn name(device: &Device) -> String {
    match device.location() {
        DeviceLocation::Cpu => "cpu".into(),
        DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        DeviceLocation::Metal { .. } => "metal".into(),
    }
}

/// An error of a device at work.
pub(super) fn failed(device: &Device, error: &candle_core::Error) -> ModelError {
    let (name, reason) = (name(device), first_line(error));
    let advice = if reason.to_lowercase().contains("out of memory") {
        ": choose a smaller model or a shorter text, give --dtype q8_0 or bf16 if it is opened in a larger type, or take --device cpu"
    } else {
        ""
    };
    ModelError::Unsupported(format!("{name}: {reason}{advice}"))
}

/// What an error says, without the backtrace that may follow.
pub(super) fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_cannot_do_is_one_line_with_the_feature() {
        for (choice, text, is_built) in [
            (DeviceChoice::Cuda(1), "--device cuda:1: this program was built without it", cfg!(feature = "cuda")),
            (DeviceChoice::Metal, "--features metal", cfg!(feature = "metal")),
        ] {
            match choice.check() {
                Ok(()) => assert!(is_built),
                Err(error) => assert!(!is_built && error.to_string().contains(text), "{error}"),
            }
        }
        assert!(DeviceChoice::Cpu.open().unwrap().is_none());
    }

    #[test]
    fn a_device_without_room_is_one_line_with_advice() {
        let error =
            candle_core::Error::Msg("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")\n  at 0x1".into());
        let line = failed(&Device::Cpu, &error).to_string();
        assert!(line.starts_with("cpu: DriverError(CUDA_ERROR_OUT_OF_MEMORY"), "{line}");
        assert!(line.contains("--device cpu") && !line.contains('\n'), "{line}");
        let other = candle_core::Error::Msg("odd".into());
        assert_eq!(failed(&Device::Cpu, &other).to_string(), "cpu: odd");
    }
}
