//! `cross_entropy`: the loss of a prediction, its gradient, and one step down it.

use serde::Deserialize;

use super::{Arguments, ComputationRow, Figure, Given, key};
use crate::decode::loss::{CrossEntropy, cross_entropy};
use crate::lesson::error::Fault;
use crate::lesson::picture::{Bar, Cell, Column, Mark, Picture, Row, share};
use crate::lesson::text::number;

pub(super) const ROW: ComputationRow = ComputationRow {
    name: "cross_entropy",
    summary: "the cross-entropy of logits when a token came, its gradient (p − 1{i=y})/T, and one step down it",
    parameters: &[
        ("labels", "the names of the tokens"),
        ("logits", "a logit for each"),
        ("target", "the label that came"),
        ("temperature", "T; 1 if not given"),
        ("rate", "how far a step goes: z − rate · gradient; 1 if not given"),
    ],
    values: &[
        ("p.L", "softmax(z/T)"),
        ("loss", "−log p of the target (nats)"),
        ("gradient.L", "∂ loss / ∂ z"),
        ("gradient_sum", "their sum"),
        ("after.p.L, after.loss", "the same after one step"),
    ],
    example: r#"labels = ["mat", "rug", "dog"]
logits = [2, 1, 0]
target = "rug"
expect = { loss = 1.408, "gradient.rug" = -0.755 }"#,
    compute,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    labels: Vec<String>,
    logits: Vec<f64>,
    target: String,
    temperature: Option<f64>,
    rate: Option<f64>,
}

fn compute(arguments: Arguments<'_, '_>) -> Result<Figure, Fault> {
    let Parameters { labels, logits, target, temperature, rate } = arguments.read()?;
    let given = Given { labels, logits: Some(logits.clone()), probs: None };
    given.distribution()?;
    let (id, temperature) = (given.id("target", &target)?, temperature.unwrap_or(1.0));
    let before = cross_entropy(&logits, id, temperature)?;
    let step = |(z, slope): (&f64, &f64)| z - rate.unwrap_or(1.0) * slope;
    let moved: Vec<f64> = logits.iter().zip(&before.gradient).map(step).collect();
    let after = cross_entropy(&moved, id, temperature)?;
    let mut figure = Figure::new(picture(&given, &target, &before, &after));
    figure.set("loss", before.loss);
    figure.set("after.loss", after.loss);
    figure.set("gradient_sum", before.gradient.iter().sum());
    for (id, label) in given.labels.iter().enumerate() {
        let label = key(label);
        figure.set(format!("p.{label}"), before.probs[id]);
        figure.set(format!("after.p.{label}"), after.probs[id]);
        figure.set(format!("gradient.{label}"), before.gradient[id]);
    }
    Ok(figure)
}

fn picture(given: &Given, target: &str, before: &CrossEntropy, after: &CrossEntropy) -> Picture {
    let columns = vec![
        Column::Text("token".into()),
        Column::Number("logit".into()),
        Column::Bar("p".into(), Bar::Model),
        Column::Number("gradient".into()),
        Column::Bar("p after a step".into(), Bar::After),
    ];
    let logits = given.logits.iter().flatten();
    let row = |((id, label), z): ((usize, &String), &f64)| {
        let mark = if label == target { Mark::Chosen } else { Mark::Plain };
        let gradient = Cell::from(number(before.gradient[id], 3));
        let (p, moved) = (share(before.probs[id]), share(after.probs[id]));
        Row::new(mark, [Cell::from(label.trim()), number(*z, 1).into(), p, gradient, moved])
    };
    let rows = given.labels.iter().enumerate().zip(logits).map(row).collect();
    let (from, to) = (number(before.loss, 3), number(after.loss, 3));
    Picture { caption: format!("\"{}\" came: the loss falls from {from} to {to} nats", target.trim()), columns, rows }
}
