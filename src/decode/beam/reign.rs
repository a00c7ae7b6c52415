//! Which hypothesis wins at which α.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use super::norm::{Length, LengthNorm};

/// A hypothesis as a length norm sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contender {
    /// Σ of what the search added up, in nats.
    pub sum: f64,
    /// What counts as its length.
    pub length: Length,
}

/// A stretch of α in which one hypothesis scores highest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reign {
    /// Where it begins; it ends where the next one begins.
    pub from: f64,
    /// The index of the hypothesis.
    pub winner: usize,
}

/// Who wins from the lowest α to the highest, in ascending order of α; nothing where there are no contenders. Of equal ones the
/// first wins.
///
/// The score of a sum s at a length with divisor d^α is s/d^α. For s < 0 its logarithm ln(−s) − α ln d is a line in α, the
/// lowest of which wins: two hypotheses change places at α = ln(s₁/s₂) / ln(d₁/d₂), and the winners are the lower envelope of
/// all lines. Sums above 0, which processors can make, win over all others, and among themselves in the same way with the signs
/// turned.
#[must_use]
pub fn reigns(norm: LengthNorm, contenders: &[Contender], alphas: RangeInclusive<f64>) -> Vec<Reign> {
    let lines = lines(norm, contenders);
    let lowest = *alphas.start();
    let at_start = |a: &&Line, b: &&Line| {
        let order = a.at(lowest).total_cmp(&b.at(lowest));
        order.then(a.slope.total_cmp(&b.slope)).then(a.index.cmp(&b.index))
    };
    let Some(mut line) = lines.iter().min_by(at_start) else { return Vec::new() };
    let mut reigns = vec![Reign { from: lowest, winner: line.index }];
    let mut from = lowest;
    while let Some((crossing, next)) = line.overtaken(&lines).filter(|(crossing, _)| crossing <= alphas.end()) {
        from = crossing.max(from);
        line = next;
        reigns.push(Reign { from, winner: line.index });
    }
    reigns
}

/// What is to be lowest: `height` + α·`slope`.
struct Line {
    height: f64,
    slope: f64,
    index: usize,
}

impl Line {
    fn at(&self, alpha: f64) -> f64 {
        self.height + alpha * self.slope
    }

    /// The first line that gets below this one as α grows, and where: only a steeper one can.
    fn overtaken<'a>(&self, lines: &'a [Self]) -> Option<(f64, &'a Self)> {
        let crossing = |line: &'a Self| ((line.height - self.height) / (self.slope - line.slope), line);
        let order = |a: &(f64, &Self), b: &(f64, &Self)| -> Ordering {
            a.0.total_cmp(&b.0).then(a.1.slope.total_cmp(&b.1.slope)).then(a.1.index.cmp(&b.1.index))
        };
        lines.iter().filter(|line| line.slope < self.slope).map(crossing).min_by(order)
    }
}

/// The lines of those that can win at all.
fn lines(norm: LengthNorm, contenders: &[Contender]) -> Vec<Line> {
    let sign = |sum: f64| sum.partial_cmp(&0.0).filter(|_| sum.is_finite());
    let best = contenders.iter().filter_map(|contender| sign(contender.sum)).max();
    let line = |(index, contender): (usize, &Contender)| {
        let turned = match sign(contender.sum).filter(|sign| Some(*sign) == best)? {
            Ordering::Less => 1.0,
            Ordering::Greater => -1.0,
            Ordering::Equal => return Some(Line { height: 0.0, slope: 0.0, index }),
        };
        let divisor = norm.divisor(1.0, contender.length).ln();
        Some(Line { height: turned * contender.sum.abs().ln(), slope: -turned * divisor, index })
    };
    contenders.iter().enumerate().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contender((sum, generated): (f64, usize)) -> Contender {
        Contender { sum, length: Length { prompt: 3, generated, end_tokens: 0 } }
    }

    fn winners(contenders: &[(f64, usize)]) -> Vec<Reign> {
        let contenders: Vec<Contender> = contenders.iter().copied().map(contender).collect();
        reigns(LengthNorm::Transformers, &contenders, -2.0..=5.0)
    }

    /// Five hypotheses: −5.2 over 10, −5.3 over 12 and −5.8 over 15 tokens win in turn; the other two never do. They change
    /// places at ln(5.3/5.2)/ln(12/10) = 0.1045 and ln(5.8/5.3)/ln(15/12) = 0.4040.
    #[test]
    fn the_winner_changes_where_two_curves_cross() {
        let found = winners(&[(-5.2, 10), (-5.3, 12), (-5.3, 10), (-5.8, 15), (-5.9, 8)]);
        let order: Vec<usize> = found.iter().map(|reign| reign.winner).collect();
        assert_eq!(order, [4, 0, 1, 3]);
        let from: Vec<f64> = found.iter().map(|reign| reign.from).collect();
        // −5.9 over 8 against −5.2 over 10: ln(5.2/5.9)/ln(10/8) = −0.5660.
        for (from, want) in from.iter().zip([-2.0, -0.5660, 0.1045, 0.4040]) {
            assert!((from - want).abs() < 5e-5, "{from}, not {want}");
        }
    }

    #[test]
    fn without_lengths_or_contenders_nothing_changes() {
        assert_eq!(winners(&[]), []);
        assert_eq!(winners(&[(-2.0, 4), (-1.0, 4)]), [Reign { from: -2.0, winner: 1 }]);
        assert_eq!(winners(&[(-1.0, 4), (-1.0, 4)]), [Reign { from: -2.0, winner: 0 }]);
        assert_eq!(winners(&[(-1.0, 1), (0.0, 9), (f64::NEG_INFINITY, 2)]), [Reign { from: -2.0, winner: 1 }]);
        let contenders = [(-2.0, 9), (-1.0, 2)].map(contender);
        assert_eq!(reigns(LengthNorm::None, &contenders, -2.0..=5.0), [Reign { from: -2.0, winner: 1 }]);
    }

    proptest! {
        #[test]
        fn nobody_scores_above_the_reigning_one(
            hypotheses in prop::collection::vec((-30.0..3.0f64, 1..40usize), 1..12),
            norm in proptest::sample::select(LengthNorm::ALL.to_vec()),
        ) {
            let contenders: Vec<Contender> = hypotheses.into_iter().map(contender).collect();
            let found = reigns(norm, &contenders, -2.0..=5.0);
            prop_assert!(found.windows(2).all(|pair| pair[0].from <= pair[1].from));
            let ends = found.iter().skip(1).map(|reign| reign.from).chain([5.0]);
            for (reign, end) in found.iter().zip(ends) {
                let alpha = f64::midpoint(reign.from, end);
                let score = |contender: &Contender| contender.sum / norm.divisor(alpha, contender.length);
                let winner = score(&contenders[reign.winner]);
                for other in &contenders {
                    prop_assert!(score(other) <= winner + 1e-9 * winner.abs().max(1.0), "at {alpha}");
                }
            }
        }
    }
}
