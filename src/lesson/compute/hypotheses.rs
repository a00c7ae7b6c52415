//! `hypotheses`: finished hypotheses of a beam search, ranked under a length norm.

use serde::Deserialize;

use super::{Arguments, ComputationRow, Figure, check_names, key};
use crate::decode::beam::{Length, LengthNorm};
use crate::lesson::error::Fault;
use crate::lesson::picture::{Cell, Column, Mark, Picture, Row};
use crate::lesson::text::number;

pub(super) const ROW: ComputationRow = ComputationRow {
    name: "hypotheses",
    summary: "finished hypotheses with given sums and lengths, ranked under a length norm",
    parameters: &[
        ("alpha", "the length penalty α"),
        ("norm", "`transformers` (if not given), `gnmt`, `vllm` or `none`"),
        ("rows", "for each hypothesis its `name`, `sum` (nats) and `tokens`"),
    ],
    values: &[
        ("N.score", "sum / divisor"),
        ("N.divisor", "what the sum is divided by"),
        ("N.rank", "its place, from 1"),
        ("rank.i", "the name at a place"),
        ("best", "the name at the first place"),
    ],
    example: r#"alpha = 0.6
rows = [
    { name = "short", sum = -5.2, tokens = 10 },
    { name = "long", sum = -5.8, tokens = 15 },
]
expect = { best = "long", "long.score" = -1.142 }"#,
    compute,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    alpha: f64,
    norm: Option<String>,
    rows: Vec<Hypothesis>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hypothesis {
    name: String,
    sum: f64,
    tokens: usize,
}

fn compute(arguments: Arguments<'_, '_>) -> Result<Figure, Fault> {
    let Parameters { alpha, norm, rows } = arguments.read()?;
    let norm: LengthNorm = norm.as_deref().unwrap_or("transformers").parse()?;
    check_names("rows", &rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>())?;
    if !alpha.is_finite() || rows.iter().any(|row| !row.sum.is_finite()) {
        return Err(Fault::new("alpha and every sum must be finite numbers"));
    }
    let divisor = |row: &Hypothesis| norm.divisor(alpha, Length { prompt: 0, generated: row.tokens, end_tokens: 0 });
    let mut ranked: Vec<(&Hypothesis, f64)> = rows.iter().map(|row| (row, row.sum / divisor(row))).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let columns = vec![
        Column::Number("place".into()),
        Column::Text("hypothesis".into()),
        Column::Number("sum".into()),
        Column::Number("tokens".into()),
        Column::Number("divided by".into()),
        Column::Number("score".into()),
    ];
    let caption = format!("norm {norm}, α = {alpha}").replace('-', "−");
    let mut figure = Figure::new(Picture { caption, columns, rows: Vec::new() });
    for (place, (row, score)) in ranked.into_iter().enumerate() {
        let name = key(&row.name);
        figure.set(format!("{name}.score"), score);
        figure.set(format!("{name}.divisor"), divisor(row));
        figure.set(format!("{name}.rank"), (place + 1) as f64);
        figure.say(format!("rank.{}", place + 1), row.name.clone());
        if place == 0 {
            figure.say("best", row.name.clone());
        }
        let mark = if place == 0 { Mark::Chosen } else { Mark::Plain };
        let (place, sum) = ((place + 1).to_string(), number(row.sum, 2));
        let cells = [place, row.name.clone(), sum, row.tokens.to_string(), number(divisor(row), 3), number(score, 4)];
        figure.picture.rows.push(Row::new(mark, cells.map(Cell::from)));
    }
    Ok(figure)
}
