//! What the tokenizers library takes for granted about a `tokenizer.json`, and ends the program over where it is not so.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use tokenizers::normalizers::Precompiled;

/// The parts whose mistakes the library does not report but ends the program over.
#[derive(Deserialize)]
struct Parts {
    /// Only read.
    #[serde(default, rename = "decoder")]
    _decoder: Value,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    post_processor: Value,
}

/// The part of a file that merges are checked against.
#[derive(Deserialize)]
struct File {
    model: Option<Model>,
}

#[derive(Deserialize)]
struct Model {
    #[serde(default)]
    vocab: Longest,
    #[serde(default)]
    merges: Vec<Merge>,
    continuing_subword_prefix: Option<String>,
}

/// Bytes of the longest token.
#[derive(Default)]
struct Longest(usize);

/// Two tokens that become one.
struct Merge(String, String);

/// # Errors
/// What is no JSON in decoder, normalizer or post-processor, or a table of a normalizer that can't be read. A template with a token
/// that it does not describe, or with a second text where there is one. A merge whose result no token of the vocabulary is as long
/// as, or whose second part lacks the prefix that parts within words have. What else is wrong with a file is left to the library.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let Parts { normalizer, post_processor, .. } =
        serde_json::from_slice(bytes).map_err(|error| format!("not a tokenizer: {error}"))?;
    check_normalizer(&normalizer)?;
    check_post_processor(&post_processor)?;
    check_merges(bytes)
}

fn check_normalizer(normalizer: &Value) -> Result<(), String> {
    if normalizer["type"] == "Precompiled"
        && let Err(error) = serde_json::from_str::<Precompiled>(&normalizer.to_string())
    {
        return Err(format!("the normalizer Precompiled can't be read: {error}"));
    }
    normalizer["normalizers"].as_array().into_iter().flatten().try_for_each(check_normalizer)
}

fn check_post_processor(processor: &Value) -> Result<(), String> {
    let pieces = |template: &str| processor[template].as_array().into_iter().flatten();
    for name in pieces("single").chain(pieces("pair")).filter_map(|piece| piece["SpecialToken"]["id"].as_str()) {
        if processor["special_tokens"][name].is_null() {
            return Err(format!("the post-processor adds {name:?}, which is not among its special_tokens"));
        }
    }
    if pieces("single").any(|piece| piece["Sequence"]["id"] == "B") {
        return Err("the post-processor's template of a single text has a second one, B".to_owned());
    }
    processor["processors"].as_array().into_iter().flatten().try_for_each(check_post_processor)
}

fn check_merges(bytes: &[u8]) -> Result<(), String> {
    let Ok(File { model: Some(model) }) = serde_json::from_slice(bytes) else { return Ok(()) };
    let prefix = model.continuing_subword_prefix.unwrap_or_default();
    for Merge(a, b) in &model.merges {
        let Some(rest) = b.strip_prefix(prefix.as_str()) else {
            return Err(format!("the merge of {a:?} and {b:?}: the second does not begin with {prefix:?}"));
        };
        if a.len() + rest.len() > model.vocab.0 {
            return Err(format!("the merge of {a:?} and {b:?} is longer than any token"));
        }
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Longest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Longest;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("tokens with their ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Longest, A::Error> {
                let mut longest = 0;
                while let Some((token, _)) = map.next_entry::<String, IgnoredAny>()? {
                    longest = longest.max(token.len());
                }
                Ok(Longest(longest))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

impl<'de> Deserialize<'de> for Merge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = Merge;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("two tokens")
            }

            fn visit_str<E>(self, text: &str) -> Result<Merge, E> {
                let (a, b) = text.split_once(' ').unwrap_or((text, ""));
                Ok(Merge(a.to_owned(), b.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Merge, A::Error> {
                let mut part = || Ok(parts.next_element::<String>()?.unwrap_or_default());
                let merge = Merge(part()?, part()?);
                while parts.next_element::<IgnoredAny>()?.is_some() {}
                Ok(merge)
            }
        }
        deserializer.deserialize_any(Parts)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::model::tokenizer::HfTokenizer;

    fn file(merges: &Value, prefix: &Value) -> String {
        let vocab = json!({ "a": 0, "b": 1, "ab": 2, "##b": 3 });
        json!({
            "version": "1.0", "added_tokens": [],
            "model": { "type": "BPE", "vocab": vocab, "merges": merges, "continuing_subword_prefix": prefix },
        })
        .to_string()
    }

    #[test]
    fn parts_that_would_end_the_program_are_errors() {
        let model = r#""model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}"#;
        for (part, says) in [
            (r#""decoder": {"type": "WordPiece", "prefix"prefix": "x"}"#, "not a tokenizer: expected `:` at line 1"),
            (r#""decoder": {"type": "Fuse", "n": 1e999}"#, "not a tokenizer: number out of range"),
            (r#""normalizer": {"type": "Precompiled"}"#, "the normalizer Precompiled can't be read"),
            (
                r#""normalizer": {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": "!"}]}"#,
                "the normalizer Precompiled can't be read",
            ),
            (
                r#""post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "!", "type_id": 0}}],
                   "pair": [], "special_tokens": {"a": {"id": "a", "ids": [0], "tokens": ["a"]}}}"#,
                "adds \"!\", which is not among its special_tokens",
            ),
            (
                r#""post_processor": {"type": "Sequence", "processors": [{"type": "TemplateProcessing",
                   "single": [{"Sequence": {"id": "B", "type_id": 0}}], "pair": [], "special_tokens": {}}]}"#,
                "has a second one, B",
            ),
        ] {
            let file = format!("{{\"version\": \"1.0\", \"added_tokens\": [], {part}, {model}}}");
            let error = HfTokenizer::from_bytes("f", file.as_bytes()).err().unwrap().to_string();
            assert!(error.starts_with("f: ") && error.contains(says), "{error}");
        }
    }

    #[test]
    fn merges_that_would_end_the_program_are_errors() {
        for (merges, prefix, part) in [
            (json!([["ab", "##b"]]), Value::Null, "longer than any token"),
            (json!(["ab ##b"]), Value::Null, "longer than any token"),
            (json!([["a", "b"]]), json!("##"), "does not begin with \"##\""),
            (json!([["a", "b"]]), json!("é"), "does not begin with"),
        ] {
            let error = HfTokenizer::from_bytes("f", file(&merges, &prefix).as_bytes()).err().unwrap().to_string();
            assert!(error.contains(part), "{error}");
        }
        for (merges, prefix) in [(json!([["a", "b"]]), Value::Null), (json!(["a ##b"]), json!("##"))] {
            assert!(HfTokenizer::from_bytes("f", file(&merges, &prefix).as_bytes()).is_ok());
        }
    }
}
