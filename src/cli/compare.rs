//! `compare`: strategies written as text, each with the options of `run`.

use std::io::stdout;

use clap::{Args, FromArgMatches};

use crate::decode::strategy::{StrategyKind, strategy};
use crate::headless::{self, Comparison, Contestant, style::Style};

use super::CliError;
use super::args::{CompareArgs, DecodingArgs};
use super::commands::text_or_stdin;
use super::open::open;
use super::signals::interrupt_on_signal;

/// The most that are compared at once.
const MOST: usize = 8;

pub(super) fn compare(args: &CompareArgs) -> Result<(), CliError> {
    let contestants = contestants(args)?;
    let prompt = text_or_stdin(&args.prompt)?;
    let interrupt = interrupt_on_signal()?;
    let options = args.open.options();
    let mut models = args.model.iter().map(|source| open(source, &options)).collect::<Result<Vec<_>, _>>()?;
    let comparison = Comparison {
        prompt: &prompt,
        special: args.open.bos.into(),
        form: args.open.form(),
        contestants: &contestants,
        format: args.format.into(),
        style: Style::detect(),
        interrupt: &interrupt,
        progress: &headless::Progress::detect(),
    };
    Ok(headless::compare(&mut models, &comparison, &mut stdout().lock())?)
}

/// Every strategy on every model.
fn contestants(args: &CompareArgs) -> Result<Vec<Contestant>, CliError> {
    let greedy = ["greedy".to_string()];
    let strategies = if args.strategy.is_empty() { &greedy[..] } else { &args.strategy };
    let count = strategies.len() * args.model.len();
    if !(2..=MOST).contains(&count) {
        let hint = "give --strategy, or --model, more than once";
        return Err(CliError::Input(format!("compare takes 2 to {MOST} runs, and here are {count}: {hint}")));
    }
    let mut contestants = Vec::new();
    for model in 0..args.model.len() {
        for name in strategies {
            let mut decoding = decoding(name, args)?;
            if args.common_random_numbers {
                decoding.seed = decoding.seed.map(|_| args.seed.unwrap_or(0));
            }
            if let Some(row) = decoding.strategy.as_deref().and_then(strategy)
                && matches!(row.kind, StrategyKind::Speculative)
            {
                let message = "needs a draft beside each model, which compare has not: use run";
                return Err(CliError::Input(format!("--strategy {name}: {} {message}", row.name)));
            }
            let settings = decoding.settings(&args.open, 0)?;
            contestants.push(Contestant { name: name.clone(), settings, model });
        }
    }
    Ok(contestants)
}

/// Reads `NAME:option=value,…` as the flags of `run` that it stands for.
fn decoding(strategy: &str, args: &CompareArgs) -> Result<DecodingArgs, CliError> {
    let (name, options) = strategy.split_once(':').unwrap_or((strategy, ""));
    let mut flags = vec!["compare".to_string(), format!("--strategy={}", name.trim())];
    for piece in options.split(',').filter(|_| !options.trim().is_empty()) {
        // A piece that does not begin with a letter is the next item of a list.
        match flags.last_mut().filter(|_| !begins_option(piece)) {
            Some(list) if list.contains('=') => {
                list.push(',');
                list.push_str(piece);
            }
            _ => flags.push(flag(piece.trim())),
        }
    }
    let given = |name: &str| flags.iter().any(|flag| flag.starts_with(&format!("--{name}=")));
    let defaults = [
        ("max-new-tokens", args.max_new_tokens.map(|n| n.to_string())),
        ("seed", Some(args.seed.unwrap_or(0).to_string())),
    ];
    let missing: Vec<String> = defaults
        .into_iter()
        .filter(|(name, _)| !given(name))
        .filter_map(|(name, value)| Some(format!("--{name}={}", value?)))
        .collect();
    flags.extend(missing);
    let command = DecodingArgs::augment_args(clap::Command::new("compare").disable_help_flag(true));
    let wrong = |error: &clap::Error| match CliError::usage(error) {
        CliError::Input(message) => CliError::Input(format!("--strategy {strategy}: {message}")),
        other => other,
    };
    let matches = command.try_get_matches_from(flags).map_err(|error| wrong(&error))?;
    DecodingArgs::from_arg_matches(&matches).map_err(|error| wrong(&error))
}

fn begins_option(piece: &str) -> bool {
    piece.trim_start().starts_with(char::is_alphabetic)
}

/// `top_p=0.9` is `--top-p=0.9`; `ignore_eos` and `ignore_eos=true` are `--ignore-eos`.
fn flag(option: &str) -> String {
    match option.split_once('=') {
        Some((name, "true")) if name.trim() == "ignore_eos" => "--ignore-eos".into(),
        Some((name, value)) => format!("--{}={}", name.trim().replace('_', "-"), value.trim()),
        None => format!("--{}", option.replace('_', "-")),
    }
}
