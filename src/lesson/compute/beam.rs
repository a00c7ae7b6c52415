//! `beam`: one step of a beam search over a table model, or what it finds.

use std::collections::HashMap;
use std::ops::ControlFlow;

use serde::Deserialize;

use super::generate::MOST_TOKENS;
use super::{Arguments, ComputationRow, Figure, Opened, key, within};
use crate::decode::beam::{BeamNode, BeamSettings, BeamStep, Ending, LengthNorm, Verdict};
use crate::decode::{Chain, TokenId};
use crate::engine::{BeamRequest, DroppedBeams, Generated, generate_beams};
use crate::lesson::error::Fault;
use crate::lesson::picture::{Bar, Cell, Column, Mark, Picture, Row, share};
use crate::lesson::text::number;

pub(super) const ROW: ComputationRow = ComputationRow {
    name: "beam",
    summary: "a step of a beam search over a table model with every candidate and its fate; without a step, what it finds",
    parameters: &[
        ("model", "a table of the lesson"),
        ("prompt", "the prompt; the begin token alone if not given"),
        ("beams", "the number of beams"),
        ("max_new_tokens", "the most tokens"),
        ("step", "the step that is shown, from 1; without it, the hypotheses at the end"),
        ("length_penalty", "α; 1 if not given"),
        ("norm", "`transformers` (if not given), `gnmt`, `vllm` or `none`"),
        ("early_stopping", "`true`, `false` (if not given) or `never`"),
    ],
    values: &[
        ("S.sum, S.probability", "Σ log p of a candidate or hypothesis (nats), and exp of it; S is its text as a key"),
        ("S.score", "its sum under the length norm"),
        ("S.fate", "`kept`, `finished`, `below the cut`, `ended outside the first B`, …; of a hypothesis its place"),
        ("live.i", "the text of the i-th beam that runs on"),
        ("final.i", "the text of the i-th hypothesis"),
        ("looked_at, kept, finished", "how many candidates the step looked at, kept and finished"),
        ("steps", "how many steps the search took"),
    ],
    example: r#"model = "abc"
beams = 2
max_new_tokens = 5
step = 2
expect = { "A_A.sum" = -1.204, "B_C.sum" = -2.120, "B_end.fate" = "ended outside the first B", kept = 2 }"#,
    compute,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    model: String,
    #[serde(default)]
    prompt: String,
    beams: usize,
    max_new_tokens: usize,
    step: Option<usize>,
    length_penalty: Option<f64>,
    norm: Option<String>,
    early_stopping: Option<String>,
}

/// A step, with the texts of its candidates.
pub(super) struct Seen {
    step: BeamStep,
    texts: Vec<String>,
}

/// Runs a search, and keeps every step.
pub(super) fn search(
    mut opened: Opened,
    settings: BeamSettings,
    max_new_tokens: usize,
) -> Result<(Vec<Seen>, Vec<Generated>), Fault> {
    let settings = BeamSettings { returned: settings.beams, ..settings };
    let ends = opened.ends();
    let request = BeamRequest {
        prompt: &opened.ids,
        settings,
        chain: &Chain::default(),
        max_new_tokens: within("max_new_tokens", max_new_tokens, 1..=MOST_TOKENS)?,
        min_new_tokens: 0,
        eos_token_ids: &ends,
        stop: &[],
        dropped: DroppedBeams::Kept,
    };
    let tokenizer = opened.tokenizer.clone();
    let mut paths: HashMap<BeamNode, Vec<TokenId>> = HashMap::new();
    let mut seen: Vec<Seen> = Vec::new();
    let mut observe = |observed: &crate::engine::ObservedBeams<'_>| {
        let mut texts = Vec::new();
        for candidate in &observed.step.candidates {
            let parent = candidate.parent.and_then(|parent| paths.get(&parent));
            let path: Vec<TokenId> = parent.into_iter().flatten().copied().chain([candidate.token]).collect();
            texts.push(super::words(tokenizer.as_ref(), path.iter().copied()));
            paths.insert(candidate.node, path);
        }
        seen.push(Seen { step: observed.step.clone(), texts });
        ControlFlow::Continue(())
    };
    let found = generate_beams(opened.model.as_mut(), opened.tokenizer.as_ref(), &opened.read, &request, &mut observe)?;
    Ok((seen, found))
}

