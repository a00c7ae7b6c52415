//! What a server says about the next token: its most probable ones, and by that how much is left for all others.

use std::sync::Arc;

use crate::decode::TokenId;

/// By how much a log-probability may be above 0, and a mass above 1, in single precision.
const ROUNDING: f64 = 1e-3;

/// Below this a rest is what rounding leaves.
const NOTHING: f64 = 1e-7;

/// What is as good as minus infinity: servers have numbers for it, −9999 or the lowest of their type.
const NEVER: f64 = -1000.0;

/// Tokens with log p in nats, at most 0, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct List {
    listed: Vec<(TokenId, f64)>,
    /// A token that is not among the most probable, but of which the server told as well.
    pub(super) beyond: Option<(TokenId, f64)>,
}

impl List {
    /// Checks what a server says.
    ///
    /// # Errors
    /// No token, one twice, a number that is no log-probability, or more than all probability there is.
    pub(super) fn new(mut listed: Vec<(TokenId, f64)>) -> Result<Self, String> {
        if let Some((id, logprob)) = listed.iter().find(|(_, logprob)| logprob.is_nan() || *logprob > ROUNDING) {
            return Err(format!("it says that log p of token {id} is {logprob}, which no log-probability is"));
        }
        listed.retain(|(_, logprob)| *logprob > NEVER);
        for (_, logprob) in &mut listed {
            *logprob = logprob.min(0.0);
        }
        listed.sort_unstable_by_key(|(id, _)| *id);
        if let Some(twice) = listed.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(format!("it lists token {} twice", twice[0].0));
        }
        let list = Self { listed, beyond: None };
        match list.mass() {
            mass if mass > 1.0 + ROUNDING => Err(format!("the probabilities that it lists sum to {mass:.4}, above 1")),
            _ if list.listed.is_empty() => {
                Err("it gives no log-probabilities: it may have to be started so that it does".into())
            }
            _ => Ok(list),
        }
    }

    /// Takes a token out that the server lists only because it was asked for.
    pub(super) fn with_beyond(mut self, beyond: Option<TokenId>) -> Self {
        let place = beyond.and_then(|beyond| self.listed.iter().position(|(id, _)| *id == beyond));
        self.beyond = place.map(|place| self.listed.remove(place));
        self
    }

    fn mass(&self) -> f64 {
        self.listed.iter().map(|(_, logprob)| logprob.exp()).sum()
    }

    /// As logits: log p of what is listed, that of the rest on the last place, and minus infinity for what is not listed. Shape:
    /// `[vocab_size]`.
    pub(super) fn logits(&self, vocab_size: usize) -> Arc<[f32]> {
        let mut logits = vec![f32::NEG_INFINITY; vocab_size];
        for &(id, logprob) in &self.listed {
            logits[id as usize] = logprob as f32;
        }
        let rest = 1.0 - self.mass();
        if rest > NOTHING && self.listed.len() + 1 < vocab_size {
            logits[vocab_size - 1] = rest.ln() as f32;
        }
        logits.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_by_hand() {
        let list = List::new(vec![(2, 0.5f64.ln()), (0, 0.25f64.ln()), (1, -1e30)]).unwrap();
        let logits = list.logits(6);
        let close = |i: usize, p: f64| assert!((f64::from(logits[i]) - p.ln()).abs() < 1e-6);
        close(0, 0.25);
        close(2, 0.5);
        close(5, 0.25);
        assert_eq!((logits[1], logits[3], logits[4]), (f32::NEG_INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY));
        let sure = List::new(vec![(0, 1e-7)]).unwrap().logits(3);
        assert_eq!((sure[0], sure[2]), (0.0, f32::NEG_INFINITY));
        let whole = List::new(vec![(0, 0.5f64.ln()), (1, 0.499f64.ln())]).unwrap().logits(3);
        assert_eq!(whole[2], f32::NEG_INFINITY, "nothing is left that could be the rest");
        let beyond = List::new(vec![(0, -0.1), (1, -9.0)]).unwrap().with_beyond(Some(1));
        assert_eq!((beyond.beyond, beyond.logits(3)[1]), (Some((1, -9.0)), f32::NEG_INFINITY));
    }

    #[test]
    fn lies_are_found() {
        let says = |listed: &[(TokenId, f64)]| List::new(listed.to_vec()).unwrap_err();
        assert!(says(&[(3, 0.5)]).contains("log p of token 3 is 0.5"));
        assert!(says(&[(3, f64::NAN)]).contains("NaN"));
        assert!(says(&[(3, -0.1), (4, -0.2)]).contains("sum to 1.7236, above 1"));
        assert!(says(&[(3, -1.0), (3, -1.0)]).contains("token 3 twice"));
        assert!(says(&[]).contains("no log-probabilities") && says(&[(1, -9999.0)]).contains("no log-probabilities"));
    }
}
