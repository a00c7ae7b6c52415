//! The model, by itself and through the engine.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::clock::{Figure, timed};
use super::document::{Decode, Logits, Memory, Prefill, Width};
use super::{BenchJob, Extent, HeadlessError, go_on, machine};
use crate::decode::beam::BeamSettings;
use crate::decode::strategy::Greedy;
use crate::decode::{Chain, TokenId};
use crate::engine::{
    BeamRequest, DroppedBeams, EngineError, Evaluator, GrowingBeams, PromptRead, Request, generate, read_prompt,
};
use crate::model::{CacheNode, LoadedModel, ModelInfo, Positions, Run};
use crate::session::Session;

/// Numbers of tokens and of beams.
struct Sizes {
    prefill: &'static [usize],
    prompt: usize,
    new: usize,
    beams: &'static [usize],
    steps: usize,
}

const FULL: Sizes = Sizes { prefill: &[128, 512], prompt: 32, new: 128, beams: &[1, 2, 4, 8], steps: 32 };
const QUICK: Sizes = Sizes { prefill: &[16], prompt: 4, new: 4, beams: &[1, 2], steps: 4 };

/// A model that is measured.
pub(super) struct Bench<'a> {
    pub(super) loaded: LoadedModel,
    pub(super) job: &'a BenchJob<'a>,
}

/// A prompt of that many tokens; which ones does not matter to the time. None that ends a text or can't stand in one.
fn prompt(info: &ModelInfo, length: usize) -> Vec<TokenId> {
    let plain = |id: &TokenId| !info.eos_token_ids.contains(id) && !info.never_chosen.contains(id);
    let vocabulary = info.vocab_size as u64;
    let ids = (0..).map(|index: u64| (index.wrapping_mul(7919) % vocabulary) as TokenId);
    ids.filter(plain).take(length).collect()
}

