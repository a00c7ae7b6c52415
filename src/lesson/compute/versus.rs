//! `versus`: two chains on the same logits.

use serde::Deserialize;

use super::{Arguments, ComputationRow, Figure, Given, analyse, key, removed_by};
use crate::decode::diff::ChainDiff;
use crate::decode::{Analysis, Chain, TokenId};
use crate::lesson::error::Fault;
use crate::lesson::picture::{Bar, Cell, Column, Mark, Picture, Row, share};

pub(super) const ROW: ComputationRow = ComputationRow {
    name: "versus",
    summary: "two chains on the same logits: which tokens fare differently",
    parameters: &[
        ("labels", "the names of the tokens"),
        ("logits", "a logit for each"),
        ("probs", "in place of logits: a probability for each"),
        ("chain", "the first chain"),
        ("versus", "the second chain"),
    ],
    values: &[
        ("first.L, second.L", "the probability after each chain"),
        ("first_kept, second_kept", "how many tokens each leaves"),
        ("first_left, second_left", "their labels, the most probable first"),
        ("changed", "how many tokens only one of them removes, or another stage removes"),
        ("distance", "½ Σ |p − q|: the total variation, from 0 to 1"),
    ],
    example: r#"labels = ["a", "b", "c"]
probs = [0.5, 0.3, 0.2]
chain = "top_p=0.8,temperature=2"
versus = "temperature=2,top_p=0.8"
expect = { first_kept = 2, second_kept = 3 }"#,
    compute,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    labels: Vec<String>,
    logits: Option<Vec<f64>>,
    probs: Option<Vec<f64>>,
    chain: String,
    versus: String,
}

fn compute(arguments: Arguments<'_, '_>) -> Result<Figure, Fault> {
    let Parameters { labels, logits, probs, chain, versus } = arguments.read()?;
    let given = Given { labels, logits, probs };
    let model = given.distribution()?;
    let first = analyse(&model, &Chain::parse(&chain)?, &[])?;
    let second = analyse(&model, &Chain::parse(&versus)?, &[])?;
    let columns = vec![
        Column::Text("token".into()),
        Column::Bar("p".into(), Bar::Model),
        Column::Bar("first".into(), Bar::After),
        Column::Bar("second".into(), Bar::After),
    ];
    let caption = format!("first: {chain} · second: {versus}");
    let mut figure = Figure::new(Picture { caption, columns, rows: Vec::new() });
    for (id, label) in given.labels.iter().enumerate() {
        let id = id as TokenId;
        let (mut cells, mut out) = (vec![Cell::from(label.trim()), share(model.prob(id))], 0);
        for (name, analysis) in [("first", &first), ("second", &second)] {
            figure.set(format!("{name}.{}", key(label)), analysis.sampling_prob(id));
            let removed = removed_by(analysis, id).map(|stage| Cell::from(format!("out: {stage}")));
            out += usize::from(removed.is_some());
            cells.push(removed.unwrap_or_else(|| share(analysis.sampling_prob(id))));
        }
        figure.picture.rows.push(Row::new(if out == 2 { Mark::Out } else { Mark::Plain }, cells));
    }
    let left = |analysis: &Analysis| {
        let labels: Vec<&str> = analysis.kept().iter().map(|&id| given.label(id).trim()).collect();
        labels.join(" ")
    };
    let diff = ChainDiff::new(&first, &second);
    figure.say("first_left", left(&first));
    figure.say("second_left", left(&second));
    figure.set("first_kept", first.kept().len() as f64);
    figure.set("second_kept", second.kept().len() as f64);
    figure.set("changed", diff.changed.len() as f64);
    figure.set("distance", diff.total_variation);
    Ok(figure)
}
