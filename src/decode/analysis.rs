//! One decision with its full explanation: what every stage of the chain did to every token.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use super::sampler::{Draw, crossing};
use super::scan::LogSum;
use super::{Candidates, Chain, Context, DecodeError, Distribution, TokenId, by_score};

/// What one stage of the chain did.
#[derive(Clone, Debug, PartialEq)]
pub struct StageTrace {
    /// The processor's name.
    pub name: &'static str,
    /// Name and value, as in `top_k=40`.
    pub label: String,
    /// Tokens left after it.
    pub kept: usize,
    /// Tokens that it removed.
    pub removed: usize,
    /// Probability of what it removed, of what entered it, normalized.
    pub removed_mass: f64,
    /// Entropy of what entered it, in nats.
    pub entropy_before: f64,
    /// Entropy of what left it, in nats.
    pub entropy: f64,
    /// What a token had to reach, in the unit of the row's `measure`.
    pub limit: Option<f64>,
    /// Whether it may have had to keep tokens that the model does not list, which are never chosen.
    pub reaches_rest: bool,
    /// Whether the mass of what the model does not list still counts after it, so that entropies are lower bounds.
    pub counts_rest: bool,
}

/// Why a token is out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Removal {
    /// The index of the stage that removed it.
    pub stage: usize,
    /// What was measured and what would have been enough, in the unit of the row's `measure`; nothing where the stage removes
    /// outright.
    pub margin: Option<Margin>,
}

/// A figure and the limit that it missed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margin {
    /// The token's own figure.
    pub measured: f64,
    /// What would have been enough.
    pub limit: f64,
}

/// The model's distribution, what the chain made of it, and how.
///
/// ```
/// use std::sync::Arc;
/// use logitscope::decode::{Analysis, Chain, Context, Distribution};
///
/// let model = Arc::new(Distribution::from_logits(&[0.5f64.ln(), 0.3f64.ln(), 0.15f64.ln(), 0.05f64.ln()])?);
/// let analysis = Analysis::new(model, &Chain::parse("top_k=3,top_p=0.8")?, Context::default())?;
/// assert_eq!(analysis.kept(), [0, 1]);
/// assert!((analysis.sampling_prob(0) - 0.5 / 0.8).abs() < 1e-12); // the model's own is still 0.5
///
/// // Who removed a token, and by how much it fell short.
/// let removal = analysis.removal(2).unwrap();
/// assert_eq!(analysis.stages()[removal.stage].label, "top_p=0.8");
/// assert!(removal.margin.unwrap().measured < removal.margin.unwrap().limit);
///
/// // A random number falls into the interval of a token.
/// let draw = analysis.draw(0.7);
/// assert_eq!(draw.token, 1);
/// assert!(draw.low <= 0.7 && 0.7 < draw.high);
/// # Ok::<(), logitscope::decode::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Analysis {
    model: Arc<Distribution>,
    candidates: Candidates,
    normalizer: LogSum,
    /// The best of the survivors, in order: mostly enough to choose from.
    head: Vec<TokenId>,
    kept: OnceLock<Vec<TokenId>>,
    stages: Vec<StageTrace>,
    /// What entered each stage.
    entered: Vec<LogSum>,
}

/// Survivors that are put in order at once.
const HEAD: usize = 64;

/// As many as are put in order for a draw beyond them.
const WIDER: [usize; 3] = [192, 512, 4096];

impl Analysis {
    /// Runs the chain over the model's distribution.
    ///
    /// # Errors
    /// A stage that leaves no token, or that names a token outside of the vocabulary.
    pub fn new(model: Arc<Distribution>, chain: &Chain, context: Context<'_>) -> Result<Self, DecodeError> {
        let mut candidates = Candidates::of(&model);
        let mut normalizer = model.normalizer();
        let mut stages = Vec::with_capacity(chain.stages().len());
        let mut entered = Vec::with_capacity(chain.stages().len());
        for (index, stage) in chain.stages().iter().enumerate() {
            candidates.begin_stage(index);
            let rest = candidates.rest_score();
            let limit = stage.processor().apply(&mut candidates, context)?;
            let cut = rest.filter(|_| candidates.rest_score().is_none());
            let removed = candidates.removed_now();
            let removed_mass = removed.mass + cut.map_or(0.0, |rest| normalizer.prob(rest));
            let entropy_before = normalizer.entropy();
            entered.push(normalizer);
            normalizer = candidates.normalizer();
            if normalizer.max == f64::NEG_INFINITY {
                return Err(DecodeError::NothingLeft { stage: stage.to_string() });
            }
            stages.push(StageTrace {
                name: stage.row().name,
                label: stage.to_string(),
                kept: candidates.count(),
                removed: removed.count,
                removed_mass,
                entropy_before,
                entropy: normalizer.entropy(),
                limit,
                reaches_rest: candidates.has_reached_rest(),
                counts_rest: candidates.rest_score().is_some(),
            });
        }
        if candidates.rest_score().is_some() {
            candidates.drop_rest();
            normalizer = candidates.normalizer();
        }
        Ok(Self::of_parts(model, candidates, normalizer, (stages, entered)))
    }

