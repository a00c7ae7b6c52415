//! The usual mistakes in scoring: what each would have computed, and which completion it would have preferred.

use super::{TokenFigures, Totals, best};

/// The chain that `filtered` renormalizes under when none is given.
pub const FILTERED_BY_DEFAULT: &str = "top_p=0.9";

/// What is known of one token of a completion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenEvidence {
    /// Its figures under the model.
    pub figures: TokenFigures,
    /// log p after filtering and renormalizing, in nats; minus infinity for a token that was removed.
    pub filtered: f64,
    /// log p of the same token one position too late, after itself, in nats; nothing after an end of text.
    pub late: Option<f64>,
}

/// What is known of a completion.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Its tokens.
    pub tokens: Vec<TokenEvidence>,
    /// log p of each token of the prompt but the first, in nats.
    pub prompt: Vec<f64>,
    /// log p of an end token after the completion, in nats, the most probable where there are several; nothing where the
    /// completion ends with one, or the model has none.
    pub end: Option<f64>,
}

impl Evidence {
    /// Σ log p, in nats: the true score.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum_of(|token| token.figures.logprob)
    }

    fn sum_of(&self, figure: impl Fn(&TokenEvidence) -> f64) -> f64 {
        self.tokens.iter().map(figure).fold(0.0, |sum, x| sum + x)
    }

    fn prompt_sum(&self) -> f64 {
        self.prompt.iter().fold(0.0, |sum, x| sum + x)
    }
}

/// Σ log p over a part of the tokens.
fn part(tokens: Option<&[TokenEvidence]>) -> f64 {
    tokens.unwrap_or_default().iter().map(|token| token.figures.logprob).fold(0.0, |sum, x| sum + x)
}

/// A mistake.
#[derive(Debug)]
pub struct AuditRow {
    /// As in the JSON document.
    pub mistake: &'static str,
    /// What is done wrong, in one line.
    pub summary: &'static str,
    /// Why it is wrong, in one line.
    pub why: &'static str,
    /// What it gives for a completion.
    pub value: fn(&Evidence) -> f64,
}

/// Every mistake that is audited.
pub static AUDITS: &[AuditRow] = &[
    AuditRow {
        mistake: "logit_sum",
        summary: "raw logits are summed",
        why: "a logit means something only beside the others of its position: adding a constant to all of them changes nothing",
        value: |text| text.sum_of(|token| token.figures.logit),
    },
    AuditRow {
        mistake: "probability_sum",
        summary: "probabilities are added, not their logs",
        why: "the probability of a sequence is the product of those of its tokens",
        value: |text| text.sum_of(|token| token.figures.logprob.exp()),
    },
    AuditRow {
        mistake: "joint",
        summary: "the prompt's tokens are scored too",
        why: "p(prompt, completion) is not p(completion | prompt); after one prompt it ranks alike, after several it does not",
        value: |text| text.prompt_sum() + text.sum(),
    },
    AuditRow {
        mistake: "joint_mean",
        summary: "the average takes in the prompt's tokens",
        why: "it is the perplexity of prompt and completion together: the longer the prompt, the more all look alike",
        value: |text| (text.prompt_sum() + text.sum()) / (text.prompt.len() + text.tokens.len()).max(1) as f64,
    },
    AuditRow {
        mistake: "mean",
        summary: "an average stands where a sum is meant",
        why: "it prefers long completions: every easy token at the end makes the average better and the sum worse",
        value: |text| Totals::of(text.tokens.iter().map(|token| (token.figures.logprob, 0))).mean_logprob(),
    },
    AuditRow {
        mistake: "drop_first",
        summary: "the first token is left out",
        why: "it is the token that the prompt speaks about most directly",
        value: |text| part(text.tokens.get(1..)),
    },
    AuditRow {
        mistake: "drop_last",
        summary: "the last token is left out",
        why: "it is part of the completion; left out, a beginning scores like the whole",
        value: |text| part(text.tokens.split_last().map(|(_, tokens)| tokens)),
    },
    AuditRow {
        mistake: "add_end",
        summary: "an end of text is scored after it",
        why: "it asks how probable it is that the text is over, which was not the question",
        value: |text| text.sum() + text.end.unwrap_or(0.0),
    },
    AuditRow {
        mistake: "off_by_one",
        summary: "a token is scored by the logits after it",
        why: "the logits of a position are about the next token: it asks how probable it is that each token is said twice",
        value: |text| text.sum_of(|token| token.late.unwrap_or(0.0)),
    },
    AuditRow {
        mistake: "filtered",
        summary: "probabilities are taken after filtering",
        why: "they say how often this sampler draws the text; what it never draws gets minus infinity, whatever the model thinks",
        value: |text| text.sum_of(|token| token.filtered),
    },
];