impl<'a> Bench<'a> {
    fn sizes(&self) -> &'static Sizes {
        if self.job.extent == Extent::Full { &FULL } else { &QUICK }
    }

    fn info(&self) -> &ModelInfo {
        self.loaded.model.info()
    }

    /// Tokens of prompt and output, as many as fit.
    fn lengths(&self) -> (usize, usize) {
        let (sizes, context) = (self.sizes(), self.info().context_length);
        let prompt = sizes.prompt.min(context / 2).max(1);
        (prompt, sizes.new.min(context.saturating_sub(prompt)).max(1))
    }

    fn watch(&self) -> impl FnMut(crate::model::Progress) -> ControlFlow<()> + use<'a> {
        let interrupt = self.job.interrupt;
        move |_| interrupt.check()
    }

    /// Reads tokens after a node of the cache.
    fn read(&mut self, after: Option<CacheNode>, tokens: &[TokenId]) -> Result<CacheNode, HeadlessError> {
        let run = Run { after, tokens, logits: Positions::Last };
        let mut watch = self.watch();
        let outputs = self.loaded.model.forward(&[run], &mut watch)?;
        let last = outputs.first().and_then(|output| output.nodes.last().copied());
        last.ok_or_else(|| EngineError::Request("the model gave no output".into()).into())
    }

    fn read_prompt(&mut self, tokens: &[TokenId]) -> Result<PromptRead, HeadlessError> {
        self.loaded.model.retain(&[]);
        let mut watch = self.watch();
        Ok(read_prompt(self.loaded.model.as_mut(), tokens, &mut watch)?)
    }

    /// The longest prompt of all, continued: then the peak of the process beside weights and cache.
    pub(super) fn memory(&mut self) -> Result<Memory, HeadlessError> {
        self.job.progress.say("memory");
        let context = self.info().context_length;
        let (_, new) = self.lengths();
        let longest = self.sizes().prefill.iter().copied().max().unwrap_or(1);
        let tokens = prompt(self.info(), longest.min(context.saturating_sub(new)).max(1));
        let mut end = self.read(None, &tokens)?;
        for token in prompt(self.info(), new) {
            end = self.read(Some(end), &[token])?;
        }
        let used = self.loaded.model.cache_use();
        let weight_bytes = self.info().shape.as_ref().map(|shape| shape.weight_bytes);
        let (peak_bytes, cache_bytes) = (machine::peak_bytes(), used.bytes as u64);
        let needed = weight_bytes.map(|weights| (weights + cache_bytes) as f64);
        let ratio = peak_bytes.zip(needed).map(|(peak, needed)| peak as f64 / needed);
        Ok(Memory { peak_bytes, weight_bytes, cache_bytes, cache_tokens: used.tokens, ratio })
    }

    /// Reads prompts at once.
    pub(super) fn prefill(&mut self, threads: usize) -> Result<Vec<Prefill>, HeadlessError> {
        let context = self.info().context_length;
        let mut lengths: Vec<usize> = self.sizes().prefill.iter().map(|length| (*length).min(context)).collect();
        lengths.dedup();
        let mut rows = Vec::new();
        for length in lengths {
            let tokens = prompt(self.info(), length);
            let seconds = self.job.clock().measure("prefill", &mut || {
                self.loaded.model.retain(&[]);
                timed(|| self.read(None, &tokens))
            })?;
            rows.push(Prefill { tokens: length, threads, seconds, tokens_per_second: seconds.rate(length as f64) });
        }
        Ok(rows)
    }

    /// Token after token, by the model alone.
    pub(super) fn decode(&mut self, threads: usize) -> Result<Decode, HeadlessError> {
        let (length, new) = self.lengths();
        let (before, after) = (prompt(self.info(), length), prompt(self.info(), new));
        let seconds = self.job.clock().measure("decode", &mut || {
            self.loaded.model.retain(&[]);
            let mut end = self.read(None, &before)?;
            timed(|| {
                for token in &after {
                    end = self.read(Some(end), &[*token])?;
                }
                Ok::<_, HeadlessError>(end)
            })
        })?;
        Ok(self.decoded(seconds, threads))
    }

    fn decoded(&self, seconds: Figure, threads: usize) -> Decode {
        let (prompt_tokens, new_tokens) = self.lengths();
        Decode {
            prompt_tokens,
            new_tokens,
            threads,
            seconds,
            tokens_per_second: seconds.rate(new_tokens as f64),
            weight_bytes_per_token: bytes_per_token(self.info()),
            most_tokens_per_second: None,
            share_of_limit: None,
        }
    }

    /// The same by greedy search: the chosen token of each step, with its rank and all else that a step has.
    pub(super) fn generate(&mut self, threads: usize) -> Result<Decode, HeadlessError> {
        let (length, new) = self.lengths();
        let before = prompt(self.info(), length);
        let (job, chain) = (self.job, Chain::default());
        let seconds = job.clock().measure("generate", &mut || {
            let read = self.read_prompt(&before)?;
            let request = Request {
                prompt: &before,
                strategy: &Greedy,
                chain: &chain,
                // The last token is not read: so many forward passes take one token more.
                max_new_tokens: new + 1,
                min_new_tokens: 0,
                eos_token_ids: &[],
                stop: &[],
                sequence: 0,
                negative: None,
            };
            let LoadedModel { model, tokenizer } = &mut self.loaded;
            let mut observe = |_: &crate::engine::Step<'_>| job.interrupt.check();
            timed(|| generate(model.as_mut(), tokenizer.as_ref(), &read, &request, &mut observe))
        })?;
        Ok(self.decoded(seconds, threads))
    }

    /// Steps of beam searches of several widths, which take turns.
    pub(super) fn beam(&mut self) -> Result<Vec<Width>, HeadlessError> {
        let sizes = self.sizes();
        let (length, room) = self.lengths();
        let steps = sizes.steps.min(room.saturating_sub(1)).max(1);
        let before = prompt(self.info(), length);
        let figures = self.job.clock().in_turn("beam search", sizes.beams.len(), &mut |variant| {
            let read = self.read_prompt(&before)?;
            self.beam_steps(&before, &read, (sizes.beams[variant], steps))
        })?;
        let row = |(&beams, seconds): (&usize, Figure)| {
            let step_seconds = seconds.over(steps as f64);
            Width { beams, steps, step_seconds, beam_seconds: step_seconds.over(beams as f64) }
        };
        Ok(sizes.beams.iter().zip(figures).map(row).collect())
    }

    /// The time of so many steps after the first one, which reads nothing.
    fn beam_steps(
        &mut self,
        before: &[TokenId],
        read: &PromptRead,
        (beams, steps): (usize, usize),
    ) -> Result<Duration, HeadlessError> {
        let request = BeamRequest {
            prompt: before,
            settings: BeamSettings { beams, ..BeamSettings::default() },
            chain: &Chain::default(),
            max_new_tokens: steps + 1,
            min_new_tokens: 0,
            eos_token_ids: &[],
            stop: &[],
            dropped: DroppedBeams::Freed,
        };
        let LoadedModel { model, tokenizer } = &mut self.loaded;
        let mut search = GrowingBeams::new(model.as_ref(), read, &request)?;
        search.advance(model.as_mut(), tokenizer.as_ref())?;
        let (start, mut made) = (Instant::now(), 0);
        // A table may have nothing that goes on.
        while made < steps && search.search().stopped().is_none() {
            go_on(self.job.interrupt)?;
            search.advance(model.as_mut(), tokenizer.as_ref())?;
            made += 1;
        }
        Ok(start.elapsed().mul_f64(steps as f64 / made.max(1) as f64))
    }

    /// Going back to a step whose logits are kept, beside reading everything before it again.
    pub(super) fn logits(self) -> Result<Logits, HeadlessError> {
        let (length, new) = self.lengths();
        let tokens = prompt(self.info(), (length + new).min(self.info().context_length));
        let (mut watch, job) = (self.watch(), self.job);
        let path: Vec<_> = Session::new(&tokens)
            .map(|session| session.path().into_iter().zip(tokens.iter().copied()).collect())
            .unwrap_or_default();
        let mut evaluator = Evaluator::new(self.loaded.model);
        let figures = job.clock().in_turn("logits", 2, &mut |variant| {
            if variant == 0 {
                evaluator.clear();
                return timed(|| evaluator.evaluate(&path, &mut watch));
            }
            job.clock().mean(job.extent, &mut || timed(|| evaluator.evaluate(&path, &mut watch)))
        })?;
        Ok(Logits { tokens: tokens.len(), kept_seconds: figures[1], rerun_seconds: figures[0] })
    }
}

