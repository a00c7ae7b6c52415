//! Documentation that follows from tables must be the tables.

use std::fs;
use std::path::Path;

use logitscope::decode::scoring::AUDITS;
use logitscope::model::table;
use logitscope::ui::config::Config;

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
