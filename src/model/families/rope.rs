//! Rotary positions in `config.json`, whose keys come in two generations.
//!
//! The reference is transformers' `modeling_rope_utils.py`.

use super::Config;
use crate::model::ModelError;
use crate::model::decoder::{Pairing, Rotary, RotaryScaling, Yarn};

/// The keys of the older generation, and what transformers sets where a file says nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct RopeKeys {
    /// Key and default of the base.
    pub(super) base: (&'static str, f64),
    /// Key and default of the share of a head that is turned.
    pub(super) share: (&'static str, f64),
    /// The context trained on, where neither generation says; none for the context.
    pub(super) original_context: Option<usize>,
}

/// Llama's, and most others'.
pub(super) const LLAMA: RopeKeys =
    RopeKeys { base: ("rope_theta", 10_000.0), share: ("partial_rotary_factor", 1.0), original_context: None };

/// Rotary positions and how far they reach.
#[derive(Debug)]
pub(super) struct Rope {
    pub(super) rotary: Rotary,
    pub(super) context_length: usize,
    /// What the file asks for and is not done.
    pub(super) note: Option<String>,
}

/// Reads `rope_parameters` (transformers 5), or `rope_scaling` and what stands beside it (before), for heads of so many numbers.
///
/// # Errors
/// A value is missing or out of range, or the kind of scaling is not known.
pub(super) fn read(config: &Config, head_dim: usize, keys: &RopeKeys) -> Result<Rope, ModelError> {
    let section = match config.section("rope_parameters")? {
        Some(section) => Some(section),
        None => config.section("rope_scaling")?,
    };
    read_section(config, section.as_ref(), head_dim, keys)
}

/// The same, with the section that counts.
///
/// # Errors
/// As [`read`].
pub(super) fn read_section(
    config: &Config,
    section: Option<&Config>,
    head_dim: usize,
    keys: &RopeKeys,
) -> Result<Rope, ModelError> {
    let first_of = |nested: &str, (key, default): (&str, f64)| -> Result<f64, ModelError> {
        let within = section.map(|section| section.positive(nested)).transpose()?.flatten();
        Ok(within.or(config.positive(key)?).unwrap_or(default))
    };
    let base = first_of("rope_theta", keys.base)?;
    let share = first_of("partial_rotary_factor", keys.share)?;
    let dim = (head_dim as f64 * share) as usize;
    if dim == 0 || !dim.is_multiple_of(2) || dim > head_dim {
        return Err(config.invalid(format!(
            "{dim} of the {head_dim} numbers in a head (head_dim times {}) are turned; rotary positions need an even number",
            keys.share.0
        )));
    }
    let context = config.required_count("max_position_embeddings")?;
    let plain = Rope {
        rotary: Rotary { dim, base, scaling: RotaryScaling::None, pairing: Pairing::Halves },
        context_length: context,
        note: None,
    };
    match section {
        Some(section) => scaled(config, section, keys, plain),
        None => Ok(plain),
    }
}

fn scaled(config: &Config, section: &Config, keys: &RopeKeys, mut rope: Rope) -> Result<Rope, ModelError> {
    let kind = match section.text("rope_type")? {
        Some(kind) => Some(kind),
        None => section.text("type")?,
    };
    let original = || -> Result<usize, ModelError> {
        let key = "original_max_position_embeddings";
        let stated = config.count(key)?.or(keys.original_context).or(section.count(key)?);
        Ok(stated.unwrap_or(rope.context_length))
    };
    match kind.as_deref() {
        None | Some("default") => {}
        Some("linear") => rope.rotary.scaling = RotaryScaling::Linear { factor: section.required_positive("factor")? },
        Some("dynamic") => {
            // Frequencies change only beyond `max_position_embeddings`, which is as far as the context reaches.
            section.required_positive("factor")?;
        }
        Some("llama3") => rope.rotary.scaling = llama3(section, original()?)?,
        Some("yarn") => {
            let yarn = yarn(section, original()?, rope.context_length)?;
            rope.context_length = rope.context_length.max((yarn.factor * yarn.original_context as f64) as usize);
            rope.rotary.scaling = RotaryScaling::Yarn(yarn);
        }
        Some("longrope" | "su") => return longrope(section, original()?, rope),
        Some(other) => {
            return Err(section.invalid(format!(
                "rope_type {other:?} is not known; known: default, linear, dynamic, llama3, yarn, longrope"
            )));
        }
    }
    Ok(rope)
}

fn llama3(section: &Config, original_context: usize) -> Result<RotaryScaling, ModelError> {
    let low_freq_factor = section.required_positive("low_freq_factor")?;
    let high_freq_factor = section.required_positive("high_freq_factor")?;
    if high_freq_factor <= low_freq_factor {
        return Err(section
            .invalid(format!("high_freq_factor is {high_freq_factor}, not above low_freq_factor, {low_freq_factor}")));
    }
    let factor = section.required_positive("factor")?;
    Ok(RotaryScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_context })
}

