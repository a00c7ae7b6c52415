//! `searches`: what greedy, beam and exact search find in a table model.

use std::ops::ControlFlow;

use serde::Deserialize;

use super::beam::search;
use super::generate::{How, MOST_TOKENS, run};
use super::{Arguments, ComputationRow, Figure, within};
use crate::decode::beam::{BeamSettings, LengthNorm};
use crate::decode::{Chain, TokenId};
use crate::engine::{ExactRequest, exact};
use crate::lesson::error::Fault;
use crate::lesson::picture::{Bar, Cell, Column, Mark, Picture, Row, share};
use crate::lesson::text::number;

pub(super) const ROW: ComputationRow = ComputationRow {
    name: "searches",
    summary: "what greedy search, beam searches and the exact search find in a table model, without length norm",
    parameters: &[
        ("model", "a table of the lesson"),
        ("prompt", "the prompt; the begin token alone if not given"),
        ("beams", "numbers of beams: a search for each"),
        ("max_new_tokens", "the most tokens"),
    ],
    values: &[
        ("S.text, S.sum, S.probability", "what a search finds; S is `greedy`, `beam_2`, … or `exact`"),
        ("S.tokens", "how many tokens it has"),
        ("exact.expanded", "prefixes that the exact search looked at"),
    ],
    example: r#"model = "abc"
beams = [2]
max_new_tokens = 2
expect = { "greedy.text" = "A A", "exact.sum" = -1.204 }"#,
    compute,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    model: String,
    #[serde(default)]
    prompt: String,
    #[serde(default)]
    beams: Vec<usize>,
    max_new_tokens: usize,
}

/// Prefixes that the exact search may expand.
const BUDGET: usize = 5000;

fn compute(arguments: Arguments<'_, '_>) -> Result<Figure, Fault> {
    let models = arguments.models;
    let Parameters { model, prompt, beams, max_new_tokens } = arguments.read()?;
    within("max_new_tokens", max_new_tokens, 1..=MOST_TOKENS)?;
    let mut opened = models.open(&model, &prompt)?;
    let mut found: Vec<(String, String, Vec<TokenId>, f64)> = Vec::new();
    let how = How { strategy: "greedy".into(), chain: Chain::default(), seed: 0, max_new_tokens };
    let greedy = run(&mut opened, &how, 0, &mut |_| {})?;
    let ids = greedy.tokens.iter().map(|token| token.id).collect();
    found.push(("greedy".into(), "greedy".into(), ids, greedy.sum_logprob));
    for beams in beams {
        let settings = BeamSettings { beams, length_norm: LengthNorm::None, ..BeamSettings::default() };
        let (_, best) = search(models.open(&model, &prompt)?, settings, max_new_tokens)?;
        if let Some(best) = best.into_iter().next() {
            let ids = best.tokens.iter().map(|token| token.id).collect();
            found.push((format!("beam_{beams}"), format!("{beams} beams"), ids, best.sum_logprob));
        }
    }
    let (ends, forbidden) = (opened.ends(), opened.model.info().never_chosen.clone());
    let request = ExactRequest {
        prompt_tokens: opened.ids.len(),
        max_new_tokens,
        min_new_tokens: 0,
        eos_token_ids: &ends,
        forbidden: &forbidden,
        budget: BUDGET,
        rivals: &[],
    };
    let optimum = exact(opened.model.as_mut(), &opened.read, &request, &mut |_| ControlFlow::Continue(()))?;
    if !optimum.proven {
        return Err(Fault::new(format!("nothing is proven within {BUDGET} prefixes: make max_new_tokens smaller")));
    }
    found.push(("exact".into(), "exact".into(), optimum.tokens.clone(), optimum.sum_logprob));
    let columns = vec![
        Column::Text("search".into()),
        Column::Text("finds".into()),
        Column::Number("log p".into()),
        Column::Bar("p".into(), Bar::Model),
    ];
    let mut figure = Figure::new(Picture { caption: "what each search finds".into(), columns, rows: Vec::new() });
    figure.set("exact.expanded", optimum.expanded as f64);
    for (name, label, ids, sum) in found {
        let mark = if (sum - optimum.sum_logprob).abs() < 1e-9 { Mark::Chosen } else { Mark::Plain };
        let text = opened.text(ids.iter().copied());
        figure.say(format!("{name}.text"), text.clone());
        figure.set(format!("{name}.sum"), sum);
        figure.set(format!("{name}.probability"), sum.exp());
        figure.set(format!("{name}.tokens"), ids.len() as f64);
        let cells = [label.into(), Cell::from(text), number(sum, 3).into(), share(sum.exp())];
        figure.picture.rows.push(Row::new(mark, cells));
    }
    Ok(figure)
}
