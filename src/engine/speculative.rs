//! Speculative decoding over two models: the draft reads token by token, the target all drafted tokens in one pass.

use std::sync::Arc;

use crate::decode::speculative::{Drafted, Proposal, Verdict, acceptance, correction};
use crate::decode::strategy::Choice;
use crate::decode::{Analysis, TokenId, drafting, verifying};
use crate::model::{CacheNode, LanguageModel, Positions, Run, Tokenizer, unwatched};

use super::EngineError;
use super::generate::{Generated, PromptRead, Request, no_logits};
use super::growing::{Growing, Observe, StepDetail};

/// How drafted tokens are chosen and verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// A token is accepted where it is the target's own choice: the result is that of greedy search.
    Greedy,
    /// A token is accepted by chance: the result is distributed as that of sampling.
    Sampled {
        /// The seed of all draws.
        seed: u64,
    },
}

/// What speculative decoding is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speculation {
    /// The most tokens drafted in a round, at least 1.
    pub assistant_tokens: usize,
    /// How they are chosen and verified. The request's strategy is the one that goes with it.
    pub verification: Verification,
}

/// How much of the draft was of use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpeculativeCount {
    /// Passes of the target.
    pub rounds: usize,
    /// Tokens drafted, those after a rejected one included.
    pub drafted: usize,
    /// Tokens accepted.
    pub accepted: usize,
    /// Tokens generated.
    pub tokens: usize,
}

/// A model that has read the prompt, and how far it has read what follows.
pub struct Reader<'a> {
    model: &'a mut dyn LanguageModel,
    prompt: &'a PromptRead,
    /// For each token of the output that it has read the node after it.
    nodes: Vec<CacheNode>,
}

impl<'a> Reader<'a> {
    /// Nothing but the prompt.
    pub fn new(model: &'a mut dyn LanguageModel, prompt: &'a PromptRead) -> Self {
        Self { model, prompt, nodes: Vec::new() }
    }

    /// Tokens that it can still read after `output`.
    fn room(&self, output: usize) -> usize {
        self.model.info().context_length.saturating_sub(self.prompt.scores.len() + output)
    }

    /// Logits after each of the last `wanted` tokens of the prompt and `output` together; only what is new is read, in one pass.
    fn read(&mut self, output: &[TokenId], wanted: usize) -> Result<Vec<Arc<[f32]>>, EngineError> {
        let fresh = output.get(self.nodes.len()..).unwrap_or_default();
        let mut logits = if self.nodes.is_empty() { vec![Arc::clone(&self.prompt.logits)] } else { Vec::new() };
        if !fresh.is_empty() {
            let after = Some(self.nodes.last().copied().unwrap_or(self.prompt.end));
            let positions = if wanted == 1 { Positions::Last } else { Positions::All };
            let run = Run { after, tokens: fresh, logits: positions };
            let outputs = self.model.forward(&[run], &mut unwatched).map_err(EngineError::from_model)?;
            for read in outputs {
                self.nodes.extend(read.nodes);
                logits.extend(read.logits);
            }
        }
        let first = logits.len().checked_sub(wanted).ok_or_else(no_logits)?;
        Ok(logits.split_off(first))
    }

    /// Goes back to the first `kept` tokens of the output. What was read after them leaves the cache.
    fn keep(&mut self, kept: usize) {
        if kept < self.nodes.len() {
            self.nodes.truncate(kept);
            self.model.retain(&[self.prompt.end, self.nodes.last().copied().unwrap_or(self.prompt.end)]);
        }
    }
}

/// A drafted token, and what the draft model thought of it.
struct Draft {
    token: TokenId,
    analysis: Analysis,
}

/// Generates one sequence after a prompt that both models have read, and shows every token to `observe`: the drafted ones that
/// the target accepts, the one in place of the first that it rejects, or one more where it accepts all.
///
/// What else the two models have read after other prompts may be forgotten on the way.
///
/// # Errors
/// As [`super::generate`].
pub fn generate_speculatively(
    (target, draft): (Reader<'_>, Reader<'_>),
    tokenizer: &dyn Tokenizer,
    request: &Request<'_>,
    speculation: Speculation,
    observe: &mut Observe<'_>,
) -> Result<(Generated, SpeculativeCount), EngineError> {
    let growing = Growing::new(target.model.info(), tokenizer, request)?;
    let Speculation { assistant_tokens, verification } = speculation;
    let count = SpeculativeCount::default();
    let mut work = Work { target, draft, growing, sequence: request.sequence, assistant_tokens, verification, count };
    while work.growing.finish().is_none() {
        work.round(observe)?;
        work.count.rounds += 1;
    }
    work.count.tokens = work.growing.step();
    Ok((work.growing.finished(), work.count))
}