fn compute(arguments: Arguments<'_, '_>) -> Result<Figure, Fault> {
    let models = arguments.models;
    let parameters: Parameters = arguments.read()?;
    let settings = BeamSettings {
        beams: parameters.beams,
        length_penalty: parameters.length_penalty.unwrap_or(1.0),
        length_norm: parameters.norm.as_deref().map(str::parse).transpose()?.unwrap_or(LengthNorm::Transformers),
        early_stopping: parameters.early_stopping.as_deref().map(str::parse).transpose()?.unwrap_or_default(),
        ..BeamSettings::default()
    };
    let opened = models.open(&parameters.model, &parameters.prompt)?;
    let tokenizer = opened.tokenizer.clone();
    let (steps, found) = search(opened, settings, parameters.max_new_tokens)?;
    let mut figure = match parameters.step {
        Some(step) => one_step(&steps[within("step", step, 1..=steps.len())? - 1]),
        None => hypotheses(&found, |ids| super::words(tokenizer.as_ref(), ids), &settings),
    };
    figure.set("steps", steps.len() as f64);
    Ok(figure)
}

/// Every candidate of a step, best first.
fn one_step(seen: &Seen) -> Figure {
    let columns = vec![
        Column::Text("candidate".into()),
        Column::Number("log p".into()),
        Column::Number("sum".into()),
        Column::Bar("p".into(), Bar::Model),
        Column::Text("what becomes of it".into()),
    ];
    let caption = format!("step {}", seen.step.step + 1);
    let mut figure = Figure::new(Picture { caption, columns, rows: Vec::new() });
    let (mut kept, mut finished) = (0, 0);
    for (candidate, text) in seen.step.candidates.iter().zip(&seen.texts) {
        // Continuations that the model rules out were looked at, and are nothing to show.
        if candidate.sum == f64::NEG_INFINITY {
            continue;
        }
        let (fate, mark) = match candidate.verdict {
            Verdict::Kept => ("kept", Mark::Chosen),
            Verdict::Finished(Ending::Length) => ("finished at the limit", Mark::Chosen),
            Verdict::Finished(_) => ("finished", Mark::Chosen),
            verdict => (verdict.reason().unwrap_or_default(), Mark::Out),
        };
        if candidate.verdict == Verdict::Kept {
            kept += 1;
            figure.say(format!("live.{kept}"), text.clone());
        }
        finished += usize::from(matches!(candidate.verdict, Verdict::Finished(_)));
        let name = key(text);
        figure.set(format!("{name}.sum"), candidate.sum);
        figure.set(format!("{name}.probability"), candidate.sum.exp());
        figure.set(format!("{name}.score"), candidate.score);
        figure.say(format!("{name}.fate"), fate);
        let (logprob, sum) = (number(candidate.logprob, 3), number(candidate.sum, 3));
        let cells = [text.as_str().into(), logprob.into(), sum.into(), share(candidate.sum.exp()), Cell::from(fate)];
        figure.picture.rows.push(Row::new(mark, cells));
    }
    figure.set("looked_at", figure.picture.rows.len() as f64);
    figure.set("kept", f64::from(kept));
    figure.set("finished", finished as f64);
    figure
}

/// The finished hypotheses, best first.
fn hypotheses(found: &[Generated], text: impl Fn(Vec<TokenId>) -> String, settings: &BeamSettings) -> Figure {
    let columns = vec![
        Column::Number("place".into()),
        Column::Text("hypothesis".into()),
        Column::Number("tokens".into()),
        Column::Number("sum".into()),
        Column::Number("score".into()),
        Column::Bar("p".into(), Bar::Model),
    ];
    let caption = format!("{} beams, norm {}, α = {}", settings.beams, settings.length_norm, settings.length_penalty);
    let mut figure = Figure::new(Picture { caption, columns, rows: Vec::new() });
    for (place, one) in found.iter().enumerate() {
        let text = text(one.tokens.iter().map(|token| token.id).collect());
        let (name, place) = (key(&text), (place + 1).to_string());
        figure.say(format!("final.{place}"), text.clone());
        figure.set(format!("{name}.sum"), one.sum_logprob);
        figure.set(format!("{name}.probability"), one.sum_logprob.exp());
        figure.set(format!("{name}.score"), one.score);
        figure.say(format!("{name}.fate"), place.clone());
        let mark = if place == "1" { Mark::Chosen } else { Mark::Plain };
        let (length, sum, score) = (one.tokens.len().to_string(), number(one.sum_logprob, 3), number(one.score, 3));
        let cells = [place.into(), text.into(), length.into(), sum.into(), score.into(), share(one.sum_logprob.exp())];
        figure.picture.rows.push(Row::new(mark, cells));
    }
    figure
}
