//! Scoring: how probable a given text is, token by token and as a whole.
//!
//! Everything here is about tokens that follow something: the first of all tokens has nothing before it, no probability, and
//! no part in any sum.

mod audit;
mod windows;

use super::{Distribution, TokenId};

pub use audit::{AUDITS, AuditRow, Evidence, FILTERED_BY_DEFAULT, TokenEvidence, Verdict, audit};
pub use windows::{Window, windows};

/// How a token did under the model, given everything before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenFigures {
    /// log p, in nats: at most 0, minus infinity for a token that can't follow.
    pub logprob: f64,
    /// What log p can be at most, in nats: the same, or that of the last token of a list that does not have it.
    pub at_most: f64,
    /// Its place among all tokens by probability, from 1; `None` for a token that a list of the most probable ones does not have.
    pub rank: Option<usize>,
    /// Entropy of the distribution that it was looked up in, in nats: what was to be expected of −log p. A lower bound where
    /// tokens are missing from it.
    pub entropy: f64,
    /// The untouched logit. Good for nothing but the audit: logits of two positions can't be compared.
    pub logit: f64,
}

impl TokenFigures {
    /// Whether log p is known; it isn't of a token that the model does not list and can't be asked for.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.logprob == self.at_most
    }

    /// Looks a token up in the distribution of its position.
    #[must_use]
    pub fn of(token: TokenId, distribution: &Distribution) -> Self {
        let listed = distribution.known_rank(token).is_some();
        let last = distribution.ranked().last().filter(|_| !listed);
        Self {
            logprob: distribution.logprob(token),
            at_most: distribution.logprob(last.copied().unwrap_or(token)),
            rank: distribution.known_rank(token),
            entropy: distribution.entropy(),
            logit: distribution.logit(token),
        }
    }
}

/// What the tokens of a text come to.
///
/// ```
/// use logitscope::decode::scoring::Totals;
/// use logitscope::engine::score_text;
/// use logitscope::model::{SpecialTokens, table, unwatched};
///
/// let coin = "vocabulary = ['heads', 'tails']\n[[row]]\ncontext = []\nnext = { heads = 0.5, tails = 0.5 }";
/// let mut loaded = table::parse("coin.toml", coin)?;
/// let tokens = loaded.tokenizer.encode("heads tails tails", SpecialTokens::Auto)?;
/// let figures = score_text(&mut *loaded.model, &tokens, None, &mut unwatched)?;
///
/// // The first token of all, which begins the text, has nothing before it and no score.
/// let bytes = |id: &u32| loaded.tokenizer.piece(*id).bytes.len();
/// let scored = tokens.iter().zip(&figures).filter_map(|(id, figures)| Some((figures.as_ref()?.logprob, bytes(id))));
/// let totals = Totals::of(scored);
/// assert_eq!(totals.tokens, 3);
/// assert!((totals.perplexity() - 2.0).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Totals {
    /// Tokens that have a log-probability.
    pub tokens: usize,
    /// Bytes of the text that they are.
    pub bytes: usize,
    /// Σ log p, in nats, summed in the order of the text: the log-probability of the text, given what stood before it.
    pub sum_logprob: f64,
}

impl Totals {
    /// Sums up log-probabilities (nats), each with the number of bytes of its token.
    pub fn of(tokens: impl IntoIterator<Item = (f64, usize)>) -> Self {
        let nothing = Self { tokens: 0, bytes: 0, sum_logprob: 0.0 };
        tokens.into_iter().fold(nothing, |sum, (logprob, bytes)| Self {
            tokens: sum.tokens + 1,
            bytes: sum.bytes + bytes,
            sum_logprob: sum.sum_logprob + logprob,
        })
    }

    /// Σ log p / n, in nats for each token; 0 for no token.
    #[must_use]
    pub fn mean_logprob(&self) -> f64 {
        if self.tokens == 0 { 0.0 } else { self.sum_logprob / self.tokens as f64 }
    }

    /// exp(−mean): as many equally probable tokens would have surprised as much. From 1 to infinity.
    ///
    /// Jelinek et al. 1977, "Perplexity: a measure of the difficulty of speech recognition tasks".
    #[must_use]
    pub fn perplexity(&self) -> f64 {
        (-self.mean_logprob()).exp()
    }

    /// −Σ log₂ p / bytes: does not depend on how the text was cut into tokens. Nothing for a text without bytes.
    #[must_use]
    pub fn bits_per_byte(&self) -> Option<f64> {
        // Minus zero, for a text that is certain, would print as such.
        let bits = -self.sum_logprob / std::f64::consts::LN_2 + 0.0;
        (self.bytes > 0).then(|| bits / self.bytes as f64)
    }
}

/// The index of the highest number, the first among equals; nothing where there is none.
#[must_use]
pub fn best(values: &[f64]) -> Option<usize> {
    let better = |best: usize, i: usize| if values[i] > values[best] { i } else { best };
    (0..values.len()).reduce(better)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_by_hand() {
        let distribution = Distribution::from_logits(&[0.25f64.ln(), 0.5f64.ln(), 0.25f64.ln()]).unwrap();
        let figures = TokenFigures::of(2, &distribution);
        assert_eq!(figures.rank, Some(3));
        assert!((figures.logprob - 0.25f64.ln()).abs() < 1e-12);
        assert!((figures.entropy - 1.5 * 2f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn totals_by_hand() {
        let totals = Totals::of([(0.5f64.ln(), 1), (0.125f64.ln(), 3)]);
        assert!((totals.perplexity() - 4.0).abs() < 1e-12);
        assert!((totals.bits_per_byte().unwrap() - 1.0).abs() < 1e-12);
        assert!((totals.mean_logprob() + 2.0 * 2f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn nothing_and_the_impossible_have_totals_too() {
        let nothing = Totals::of([]);
        assert_eq!((nothing.sum_logprob, nothing.perplexity(), nothing.bits_per_byte()), (0.0, 1.0, None));
        let never = Totals::of([(f64::NEG_INFINITY, 1)]);
        assert_eq!((never.perplexity(), never.bits_per_byte()), (f64::INFINITY, Some(f64::INFINITY)));
        assert_eq!(Totals::of([(0.0, 2)]).bits_per_byte().unwrap().to_string(), "0");
    }

    #[test]
    fn the_first_of_equals_is_best() {
        assert_eq!(best(&[-2.0, -1.0, -1.0]), Some(1));
        assert_eq!(best(&[f64::NEG_INFINITY; 2]), Some(0));
        assert_eq!(best(&[]), None);
    }
}
