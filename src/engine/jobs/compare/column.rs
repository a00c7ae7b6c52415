//! One column: a sequence that grows, or a search whose best sequence is shown.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::decode::beam::{BeamToken, Ending};
use crate::decode::strategy::Strategy;
use crate::decode::{Analysis, Chain, Distribution, TokenId};
use crate::engine::generate::{End, PromptRead, no_logits, read_next};
use crate::engine::growing::{Growing, StepDetail};
use crate::engine::{BeamRequest, DroppedBeams, EngineError, FinishReason, GeneratedToken, GrowingBeams, Request};
use crate::model::{CacheNode, LanguageModel, Tokenizer};

use super::{ColumnAsked, ColumnEnd, ColumnMade, ComparedToken, TopToken};

/// Tokens of a step that are kept to be shown.
const TOP: usize = 8;

/// A column on its way.
pub(super) struct Column {
    way: Way,
    made: ColumnMade,
}

enum Way {
    Sequence(Box<Sequence>),
    Beams(Box<Beams>),
    /// It could not even begin.
    Nowhere,
}

impl Column {
    /// Begins after the prompt. What can't begin is a column that has failed.
    pub(super) fn new(
        asked: &ColumnAsked,
        model: &dyn LanguageModel,
        prompt: &Arc<[TokenId]>,
        read: &PromptRead,
        length: usize,
    ) -> Self {
        let begun = match asked.strategy.single(asked.seed) {
            Some(strategy) => Ok(Way::Sequence(Box::new(Sequence {
                strategy,
                chain: asked.chain.clone(),
                prompt: Arc::clone(prompt),
                length,
                tokens: Vec::new(),
                end: (read.end, Arc::clone(&read.logits)),
            }))),
            None => Beams::new(asked, model, prompt, read, length).map(|beams| Way::Beams(Box::new(beams))),
        };
        match begun {
            Ok(way) => Self { way, made: ColumnMade::default() },
            Err(error) => {
                let end = Some(ColumnEnd::Failed(error.to_string()));
                Self { way: Way::Nowhere, made: ColumnMade { tokens: Vec::new(), end } }
            }
        }
    }

    pub(super) fn end(&self) -> Option<&ColumnEnd> {
        self.made.end.as_ref()
    }

    /// The column so far.
    pub(super) fn made(&self) -> ColumnMade {
        self.made.clone()
    }

    /// What its next step reads: tokens, each after a cache entry.
    pub(super) fn wanted(&self) -> Vec<(CacheNode, TokenId)> {
        match &self.way {
            _ if self.made.end.is_some() => Vec::new(),
            Way::Sequence(sequence) => {
                sequence.tokens.last().map(|token| (sequence.end.0, token.id)).into_iter().collect()
            }
            Way::Beams(beams) => beams.growing.wanted(),
            Way::Nowhere => Vec::new(),
        }
    }

    /// The cache entries that further steps go on from.
    pub(super) fn live(&self) -> Vec<CacheNode> {
        match &self.way {
            _ if self.made.end.is_some() => Vec::new(),
            Way::Sequence(sequence) => vec![sequence.end.0],
            Way::Beams(beams) => beams.growing.live(),
            Way::Nowhere => Vec::new(),
        }
    }

    /// One step, if it hasn't come to its end. What goes wrong in a column is the end of that column alone.
    pub(super) fn step(&mut self, model: &mut dyn LanguageModel, tokenizer: &dyn Tokenizer) {
        if self.made.end.is_some() {
            return;
        }
        let stepped = match &mut self.way {
            Way::Sequence(sequence) => sequence.step(model, tokenizer, &mut self.made),
            Way::Beams(beams) => beams.step(model, tokenizer, &mut self.made),
            Way::Nowhere => Ok(()),
        };
        if let Err(error) = stepped {
            self.made.end = Some(ColumnEnd::Failed(error.to_string()));
        }
    }
}

/// A single sequence.
struct Sequence {
    strategy: Box<dyn Strategy>,
    chain: Chain,
    prompt: Arc<[TokenId]>,
    length: usize,
    tokens: Vec<GeneratedToken>,
    /// The last token that was read, and what the model says after it.
    end: End,
}

