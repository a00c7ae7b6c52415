//! The most probable sequence under a model, by best-first search: several prefixes in one batch.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::decode::exact::{Complete, Continuation, Ends, ExactSearch, Limits, Prefix, ROOT};
use crate::decode::strategy::{Choice, Strategy};
use crate::decode::{Analysis, Chain, Distribution, TokenId};
use crate::model::{CacheNode, LanguageModel, Positions, Run, unwatched};

use super::EngineError;
use super::generate::PromptRead;

/// Prefixes expanded in one batch: more cost less each, but may be more than were needed.
const BATCH: usize = 16;
/// Expansions between two sweeps of the cache.
const SWEEP: usize = 2048;

/// A sequence that another strategy found, to compare with and to begin from.
#[derive(Clone, Debug, PartialEq)]
pub struct Rival {
    /// The strategy, as `--strategy` would have it.
    pub name: String,
    /// What it found: complete in the sense of the search.
    pub tokens: Vec<TokenId>,
    /// Σ log p under the model alone, in nats.
    pub sum_logprob: f64,
}

/// What is to be searched.
pub struct ExactRequest<'a> {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens of a sequence that does not end before; the context may make it fewer.
    pub max_new_tokens: usize,
    /// Tokens before which no end token is allowed.
    pub min_new_tokens: usize,
    /// Ids that end a sequence.
    pub eos_token_ids: &'a [TokenId],
    /// Ids that no sequence may hold.
    pub forbidden: &'a [TokenId],
    /// The most prefixes that are expanded.
    pub budget: usize,
    /// What other strategies found.
    pub rivals: &'a [Rival],
}

/// How far a search is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExactProgress {
    /// Prefixes expanded.
    pub expanded: usize,
    /// Σ log p of the best sequence so far, in nats; minus infinity for none.
    pub best: f64,
    /// What a sequence not looked at yet could have at most, in nats; minus infinity when nothing is left.
    pub bound: f64,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Exact {
    /// The tokens of the best sequence.
    pub tokens: Vec<TokenId>,
    /// Its Σ log p, in nats.
    pub sum_logprob: f64,
    /// Whether no sequence can be more probable.
    pub proven: bool,
    /// Prefixes expanded.
    pub expanded: usize,
    /// Where nothing is proven: what a sequence not looked at yet could have at most, in nats.
    pub upper_bound: Option<f64>,
    /// For each rival how far its sum is below the best, in nats, from 0.
    pub gaps: Vec<f64>,
}

/// A search over a model that goes on batch by batch. It owns what it needs to know; the model is lent to it.
pub struct GrowingExact {
    search: ExactSearch,
    /// The cache entries of the prefixes that were read.
    nodes: HashMap<Prefix, CacheNode>,
    min_new_tokens: usize,
    eos_token_ids: Vec<TokenId>,
    forbidden: Vec<TokenId>,
}

impl GrowingExact {
    /// A search that begins after a prompt that was read, with its first prefix expanded.
    ///
    /// # Errors
    /// Logits that are no distribution.
    pub fn new(
        model: &dyn LanguageModel,
        prompt: &PromptRead,
        request: &ExactRequest<'_>,
    ) -> Result<Self, EngineError> {
        if model.info().unlisted.is_some() {
            return Err(EngineError::Request(
                "an exact search needs every token's probability, and this model lists only its most probable ones: use                  beam search"
                    .into(),
            ));
        }
        let room = model.info().context_length.saturating_sub(request.prompt_tokens);
        let limits = Limits { length: request.max_new_tokens.min(room), budget: request.budget };
        let mut growing = Self {
            search: ExactSearch::new(limits),
            nodes: HashMap::from([(ROOT, prompt.end)]),
            min_new_tokens: request.min_new_tokens,
            eos_token_ids: request.eos_token_ids.to_vec(),
            forbidden: request.forbidden.to_vec(),
        };
        for Rival { tokens, sum_logprob, .. } in request.rivals {
            growing.search.offer(Complete { tokens: tokens.clone(), sum: *sum_logprob });
        }
        growing.expand(ROOT, &prompt.logits)?;
        Ok(growing)
    }

