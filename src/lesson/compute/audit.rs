//! `audit`: the usual mistakes in scoring, made on purpose.

use serde::Deserialize;

use super::score::{Scored, scored};
use super::{Arguments, ComputationRow, Figure, key};
use crate::decode::Chain;
use crate::decode::scoring::{AUDITS, Evidence, FILTERED_BY_DEFAULT, audit, best};
use crate::lesson::error::Fault;
use crate::lesson::picture::{Cell, Column, Mark, Picture, Row};
use crate::lesson::text::number;

pub(super) const ROW: ComputationRow = ComputationRow {
    name: "audit",
    summary: "what each usual mistake in scoring gives for completions, and which it would prefer",
    parameters: &[
        ("model", "a table of the lesson"),
        ("prompt", "the prompt; the begin token alone if not given"),
        ("completions", "the completions; N is their text as a key"),
        ("chain", "what the mistake `filtered` filters with; `top_p=0.9` if not given"),
        ("mistakes", "the mistakes that the picture shows; all if not given"),
    ],
    values: &[
        ("N.true", "Σ log p of the completion (nats): the true score"),
        ("MISTAKE.N", "what the mistake gives for it; the mistakes are those of `score --audit`"),
        ("MISTAKE.best", "the completion that the mistake prefers"),
        ("best", "the completion that is the most probable"),
        ("wrong", "how many mistakes prefer another one"),
    ],
    example: r#"model = "abc"
completions = ["A A", "B C"]
mistakes = ["probability_sum"]
expect = { "probability_sum.A_A" = 1.1, "probability_sum.best" = "A A" }"#,
    compute,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    model: String,
    #[serde(default)]
    prompt: String,
    completions: Vec<String>,
    chain: Option<String>,
    mistakes: Option<Vec<String>>,
}

fn compute(arguments: Arguments<'_, '_>) -> Result<Figure, Fault> {
    let models = arguments.models;
    let Parameters { model, prompt, completions: texts, chain, mistakes } = arguments.read()?;
    if let Some(unknown) = mistakes.iter().flatten().find(|name| AUDITS.iter().all(|row| row.mistake != **name)) {
        let known: Vec<&str> = AUDITS.iter().map(|row| row.mistake).collect();
        return Err(Fault::new(format!("mistakes: no \"{unknown}\"; there are {}", known.join(", "))));
    }
    let chain = Chain::parse(chain.as_deref().unwrap_or(FILTERED_BY_DEFAULT))?;
    let Scored { opened, completions, scores } = scored(models.open(&model, &prompt)?, &texts, Some(&chain))?;
    let words: Vec<String> = completions.iter().map(|ids| opened.text(ids.iter().copied())).collect();
    let name = |index: Option<usize>| index.map_or("", |index| words[index].as_str());
    let sums: Vec<f64> = scores.evidence.iter().map(Evidence::sum).collect();
    let truth = best(&sums);
    let titles = words.iter().map(|words| Column::Number(words.clone()));
    let columns = std::iter::once(Column::Text("what is computed".into())).chain(titles);
    let columns = columns.chain([Column::Text("prefers".into())]).collect();
    let caption = "the true score, and what mistakes make of it".into();
    let mut figure = Figure::new(Picture { caption, columns, rows: Vec::new() });
    let line = |mark: Mark, summary: &str, values: &[f64], preferred: &str| {
        let values = values.iter().map(|value| Cell::from(number(*value, 2)));
        Row::new(mark, std::iter::once(Cell::from(summary)).chain(values).chain([Cell::from(preferred)]))
    };
    figure.say("best", name(truth));
    figure.picture.rows.push(line(Mark::Chosen, "the sum of log-probabilities", &sums, name(truth)));
    let mut wrong = 0;
    for (row, verdict) in AUDITS.iter().zip(audit(&scores.evidence)) {
        wrong += usize::from(verdict.best != truth);
        figure.say(format!("{}.best", row.mistake), name(verdict.best));
        for (value, text) in verdict.values.iter().zip(&texts) {
            figure.set(format!("{}.{}", row.mistake, key(text)), *value);
        }
        if mistakes.as_ref().is_none_or(|mistakes| mistakes.iter().any(|name| name == row.mistake)) {
            let mark = if verdict.best == truth { Mark::Plain } else { Mark::Out };
            figure.picture.rows.push(line(mark, row.summary, &verdict.values, name(verdict.best)));
        }
    }
    for (sum, text) in sums.iter().zip(&texts) {
        figure.set(format!("{}.true", key(text)), *sum);
    }
    figure.set("wrong", wrong as f64);
    Ok(figure)
}