impl Sequence {
    fn step(
        &mut self,
        model: &mut dyn LanguageModel,
        tokenizer: &dyn Tokenizer,
        made: &mut ColumnMade,
    ) -> Result<(), EngineError> {
        if let Some(last) = self.tokens.last() {
            let read = read_next(model, std::slice::from_ref(&self.end), last.id)?;
            self.end = read.into_iter().next().ok_or_else(no_logits)?;
        }
        let info = model.info();
        let request = Request {
            prompt: &self.prompt,
            strategy: self.strategy.as_ref(),
            chain: &self.chain,
            negative: None,
            max_new_tokens: self.length,
            min_new_tokens: 0,
            eos_token_ids: &info.eos_token_ids,
            stop: &[],
            sequence: 0,
        };
        let mut growing = Growing::new(info, tokenizer, &request)?.grown(&self.tokens);
        if growing.finish().is_none() {
            let analysis = growing.analyse(&self.end.1)?;
            let choice = growing.choose(&analysis);
            let mut taken = None;
            growing.take(&analysis, choice, StepDetail::Plain, &mut |step| {
                taken = Some(step.token);
                ControlFlow::Continue(())
            })?;
            self.tokens.extend(taken);
            let top = top(&analysis);
            made.tokens.extend(taken.map(|token| ComparedToken { token, draw: choice.draw, top }));
        }
        made.end = growing.finish().map(ColumnEnd::Finished);
        Ok(())
    }
}

fn top(analysis: &Analysis) -> Arc<[TopToken]> {
    let model = analysis.model();
    let one = |id| TopToken { id, prob: model.prob(id), sampling_prob: Some(analysis.sampling_prob(id)) };
    model.top(TOP).into_iter().map(one).collect()
}

/// A beam search.
struct Beams {
    growing: GrowingBeams,
    /// The most probable tokens after each output that a live beam has had.
    tops: HashMap<Vec<TokenId>, Arc<[TopToken]>>,
}

impl Beams {
    fn new(
        asked: &ColumnAsked,
        model: &dyn LanguageModel,
        prompt: &Arc<[TokenId]>,
        read: &PromptRead,
        length: usize,
    ) -> Result<Self, EngineError> {
        let unknown = || EngineError::Request(format!("{} can't be compared step by step", asked.strategy.name));
        let chain = asked.strategy.effective_chain(&asked.chain);
        let request = BeamRequest {
            prompt,
            settings: asked.beam_settings().ok_or_else(unknown)?,
            chain: &chain,
            max_new_tokens: length,
            min_new_tokens: 0,
            eos_token_ids: &model.info().eos_token_ids,
            stop: &[],
            dropped: DroppedBeams::Kept,
        };
        Ok(Self { growing: GrowingBeams::new(model, read, &request)?, tops: HashMap::new() })
    }

    fn step(
        &mut self,
        model: &mut dyn LanguageModel,
        tokenizer: &dyn Tokenizer,
        made: &mut ColumnMade,
    ) -> Result<(), EngineError> {
        let output = |tokens: &[BeamToken]| tokens.iter().map(|token| token.id).collect::<Vec<TokenId>>();
        let outputs: Vec<_> = self.growing.search().live().map(|beam| output(&beam.tokens)).collect();
        self.growing.advance(model, tokenizer)?;
        for (output, model) in outputs.into_iter().zip(self.growing.models()) {
            self.tops.entry(output).or_insert_with(|| top_of_beam(model));
        }
        let search = self.growing.search();
        let running = search.live().max_by(|a, b| a.sum.total_cmp(&b.sum)).map(|beam| &beam.tokens[..]);
        let best = search.ranked().first().copied();
        if search.stopped().is_some() {
            let ending = best.map_or(Ending::Length, |hypothesis| hypothesis.ending);
            made.end = Some(ColumnEnd::Finished(reason(ending)));
        }
        let best = best.map(|hypothesis| &hypothesis.tokens[..]);
        let shown = if search.stopped().is_some() { best } else { running.or(best) };
        made.tokens = shown.map(|tokens| self.compared(tokens)).unwrap_or_default();
        Ok(())
    }

    fn compared(&self, tokens: &[BeamToken]) -> Vec<ComparedToken> {
        let ids: Vec<TokenId> = tokens.iter().map(|token| token.id).collect();
        let one = |(place, token): (usize, &BeamToken)| {
            let BeamToken { id, logprob, sampling_logprob, rank } = *token;
            let top = self.tops.get(&ids[..place]).cloned().unwrap_or_default();
            ComparedToken { token: GeneratedToken { id, logprob, sampling_logprob, rank }, draw: None, top }
        };
        tokens.iter().enumerate().map(one).collect()
    }
}

fn top_of_beam(model: &Arc<Distribution>) -> Arc<[TopToken]> {
    let one = |id| TopToken { id, prob: model.prob(id), sampling_prob: None };
    model.top(TOP).into_iter().map(one).collect()
}

fn reason(ending: Ending) -> FinishReason {
    match ending {
        Ending::End => FinishReason::Eos,
        Ending::Stop => FinishReason::Stop,
        Ending::Length => FinishReason::Length,
    }
}
