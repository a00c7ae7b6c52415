//! Processors, strategies and presets.

use logitscope::cli::command;
use logitscope::decode::strategy::{STRATEGIES, StrategyKind, StrategyRow};
use logitscope::decode::{Kind, PRESETS, PROCESSORS, ProcessorRow};

use super::{code, codes, commands, table};

const HEAD: &str = "# Decoding

A step goes from the model's logits through a chain of processors to a choice. [Where implementations
disagree](../ARCHITECTURE.md#where-implementations-disagree) says what is meant here.

## Processors

In the order in which options build a chain. `--chain NAME=VALUE,…` gives another order, with the names of the first column; numbers
of one value are separated by colons, and what is left out at the end takes its usual value.

";

const MEASURES: &str = "
A *penalty* changes what the model prefers, and counts for greedy and beam search too; a *warper* shapes what sampling draws from; *guidance* needs a
second reading of the model. What a processor removes, it removes for a figure that fell short of a limit:

";

pub(super) fn page() -> String {
    let mut text = HEAD.to_owned();
    text += &table(&["name", "option", "does", "values", "neutral", "usual"], PROCESSORS.iter().map(processor));
    text += MEASURES;
    text += &table(
        &["name", "kind", "figure", "after"],
        PROCESSORS.iter().map(|row| vec![code(row.name), kind(row.kind).into(), row.measure.into(), row.source.into()]),
    );
    text += "\n## Strategies\n\n`--strategy NAME`. \"Its chain\" is the part of the chain that it uses.\n\n";
    text += &table(&["name", "does", "works on", "its chain"], STRATEGIES.iter().map(strategy));
    text += "\n## Presets\n\n`--preset NAME` puts the processors that are given as options into the order of another program. One that it does \
             not have is an error.\n\n";
    text += &table(
        &["name", "order"],
        PRESETS.iter().map(|preset| vec![code(preset.name), codes(preset.order.iter().copied())]),
    );
    text
}

fn processor(row: &ProcessorRow) -> Vec<String> {
    let program = command();
    let run = program.find_subcommand("run").unwrap();
    let flag = run.get_arguments().find(|arg| arg.get_id().as_str() == row.name).unwrap();
    let neutral = row.neutral.map(|number| code(&number.to_string())).unwrap_or_default();
    let usual = row.usual_value().map(|value| code(&value.to_string())).unwrap_or_default();
    vec![code(row.name), code(&commands::written(flag)), row.summary.into(), row.parameter.range(), neutral, usual]
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Guidance => "guidance",
        Kind::Penalty => "penalty",
        Kind::Warper => "warper",
    }
}

fn strategy(row: &StrategyRow) -> Vec<String> {
    let works_on = match row.kind {
        StrategyKind::Single(_) => "one sequence",
        StrategyKind::Beams(_) => "several beams",
        StrategyKind::Contrastive => "one sequence, several next tokens of which are read at once",
        StrategyKind::Exact => "the whole tree of sequences",
        StrategyKind::Speculative => "one sequence, by two models",
    };
    let probe = logitscope::decode::Chain::parse("repetition_penalty=1.2,temperature=0.8,top_k=40").unwrap();
    let part = if row.effective_chain(&probe) == probe { "all of it" } else { "what stands before temperature" };
    vec![code(row.name), row.summary.into(), works_on.into(), part.into()]
}
