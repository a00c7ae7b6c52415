//! `docs/reference/` is made from the tables and declarations of the program, and stays what they say.
//!
//! `LOGITSCOPE_WRITE=1 cargo test --release --test it -- reference` writes it again.

mod commands;
mod decoding;
mod models;
mod screen;
mod trace;

use std::fs;
use std::path::Path;

/// File, what is on it, and its text.
type Page = (&'static str, &'static str, fn() -> String);

const PAGES: &[Page] = &[
    ("commands.md", "every command with its options, exit codes, environment variables", commands::page),
    ("decoding.md", "processors, strategies, presets", decoding::page),
    (
        "models.md",
        "what `--model` takes: families, architectures of GGUF files, types of weights, servers, shapes",
        models::page,
    ),
    ("keys.md", "every key of the interface, and the name of its action", screen::keys),
    ("screen.md", "views, themes and their roles, lessons", screen::page),
    ("trace.md", "the records of a trace, field by field", trace::page),
];

/// The first page, which lists the others.
fn contents() -> String {
    let rows = PAGES.iter().map(|(file, about, _)| vec![format!("[{file}]({file})"), (*about).to_owned()]);
    format!(
        "# Reference\n\nWhat the program's own tables say, written out by them: a test fails where a page says anything else.\n\n{}\n\
         Guides are beside it: [teaching](../teaching.md), [scoring](../scoring.md), [servers](../servers.md), [table \
         models](../table-models.md), [lessons](../lessons.md), [themes and pictures](../themes.md), \
         [benchmarks](../benchmarks.md), [architecture](../ARCHITECTURE.md).\n",
        table(&["page", "has"], rows)
    )
}

/// A table of Markdown; what would end a cell is escaped.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let rows: String = rows.into_iter().map(|cells| line(&cells)).collect();
    format!("{}|{}\n{rows}", line(&head), "---|".repeat(head.len()))
}

/// As code.
fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Several, as code.
fn codes<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(code).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_reference_is_what_the_tables_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference");
    let made = PAGES.iter().map(|(file, _, page)| (*file, page())).chain([("README.md", contents())]);
    let made: Vec<(&str, String)> = made.collect();
    if std::env::var_os("LOGITSCOPE_WRITE").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for (file, text) in &made {
            fs::write(folder.join(file), text).unwrap();
        }
    }
    for (file, text) in &made {
        let kept = fs::read_to_string(folder.join(file)).unwrap_or_default();
        let drift = kept.lines().zip(text.lines()).find(|(kept, made)| kept != made);
        assert!(
            kept == *text,
            "docs/reference/{file} is out of date ({drift:?}): LOGITSCOPE_WRITE=1 cargo test --release --test it -- reference \
             writes it again"
        );
    }
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(made.iter().any(|(file, _)| *file == name), "docs/reference/{name} is nobody's");
    }
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["", "docs", "docs/reference", "training", "tests/golden", "assets/model"];
    for folder in folders.map(|folder| root.join(folder)) {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                check_links(&path);
            }
        }
    }
}

/// Every `](target)` that is no address is a file, and its anchor a heading there.
fn check_links(page: &Path) {
    let text = fs::read_to_string(page).unwrap();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for target in targets.filter(|target| !target.contains(':') && !target.contains(' ')) {
        let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
        let there = if file.is_empty() { page.to_path_buf() } else { page.with_file_name(file) };
        assert!(there.exists(), "{}: {target} is not there", page.display());
        if let Some(anchor) = anchor.filter(|_| there.extension().is_some_and(|extension| extension == "md")) {
            let linked = fs::read_to_string(&there).unwrap();
            let found = linked.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
            assert!(found, "{}: {target}: no such heading", page.display());
        }
    }
}

/// The anchor that a heading gets: small letters, digits, hyphens for spaces.
fn slug(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    heading.trim_start_matches('#').trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}
