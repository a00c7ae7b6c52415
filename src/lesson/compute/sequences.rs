//! `sequences`: log-probabilities of tokens, added up.

use serde::Deserialize;

use super::{Arguments, ComputationRow, Figure, check_names, key};
use crate::decode::scoring::{Totals, best};
use crate::lesson::error::Fault;
use crate::lesson::picture::{Bar, Cell, Column, Mark, Picture, Row, percent, share};
use crate::lesson::text::number;

pub(super) const ROW: ComputationRow = ComputationRow {
    name: "sequences",
    summary: "sequences of tokens with given log-probabilities: their sums, means and perplexities",
    parameters: &[(
        "rows",
        "for each sequence its `name` and `logprobs` (nats), or `probs`; `tokens` names the tokens, if that helps",
    )],
    values: &[
        ("N.sum, N.probability", "Σ log p (nats), and exp of it"),
        ("N.mean, N.perplexity", "Σ log p / n, and exp(−mean)"),
        ("N.tokens", "the number of tokens"),
        ("N.i.logp, N.i.sum", "log p of a token, and the sum up to it"),
        ("best, best_mean", "the name of the sequence with the highest sum, and with the highest mean"),
    ],
    example: r#"rows = [
    { name = "first", logprobs = [-0.9, -1.5] },
    { name = "second", logprobs = [-1.2, -1.1] },
]
expect = { "first.sum" = -2.4, "second.sum" = -2.3, best = "second" }"#,
    compute,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    rows: Vec<Sequence>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sequence {
    name: String,
    logprobs: Option<Vec<f64>>,
    probs: Option<Vec<f64>>,
    #[serde(default)]
    tokens: Vec<String>,
}

impl Sequence {
    fn logprobs(&self) -> Result<Vec<f64>, Fault> {
        let logprobs: Vec<f64> = match (&self.logprobs, &self.probs) {
            (Some(logprobs), None) => logprobs.clone(),
            (None, Some(probs)) => probs.iter().map(|p| p.ln()).collect(),
            _ => return Err(Fault::new(format!("{}: give either logprobs or probs", self.name))),
        };
        if let Some(bad) = logprobs.iter().find(|logprob| logprob.is_nan() || **logprob > 0.0) {
            return Err(Fault::new(format!("{}: {bad} is the logarithm of no probability", self.name)));
        }
        if !self.tokens.is_empty() && self.tokens.len() != logprobs.len() {
            let (tokens, numbers) = (self.tokens.len(), logprobs.len());
            return Err(Fault::new(format!("{}: {tokens} tokens and {numbers} numbers", self.name)));
        }
        Ok(logprobs)
    }
}

fn compute(arguments: Arguments<'_, '_>) -> Result<Figure, Fault> {
    let Parameters { rows } = arguments.read()?;
    if rows.is_empty() {
        return Err(Fault::new("rows: give at least one sequence"));
    }
    check_names("rows", &rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>())?;
    let logprobs: Vec<Vec<f64>> = rows.iter().map(Sequence::logprobs).collect::<Result<_, _>>()?;
    let totals: Vec<Totals> = logprobs.iter().map(|row| Totals::of(row.iter().map(|&logprob| (logprob, 0)))).collect();
    let named = |figure: fn(&Totals) -> f64| {
        let figures: Vec<f64> = totals.iter().map(figure).collect();
        best(&figures).map_or("", |index| rows[index].name.as_str())
    };
    let (sum, mean) = (named(|totals| totals.sum_logprob), named(Totals::mean_logprob));
    let mut figure = Figure::new(match &rows[..] {
        [row] => one(row, &logprobs[0], totals[0]),
        _ => several(&rows, &logprobs, &totals, sum),
    });
    figure.say("best", sum);
    figure.say("best_mean", mean);
    for ((row, logprobs), totals) in rows.iter().zip(&logprobs).zip(&totals) {
        let name = key(&row.name);
        figure.set(format!("{name}.sum"), totals.sum_logprob);
        figure.set(format!("{name}.probability"), totals.sum_logprob.exp());
        figure.set(format!("{name}.mean"), totals.mean_logprob());
        figure.set(format!("{name}.perplexity"), totals.perplexity());
        figure.set(format!("{name}.tokens"), totals.tokens as f64);
        for (index, logprob) in logprobs.iter().enumerate() {
            let running = Totals::of(logprobs[..=index].iter().map(|&logprob| (logprob, 0)));
            figure.set(format!("{name}.{}.logp", index + 1), *logprob);
            figure.set(format!("{name}.{}.sum", index + 1), running.sum_logprob);
        }
    }
    Ok(figure)
}

/// One sequence, token by token.
fn one(row: &Sequence, logprobs: &[f64], totals: Totals) -> Picture {
    let columns = vec![
        Column::Text("token".into()),
        Column::Number("log p".into()),
        Column::Number("sum".into()),
        Column::Bar("p".into(), Bar::Model),
    ];
    let mut sum = 0.0;
    let line = |(index, &logprob): (usize, &f64)| {
        sum += logprob;
        let token = row.tokens.get(index).map_or_else(|| format!("token {}", index + 1), |token| token.trim().into());
        Row::new(Mark::Plain, [token.into(), number(logprob, 3).into(), number(sum, 3).into(), share(logprob.exp())])
    };
    let mut rows: Vec<Row> = logprobs.iter().enumerate().map(line).collect();
    let whole = number(totals.sum_logprob, 3);
    let cells =
        [Cell::from("together"), Cell::from(whole.as_str()), whole.as_str().into(), share(totals.sum_logprob.exp())];
    rows.push(Row::new(Mark::Chosen, cells));
    Picture { caption: row.name.clone(), columns, rows }
}

/// Several sequences, one a line.
fn several(rows: &[Sequence], logprobs: &[Vec<f64>], totals: &[Totals], best: &str) -> Picture {
    let columns = vec![
        Column::Text("sequence".into()),
        Column::Text("log p of each token".into()),
        Column::Number("sum".into()),
        Column::Number("p".into()),
        Column::Number("mean".into()),
        Column::Number("perplexity".into()),
    ];
    let line = |((row, logprobs), totals): ((&Sequence, &Vec<f64>), &Totals)| {
        const SHOWN: usize = 5;
        let mut each: Vec<String> = logprobs.iter().take(SHOWN).map(|&logprob| number(logprob, 2)).collect();
        if logprobs.len() > SHOWN {
            each.push("…".into());
        }
        let (sum, p) = (number(totals.sum_logprob, 3), percent(totals.sum_logprob.exp()));
        let mark = if row.name == best { Mark::Chosen } else { Mark::Plain };
        let (mean, perplexity) = (number(totals.mean_logprob(), 3), number(totals.perplexity(), 2));
        let cells = [row.name.clone(), each.join("  "), sum, p, mean, perplexity];
        Row::new(mark, cells.map(Cell::from))
    };
    let rows = rows.iter().zip(logprobs).zip(totals).map(line).collect();
    Picture { caption: "sums, probabilities and means".into(), columns, rows }
}
