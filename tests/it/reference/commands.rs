//! The command line, from clap's description of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use clap::builder::{PossibleValue, Str};
use clap::{Arg, Command};

use logitscope::cli::{EXIT_CODES, VARIABLES, command};
use logitscope::decode::PROCESSORS;

use super::{code, codes, table};

const HEAD: &str = "# Commands

Options stand in any order, before or after a prompt; `--option=value` is the same as `--option value`. A prompt of `-` is read from standard input.
Results go to standard output, messages and progress to standard error.

";

const SHARED: &str = "## Options of several commands

They mean the same everywhere. Every [processor](decoding.md#processors) is one besides.

";

const CLOSING: &str = "## Exit codes

";

pub(super) fn page() -> String {
    let mut program = command();
    program.build();
    let mut all = Vec::new();
    collect(&program, &mut all);
    let uses = all.iter().flat_map(|command| options(command)).fold(BTreeMap::new(), |mut uses, option| {
        *uses.entry(key(option)).or_insert(0) += 1;
        uses
    });
    let is_shared = |option: &Arg| uses[&key(option)] > 1;
    let mut text = HEAD.to_owned();
    text += &table(
        &["command", "does"],
        all.iter().map(|command| {
            let name = full_name(command);
            vec![format!("[`{name}`](#{})", name.replace(' ', "-")), about(command)]
        }),
    );
    text += "\n";
    text.extend(all.iter().map(|command| section(command, &is_shared)));
    text += SHARED;
    text += &shared(&all, &is_shared);
    text += CLOSING;
    text +=
        &table(&["code", "means"], EXIT_CODES.iter().map(|(code, meaning)| vec![code.to_string(), (*meaning).into()]));
    text += "\n## Environment variables\n\nOf several in one row, the first that is set counts.\n\n";
    text += &table(
        &["variable", "says"],
        VARIABLES.iter().map(|variable| vec![codes(variable.names.iter().copied()), variable.meaning.into()]),
    );
    text
}

/// A command, then those inside it.
fn collect<'a>(command: &'a Command, into: &mut Vec<&'a Command>) {
    into.push(command);
    command.get_subcommands().for_each(|inner| collect(inner, into));
}

fn full_name(command: &Command) -> String {
    command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned()
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// Options by what they are called and what they mean.
fn key(option: &Arg) -> (String, String) {
    (option.get_id().to_string(), help(option))
}

/// What is given by name, but for help and version, which every command has.
fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    let named = |arg: &&Arg| !arg.is_positional() && !arg.is_hide_set();
    command.get_arguments().filter(named).filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()))
}

fn is_processor(option: &Arg) -> bool {
    PROCESSORS.iter().any(|row| row.name == option.get_id().as_str())
}

/// Its help, with its values where that does not name them.
fn help(arg: &Arg) -> String {
    let text = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let values = arg.get_possible_values();
    let takes_values = arg.get_action().takes_values();
    if takes_values && values.iter().any(|value| !text.contains(value.get_name())) {
        return format!("{text}: {}", codes(values.iter().map(PossibleValue::get_name)));
    }
    text
}

/// As it is typed: `--seed S`.
pub(super) fn written(arg: &Arg) -> String {
    let names: Vec<&str> = arg.get_value_names().unwrap_or_default().iter().map(Str::as_str).collect();
    let names = names.join(" ");
    let takes_values = arg.get_action().takes_values();
    let many = arg.get_num_args().is_some_and(|range| range.max_values() > 1);
    match arg.get_long() {
        None => format!("{names}{}", if many { " …" } else { "" }),
        Some(long) if !takes_values => format!("--{long}"),
        Some(long) if arg.is_require_equals_set() => format!("--{long}[={names}]"),
        Some(long) => format!("--{long} {names}"),
    }
}

