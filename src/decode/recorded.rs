//! A decision that was written down: what a list of tokens says of a distribution that is not there any more.

use std::sync::Arc;

use super::analysis::StageTrace;
use super::scan::LogSum;
use super::{Analysis, Candidates, Distribution, TokenId};

/// A token of the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordedToken {
    /// The token.
    pub id: TokenId,
    /// Its untouched logit; `None` where it is not known.
    pub logit: Option<f64>,
    /// log p under the model, in nats.
    pub logprob: f64,
    /// log p after the chain, in nats.
    pub sampling_logprob: f64,
    /// The index of the stage that removed it.
    pub removed_by: Option<usize>,
}

impl Analysis {
    /// The decision that was recorded, over a vocabulary of that size: only the tokens of the list have a probability, and
    /// what is missing to 1 belongs to the others. Entropies in nats. Ids outside of the vocabulary are left out.
    #[must_use]
    pub fn recorded(
        vocab_size: usize,
        tokens: &[RecordedToken],
        (entropy, sampling_entropy): (f64, f64),
        stages: Vec<StageTrace>,
    ) -> Self {
        let tokens: Vec<RecordedToken> =
            tokens.iter().filter(|token| (token.id as usize) < vocab_size).copied().collect();
        // log Σ exp(z) of all logits, those included that nobody wrote down.
        let of = |token: &RecordedToken| token.logit.map(|logit| logit - token.logprob).filter(|z| z.is_finite());
        let log_sum = tokens.iter().find_map(of).unwrap_or(0.0);
        let mut logits = vec![f64::NEG_INFINITY; vocab_size];
        for token in &tokens {
            logits[token.id as usize] = token.logprob + log_sum;
        }
        let ids = tokens.iter().map(|token| token.id).collect();
        let model = Distribution::recorded(&logits, LogSum::known(log_sum, entropy), ids);
        let mut candidates = Candidates::new(&[]);
        candidates.recorded(vocab_size, &tokens);
        Self::of_parts(Arc::new(model), candidates, LogSum::known(0.0, sampling_entropy), (stages, Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Chain, Context};

    #[test]
    fn what_was_listed_comes_back_and_the_rest_is_one_mass() {
        let logits = [1.0, 3.0, 0.5, 2.0, -1.0, 0.0];
        let model = Arc::new(Distribution::from_logits(&logits).unwrap());
        let chain = Chain::parse("temperature=0.7,top_k=2").unwrap();
        let told = Analysis::new(Arc::clone(&model), &chain, Context::default()).unwrap();
        let token = |&id: &TokenId| RecordedToken {
            id,
            logit: Some(model.logit(id)),
            logprob: model.logprob(id),
            sampling_logprob: told.sampling_logprob(id),
            removed_by: told.removal(id).map(|removal| removal.stage),
        };
        let tokens: Vec<_> = model.top(3).iter().map(token).collect();
        let entropies = (model.entropy(), told.sampling_entropy());
        let again = Analysis::recorded(6, &tokens, entropies, told.stages().to_vec());
        assert_eq!(again.model().ranked(), [1, 3, 0]);
        assert_eq!(again.kept(), told.kept());
        assert_eq!((again.greedy(), again.draw(0.9).token), (told.greedy(), told.draw(0.9).token));
        assert_eq!((again.model().entropy(), again.sampling_entropy()), entropies);
        for id in [1, 3, 0] {
            assert!((again.model().prob(id) - model.prob(id)).abs() < 1e-15);
            assert!((again.model().logit(id) - model.logit(id)).abs() < 1e-12);
            assert!((again.sampling_prob(id) - told.sampling_prob(id)).abs() < 1e-15);
            assert_eq!(again.removal(id).map(|removal| removal.stage), told.removal(id).map(|removal| removal.stage));
        }
        assert_eq!((again.model().prob(4), again.sampling_prob(4), again.model().vocab_size()), (0.0, 0.0, 6));
    }

    #[test]
    fn nothing_listed_is_no_panic() {
        let empty = Analysis::recorded(3, &[], (0.0, 0.0), Vec::new());
        assert_eq!((empty.model().ranked().len(), empty.kept().len(), empty.draw(0.5).token), (0, 0, 0));
        let outside = RecordedToken { id: 9, logit: None, logprob: -1.0, sampling_logprob: -1.0, removed_by: None };
        assert!(Analysis::recorded(0, &[outside], (0.0, 0.0), Vec::new()).kept().is_empty());
    }
}
