//! Rotary positions in `config.json`, whose keys come in two generations.

use super::Config;
use crate::model::ModelError;
use crate::model::decoder::{Pairing, Rotary, RotaryScaling};

/// transformers' default base.
const DEFAULT_BASE: f64 = 10_000.0;

/// Reads `rope_parameters` (transformers 5), or `rope_theta` and `rope_scaling` (before), for heads of `dim` elements.
///
/// # Errors
/// A value is missing or out of range, or the kind of scaling is not known.
pub(super) fn rotary(config: &Config, dim: usize, context_length: usize) -> Result<Rotary, ModelError> {
    let section = match config.section("rope_parameters")? {
        Some(section) => Some(section),
        None => config.section("rope_scaling")?,
    };
    let nested_base = section.as_ref().map(|section| section.positive("rope_theta")).transpose()?.flatten();
    let base = match nested_base {
        Some(base) => base,
        None => config.positive("rope_theta")?.unwrap_or(DEFAULT_BASE),
    };
    if let Some(share) =
        section.as_ref().unwrap_or(config).positive("partial_rotary_factor")?.filter(|share| (share - 1.0).abs() > 0.0)
    {
        return Err(config.invalid(format!("partial_rotary_factor is {share}; this family turns whole heads")));
    }
    let scaling = match &section {
        Some(section) => scaling(section, context_length)?,
        None => RotaryScaling::None,
    };
    Ok(Rotary { dim, base, scaling, pairing: Pairing::Halves })
}

fn scaling(section: &Config, context_length: usize) -> Result<RotaryScaling, ModelError> {
    let kind = match section.text("rope_type")? {
        Some(kind) => Some(kind),
        None => section.text("type")?,
    };
    match kind.as_deref() {
        None | Some("default") => Ok(RotaryScaling::None),
        Some("linear") => Ok(RotaryScaling::Linear { factor: section.required_positive("factor")? }),
        Some("llama3") => {
            let low_freq_factor = section.required_positive("low_freq_factor")?;
            let high_freq_factor = section.required_positive("high_freq_factor")?;
            if high_freq_factor <= low_freq_factor {
                return Err(section.invalid(format!(
                    "high_freq_factor is {high_freq_factor}, not above low_freq_factor, {low_freq_factor}"
                )));
            }
            Ok(RotaryScaling::Llama3 {
                factor: section.required_positive("factor")?,
                low_freq_factor,
                high_freq_factor,
                original_context: section.count("original_max_position_embeddings")?.unwrap_or(context_length),
            })
        }
        Some(other) => {
            Err(section.invalid(format!("rope_type {other:?} is not known; known: default, linear, llama3")))
        }
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact results are meant
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Rotary, String> {
        let config = Config::parse("config.json", text.as_bytes()).unwrap();
        rotary(&config, 8, 512).map_err(|error| error.to_string())
    }

    #[test]
    fn both_generations_say_the_same() {
        let llama3 =
            r#""factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 64"#;
        let old = read(&format!(r#"{{"rope_theta": 5e5, "rope_scaling": {{"type": "llama3", {llama3}}}}}"#)).unwrap();
        let new =
            read(&format!(r#"{{"rope_parameters": {{"rope_theta": 5e5, "rope_type": "llama3", {llama3}}}}}"#)).unwrap();
        assert_eq!(old.base, 5e5);
        assert_eq!((old.base, old.scaling), (new.base, new.scaling));
        assert_eq!(read("{}").unwrap().base, 10_000.0);
        assert_eq!(read(r#"{"rope_scaling": null, "rope_theta": 3.0}"#).unwrap().scaling, RotaryScaling::None);
    }

    #[test]
    fn what_can_not_be_done_is_an_error() {
        for (text, part) in [
            (r#"{"rope_scaling": {"rope_type": "yarn"}}"#, "known: default, linear, llama3"),
            (r#"{"rope_scaling": {"rope_type": "linear"}}"#, "no rope_scaling.factor"),
            (r#"{"rope_scaling": {"type": "linear", "factor": 0}}"#, "rope_scaling.factor is 0"),
            (r#"{"rope_scaling": 4}"#, "not an object"),
            (r#"{"rope_theta": -1}"#, "rope_theta is -1"),
            (r#"{"partial_rotary_factor": 0.5}"#, "whole heads"),
            (
                r#"{"rope_scaling": {"type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4}}"#,
                "not above",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