struct Work<'t, 'd, 'r> {
    target: Reader<'t>,
    draft: Reader<'d>,
    growing: Growing<'r>,
    sequence: u64,
    assistant_tokens: usize,
    verification: Verification,
    count: SpeculativeCount,
}

impl Work<'_, '_, '_> {
    /// Drafts, and has the target decide.
    fn round(&mut self, observe: &mut Observe<'_>) -> Result<(), EngineError> {
        let before = self.growing.step();
        let drafts = self.drafts()?;
        self.count.drafted += drafts.len();
        let mut output = self.growing.output().to_vec();
        output.extend(drafts.iter().map(|draft| draft.token));
        let logits = self.target.read(&output, drafts.len() + 1)?;
        let accepted = self.verify(&drafts, &logits, observe)?;
        self.count.accepted += accepted;
        self.target.keep(before + accepted);
        self.draft.keep(before + accepted);
        Ok(())
    }

    /// The tokens that the draft model would go on with: fewer than asked for where the text would end, or where there is no room
    /// for them and one more.
    fn drafts(&mut self) -> Result<Vec<Draft>, EngineError> {
        let mut trial = self.growing.clone();
        let most = self.assistant_tokens.min(trial.room().saturating_sub(1));
        let mut drafts = Vec::new();
        while drafts.len() < most && trial.finish().is_none() && self.draft.room(trial.step()) > 0 {
            let logits = self.draft.read(trial.output(), 1)?;
            let analysis = trial.analyse(logits.first().ok_or_else(no_logits)?)?;
            let token = match self.verification {
                Verification::Greedy => trial.choose(&analysis).token,
                Verification::Sampled { seed } => {
                    // A step that is drafted again, after a rejection before it, meets the same number: nothing came of the first.
                    analysis.draw(drafting(seed, self.sequence, trial.step() as u64)).token
                }
            };
            trial.push(&analysis, token);
            drafts.push(Draft { token, analysis });
        }
        Ok(drafts)
    }

    /// Takes the drafted tokens up to the first that is rejected, and one of the target's own. Gives the number accepted.
    fn verify(
        &mut self,
        drafts: &[Draft],
        logits: &[Arc<[f32]>],
        observe: &mut Observe<'_>,
    ) -> Result<usize, EngineError> {
        let round = self.count.rounds;
        for (accepted, (draft, logits)) in drafts.iter().zip(logits).enumerate() {
            let analysis = self.growing.analyse(logits)?;
            let (choice, drafted) = self.verdict(draft, &analysis);
            let proposal = Proposal { round, drafted: Some(drafted) };
            let finish = self.growing.take(&analysis, choice, StepDetail::Speculative(&proposal), observe)?;
            match (drafted.verdict, finish) {
                (Verdict::Rejected, _) => return Ok(accepted),
                (Verdict::Accepted, Some(_)) => return Ok(accepted + 1),
                (Verdict::Accepted, None) => {}
            }
        }
        let analysis = self.growing.analyse(logits.last().ok_or_else(no_logits)?)?;
        let choice = self.growing.choose(&analysis);
        let proposal = Proposal { round, drafted: None };
        self.growing.take(&analysis, choice, StepDetail::Speculative(&proposal), observe)?;
        Ok(drafts.len())
    }

    /// What the target makes of a drafted token, and the token that comes.
    fn verdict(&self, draft: &Draft, target: &Analysis) -> (Choice, Drafted) {
        let token = draft.token;
        let (p, q) = (target.sampling_prob(token), draft.analysis.sampling_prob(token));
        let step = self.growing.step() as u64;
        let own = self.growing.choose(target);
        let (acceptance, u) = match self.verification {
            Verification::Greedy => (if own.token == token { 1.0 } else { 0.0 }, None),
            Verification::Sampled { seed } => (acceptance(p, q), Some(verifying(seed, self.sequence, step))),
        };
        let verdict = if u.unwrap_or(0.0) < acceptance { Verdict::Accepted } else { Verdict::Rejected };
        let choice = match (verdict, own.draw) {
            (Verdict::Accepted, _) => Choice { token, draw: None },
            (Verdict::Rejected, None) => own,
            // The number that would have drawn from p draws from what is left of it.
            (Verdict::Rejected, Some(own)) => {
                let draw = correction(target, &draft.analysis, own.u);
                Choice { token: draw.token, draw: Some(draw) }
            }
        };
        (choice, Drafted { token, draft_prob: q, target_prob: p, acceptance, u, verdict })
    }
}
