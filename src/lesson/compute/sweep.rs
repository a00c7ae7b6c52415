//! `sweep`: one chain with one value after the other.

use serde::Deserialize;

use super::{Arguments, ComputationRow, Figure, Given, analyse, key};
use crate::decode::{Analysis, Chain, TokenId};
use crate::lesson::error::Fault;
use crate::lesson::picture::{Bar, Cell, Column, Mark, Picture, Row, share};
use crate::lesson::text::number;

pub(super) const ROW: ComputationRow = ComputationRow {
    name: "sweep",
    summary: "the same logits under a chain with one value after the other: what a knob does",
    parameters: &[
        ("labels", "the names of the tokens"),
        ("logits", "a logit for each"),
        ("probs", "in place of logits: a probability for each"),
        ("chain", "as `--chain` takes it, with `?` where the value stands: `temperature=?`"),
        ("values", "the values"),
    ],
    values: &[
        ("at.V.q.L", "the probability after the chain with the value V; 0.8 is written `0_8`"),
        ("at.V.best", "the most probable label"),
        ("at.V.entropy", "the entropy after the chain (nats)"),
        ("at.V.kept", "how many tokens are left"),
    ],
    example: r#"labels = ["a", "b", "c"]
logits = [1, 2, 3]
chain = "temperature=?"
values = [1, 5, 10]
expect = { "at.1.q.c" = 0.665, "at.5.best" = "c" }"#,
    compute,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    labels: Vec<String>,
    logits: Option<Vec<f64>>,
    probs: Option<Vec<f64>>,
    chain: String,
    values: Vec<f64>,
}

/// More bars side by side are too short to be compared.
const MOST_BARS: usize = 4;

fn compute(arguments: Arguments<'_, '_>) -> Result<Figure, Fault> {
    let Parameters { labels, logits, probs, chain, values } = arguments.read()?;
    if !chain.contains('?') {
        return Err(Fault::new(format!("chain: \"{chain}\" has no ? where the value stands")));
    }
    let given = Given { labels, logits, probs };
    let model = given.distribution()?;
    let analyses: Vec<(f64, Analysis)> = values
        .into_iter()
        .map(|value| Ok((value, analyse(&model, &Chain::parse(&chain.replace('?', &value.to_string()))?, &[])?)))
        .collect::<Result<_, Fault>>()?;
    let mut figure = Figure::new(picture(&given, &chain, &analyses));
    for (value, analysis) in &analyses {
        let at = format!("at.{}", key(&value.to_string()));
        for (id, label) in given.labels.iter().enumerate() {
            figure.set(format!("{at}.q.{}", key(label)), analysis.sampling_prob(id as TokenId));
        }
        figure.say(format!("{at}.best"), given.label(analysis.greedy()));
        figure.set(format!("{at}.entropy"), analysis.sampling_entropy());
        figure.set(format!("{at}.kept"), analysis.kept().len() as f64);
    }
    Ok(figure)
}

/// A row for each value. How many tokens are left is told where some are not.
fn picture(given: &Given, chain: &str, analyses: &[(f64, Analysis)]) -> Picture {
    let removes = analyses.iter().any(|(_, analysis)| analysis.kept().len() < given.labels.len());
    let value = chain.split(',').find_map(|stage| stage.strip_suffix("=?")).unwrap_or("value");
    let bars = given.labels.iter().take(MOST_BARS).map(|label| Column::Bar(label.trim().into(), Bar::After));
    let left = removes.then(|| Column::Number("left".into()));
    let columns = std::iter::once(Column::Number(value.into())).chain(bars).chain(left);
    let row = |(value, analysis): &(f64, Analysis)| {
        let ids = 0..given.labels.len().min(MOST_BARS) as TokenId;
        let shares = ids.map(|id| share(analysis.sampling_prob(id)));
        let left = removes.then(|| Cell::from(analysis.kept().len().to_string()));
        let entropy = Cell::from(number(analysis.sampling_entropy(), 3));
        let cells = std::iter::once(Cell::from(value.to_string())).chain(shares).chain(left);
        Row::new(Mark::Plain, cells.chain([entropy]))
    };
    Picture {
        caption: format!("p after {}", chain.replace('?', "…")),
        columns: columns.chain([Column::Number("entropy".into())]).collect(),
        rows: analyses.iter().map(row).collect(),
    }
}