    /// The search after the batches read so far.
    #[must_use]
    pub fn search(&self) -> &ExactSearch {
        &self.search
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> ExactProgress {
        let best = self.search.best().map_or(f64::NEG_INFINITY, |best| best.sum);
        ExactProgress { expanded: self.search.expanded(), best, bound: self.search.bound() }
    }

    /// Reads and expands the next batch. False when nothing is left to expand.
    ///
    /// # Errors
    /// What the model refuses.
    pub fn advance(&mut self, model: &mut dyn LanguageModel) -> Result<bool, EngineError> {
        let prefixes = self.search.take(BATCH);
        if !prefixes.is_empty() {
            self.read(model, &prefixes)?;
        }
        Ok(!prefixes.is_empty())
    }

    /// Reads the last token of each prefix in one batch, and expands them.
    fn read(&mut self, model: &mut dyn LanguageModel, prefixes: &[Prefix]) -> Result<(), EngineError> {
        let lost = || EngineError::Request("the model gave no logits".into());
        let mut steps = Vec::with_capacity(prefixes.len());
        for &prefix in prefixes {
            let (parent, token) = self.search.step(prefix).ok_or_else(lost)?;
            steps.push((self.nodes.get(&parent).copied().ok_or_else(lost)?, [token]));
        }
        let runs: Vec<Run<'_>> =
            steps.iter().map(|(after, tokens)| Run { after: Some(*after), tokens, logits: Positions::Last }).collect();
        let outputs = model.forward(&runs, &mut unwatched).map_err(EngineError::from_model)?;
        for (&prefix, output) in prefixes.iter().zip(outputs) {
            let (node, logits) = output.nodes.last().zip(output.logits.last()).ok_or_else(lost)?;
            self.nodes.insert(prefix, *node);
            self.expand(prefix, logits)?;
        }
        Ok(())
    }

    fn expand(&mut self, prefix: Prefix, logits: &Arc<[f32]>) -> Result<(), EngineError> {
        let distribution = Distribution::shared(logits)?;
        let early = self.search.length(prefix) < self.min_new_tokens;
        let continuation = |token: TokenId| {
            let ends = self.eos_token_ids.contains(&token);
            let allowed = !(self.forbidden.contains(&token) || ends && early);
            let ends = if ends { Ends::Yes } else { Ends::No };
            allowed.then(|| Continuation { token, logprob: distribution.logprob(token), ends })
        };
        self.search.expand(prefix, (0..distribution.vocab_size() as TokenId).filter_map(continuation));
        Ok(())
    }

    /// The cache entries that are still needed: those that something open follows, and the prompt's end. All others are
    /// forgotten here.
    pub fn live(&mut self) -> Vec<CacheNode> {
        let live = self.search.live();
        self.nodes.retain(|prefix, _| *prefix == ROOT || live.contains(prefix));
        self.nodes.values().copied().collect()
    }

    /// Every cache entry that was read and not forgotten.
    #[must_use]
    pub fn cached(&self) -> Vec<CacheNode> {
        self.nodes.values().copied().collect()
    }
}

/// Searches after a prompt that was read for the sequence with the highest Σ log p among those that end within the limit or are
/// exactly as long. What else the model has read after other prompts is forgotten on the way.
///
/// # Errors
/// Nothing that could follow, what the model refuses, or [`EngineError::Interrupted`] when `observe` breaks.
pub fn exact(
    model: &mut dyn LanguageModel,
    prompt: &PromptRead,
    request: &ExactRequest<'_>,
    observe: &mut dyn FnMut(&ExactProgress) -> ControlFlow<()>,
) -> Result<Exact, EngineError> {
    let mut growing = GrowingExact::new(model, prompt, request)?;
    let mut swept = 0;
    loop {
        if observe(&growing.progress()).is_break() {
            return Err(EngineError::Interrupted);
        }
        if !growing.advance(model)? {
            break;
        }
        if growing.search.expanded() >= swept + SWEEP {
            swept = growing.search.expanded();
            model.retain(&growing.live());
        }
    }
    let search = growing.search;
    let (proven, expanded, bound) = (search.is_proven(), search.expanded(), search.bound());
    let best = search.best().ok_or_else(|| EngineError::Request("no token may follow: relax the settings".into()))?;
    let gap = |rival: &Rival| best.sum - rival.sum_logprob;
    Ok(Exact {
        tokens: best.tokens.clone(),
        sum_logprob: best.sum,
        proven,
        expanded,
        upper_bound: (!proven).then_some(bound),
        gaps: request.rivals.iter().map(gap).collect(),
    })
}

/// Follows tokens that were found before, so that they can be shown step by step like any others.
#[derive(Clone, Debug)]
pub struct Given(pub Vec<TokenId>);

impl Strategy for Given {
    fn effective_chain(&self, chain: &Chain) -> Chain {
        chain.clone()
    }