/// Bytes of the weights that a token goes through: all but those of a table that it only takes a row of.
fn bytes_per_token(info: &ModelInfo) -> Option<f64> {
    let shape = info.shape.as_deref()?;
    let used = shape.layers as u64 * shape.layer_weights + shape.head_weights;
    Some(shape.weight_bytes as f64 * (used as f64 / info.parameters.max(1) as f64).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DtypeChoice, ModelSource, OpenOptions, open};

    #[test]
    fn a_token_takes_all_weights_but_those_of_tables() {
        let source: ModelSource = "shape:S".parse().unwrap();
        let options = OpenOptions { dtype: DtypeChoice::Q8_0, threads: 1, ..OpenOptions::default() };
        let loaded = open(&source, &options).unwrap();
        let bytes = bytes_per_token(loaded.model.info()).unwrap();
        // Embedding 32000·288 serves as the head; six layers of 4·288² and 3·288·768; 34 bytes for 32 numbers.
        let weights = 32_000.0 * 288.0 + 6.0 * (4.0 * 288.0 * 288.0 + 3.0 * 288.0 * 768.0);
        assert!((bytes / (weights * 34.0 / 32.0) - 1.0).abs() < 1e-3, "{bytes}");
    }

    #[test]
    fn prompts_hold_no_end_of_text() {
        let source: ModelSource = "shape:S".parse().unwrap();
        let loaded = open(&source, &OpenOptions { threads: 1, ..OpenOptions::default() }).unwrap();
        let info = ModelInfo { eos_token_ids: vec![0], ..loaded.model.info().clone() };
        let tokens = prompt(&info, 3);
        assert_eq!(tokens, [7919, 15_838, 23_757]);
    }
}