/// What a mistake comes to over all completions.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The mistake.
    pub mistake: &'static str,
    /// What it gives for each completion; minus infinity is possible.
    pub values: Vec<f64>,
    /// The completion that it would prefer.
    pub best: Option<usize>,
}

/// Makes every mistake on these completions.
#[must_use]
pub fn audit(completions: &[Evidence]) -> Vec<Verdict> {
    let verdict = |row: &AuditRow| {
        let values: Vec<f64> = completions.iter().map(row.value).collect();
        Verdict { mistake: row.mistake, best: best(&values), values }
    };
    AUDITS.iter().map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(p: f64, logit: f64, filtered: f64, late: f64) -> TokenEvidence {
        let figures = TokenFigures { logprob: p.ln(), at_most: p.ln(), rank: Some(1), entropy: 0.0, logit };
        TokenEvidence { figures, filtered: filtered.ln(), late: Some(late.ln()) }
    }

    /// One sure token, and three that are likelier each but rarer together.
    fn completions() -> Vec<Evidence> {
        let prompt = vec![0.1f64.ln(), 0.2f64.ln()];
        let short = vec![token(0.5, 1.0, 0.625, 0.01)];
        let long = vec![token(0.3, 4.0, 0.375, 0.2), token(0.9, 3.0, 1.0, 0.2), token(0.95, 3.0, 1.0, 0.2)];
        vec![
            Evidence { tokens: short, prompt: prompt.clone(), end: Some(0.01f64.ln()) },
            Evidence { tokens: long, prompt, end: Some(0.5f64.ln()) },
        ]
    }

    #[test]
    fn every_mistake_by_hand() {
        let (p, q) = (0.1f64.ln() + 0.2f64.ln(), 0.3f64.ln() + 0.9f64.ln() + 0.95f64.ln());
        let half = 0.5f64.ln();
        let want: &[(&str, [f64; 2], usize)] = &[
            ("logit_sum", [1.0, 10.0], 1),
            ("probability_sum", [0.5, 2.15], 1),
            ("joint", [p + half, p + q], 0),
            ("joint_mean", [(p + half) / 3.0, (p + q) / 5.0], 1),
            ("mean", [half, q / 3.0], 1),
            ("drop_first", [0.0, 0.9f64.ln() + 0.95f64.ln()], 0),
            ("drop_last", [0.0, 0.3f64.ln() + 0.9f64.ln()], 0),
            ("add_end", [half + 0.01f64.ln(), q + half], 1),
            ("off_by_one", [0.01f64.ln(), 3.0 * 0.2f64.ln()], 0),
            ("filtered", [0.625f64.ln(), 0.375f64.ln()], 0),
        ];
        let verdicts = audit(&completions());
        assert_eq!(verdicts.len(), want.len(), "a row of AUDITS without a test");
        for (verdict, (mistake, values, best)) in verdicts.iter().zip(want) {
            assert_eq!((verdict.mistake, verdict.best), (*mistake, Some(*best)));
            for (value, want) in verdict.values.iter().zip(values) {
                assert!((value - want).abs() < 1e-12, "{mistake}: {value} is not {want}");
            }
        }
        assert_eq!(best(&completions().iter().map(Evidence::sum).collect::<Vec<_>>()), Some(0));
    }

    #[test]
    fn mistakes_have_names_of_their_own_and_say_why() {
        for (index, row) in AUDITS.iter().enumerate() {
            assert!(AUDITS[..index].iter().all(|other| other.mistake != row.mistake));
            assert!(!row.summary.is_empty() && !row.why.is_empty());
        }
    }

    #[test]
    fn an_empty_completion_breaks_nothing() {
        let verdicts = audit(&[Evidence::default()]);
        assert!(verdicts.iter().all(|verdict| verdict.values == [0.0] && verdict.best == Some(0)));
        assert!(audit(&[]).iter().all(|verdict| verdict.best.is_none()));
    }
}
