//! Documentation that follows from tables must be the tables.

use std::fs;
use std::path::Path;

use logitscope::decode::scoring::AUDITS;
use logitscope::lesson::{COMPUTATIONS, ComputationRow, Lesson};
use logitscope::model::table;
use logitscope::ui::config::Config;
use logitscope::ui::theme::{BUILT_IN, Ink, Role, Theme, summary};

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn every_mistake_is_documented_as_it_is_declared() {
    let text = read("docs/scoring.md");
    for row in AUDITS {
        let line = format!("| `{}` | {} | {} |", row.mistake, row.summary, row.why);
        assert!(text.contains(&line), "docs/scoring.md lacks {line}");
    }
}

#[test]
fn the_tables_of_the_documentation_and_the_examples_open() {
    let text = read("docs/table-models.md");
    let block = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    table::parse("docs/table-models.md", block).map(drop).unwrap();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tables")).unwrap() {
        let path = entry.unwrap().path();
        table::open(&path).map(drop).unwrap();
    }
}

#[test]
fn the_configuration_of_the_readme_is_one() {
    let text = read("README.md");
    let block = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    Config::parse("README.md", block).map(drop).unwrap();
}

#[test]
fn every_theme_and_every_role_is_documented_as_it_is() {
    let text = read("docs/themes.md");
    for (name, file) in BUILT_IN {
        let contrast = Theme::built_in(name).unwrap().text_contrast();
        let contrast = contrast.map_or("—".to_owned(), |ratio| ratio.to_string());
        let line = format!("| `{name}` | {} | {contrast} |", summary(file));
        assert!(text.contains(&line), "docs/themes.md lacks {line}");
    }
    for role in Role::ALL {
        let least = if role.ink() == Ink::Decor { "—".to_owned() } else { role.ink().least_contrast().to_string() };
        let grounds: Vec<_> = role.grounds().iter().map(|ground| format!("`{}`", ground.key())).collect();
        let line = format!("| `{}` | {} | {least} | {} |", role.key(), role.meaning(), grounds.join(", "));
        assert!(text.contains(&line), "docs/themes.md lacks {line}");
    }
}

/// What the documentation says of a computation.
fn documented(row: &ComputationRow) -> String {
    let table = |title: &str, rows: &[(&str, &str)]| {
        let cells = |names: &str| names.split(", ").map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let lines: Vec<String> = rows.iter().map(|(names, text)| format!("| {} | {text} |\n", cells(names))).collect();
        format!("| {title} | |\n|---|---|\n{}", lines.concat())
    };
    let (name, summary) = (row.name, row.summary);
    let (parameters, values) = (table("parameter", row.parameters), table("value", row.values));
    let example = format!("```toml\n[figures.example]\ncompute = \"{name}\"\n{}\n```\n", row.example);
    format!("### `{name}`\n\nComputes {summary}.\n\n{parameters}\n{values}\n{example}")
}

#[test]
fn every_computation_of_lessons_is_documented_as_it_is_declared() {
    let text = read("docs/lessons.md");
    let (_, rest) = text.split_once("<!-- computations -->\n").unwrap();
    let (section, _) = rest.split_once("<!-- end -->").unwrap();
    let wanted: Vec<String> = COMPUTATIONS.iter().map(documented).collect();
    let wanted = wanted.join("\n");
    assert!(section == wanted, "docs/lessons.md should say, between the marks:\n{wanted}<!-- end -->");
}

#[test]
fn the_lesson_of_the_documentation_opens() {
    let text = read("docs/lessons.md");
    let block = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let lesson = Lesson::parse("docs/lessons.md", block).unwrap();
    assert_eq!((lesson.pages.len(), lesson.questions()), (2, 2));
}