    pub(super) fn of_parts(
        model: Arc<Distribution>,
        candidates: Candidates,
        normalizer: LogSum,
        (stages, entered): (Vec<StageTrace>, Vec<LogSum>),
    ) -> Self {
        let head = candidates.best(HEAD);
        Self { model, candidates, normalizer, head, kept: OnceLock::new(), stages, entered }
    }

    /// The model's own distribution, before the chain.
    #[must_use]
    pub fn model(&self) -> &Arc<Distribution> {
        &self.model
    }

    /// The tokens that no stage removed, the most probable after the chain first. Sorted at the first call, then kept.
    #[must_use]
    pub fn kept(&self) -> &[TokenId] {
        self.kept.get_or_init(|| self.candidates.all_ranked())
    }

    /// What each stage did, first to last.
    #[must_use]
    pub fn stages(&self) -> &[StageTrace] {
        &self.stages
    }

    /// The logit of a token as the chain left it; that of a removed one as it was when it was removed.
    #[must_use]
    pub fn score(&self, id: TokenId) -> f64 {
        self.candidates.score(id)
    }

    /// log p of a token after the chain, in nats; minus infinity for a removed one.
    #[must_use]
    pub fn sampling_logprob(&self, id: TokenId) -> f64 {
        if self.candidates.is_alive(id) {
            self.normalizer.logprob(self.candidates.score(id))
        } else {
            f64::NEG_INFINITY
        }
    }

    /// p of a token after the chain; 0 for a removed one.
    #[must_use]
    pub fn sampling_prob(&self, id: TokenId) -> f64 {
        self.sampling_logprob(id).exp()
    }

    /// Entropy after the chain, in nats.
    #[must_use]
    pub fn sampling_entropy(&self) -> f64 {
        self.normalizer.entropy()
    }

    /// Which stage removed a token, and by what margin; `None` for a token that is left.
    #[must_use]
    pub fn removal(&self, id: TokenId) -> Option<Removal> {
        let (stage, measured) = self.candidates.removal(id)?;
        let limit = self.stages.get(stage).and_then(|trace| trace.limit);
        let margin = limit.filter(|_| !measured.is_nan()).map(|limit| Margin { measured, limit });
        Some(Removal { stage, margin })
    }

    /// Of what entered the stage that removed a token, the probability of all tokens before it: what `top_p` compares with its
    /// limit. `None` for a token that is left. Costs a pass over the vocabulary.
    #[must_use]
    pub fn mass_before(&self, id: TokenId) -> Option<f64> {
        let (stage, _) = self.candidates.removal(id)?;
        let (entered, trace) = (self.entered.get(stage)?, self.stages.get(stage)?);
        let score = |id: TokenId| (self.candidates.score(id), id);
        let beside = |other: &TokenId| self.candidates.removal(*other).is_some_and(|(of, _)| of == stage);
        let before = |other: &TokenId| by_score(score(*other), score(id)) == Ordering::Less;
        let removed = (0..self.model.vocab_size() as TokenId).filter(|other| before(other) && beside(other));
        let removed: f64 = removed.map(|other| entered.prob(self.candidates.score(other))).sum();
        Some((1.0 - trace.removed_mass + removed).clamp(0.0, 1.0))
    }

    /// The token that the chain likes best; among equals the lowest id.
    #[must_use]
    pub fn greedy(&self) -> TokenId {
        self.head.first().copied().unwrap_or_default()
    }

