//! `bench` and `--model shape:NAME` from outside: what there is to read, never how fast it was.

use serde_json::Value;

use crate::cli::{json, refused, stdout};

/// Every figure: its median lies between the extremes, and all are above zero.
#[track_caller]
fn figure(value: &Value) {
    let [median, min, max] = ["median", "min", "max"].map(|key| value[key].as_f64().unwrap());
    assert!(0.0 < min && min <= median && median <= max && max.is_finite(), "{value}");
}

#[test]
fn every_part_is_measured() {
    let document = json(&["bench", "--quick", "--repetitions", "1", "--threads", "2", "--format", "json"]);
    assert_eq!((&document["format"], &document["version"]), (&"logitscope.bench".into(), &1.into()));
    assert_eq!(document["model"]["name"], "builtin");
    assert_eq!(document["machine"]["threads"], 2);
    for part in document["settings"]["parts"].as_array().unwrap() {
        assert!(!document[part.as_str().unwrap()].is_null(), "{part}");
    }
    let rows = |key: &str| document[key].as_array().unwrap().clone();
    for (key, figures) in [
        ("bandwidth", &["bytes_per_second"][..]),
        ("prefill", &["seconds", "tokens_per_second"]),
        ("decode", &["seconds", "tokens_per_second"]),
        ("beam", &["step_seconds", "beam_seconds"]),
        ("chain", &["seconds", "top_p_seconds"]),
        ("frame", &["seconds"]),
    ] {
        assert!(!rows(key).is_empty(), "{key}");
        for (row, name) in rows(key).iter().flat_map(|row| figures.iter().map(move |name| (row, name))) {
            figure(&row[name]);
        }
    }
    for value in [&document["open"], &document["first_frame"], &document["generate"]["seconds"]] {
        figure(value);
    }
    figure(&document["logits"]["kept_seconds"]);
    figure(&document["logits"]["rerun_seconds"]);
    assert_eq!(rows("decode").iter().map(|row| row["threads"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    for row in rows("decode") {
        let share = row["share_of_limit"].as_f64().unwrap();
        assert!(share > 0.0 && share.is_finite(), "{row}");
    }
    let memory = &document["memory"];
    assert!(memory["weight_bytes"].as_u64().unwrap() > 0 && memory["cache_bytes"].as_u64().unwrap() > 0);
    if cfg!(target_os = "linux") {
        assert!(memory["peak_bytes"].as_u64() > memory["cache_bytes"].as_u64());
    }
}

#[test]
fn parts_are_picked_and_others_left_out() {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/tables/nice-dog.toml");
    let arguments = ["bench", "--quick", "--only", "decode,beam", "--model", table];
    let document = json(&[&arguments[..], &["--format", "json"]].concat());
    assert_eq!(document["settings"]["parts"], serde_json::json!(["decode", "beam"]));
    assert!(document["chain"].is_null() && document["frame"].is_null());
    // A table has no weights that memory would have to deliver.
    assert!(document["decode"][0]["share_of_limit"].is_null());
    let text = stdout(&arguments, "");
    assert!(text.contains("median of 2 repetitions"), "{text}");
    assert!(text.contains("a step of 2 beams") && text.contains("tokens/s"), "{text}");
    refused(&["bench", "--only", "speed"], "", "possible values: memory, bandwidth");
    refused(&["bench", "--repetitions", "0"], "", "not a number from 1 to 1000");
}

#[test]
fn shapes_run_like_any_model() {
    let model = ["--model", "shape:s", "--dtype", "q8_0"];
    let document = json(&[&["run", "hi", "--max-new-tokens", "3", "--format", "json"], &model[..]].concat());
    let model_of = &document["model"];
    assert_eq!((&model_of["name"], &model_of["vocab_size"]), (&"shape:S".into(), &32_000.into()));
    assert_eq!(model_of["dtype"], "q8_0");
    assert!(model_of["eos_token_ids"].as_array().unwrap().is_empty());
    assert_eq!(document["prompt"]["tokens"].as_array().unwrap().len(), 2);
    assert_eq!(document["sequences"][0]["length"], 3);
    refused(&["run", "hi", "--model", "shape:Q"], "", "no shape has this name; there are S (Llama, 15M)");
}

#[test]
fn parts_and_shapes_are_documented_as_they_are() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/benchmarks.md");
    let text = std::fs::read_to_string(path).unwrap();
    for (_, name, summary) in logitscope::headless::PARTS {
        let line = format!("| `{name}` | {summary} |");
        assert!(text.contains(&line), "docs/benchmarks.md lacks {line}");
    }
    for shape in logitscope::model::shape::SHAPES {
        let line = format!("| {} | {} |", shape.name, shape.like);
        assert!(text.contains(&line), "docs/benchmarks.md lacks {line}");
    }
}
