//! `generate`: one text from a table model, step by step.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde::Deserialize;

use super::{Arguments, ComputationRow, Figure, Opened, within};
use crate::decode::strategy::strategy;
use crate::decode::{Chain, TokenId};
use crate::engine::{Generated, Request, Step, generate};
use crate::lesson::error::Fault;
use crate::lesson::picture::{Bar, Cell, Column, Mark, Picture, Row, share};

pub(super) const ROW: ComputationRow = ComputationRow {
    name: "generate",
    summary: "one text from a table model, token by token",
    parameters: &[
        ("model", "a table of the lesson"),
        ("prompt", "the prompt; the begin token alone if not given"),
        ("strategy", "`greedy` (if not given) or `sample`"),
        ("chain", "as `--chain` takes it; greedy uses what stands before temperature and filters"),
        ("seed", "the seed of the draws; 0 if not given"),
        ("max_new_tokens", "the most tokens; 20 if not given"),
    ],
    values: &[
        ("text", "the text"),
        ("sum, probability", "its Σ log p under the model (nats), and exp of it"),
        ("tokens, distinct", "how many tokens it has, and how many different ones"),
        ("step.i.token", "the token of a step"),
        ("step.i.p, step.i.q", "its probability under the model, and after the chain"),
    ],
    example: r#"model = "abc"
max_new_tokens = 2
expect = { text = "A A", probability = 0.30 }"#,
    compute,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    model: String,
    #[serde(default)]
    prompt: String,
    strategy: Option<String>,
    chain: Option<String>,
    #[serde(default)]
    seed: u64,
    max_new_tokens: Option<usize>,
}

/// The most tokens that a lesson generates.
pub(super) const MOST_TOKENS: usize = 200;

/// How a text is generated.
pub(super) struct How {
    pub(super) strategy: String,
    pub(super) chain: Chain,
    pub(super) seed: u64,
    pub(super) max_new_tokens: usize,
}

/// Generates a text, and shows every step.
pub(super) fn run(
    opened: &mut Opened,
    how: &How,
    sequence: u64,
    observe: &mut dyn FnMut(&Step<'_>),
) -> Result<Generated, Fault> {
    let chosen = strategy(&how.strategy).and_then(|row| row.single(how.seed));
    let chosen = chosen.ok_or_else(|| Fault::new(format!("strategy: \"{}\" is not greedy or sample", how.strategy)))?;
    let ends = opened.ends();
    let request = Request {
        prompt: &opened.ids,
        strategy: chosen.as_ref(),
        chain: &how.chain,
        negative: None,
        max_new_tokens: within("max_new_tokens", how.max_new_tokens, 1..=MOST_TOKENS)?,
        min_new_tokens: 0,
        eos_token_ids: &ends,
        stop: &[],
        sequence,
    };
    let observe = &mut |step: &Step<'_>| {
        observe(step);
        ControlFlow::Continue(())
    };
    Ok(generate(opened.model.as_mut(), opened.tokenizer.as_ref(), &opened.read, &request, observe)?)
}

fn compute(arguments: Arguments<'_, '_>) -> Result<Figure, Fault> {
    let models = arguments.models;
    let Parameters { model, prompt, strategy, chain, seed, max_new_tokens } = arguments.read()?;
    let mut opened = models.open(&model, &prompt)?;
    let chain = Chain::parse(chain.as_deref().unwrap_or_default())?;
    let (strategy, label) = (strategy.unwrap_or_else(|| "greedy".into()), chain.to_string());
    let how = How { strategy, chain, seed, max_new_tokens: max_new_tokens.unwrap_or(20) };
    let generated = run(&mut opened, &how, 0, &mut |_| {})?;
    let columns = vec![
        Column::Number("step".into()),
        Column::Text("token".into()),
        Column::Bar("p".into(), Bar::Model),
        Column::Bar("chosen with".into(), Bar::After),
    ];
    let chain = if label.is_empty() { String::new() } else { format!(", {label}") };
    let caption = format!("{}{chain}", how.strategy);
    let mut figure = Figure::new(Picture { caption, columns, rows: Vec::new() });
    for (index, token) in generated.tokens.iter().enumerate() {
        let (p, q, word) = (token.logprob.exp(), token.sampling_logprob.exp(), opened.text([token.id]));
        figure.say(format!("step.{}.token", index + 1), word.clone());
        figure.set(format!("step.{}.p", index + 1), p);
        figure.set(format!("step.{}.q", index + 1), q);
        let cells = [Cell::from((index + 1).to_string()), Cell::from(word), share(p), share(q)];
        figure.picture.rows.push(Row::new(Mark::Plain, cells));
    }
    let ids: Vec<TokenId> = generated.tokens.iter().map(|token| token.id).collect();
    figure.set("distinct", ids.iter().collect::<BTreeSet<_>>().len() as f64);
    figure.set("tokens", ids.len() as f64);
    figure.say("text", opened.text(ids));
    figure.set("sum", generated.sum_logprob);
    figure.set("probability", generated.sum_logprob.exp());
    Ok(figure)
}