    /// The `n` tokens that the chain likes best, in order; of equal ones the lower id first. Fewer where fewer are left.
    #[must_use]
    pub fn best(&self, n: usize) -> &[TokenId] {
        let among = if n <= self.head.len() { &self.head } else { self.kept() };
        &among[..n.min(among.len())]
    }

    /// The first token, in descending sampling probability, whose cumulative probability exceeds `u`, which is in [0, 1).
    #[must_use]
    pub fn draw(&self, u: f64) -> Draw {
        let among = |ids: &[TokenId]| match crossing(u, ids.iter().map(|&id| (id, self.sampling_prob(id)))) {
            Ok(found) => Some(Some(found)),
            Err(last) => (ids.len() == self.candidates.count()).then_some(last),
        };
        // The further down the order the draw falls, the more of it is needed.
        let more = || WIDER.iter().find_map(|&n| among(&self.candidates.best(n)));
        let known = self.kept.get().and_then(|kept| among(kept));
        let found = known.or_else(|| among(&self.head)).or_else(more).unwrap_or_else(|| among(self.kept()).flatten());
        found.unwrap_or(Draw { u, low: 0.0, high: 1.0, token: self.greedy() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0.4, 0.2 and 0.1 are listed, 0.3 is the rest.
    fn partial(chain: &str) -> Result<Analysis, DecodeError> {
        let logits = [0.4f64, 0.2, 0.1, 0.0, 0.3].map(f64::ln);
        let model = Arc::new(Distribution::from_logits(&logits).unwrap().with_rest(Some(4)));
        Analysis::new(model, &Chain::parse(chain).unwrap(), Context::default())
    }

    #[test]
    fn filters_count_what_is_not_listed_but_never_choose_it() {
        let close = |got: f64, want: f64| assert!((got - want).abs() < 1e-12, "{got} is not {want}");
        let plain = partial("").unwrap();
        assert_eq!((plain.kept(), plain.removal(4)), (&[0, 1, 2][..], None));
        close(plain.sampling_prob(0), 0.4 / 0.7);
        assert_eq!((plain.sampling_prob(4), plain.draw(0.999).token), (0.0, 2));
        // 0.55 of everything: among the three alone 0.4 would be 0.57, and enough.
        let nucleus = partial("top_p=0.55").unwrap();
        assert_eq!(nucleus.kept(), [0, 1]);
        let stage = &nucleus.stages()[0];
        close(stage.removed_mass, 0.4);
        assert!(!stage.reaches_rest);
        assert!(partial("top_p=0.8").unwrap().stages()[0].reaches_rest);
        // Three of 0.1 stand for the rest; squared they are 0.03 beside 0.16, 0.04 and 0.01.
        let sharp = partial("temperature=0.5,top_p=0.7").unwrap();
        assert_eq!(sharp.kept(), [0, 1]);
        close(sharp.stages()[1].removed_mass, 0.04 / 0.24);
    }

    #[test]
    fn a_filter_that_keeps_the_whole_list_says_whether_it_wanted_more() {
        let reaches = |chain: &str| partial(chain).unwrap().stages().iter().any(|stage| stage.reaches_rest);
        assert!(reaches("top_k=4") && reaches("temperature=2,min_p=0.01") && reaches("epsilon_cutoff=0.0001"));
        assert!(!reaches("top_k=3") && !reaches("top_k=2,top_p=0.999") && !reaches("top_p=1") && !reaches("top_k=0"));
    }

    #[test]
    fn the_mass_before_a_removed_token_by_hand() {
        let logits = [0.5f64, 0.25, 0.15, 0.06, 0.04].map(f64::ln);
        let analysis = |chain: &str| {
            let model = Arc::new(Distribution::from_logits(&logits).unwrap());
            Analysis::new(model, &Chain::parse(chain).unwrap(), Context::default()).unwrap()
        };
        let close = |got: Option<f64>, want: f64| assert!((got.unwrap() - want).abs() < 1e-12, "{got:?} is not {want}");
        let one = analysis("top_p=0.8");
        assert_eq!(one.mass_before(2), None);
        close(one.mass_before(3), 0.9);
        close(one.mass_before(4), 0.96);
        // Of what entered: two of the three that top_k leaves have 0.75 of 0.9.
        let two = analysis("top_k=3,top_p=0.7,temperature=0.5");
        close(two.mass_before(2), 0.75 / 0.9);
        close(two.mass_before(4), 0.96);
    }
}
