//! Small tokenizers of each kind, whole and broken.

use serde_json::{Value, json};

use super::*;

/// A tokenizer whose vocabulary is `<s>`, `[KEY]`, `base` and then `merges`, each of two tokens with a space between.
fn bpe(base: &[&str], merges: &[&str]) -> Value {
    let joined = merges.iter().map(|merge| merge.replace(' ', ""));
    let base = ["<s>", "[KEY]"].iter().chain(base).map(|word| (*word).to_owned());
    let vocab: serde_json::Map<String, Value> = base.chain(joined).zip((0..).map(Value::from)).collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "pre_tokenizer": null,
        "post_processor": null, "decoder": null,
        "added_tokens": [
            {"id": 0, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
            {"id": 1, "content": "[KEY]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": false},
        ],
        "model": {"type": "BPE", "vocab": vocab, "merges": merges, "fuse_unk": false, "byte_fallback": false},
    })
}

fn byte_level() -> Value {
    let mut tokenizer = bpe(&["t", "h", "e", "Ġ", "Ã", "©"], &["t h", "th e", "Ġ the"]);
    tokenizer["pre_tokenizer"] =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    tokenizer["decoder"] = tokenizer["pre_tokenizer"].clone();
    tokenizer
}

fn sentencepiece() -> Value {
    let mut tokenizer = bpe(&["▁", "a", "b", "<0xC3>", "<0xA9>", "<0x0A>"], &["▁ a"]);
    tokenizer["normalizer"] = json!({"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
    ]});
    tokenizer["model"]["byte_fallback"] = json!(true);
    tokenizer["decoder"] = json!({"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ]});
    tokenizer["post_processor"] = json!({"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}});
    tokenizer
}

fn open(tokenizer: &Value) -> Result<HfTokenizer, ModelError> {
    HfTokenizer::from_bytes("tokenizer.json", tokenizer.to_string().as_bytes())
}

fn bytes_of(tokenizer: &HfTokenizer, ids: &[TokenId]) -> Vec<u8> {
    ids.iter().flat_map(|id| tokenizer.piece(*id).bytes.clone()).collect()
}

#[test]
fn byte_level_tokens_are_bytes() {
    let tokenizer = open(&byte_level()).unwrap();
    let ids = tokenizer.encode("the the[KEY]é", SpecialTokens::Auto).unwrap();
    assert_eq!(bytes_of(&tokenizer, &ids), "the the[KEY]é".as_bytes());
    let pieces: Vec<&str> = ids.iter().map(|id| tokenizer.piece(*id).piece.as_str()).collect();
    assert_eq!(pieces, ["the", "Ġthe", "[KEY]", "Ã", "©"]);
    assert_eq!(tokenizer.piece(ids[1]).text, " the");
    assert_eq!(tokenizer.piece(ids[3]).text, "\u{FFFD}");
    assert!(!tokenizer.piece(1).special);
}

#[test]
fn sentencepiece_tokens_are_bytes_of_the_normalized_text() {
    let tokenizer = open(&sentencepiece()).unwrap();
    let ids = tokenizer.encode("a bé\n", SpecialTokens::Auto).unwrap();
    assert_eq!(ids[0], 0);
    assert_eq!(bytes_of(&tokenizer, &ids), " a bé\n".as_bytes());
    assert_eq!(tokenizer.piece(0).text, "<s>");
    assert!(tokenizer.piece(0).bytes.is_empty() && tokenizer.piece(0).special);
}

#[test]
fn special_tokens_are_added_as_asked() {
    let plain = open(&byte_level()).unwrap();
    assert_eq!(plain.encode("t", SpecialTokens::Auto).unwrap(), [2]);
    plain.encode("t", SpecialTokens::Always).unwrap_err();
    let plain = plain.with_bos_name(Some("<s>"));
    assert_eq!(plain.encode("t", SpecialTokens::Always).unwrap(), [0, 2]);
    let adds = open(&sentencepiece()).unwrap().with_bos_id(Some(0));
    assert_eq!(adds.encode("", SpecialTokens::Always).unwrap(), [0]);
    assert_eq!(adds.encode("a", SpecialTokens::Always).unwrap(), adds.encode("a", SpecialTokens::Auto).unwrap());
    assert_eq!(adds.encode("a", SpecialTokens::Never).unwrap(), [8]);
}

#[test]
fn ids_past_the_vocabulary_are_harmless() {
    let tokenizer = open(&byte_level()).unwrap();
    let size = tokenizer.vocab_size();
    assert_eq!(size, 11);
    let tokenizer = tokenizer.with_rows(16);
    assert_eq!(tokenizer.vocab_size(), size);
    assert_eq!(tokenizer.piece(15).id, 15);
    assert_eq!(tokenizer.piece(15).text, "<unused 15>");
    for id in [15, 16, TokenId::MAX] {
        assert!(tokenizer.piece(id).bytes.is_empty());
    }
}

#[test]
fn truncation_and_padding_of_the_file_are_ignored() {
    let mut tokenizer = byte_level();
    tokenizer["truncation"] = json!({"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0});
    tokenizer["padding"] = json!({"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": null,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "<s>"});
    let ids = open(&tokenizer).unwrap().encode("hh", SpecialTokens::Auto).unwrap();
    assert_eq!(ids, [3, 3]);
}

#[test]
fn garbage_is_an_error_that_names_the_file() {
    let whole = byte_level().to_string();
    for length in [0, 1, 10, 100, whole.len() / 2, whole.len() - 1] {
        let mut cut = length;
        while !whole.is_char_boundary(cut) {
            cut += 1;
        }
        let error = HfTokenizer::from_bytes("tokenizer.json", &whole.as_bytes()[..cut]).err().unwrap().to_string();
        assert!(error.starts_with("tokenizer.json: not a tokenizer"), "{error}");
    }
    for bytes in ["[]", "{}", "null", "{\"model\": {\"type\": \"BPE\"}}", "\u{0}"] {
        assert!(HfTokenizer::from_bytes("tokenizer.json", bytes.as_bytes()).is_err());
    }
    let mut absurd = byte_level();
    absurd["model"]["vocab"]["zzz"] = json!(u32::MAX);
    assert!(open(&absurd).is_err());
    absurd = byte_level();
    absurd["model"]["merges"] = json!(["q q"]);
    assert!(open(&absurd).is_err());
}
