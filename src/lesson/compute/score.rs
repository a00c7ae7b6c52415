//! `score`: completions under a table model.

use serde::Deserialize;

use super::{Arguments, ComputationRow, Figure, Opened, check_names, key};
use crate::decode::scoring::{TokenFigures, Totals, best};
use crate::decode::{Chain, TokenId};
use crate::engine::{ScoreRequest, Scores, score};
use crate::lesson::error::Fault;
use crate::lesson::picture::{Cell, Column, Mark, Picture, Row, percent};
use crate::lesson::text::number;
use crate::model::unwatched;

pub(super) const ROW: ComputationRow = ComputationRow {
    name: "score",
    summary: "the log-probability of completions after a prompt, under a table model",
    parameters: &[
        ("model", "a table of the lesson"),
        ("prompt", "the prompt; the begin token alone if not given"),
        ("completions", "the completions; N is their text as a key"),
    ],
    values: &[
        ("N.sum, N.probability", "Σ log p of the completion given the prompt (nats), and exp of it"),
        ("N.mean, N.perplexity", "Σ log p / n, and exp(−mean)"),
        ("N.tokens", "the number of its tokens"),
        ("N.joint", "the probability of prompt and completion together"),
        ("N.i.p, N.i.logp, N.i.logit", "each token's probability, logarithm and logit"),
        ("N.i.entropy", "the entropy of the distribution that it was looked up in (nats)"),
        ("prompt", "the probability of the prompt"),
        ("best", "the most probable completion"),
    ],
    example: r#"model = "abc"
completions = ["A A", "B C"]
expect = { "A_A.sum" = -1.204, "B_C.sum" = -2.120, best = "A A" }"#,
    compute,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    model: String,
    #[serde(default)]
    prompt: String,
    completions: Vec<String>,
}

/// Completions as they were cut, and their scores.
pub(super) struct Scored {
    pub(super) opened: Opened,
    pub(super) completions: Vec<Vec<TokenId>>,
    pub(super) scores: Scores,
}

/// Scores completions; with a chain what the audit needs is gathered too.
pub(super) fn scored(mut opened: Opened, texts: &[String], audit: Option<&Chain>) -> Result<Scored, Fault> {
    check_names("completions", texts)?;
    let completions: Vec<Vec<TokenId>> = texts.iter().map(|text| opened.cut(text)).collect::<Result<_, _>>()?;
    let request = ScoreRequest { prompt: &opened.ids, completions: &completions, audit };
    let scores = score(opened.model.as_mut(), &request, &mut unwatched)?;
    Ok(Scored { opened, completions, scores })
}

pub(super) fn totals(tokens: &[TokenFigures]) -> Totals {
    Totals::of(tokens.iter().map(|token| (token.logprob, 0)))
}

fn compute(arguments: Arguments<'_, '_>) -> Result<Figure, Fault> {
    let models = arguments.models;
    let Parameters { model, prompt, completions: texts } = arguments.read()?;
    let Scored { opened, completions, scores } = scored(models.open(&model, &prompt)?, &texts, None)?;
    let before: f64 = scores.prompt.scores.iter().flatten().fold(0.0, |sum, score| sum + score.logprob);
    let sums: Vec<f64> = scores.completions.iter().map(|tokens| totals(tokens).sum_logprob).collect();
    let winner = best(&sums);
    let columns = vec![
        Column::Text("completion".into()),
        Column::Text("p of each token".into()),
        Column::Number("p".into()),
        Column::Number("log p".into()),
        Column::Number("mean".into()),
    ];
    let caption = if prompt.is_empty() { "from the beginning".into() } else { format!("after \"{}\"", prompt.trim()) };
    let mut figure = Figure::new(Picture { caption, columns, rows: Vec::new() });
    figure.set("prompt", before.exp());
    for (index, (text, tokens)) in texts.iter().zip(&scores.completions).enumerate() {
        let (name, totals) = (key(text), totals(tokens));
        figure.set(format!("{name}.sum"), totals.sum_logprob);
        figure.set(format!("{name}.probability"), totals.sum_logprob.exp());
        figure.set(format!("{name}.mean"), totals.mean_logprob());
        figure.set(format!("{name}.perplexity"), totals.perplexity());
        figure.set(format!("{name}.tokens"), totals.tokens as f64);
        figure.set(format!("{name}.joint"), (before + totals.sum_logprob).exp());
        for (i, token) in tokens.iter().enumerate() {
            figure.set(format!("{name}.{}.p", i + 1), token.logprob.exp());
            figure.set(format!("{name}.{}.logp", i + 1), token.logprob);
            figure.set(format!("{name}.{}.logit", i + 1), token.logit);
            figure.set(format!("{name}.{}.entropy", i + 1), token.entropy);
        }
        let words = opened.text(completions[index].iter().copied());
        if winner == Some(index) {
            figure.say("best", words.clone());
        }
        let each: Vec<String> = tokens.iter().map(|token| number(token.logprob.exp(), 2)).collect();
        let (p, sum, mean) = (totals.sum_logprob.exp(), totals.sum_logprob, totals.mean_logprob());
        let mark = if winner == Some(index) { Mark::Chosen } else { Mark::Plain };
        let cells = [words, each.join(" · "), percent(p), number(sum, 3), number(mean, 3)];
        figure.picture.rows.push(Row::new(mark, cells.map(Cell::from)));
    }
    Ok(figure)
}