fn yarn(section: &Config, original_context: usize, context: usize) -> Result<Yarn, ModelError> {
    let factor = section.positive("factor")?.unwrap_or(context as f64 / original_context as f64);
    let scale = |by: f64| if factor <= 1.0 { 1.0 } else { 0.1 * by * factor.ln() + 1.0 };
    let attention_factor = match (section.positive("attention_factor")?, section.number("mscale")?) {
        (Some(stated), _) => stated,
        (None, Some(mscale)) if mscale != 0.0 => match section.number("mscale_all_dim")? {
            Some(all) if all != 0.0 => scale(mscale) / scale(all),
            _ => scale(1.0),
        },
        _ => scale(1.0),
    };
    Ok(Yarn {
        factor,
        original_context,
        beta_fast: section.positive("beta_fast")?.unwrap_or(32.0),
        beta_slow: section.positive("beta_slow")?.unwrap_or(1.0),
        truncate: section.flag("truncate")?.unwrap_or(true),
        attention_factor,
    })
}

/// The factors of short texts: those of long ones would turn the keys that are in the cache another way, so the context ends where
/// they begin.
fn longrope(section: &Config, original: usize, mut rope: Rope) -> Result<Rope, ModelError> {
    let factors: Vec<f32> = section.required_numbers("short_factor")?.into_iter().map(|factor| factor as f32).collect();
    let pairs = rope.rotary.dim / 2;
    if factors.len() != pairs || factors.iter().any(|factor| *factor <= 0.0) {
        let count = factors.len();
        return Err(section.invalid(format!("short_factor has {count} numbers; it needs {pairs}, all above 0")));
    }
    let context = rope.context_length;
    let factor = section.positive("factor")?.unwrap_or(context as f64 / original as f64);
    let attention_factor = match section.positive("attention_factor")? {
        Some(stated) => stated,
        None if factor <= 1.0 => 1.0,
        None => (1.0 + factor.ln() / (original as f64).ln()).sqrt(),
    };
    rope.rotary.scaling = RotaryScaling::Factors { factors, attention_factor };
    if context > original {
        rope.context_length = original;
        rope.note = Some(format!(
            "the context is {original} tokens, not {context}: beyond {original} longrope takes its long_factor, which is not done"
        ));
    }
    Ok(rope)
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact results are meant
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(mut values: Value) -> Result<Rope, String> {
        if values.get("max_position_embeddings").is_none() {
            values["max_position_embeddings"] = json!(512);
        }
        let config = Config::parse("config.json", values.to_string().as_bytes()).unwrap();
        super::read(&config, 8, &LLAMA).map_err(|error| error.to_string())
    }

    #[allow(clippy::needless_pass_by_value)] // `json!` makes values
    fn scaling(section: Value) -> RotaryScaling {
        read(json!({ "rope_scaling": section })).unwrap().rotary.scaling
    }

    #[test]
    fn both_generations_say_the_same() {
        let llama3 = json!({
            "rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
            "original_max_position_embeddings": 64,
        });
        let old = read(json!({"rope_theta": 5e5, "rope_scaling": llama3})).unwrap().rotary;
        let mut section = llama3;
        section["rope_theta"] = json!(5e5);
        let new = read(json!({ "rope_parameters": section })).unwrap().rotary;
        assert_eq!(old.base, 5e5);
        assert_eq!((old.base, old.scaling), (new.base, new.scaling));
        assert_eq!(read(json!({})).unwrap().rotary.base, 10_000.0);
        let plain = read(json!({"rope_scaling": null, "rope_theta": 3.0})).unwrap();
        assert_eq!(plain.rotary.scaling, RotaryScaling::None);
        for values in
            [json!({"partial_rotary_factor": 0.5}), json!({"rope_parameters": {"partial_rotary_factor": 0.5}})]
        {
            assert_eq!(read(values).unwrap().rotary.dim, 4);
        }
    }

    #[test]
    fn dynamic_scaling_changes_nothing_within_the_context() {
        let rope = read(json!({"rope_scaling": {"type": "dynamic", "factor": 2.0}})).unwrap();
        assert_eq!((rope.rotary.scaling, rope.context_length), (RotaryScaling::None, 512));
    }

    #[test]
    fn yarn_has_the_defaults_of_its_paper_and_stretches_the_context() {
        let section = json!({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 512});
        let rope = read(json!({ "rope_scaling": section })).unwrap();
        assert_eq!(rope.context_length, 2048);
        let RotaryScaling::Yarn(yarn) = rope.rotary.scaling else { panic!("{:?}", rope.rotary.scaling) };
        assert_eq!((yarn.beta_fast, yarn.beta_slow, yarn.truncate), (32.0, 1.0, true));
        assert_eq!(yarn.attention_factor, 0.1 * 4.0_f64.ln() + 1.0);
        let section = json!({"type": "yarn", "factor": 4, "mscale": 2.0, "mscale_all_dim": 1.0, "truncate": false});
        let RotaryScaling::Yarn(yarn) = scaling(section) else { panic!() };
        assert_eq!(yarn.attention_factor, (0.2 * 4.0_f64.ln() + 1.0) / (0.1 * 4.0_f64.ln() + 1.0));
        assert_eq!((yarn.original_context, yarn.truncate), (512, false));
        let RotaryScaling::Yarn(yarn) = scaling(json!({"type": "yarn", "factor": 4, "attention_factor": 0.9})) else {
            panic!()
        };
        assert_eq!(yarn.attention_factor, 0.9);
    }

    #[test]
    fn longrope_ends_where_the_long_factors_begin() {
        let section = json!({"type": "longrope", "short_factor": [1.0, 1.5, 2.0, 3.0], "long_factor": [4, 4, 4, 4]});
        let rope = read(json!({"rope_scaling": section, "original_max_position_embeddings": 128})).unwrap();
        assert_eq!(rope.context_length, 128);
        assert!(rope.note.unwrap().starts_with("the context is 128 tokens, not 512"));
        let attention_factor = (1.0 + 4.0_f64.ln() / 128.0_f64.ln()).sqrt();
        assert_eq!(rope.rotary.scaling, RotaryScaling::Factors { factors: vec![1.0, 1.5, 2.0, 3.0], attention_factor });
        let whole = read(json!({"rope_scaling": {"type": "su", "short_factor": [1, 1, 1, 1]}})).unwrap();
        assert!(whole.note.is_none() && whole.context_length == 512);
    }

    #[test]
    fn what_can_not_be_done_is_an_error() {
        let llama3 = json!({"type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4});
        for (values, part) in [
            (
                json!({"rope_scaling": {"rope_type": "axial"}}),
                "known: default, linear, dynamic, llama3, yarn, longrope",
            ),
            (json!({"rope_scaling": {"rope_type": "linear"}}), "no rope_scaling.factor"),
            (json!({"rope_scaling": {"rope_type": "dynamic"}}), "no rope_scaling.factor"),
            (json!({"rope_scaling": {"type": "linear", "factor": 0}}), "rope_scaling.factor is 0"),
            (json!({"rope_scaling": {"type": "longrope"}}), "no rope_scaling.short_factor"),
            (json!({"rope_scaling": {"type": "longrope", "short_factor": [1]}}), "has 1 numbers; it needs 4"),
            (json!({"rope_scaling": {"type": "longrope", "short_factor": [1, 1, 0, 1]}}), "all above 0"),
            (json!({"rope_scaling": {"type": "longrope", "short_factor": "a"}}), "not a list of numbers"),
            (json!({"rope_scaling": 4}), "not an object"),
            (json!({"rope_theta": -1}), "rope_theta is -1"),
            (json!({"partial_rotary_factor": 0.4}), "3 of the 8 numbers in a head"),
            (json!({"partial_rotary_factor": 0.01}), "0 of the 8"),
            (json!({"partial_rotary_factor": 2}), "16 of the 8"),
            (json!({"rope_scaling": llama3}), "not above"),
            (json!({"max_position_embeddings": 0}), "max_position_embeddings is 0"),
        ] {
            let error = read(values).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
