//! `sweep`: one chain with one value after the other.

use serde::Deserialize;

use super::{Arguments, ComputationRow, Figure, Given, analyse, key};
use crate::decode::{Chain, TokenId};
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
    let bars = given.labels.iter().take(MOST_BARS).map(|label| Column::Bar(label.trim().into(), Bar::After));
    let value = chain.split(',').find_map(|stage| stage.strip_suffix("=?")).unwrap_or("value");
    let columns = std::iter::once(Column::Number(value.into())).chain(bars);
    let columns = columns.chain([Column::Number("left".into()), Column::Number("entropy".into())]);
    let mut figure = Figure::new(Picture { caption: chain.clone(), columns: columns.collect(), rows: Vec::new() });
    for value in values {
        let stages = Chain::parse(&chain.replace('?', &value.to_string()))?;
        let analysis = analyse(&model, &stages, &[])?;
        let at = format!("at.{}", key(&value.to_string()));
        for (id, label) in given.labels.iter().enumerate() {
            figure.set(format!("{at}.q.{}", key(label)), analysis.sampling_prob(id as TokenId));
        }
        let (entropy, kept) = (analysis.sampling_entropy(), analysis.kept().len());
        figure.say(format!("{at}.best"), given.label(analysis.greedy()));
        figure.set(format!("{at}.entropy"), entropy);
        figure.set(format!("{at}.kept"), kept as f64);
        let ids = 0..given.labels.len().min(MOST_BARS) as TokenId;
        let shares = ids.map(|id| share(analysis.sampling_prob(id)));
        let ends = [Cell::from(kept.to_string()), Cell::from(number(entropy, 3))];
        let cells = std::iter::once(Cell::from(value.to_string())).chain(shares).chain(ends);
        figure.picture.rows.push(Row::new(Mark::Plain, cells));
    }
    Ok(figure)
}