    fn choose(&self, analysis: &Analysis, _sequence: u64, step: u64) -> Choice {
        Choice { token: self.0.get(step as usize).copied().unwrap_or_else(|| analysis.greedy()), draw: None }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::engine::read_prompt;
    use crate::model::{LoadedModel, SpecialTokens, table};

    const VOCABULARY: [&str; 3] = ["a", "b", "c"];
    const END: TokenId = 3;

    /// A table whose rows are all contexts of two tokens or fewer, with some of each row's mass unlisted.
    fn random_table(weights: &[u32]) -> LoadedModel {
        let mut text = String::from("vocabulary = ['a', 'b', 'c']\nend = '.'\n");
        let mut weights = weights.iter().cycle();
        let mut contexts: Vec<Vec<&str>> = vec![vec![]];
        contexts.extend(VOCABULARY.map(|a| vec![a]));
        contexts.extend(VOCABULARY.iter().flat_map(|&a| VOCABULARY.map(|b| vec![a, b])));
        for context in contexts {
            let mut next = || f64::from(*weights.next().unwrap()) / 1000.0;
            let (a, b, c, end) = (next(), next(), next(), next());
            writeln!(text, "[[row]]\ncontext = {context:?}\nnext = {{ a = {a}, b = {b}, c = {c}, '.' = {end} }}")
                .unwrap();
        }
        table::parse("random", &text).unwrap()
    }

    fn brute_force(model: &mut dyn LanguageModel, text: &mut Vec<TokenId>, left: usize) -> f64 {
        let run = Run { after: None, tokens: text, logits: Positions::Last };
        let logits = model.forward(&[run], &mut unwatched).unwrap().remove(0).logits.remove(0);
        let next = Distribution::from_logits(&logits).unwrap();
        let mut best = f64::NEG_INFINITY;
        for token in 0..=END {
            text.push(token);
            let over = token == END || left == 1;
            let rest = if over { 0.0 } else { brute_force(model, text, left - 1) };
            text.pop();
            best = best.max(next.logprob(token) + rest);
        }
        best
    }

    fn request(length: usize, forbidden: &[TokenId], budget: usize) -> ExactRequest<'_> {
        ExactRequest {
            prompt_tokens: 1,
            max_new_tokens: length,
            min_new_tokens: 0,
            eos_token_ids: &[END],
            forbidden,
            budget,
            rivals: &[],
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn agrees_with_brute_force_on_tables(weights in prop::collection::vec(1..250u32, 52), length in 1..6usize) {
            let mut loaded = random_table(&weights);
            let model = loaded.model.as_mut();
            let prompt = loaded.tokenizer.encode("", SpecialTokens::Auto).unwrap();
            let best = brute_force(model, &mut prompt.clone(), length);
            let read = read_prompt(model, &prompt, &mut unwatched).unwrap();
            let forbidden = model.info().never_chosen.clone();
            let found = exact(model, &read, &request(length, &forbidden, 10_000), &mut |_| ControlFlow::Continue(())).unwrap();
            prop_assert!(found.proven && found.upper_bound.is_none());
            prop_assert!((found.sum_logprob - best).abs() < 1e-9);
            prop_assert!(found.tokens.len() == length || found.tokens.last() == Some(&END));
        }
    }

    #[test]
    fn a_search_can_be_broken_off() {
        let mut loaded = random_table(&[240, 230, 220, 1]);
        let read = read_prompt(loaded.model.as_mut(), &[4], &mut unwatched).unwrap();
        let mut calls = 0;
        let result = exact(loaded.model.as_mut(), &read, &request(9, &[4, 5], 1000), &mut |progress| {
            calls += 1;
            assert!(progress.expanded > 0);
            if calls == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(result, Err(EngineError::Interrupted)));
    }

    #[test]
    fn an_early_end_is_not_taken_before_the_minimum() {
        let mut loaded = random_table(&[10, 10, 10, 900]);
        let read = read_prompt(loaded.model.as_mut(), &[4], &mut unwatched).unwrap();
        let request = ExactRequest { min_new_tokens: 2, ..request(4, &[4, 5], 1000) };
        let found = exact(loaded.model.as_mut(), &read, &request, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(found.tokens, [0, 0, END]);
    }
}
