//! The decoding chain over logits that no model made.

use std::f64::consts::TAU;
use std::sync::Arc;

use serde::Serialize;

use super::clock::{Figure, timed};
use super::{BenchJob, Extent, HeadlessError};
use crate::decode::{Analysis, Chain, Context, DecodeError, Distribution, uniform};

/// Vocabularies of Llama 2, GPT-2, Qwen 2.5 and Gemma 3.
const VOCABULARIES: [usize; 4] = [32_000, 50_257, 151_936, 262_144];
/// Standard deviation of the logits: about that of models of text.
const DEVIATION: f64 = 2.5;
/// What is drawn from.
const CHAIN: &str = "temperature=0.8,top_k=40,top_p=0.95";
/// The filter alone, over the whole vocabulary.
const TOP_P: &str = "top_p=0.95";

/// The chain over one vocabulary.
#[derive(Debug, Serialize)]
pub(super) struct ChainTimes {
    pub(super) vocab_size: usize,
    /// From logits to the token that was drawn, with what every stage did.
    pub(super) seconds: Figure,
    /// Top-p alone on a distribution that is there.
    pub(super) top_p_seconds: Figure,
}

/// The chain over every vocabulary.
///
/// # Errors
/// An interruption.
pub(super) fn measure(job: &BenchJob<'_>) -> Result<Vec<ChainTimes>, HeadlessError> {
    let vocabularies = if job.extent == Extent::Full { &VOCABULARIES[..] } else { &VOCABULARIES[..1] };
    let (chain, top_p) = (Chain::parse(CHAIN)?, Chain::parse(TOP_P)?);
    let clock = job.clock();
    let times = |&vocab_size: &usize| {
        let logits: Arc<[f32]> = normal(vocab_size).into();
        // A distribution remembers its order once it was asked for: every time takes a new one.
        let mut whole = || timed(|| decided(&logits, &chain));
        let mut alone = || {
            let model = Arc::new(Distribution::shared(&logits)?);
            timed(|| Analysis::new(model, &top_p, Context::default()))
        };
        let figures = clock.in_turn("chain", 2, &mut |variant| match variant {
            0 => clock.mean(job.extent, &mut whole),
            _ => clock.mean(job.extent, &mut alone),
        })?;
        Ok(ChainTimes { vocab_size, seconds: figures[0], top_p_seconds: figures[1] })
    };
    vocabularies.iter().map(times).collect()
}

/// As the engine does it: the logits are the model's own, and what every stage did is looked at.
fn decided(logits: &Arc<[f32]>, chain: &Chain) -> Result<Analysis, DecodeError> {
    let analysis = Analysis::new(Arc::new(Distribution::shared(logits)?), chain, Context::default())?;
    std::hint::black_box((analysis.draw(uniform(0, 0, 0)), analysis.stages()));
    Ok(analysis)
}

/// Normal numbers (Box and Muller, 1958), the same each time.
fn normal(count: usize) -> Vec<f32> {
    let number = |step: usize| {
        let (u, v) = (uniform(1, 0, step as u64), uniform(1, 1, step as u64));
        (DEVIATION * (-2.0 * (1.0 - u).ln()).sqrt() * (TAU * v).cos()) as f32
    };
    (0..count).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_are_normal() {
        let logits = normal(20_000);
        let mean = |f: fn(f64) -> f64| logits.iter().map(|x| f(f64::from(*x))).sum::<f64>() / logits.len() as f64;
        assert!(mean(|x| x).abs() < 0.05);
        assert!((mean(|x| x * x).sqrt() - DEVIATION).abs() < 0.05);
        assert!((mean(|x| f64::from(x.abs() < DEVIATION)) - 0.683).abs() < 0.01);
    }
}
