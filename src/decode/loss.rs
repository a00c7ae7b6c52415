//! Cross-entropy: what training makes small, and the direction in which it pushes every logit.

use super::{DecodeError, Distribution, TokenId};

/// The loss of one prediction, and its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossEntropy {
    /// softmax(z / T). Shape: `[vocab_size]`.
    pub probs: Vec<f64>,
    /// −log p of the token that came, in nats: from 0 to infinity.
    pub loss: f64,
    /// ∂ loss / ∂ z, by token id: each from −1/T to 1/T, their sum 0. Shape: `[vocab_size]`.
    pub gradient: Vec<f64>,
}

/// The loss −log softmax(z / T)_y of logits z when token y came, and its gradient `(p_i − 1{i = y}) / T`.
///
/// Source: Goodfellow, Bengio and Courville 2016, "Deep Learning", section 6.2.2.3; the division by T is the chain rule, as in
/// Hinton, Vinyals and Dean 2015, arXiv:1503.02531.
///
/// # Errors
/// Logits that are no distribution, a target outside of the vocabulary, or a temperature that is not above 0 and finite.
pub fn cross_entropy(logits: &[f64], target: TokenId, temperature: f64) -> Result<CrossEntropy, DecodeError> {
    if !(temperature > 0.0 && temperature.is_finite()) {
        let wrong = "out of range: the gradient needs a temperature above 0".into();
        return Err(DecodeError::BadValue { name: "temperature".into(), value: temperature.to_string(), wrong });
    }
    if target as usize >= logits.len() {
        return Err(DecodeError::BadToken { what: "target", id: target, vocab_size: logits.len() });
    }
    let scaled: Vec<f64> = logits.iter().map(|z| z / temperature).collect();
    let distribution = Distribution::from_logits(&scaled)?;
    let ids = 0..logits.len() as TokenId;
    let probs: Vec<f64> = ids.clone().map(|id| distribution.prob(id)).collect();
    let slope = |(id, p): (TokenId, &f64)| (p - f64::from(u8::from(id == target))) / temperature;
    let gradient = ids.zip(&probs).map(slope).collect();
    // Minus zero, for a token that is certain, would print as such.
    Ok(CrossEntropy { loss: -distribution.logprob(target) + 0.0, gradient, probs })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_hand() {
        // p = (½, ¼, ¼)
        let logits = [2f64.ln(), 0.0, 0.0];
        let at = cross_entropy(&logits, 1, 1.0).unwrap();
        assert!((at.loss - 4f64.ln()).abs() < 1e-12);
        for (slope, want) in at.gradient.iter().zip([0.5, -0.75, 0.25]) {
            assert!((slope - want).abs() < 1e-12);
        }
        // At T = ½ the odds are squared: p = (⅔, ⅙, ⅙), and the slope doubles.
        let sharp = cross_entropy(&logits, 1, 0.5).unwrap();
        for (slope, want) in sharp.gradient.iter().zip([4.0 / 3.0, -5.0 / 3.0, 1.0 / 3.0]) {
            assert!((slope - want).abs() < 1e-12);
        }
        assert_eq!(cross_entropy(&[1000.0, 0.0], 0, 1.0).unwrap().loss.to_string(), "0");
    }

    #[test]
    fn refusals_name_the_value() {
        let refused = |target, temperature| cross_entropy(&[0.0, 1.0], target, temperature).unwrap_err().to_string();
        assert_eq!(refused(2, 1.0), "target: token 2 is outside of the vocabulary of 2");
        assert!(refused(0, 0.0).starts_with("temperature: `0` is out of range"));
        assert!(refused(0, f64::NAN).starts_with("temperature: `NaN` is out of range"));
        assert!(cross_entropy(&[], 0, 1.0).is_err());
    }

    proptest! {
        #[test]
        fn the_gradient_is_the_slope(
            logits in prop::collection::vec(-5.0..5.0f64, 2..9), target in 0..9usize, temperature in 0.3..4.0f64,
        ) {
            let target = (target % logits.len()) as TokenId;
            let at = cross_entropy(&logits, target, temperature).unwrap();
            prop_assert!(at.gradient.iter().sum::<f64>().abs() < 1e-9);
            let h = 1e-5;
            for (id, slope) in at.gradient.iter().enumerate() {
                let moved = |by: f64| {
                    let mut moved = logits.clone();
                    moved[id] += by;
                    cross_entropy(&moved, target, temperature).unwrap().loss
                };
                prop_assert!(((moved(h) - moved(-h)) / (2.0 * h) - slope).abs() < 1e-6);
            }
        }
    }
}
