//! Completions and manual pages: made for every shell and every command.

use std::fs;
use std::process::Command;

use logitscope::cli;

use crate::cli::{refused, stdout};

/// The names of all commands, those inside of others after them: `model`, `model pull`.
fn commands() -> Vec<String> {
    fn collect(command: &clap::Command, before: &str, names: &mut Vec<String>) {
        for inner in command.get_subcommands() {
            let name = format!("{before}{}", inner.get_name());
            names.push(name.clone());
            collect(inner, &format!("{name} "), names);
        }
    }
    let mut names = Vec::new();
    collect(&cli::command(), "", &mut names);
    names
}

#[test]
fn every_shell_completes_every_command_and_the_options_of_the_processors() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = stdout(&["completions", shell], "");
        for name in commands().iter().filter_map(|name| name.split(' ').next_back()) {
            assert!(script.contains(name), "{shell} lacks {name}");
        }
        // fish writes the dashes itself.
        assert!(script.contains("top-n-sigma") && script.contains("length-penalty"), "{shell}");
    }
    refused(&["completions", "tcsh"], "", "tcsh");
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man1");
    assert!(stdout(&["man", "--out", out.to_str().unwrap()], "").is_empty());
    let names = commands();
    assert_eq!(fs::read_dir(&out).unwrap().count(), names.len() + 1);
    let main = fs::read_to_string(out.join("logitscope.1")).unwrap();
    assert_eq!(main, stdout(&["man"], ""));
    assert!(main.contains(".SH ENVIRONMENT") && main.contains("HF_TOKEN") && main.contains(".SH \"EXIT STATUS\""));
    for name in &names {
        let file = format!("logitscope-{}.1", name.replace(' ', "-"));
        let page = fs::read_to_string(out.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let path: Vec<&str> = std::iter::once("man").chain(name.split(' ')).collect();
        assert_eq!(page, stdout(&path, ""), "{name}");
        let title = format!("logitscope\\-{}", name.replace(' ', "\\-"));
        assert!(page.contains(".SH NAME") && page.contains(&title), "{page}");
        assert!(main.contains(&title) || name.contains(' '), "logitscope.1 lacks {title}");
    }
}

#[test]
fn what_has_no_page_is_said() {
    refused(&["man", "runn"], "", "logitscope has no command `runn`; there are run, score");
    refused(&["man", "model", "push"], "", "model has no command `push`; there are list, info, pull");
    refused(&["man", "run", "--out", "somewhere"], "", "--out");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    refused(&["man", "--out", file.to_str().unwrap()], "", "can't write");
    assert_eq!(fs::read(&file).unwrap(), b"");
}

/// A shell that is not there can't be asked.
#[test]
fn bash_can_read_its_completions() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("logitscope.bash");
    fs::write(&script, stdout(&["completions", "bash"], "")).unwrap();
    if let Ok(status) = Command::new("bash").arg("-n").arg(&script).status() {
        assert!(status.success());
    }
}