fn row(arg: &Arg) -> Vec<String> {
    let takes_values = arg.get_action().takes_values();
    let defaults = arg.get_default_values().iter().filter_map(|value| value.to_str());
    let default = codes(defaults.filter(|value| takes_values && !value.is_empty()));
    // What depends on other options is told in the help.
    let help = help(arg);
    let (before, rest) = help.split_once(" [default: ").unwrap_or((&help, ""));
    let (told, after) = rest.split_once(']').unwrap_or_default();
    vec![code(&written(arg)), format!("{before}{after}"), if told.is_empty() { default } else { told.to_owned() }]
}

const COLUMNS: [&str; 3] = ["option", "means", "if not given"];

fn section(command: &Command, is_shared: &impl Fn(&Arg) -> bool) -> String {
    let name = full_name(command);
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").replace("\n       ", "\n");
    let long = command.get_long_about().map_or_else(|| about(command), ToString::to_string);
    let mut text = format!("## {name}\n\n{}.\n\n```console\n{usage}\n```\n\n", long.trim_end_matches('.'));
    let own: Vec<Vec<String>> =
        command.get_positionals().chain(options(command).filter(|option| !is_shared(option))).map(row).collect();
    if !own.is_empty() {
        text += &table(&COLUMNS, own);
        text += "\n";
    }
    let (processors, others): (Vec<&Arg>, Vec<&Arg>) =
        options(command).filter(|option| is_shared(option)).partition(|option| is_processor(option));
    let names: Vec<String> =
        others.iter().filter_map(|option| option.get_long()).map(|long| format!("--{long}")).collect();
    if !names.is_empty() {
        let names = codes(names.iter().map(String::as_str));
        let link = "[Options of several commands](#options-of-several-commands)";
        let and = if processors.is_empty() { "" } else { ", and those of the [processors](decoding.md#processors)" };
        text.extend([link, ": ", &names, and, ".\n\n"]);
    }
    text
}

/// What several commands take, once, by the heading that help has for it.
fn shared(all: &[&Command], is_shared: &impl Fn(&Arg) -> bool) -> String {
    let mut headings: Vec<(String, Vec<Vec<String>>)> = Vec::new();
    let mut seen = Vec::new();
    for option in all.iter().flat_map(|command| options(command)).filter(|option| is_shared(option)) {
        if is_processor(option) || seen.contains(&key(option)) {
            continue;
        }
        seen.push(key(option));
        let mut row = row(option);
        let same_name =
            |other: &&Arg| other.get_id() == option.get_id() && key(other) != key(option) && is_shared(other);
        if all.iter().flat_map(|command| options(command)).any(|other| same_name(&other)) {
            let has = |command: &&&Command| options(command).any(|other| key(other) == key(option));
            let names: Vec<&str> = all.iter().filter(has).map(|command| command.get_name()).collect();
            row[1].extend([" (in ", &codes(names), ")"]);
        }
        let heading = option.get_help_heading().unwrap_or("Model, draws and output").to_owned();
        match headings.iter_mut().find(|(name, _)| *name == heading) {
            Some((_, rows)) => rows.push(row),
            None => headings.push((heading, vec![row])),
        }
    }
    let part = |(heading, rows): (String, Vec<Vec<String>>)| format!("### {heading}\n\n{}\n", table(&COLUMNS, rows));
    headings.into_iter().map(part).collect()
}

/// Rust files outside of tests, up to their own tests.
fn sources(at: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned());
        }
    }
}

#[test]
fn every_environment_variable_that_is_read_is_in_the_table() {
    let mut texts = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
    let reads = ["var(\"", "var_os(\"", "folder(\"", "set(\"", "offline(\"", "value(\"", "variable(\""];
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let mut found: Vec<&str> = Vec::new();
    for text in &texts {
        let read = reads.iter().flat_map(|call| text.split(call).skip(1)).filter_map(|rest| rest.split('"').next());
        found.extend(read.filter(|name| name.len() > 1 && is_name(name)));
    }
    assert!(found.len() > 10, "{found:?}");
    let known: Vec<&str> = VARIABLES.iter().flat_map(|variable| variable.names).copied().collect();
    let missing: Vec<&&str> = found.iter().filter(|name| !known.contains(name)).collect();
    assert!(missing.is_empty(), "src/cli/environment.rs lacks {missing:?}");
}
