//! `perplexity`: what a sum of log-probabilities comes to for each token and byte.

use serde::Deserialize;

use super::{Arguments, ComputationRow, Figure, check_names, key};
use crate::decode::scoring::Totals;
use crate::lesson::error::Fault;
use crate::lesson::picture::{Cell, Column, Mark, Picture, Row};
use crate::lesson::text::number;

pub(super) const ROW: ComputationRow = ComputationRow {
    name: "perplexity",
    summary: "perplexity and bits per byte of texts whose Σ log p is known",
    parameters: &[("rows", "for each text its `name`, `sum` (nats), `tokens` and, if known, `bytes`")],
    values: &[
        ("N.sum, N.tokens", "as they were given"),
        ("N.mean, N.perplexity", "Σ log p / n, and exp(−mean)"),
        ("N.bits", "−Σ log₂ p / n: bits for each token"),
        ("N.bits_per_byte", "−Σ log₂ p / bytes"),
    ],
    example: r#"rows = [{ name = "novel", sum = -2500, tokens = 1000 }]
expect = { "novel.mean" = -2.5, "novel.perplexity" = 12.18 }"#,
    compute,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    rows: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    name: String,
    sum: f64,
    tokens: usize,
    bytes: Option<usize>,
}

fn compute(arguments: Arguments<'_, '_>) -> Result<Figure, Fault> {
    let Parameters { rows } = arguments.read()?;
    check_names("rows", &rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>())?;
    let with_bytes = rows.iter().any(|row| row.bytes.is_some());
    let titles = ["sum", "tokens", "mean", "perplexity"].into_iter().chain(with_bytes.then_some("bits per byte"));
    let columns = std::iter::once(Column::Text("text".into())).chain(titles.map(|title| Column::Number(title.into())));
    let caption = "perplexity is exp(−mean)".into();
    let mut figure = Figure::new(Picture { caption, columns: columns.collect(), rows: Vec::new() });
    for row in &rows {
        if row.tokens == 0 || row.sum.is_nan() || row.sum > 0.0 {
            let (name, sum, tokens) = (&row.name, row.sum, row.tokens);
            return Err(Fault::new(format!("{name}: a sum of {sum} over {tokens} tokens is that of no text")));
        }
        let totals = Totals { tokens: row.tokens, bytes: row.bytes.unwrap_or_default(), sum_logprob: row.sum };
        let name = key(&row.name);
        figure.set(format!("{name}.sum"), row.sum);
        figure.set(format!("{name}.tokens"), row.tokens as f64);
        figure.set(format!("{name}.mean"), totals.mean_logprob());
        figure.set(format!("{name}.perplexity"), totals.perplexity());
        figure.set(format!("{name}.bits"), totals.perplexity().log2());
        let bits = totals.bits_per_byte();
        if let Some(bits) = bits {
            figure.set(format!("{name}.bits_per_byte"), bits);
        }
        let bits = with_bytes.then(|| bits.map_or_else(String::new, |bits| number(bits, 3)));
        let mean = number(totals.mean_logprob(), 3);
        let cells =
            [row.name.clone(), number(row.sum, 1), row.tokens.to_string(), mean, number(totals.perplexity(), 2)];
        figure.picture.rows.push(Row::new(Mark::Plain, cells.into_iter().chain(bits).map(Cell::from)));
    }
    Ok(figure)
}
