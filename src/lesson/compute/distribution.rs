//! `distribution`: the softmax of logits, and what a chain makes of it.

use serde::Deserialize;

use super::{Arguments, ComputationRow, Figure, Given, analyse, key, removed_by};
use crate::decode::{Analysis, Chain, TokenId};
use crate::lesson::error::Fault;
use crate::lesson::picture::{Bar, Cell, Column, Mark, Picture, Row, share};
use crate::lesson::text::number;

pub(super) const ROW: ComputationRow = ComputationRow {
    name: "distribution",
    summary: "the softmax of logits, and what a chain of filters and penalties makes of it",
    parameters: &[
        ("labels", "the names of the tokens; their ids count from 0"),
        ("logits", "a logit for each; `-inf` is allowed"),
        ("probs", "in place of logits: a probability for each"),
        ("add", "a constant that is added to every logit"),
        ("only", "the labels that are left: the others are forbidden first"),
        ("chain", "as `--chain` takes it: `temperature=0.8,top_p=0.9`"),
        ("history", "the labels that prompt and output hold already, for penalties"),
    ],
    values: &[
        ("z.L", "the logit"),
        ("p.L, logp.L", "the probability and its logarithm (nats)"),
        ("surprise.L", "−log p (nats)"),
        ("score.L", "the logit after the chain"),
        ("q.L, logq.L", "the probability after the chain, and its logarithm"),
        ("removed.L", "the stage that removed the token, or `kept`"),
        ("best, q_best", "the most probable label, before and after the chain"),
        ("entropy, q_entropy", "−Σ p log p before and after the chain (nats)"),
        ("kept", "how many tokens are left"),
        ("stage.i.kept, stage.i.mass", "how many tokens a stage left, and the probability of what it removed"),
    ],
    example: r#"labels = ["mat", "rug", "dog", "sky"]
logits = [6, 3, 0.5, 0.5]
chain = "temperature=0.5,top_p=0.9"
expect = { "p.mat" = 0.945, best = "mat", kept = 1 }"#,
    compute,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    labels: Vec<String>,
    logits: Option<Vec<f64>>,
    probs: Option<Vec<f64>>,
    add: Option<f64>,
    only: Option<Vec<String>>,
    chain: Option<String>,
    #[serde(default)]
    history: Vec<String>,
}

fn compute(arguments: Arguments<'_, '_>) -> Result<Figure, Fault> {
    let Parameters { labels, logits, probs, add, only, chain, history } = arguments.read()?;
    let moved = logits.map(|logits| logits.into_iter().map(|z| z + add.unwrap_or(0.0)).collect());
    let given = Given { labels, logits: moved, probs };
    let model = given.distribution()?;
    let history: Vec<TokenId> = history.iter().map(|label| given.id("history", label)).collect::<Result<_, _>>()?;
    let mut stages = Chain::parse(chain.as_deref().unwrap_or_default())?;
    if let Some(only) = &only {
        let only: Vec<TokenId> = only.iter().map(|label| given.id("only", label)).collect::<Result<_, _>>()?;
        let others: Vec<TokenId> = (0..given.labels.len() as TokenId).filter(|id| !only.contains(id)).collect();
        stages = stages.forbidding(&others)?;
    }
    let analysis = analyse(&model, &stages, &history)?;
    let mut figure = Figure::new(picture(&given, &analysis));
    for (id, label) in given.labels.iter().enumerate() {
        let (id, label) = (id as TokenId, key(label));
        figure.set(format!("z.{label}"), model.logit(id));
        figure.set(format!("p.{label}"), model.prob(id));
        figure.set(format!("logp.{label}"), model.logprob(id));
        figure.set(format!("surprise.{label}"), -model.logprob(id));
        figure.set(format!("score.{label}"), analysis.score(id));
        figure.set(format!("q.{label}"), analysis.sampling_prob(id));
        figure.set(format!("logq.{label}"), analysis.sampling_logprob(id));
        figure.say(format!("removed.{label}"), removed_by(&analysis, id).unwrap_or("kept"));
    }
    figure.say("best", given.label(model.ranked().first().copied().unwrap_or_default()));
    figure.say("q_best", given.label(analysis.greedy()));
    figure.set("entropy", model.entropy());
    figure.set("q_entropy", analysis.sampling_entropy());
    figure.set("kept", analysis.kept().len() as f64);
    for (index, stage) in analysis.stages().iter().enumerate() {
        figure.set(format!("stage.{}.kept", index + 1), stage.kept as f64);
        figure.set(format!("stage.{}.mass", index + 1), stage.removed_mass);
    }
    Ok(figure)
}

/// Each token with its bar, and a second one where there is a chain.
fn picture(given: &Given, analysis: &Analysis) -> Picture {
    let chain: Vec<&str> = analysis.stages().iter().map(|stage| stage.label.as_str()).collect();
    let numbers = given.logits.is_some();
    let changed = analysis.stages().iter().any(|stage| stage.name != "suppress_tokens");
    let mut columns = vec![Column::Text("token".into())];
    if numbers {
        columns.push(Column::Number("logit".into()));
    }
    columns.push(Column::Bar("p".into(), Bar::Model));
    if !chain.is_empty() {
        columns.push(Column::Bar(if changed { "after the chain" } else { "of what is left" }.into(), Bar::After));
    }
    let row = |(id, label): (usize, &String)| {
        let id = id as TokenId;
        let removed = removed_by(analysis, id);
        let logit = numbers.then(|| Cell::from(number(analysis.model().logit(id), 1)));
        let after = match removed {
            Some("suppress_tokens") => Cell::from("not asked for"),
            Some(stage) => Cell::from(format!("out: {stage}")),
            None => share(analysis.sampling_prob(id)),
        };
        let after = (!chain.is_empty()).then_some(after);
        let mark = if removed.is_some() { Mark::Out } else { Mark::Plain };
        let cells = [Some(Cell::from(label.trim())), logit, Some(share(analysis.model().prob(id))), after];
        Row::new(mark, cells.into_iter().flatten())
    };
    let shown: Vec<String> = analysis
        .stages()
        .iter()
        .filter(|stage| stage.name != "suppress_tokens")
        .map(|stage| stage.label.clone())
        .collect();
    let caption = if shown.is_empty() { "the softmax".into() } else { shown.join(", then ") };
    Picture { caption, columns, rows: given.labels.iter().enumerate().map(row).collect() }
}
