//! What differs from layer to layer: `layer_types`, sliding windows.

use super::Config;
use crate::model::ModelError;
use crate::model::decoder::DecoderSpec;

/// What a layer attends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LayerType {
    /// Everything before.
    Full,
    /// A window.
    Sliding,
}

/// Reads `layer_types`, which since transformers 4.53 says it layer by layer, or else asks `default`.
///
/// # Errors
/// There are more or fewer than layers, or one of an unknown kind.
pub(super) fn types(
    config: &Config,
    count: usize,
    default: impl Fn(usize) -> LayerType,
) -> Result<Vec<LayerType>, ModelError> {
    let Some(names) = config.texts("layer_types")? else { return Ok((0..count).map(default).collect()) };
    if names.len() != count {
        return Err(config.invalid(format!("layer_types has {} entries for {count} layers", names.len())));
    }
    let read = |name: &String| match name.as_str() {
        "full_attention" => Ok(LayerType::Full),
        "sliding_attention" => Ok(LayerType::Sliding),
        other => Err(config.invalid(format!(
            "layer_types has {other:?}, which is not known; known: full_attention, sliding_attention"
        ))),
    };
    names.iter().map(read).collect()
}

/// Gives sliding layers their window.
///
/// # Errors
/// There is a sliding layer, but no window.
pub(super) fn set_windows(
    config: &Config,
    spec: &mut DecoderSpec,
    types: &[LayerType],
    window: Option<usize>,
) -> Result<(), ModelError> {
    for (layer, kind) in spec.layers.iter_mut().zip(types) {
        layer.window = match (kind, window) {
            (LayerType::Full, _) => None,
            (LayerType::Sliding, Some(window)) => Some(window),
            (LayerType::Sliding, None) => {
                return Err(config.invalid("layer_types has sliding_attention, but there is no sliding_window"));
            }
        };
    }
    Ok(())
}

/// `sliding_window`: `default` where it is absent, none where it is `null`.
///
/// # Errors
/// The value is no count.
pub(super) fn window(config: &Config, default: Option<usize>) -> Result<Option<usize>, ModelError> {
    let stated = config.count("sliding_window")?;
    Ok(if config.mentions("sliding_window") { stated } else { default })
}
