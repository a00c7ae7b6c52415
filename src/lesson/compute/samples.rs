//! `samples`: many texts drawn from a table model, beside the most probable one.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::Deserialize;

use super::generate::{How, run};
use super::{Arguments, ComputationRow, Figure, Opened, within};
use crate::decode::{Chain, TokenId};
use crate::engine::{ExactRequest, Rival, exact};
use crate::lesson::error::Fault;
use crate::lesson::picture::{Bar, Cell, Column, Mark, Picture, Row};
use crate::lesson::text::number;

pub(super) const ROW: ComputationRow = ComputationRow {
    name: "samples",
    summary: "many texts drawn from a table model: how probable they are, beside the most probable text of all",
    parameters: &[
        ("model", "a table of the lesson"),
        ("prompt", "the prompt; the begin token alone if not given"),
        ("count", "how many texts are drawn, at most 2000"),
        ("chain", "as `--chain` takes it"),
        ("seed", "the seed of the draws; 0 if not given"),
        ("max_new_tokens", "the most tokens of each"),
    ],
    values: &[
        ("distinct", "how many different texts were drawn"),
        ("common, common_count", "the text that was drawn most often, and how often"),
        ("mean_sum, mean", "the mean of their Σ log p (nats), and of their Σ log p / n"),
        ("lowest, highest", "the lowest and the highest Σ log p"),
        ("mode, mode_sum, mode_mean", "the most probable text of all, its Σ log p, and Σ log p / n"),
        ("mode_count", "how often it was drawn"),
        ("example.i", "the i-th text drawn, up to 5"),
    ],
    example: r#"model = "abc"
count = 20
max_new_tokens = 2
expect = { mode = "A A", mode_sum = -1.204 }"#,
    compute,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    model: String,
    #[serde(default)]
    prompt: String,
    count: usize,
    chain: Option<String>,
    #[serde(default)]
    seed: u64,
    max_new_tokens: usize,
}

const MOST_SAMPLES: usize = 2000;
/// Prefixes that are expanded to prove the most probable text.
const BUDGET: usize = 50_000;
/// Bars of the histogram.
const BINS: usize = 8;
const EXAMPLES: usize = 5;

/// Tokens with their Σ log p.
type Sample = (Vec<TokenId>, f64);

fn compute(arguments: Arguments<'_, '_>) -> Result<Figure, Fault> {
    let models = arguments.models;
    let Parameters { model, prompt, count, chain, seed, max_new_tokens } = arguments.read()?;
    within("count", count, 1..=MOST_SAMPLES)?;
    let mut opened = models.open(&model, &prompt)?;
    let chain = Chain::parse(chain.as_deref().unwrap_or_default())?;
    let how = How { strategy: "sample".into(), chain, seed, max_new_tokens };
    let mut samples: Vec<Sample> = Vec::with_capacity(count);
    for sequence in 0..count as u64 {
        let generated = run(&mut opened, &how, sequence, &mut |_| {})?;
        samples.push((generated.tokens.iter().map(|token| token.id).collect(), generated.sum_logprob));
    }
    let mode = mode(&mut opened, max_new_tokens)?;
    let mut counts: BTreeMap<&[TokenId], usize> = BTreeMap::new();
    for (ids, _) in &samples {
        *counts.entry(ids).or_default() += 1;
    }
    // Among equally frequent ones the first by its tokens: an order that every run has.
    let common = counts.iter().fold((&[][..], 0), |best, (ids, n)| if *n > best.1 { (*ids, *n) } else { best });
    let mut figure = Figure::new(histogram(&samples, mode.1));
    figure.set("distinct", counts.len() as f64);
    figure.say("common", opened.text(common.0.iter().copied()));
    figure.set("common_count", common.1 as f64);
    let sums = samples.iter().map(|(_, sum)| *sum);
    figure.set("mean_sum", sums.clone().sum::<f64>() / count as f64);
    figure.set("mean", samples.iter().map(|(ids, sum)| sum / ids.len() as f64).sum::<f64>() / count as f64);
    figure.set("lowest", sums.clone().fold(0.0, f64::min));
    figure.set("highest", sums.fold(f64::NEG_INFINITY, f64::max));
    figure.set("mode_count", counts.get(&*mode.0).copied().unwrap_or_default() as f64);
    figure.set("mode_sum", mode.1);
    figure.set("mode_mean", mode.1 / mode.0.len() as f64);
    for (index, (ids, _)) in samples.iter().take(EXAMPLES).enumerate() {
        figure.say(format!("example.{}", index + 1), opened.text(ids.iter().copied()));
    }
    figure.say("mode", opened.text(mode.0));
    Ok(figure)
}

/// The most probable text of all.
fn mode(opened: &mut Opened, max_new_tokens: usize) -> Result<Sample, Fault> {
    let how = How { strategy: "greedy".into(), chain: Chain::default(), seed: 0, max_new_tokens };
    let greedy = run(opened, &how, 0, &mut |_| {})?;
    let tokens = greedy.tokens.iter().map(|token| token.id).collect();
    let rival = Rival { name: how.strategy, tokens, sum_logprob: greedy.sum_logprob };
    let (ends, forbidden) = (opened.ends(), opened.model.info().never_chosen.clone());
    let request = ExactRequest {
        prompt_tokens: opened.ids.len(),
        max_new_tokens,
        min_new_tokens: 0,
        eos_token_ids: &ends,
        forbidden: &forbidden,
        budget: BUDGET,
        rivals: &[rival],
    };
    let found = exact(opened.model.as_mut(), &opened.read, &request, &mut |_| ControlFlow::Continue(()))?;
    if !found.proven {
        return Err(Fault::new(format!(
            "the most probable text is not proven within {BUDGET} prefixes: make it shorter"
        )));
    }
    Ok((found.tokens, found.sum_logprob))
}

/// How many samples have which Σ log p; the most probable text of all stands in the first row.
fn histogram(samples: &[Sample], mode: f64) -> Picture {
    let lowest = samples.iter().map(|(_, sum)| *sum).fold(mode, f64::min);
    let width = ((mode - lowest) / BINS as f64).max(1e-9);
    let mut bins = [0usize; BINS];
    for (_, sum) in samples {
        bins[(((mode - sum) / width) as usize).min(BINS - 1)] += 1;
    }
    let most = bins.iter().copied().max().unwrap_or(1).max(1);
    let row = |(index, &count): (usize, &usize)| {
        let (high, low) = (mode - width * index as f64, mode - width * (index + 1) as f64);
        let mark = if index == 0 { Mark::Chosen } else { Mark::Plain };
        let bar = Cell::Bar(count.to_string(), count as f64 / most as f64);
        let note = if index == 0 { "the most probable text is here" } else { "" };
        Row::new(mark, [format!("{} to {}", number(high, 1), number(low, 1)).into(), bar, Cell::from(note)])
    };
    let columns = vec![
        Column::Number("sum of log p".into()),
        Column::Bar("texts".into(), Bar::After),
        Column::Text(String::new()),
    ];
    let caption = format!("{} texts drawn, by their log-probability", samples.len());
    Picture { caption, columns, rows: bins.iter().enumerate().map(row).collect() }
}
