//! Chat templates and tokenizers against what transformers made of them; `--chat` from outside.

use std::fs;
use std::path::Path;

use logitscope::model::families::Config;
use logitscope::model::tokenizer::HfTokenizer;
use logitscope::model::{ChatTemplate, SpecialTokens, Tokenizer};
use serde_json::{Value, json};

use super::cli::{json as document, refused, stdout};

fn golden(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn config(value: &Value) -> Config {
    Config::parse("tokenizer_config.json", value.to_string().as_bytes()).unwrap()
}

#[test]
fn templates_render_as_in_transformers() {
    let goldens = golden("chat.json");
    assert_eq!(goldens.len(), 40);
    for golden in goldens {
        let mut tokens = golden["tokens"].clone();
        tokens["chat_template"] = golden["template"].clone();
        let template = ChatTemplate::read(Some(&config(&tokens)), None).unwrap().unwrap();
        // The day of the goldens.
        let now = |format: &str| jiff::civil::date(2025, 1, 2).strftime(format).to_string().into();
        let text = template.render(golden["message"].as_str().unwrap(), now);
        assert_eq!(text.unwrap(), golden["text"].as_str().unwrap(), "{}: {}", golden["name"], golden["message"]);
    }
}

#[test]
fn texts_are_cut_as_in_transformers() {
    let goldens = golden("tokenizers.json");
    assert_eq!(goldens.len(), 12);
    for golden in goldens {
        let bytes = golden["tokenizer"].to_string().into_bytes();
        let tokenizer = HfTokenizer::from_bytes("tokenizer.json", &bytes).unwrap();
        for case in golden["cases"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let ids = tokenizer.encode(text, SpecialTokens::Auto).unwrap();
            assert_eq!(json!(ids), case["ids"], "{}: {text:?}", golden["name"]);
            // The bytes of the tokens are the text, whatever the kind does to it before.
            let plain = tokenizer.encode(text, SpecialTokens::Never).unwrap();
            let whole: Vec<u8> = plain.iter().flat_map(|&id| tokenizer.piece(id).bytes.clone()).collect();
            let is_marked = plain.iter().any(|&id| tokenizer.piece(id).special);
            let is_normalized = ["qwen2.5", "pythia"].contains(&golden["name"].as_str().unwrap());
            if !is_marked && !is_normalized {
                let whole = String::from_utf8(whole).unwrap();
                assert_eq!(whole.trim_start(), text.trim_start(), "{}", golden["name"]);
            }
        }
    }
}

/// One of the small models, with a chat template.
fn model(template: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/llama-bf16")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    fs::write(folder.path().join("chat_template.jinja"), template).unwrap();
    folder
}

#[test]
fn a_message_is_written_as_the_template_says() {
    let folder =
        model("[{% for m in messages %}{{ m.content }}{% endfor %}]{% if add_generation_prompt %}>{% endif %}");
    let path = folder.path().to_str().unwrap();
    let document = document(&["run", "ab", "--chat", "--model", path, "--max-new-tokens", "2", "--format", "json"]);
    assert_eq!((&document["prompt"]["text"], &document["prompt"]["chat"]), (&json!("[ab]>"), &json!("ab")));
    let text = stdout(&["run", "ab", "--chat", "--model", path, "--max-new-tokens", "2"], "");
    assert!(text.contains("chat: ab\n[ab]>\n"), "{text}");
    let trace = stdout(&["run", "ab", "--chat", "--model", path, "--max-new-tokens", "2", "--format", "jsonl"], "");
    assert!(trace.lines().next().unwrap().contains(r#""chat":"ab""#), "{trace}");
    let score = ["score", "--prompt", "ab", "--completion", "c", "--chat", "--model", path, "--format", "json"];
    assert_eq!(super::cli::json(&score)["prompt"]["text"], "[ab]>");
    let compare = ["compare", "ab", "--chat", "--strategy", "greedy", "--strategy", "beam", "--model", path];
    assert_eq!(super::cli::json(&[&compare[..], &["--format", "json"]].concat())["prompt"]["chat"], "ab");
    assert_eq!(super::cli::json(&["tokens", "ab", "--chat", "--model", path, "--format", "json"])["text"], "[ab]>");
}

#[test]
fn a_model_without_a_template_and_one_that_refuses() {
    refused(&["run", "ab", "--chat"], "", "this model has no chat template: leave --chat out");
    let folder = model("{{ raise_exception('only in pairs') }}");
    let path = folder.path().to_str().unwrap();
    refused(&["run", "ab", "--chat", "--model", path], "", "only in pairs: leave --chat out");
}
