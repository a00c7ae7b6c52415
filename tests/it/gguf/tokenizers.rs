//! Tokenizers made of metadata by hand.

use logitscope::model::{ModelError, SpecialTokens, Tokenizer};
use serde_json::{Value, json};

use super::read;
use super::writer::Writer;

/// SentencePiece: `ab` scores higher than `bc`, so that `abc` is `ab` and `c`.
fn sentencepiece() -> Writer {
    let mut writer = Writer::new();
    let tokens = json!(["<unk>", "<s>", "</s>", "<0xC3>", "<0xA9>", "▁", "a", "b", "c", "ab", "bc", "▁a", "<mark>"]);
    writer.pair("tokenizer.ggml.model", "llama").pair("tokenizer.ggml.tokens", tokens);
    let scores = json!([0.5, 0.5, 0.5, 0.5, 0.5, -9.5, -9.5, -9.5, -9.5, -1.5, -2.5, -3.5, 0.5]);
    writer.pair("tokenizer.ggml.scores", scores);
    writer.pair("tokenizer.ggml.token_type", json!([2, 3, 3, 6, 6, 1, 1, 1, 1, 1, 1, 1, 4]));
    writer.pair("tokenizer.ggml.bos_token_id", 1).pair("tokenizer.ggml.eos_token_id", 2);
    writer
}

/// Byte-level tokens for `a`, `b`, `1`, a space and a line break, and two merges.
fn byte_level() -> Writer {
    let mut writer = Writer::new();
    writer.pair("tokenizer.ggml.model", "gpt2").pair("tokenizer.ggml.pre", "gpt-2");
    writer.pair("tokenizer.ggml.tokens", json!(["a", "b", "1", "Ġ", "Ċ", "Ġa", "11", "<end>", "Ġa1"]));
    writer.pair("tokenizer.ggml.token_type", json!([1, 1, 1, 1, 1, 1, 1, 3, 1]));
    writer.pair("tokenizer.ggml.merges", json!(["Ġ a", "1 1"]));
    writer
}

fn ids(writer: &Writer, text: &str, special: SpecialTokens) -> Result<Vec<u32>, ModelError> {
    read(writer.finish())?.tokenizer()?.encode(text, special)
}

fn auto(writer: &Writer, text: &str) -> Vec<u32> {
    ids(writer, text, SpecialTokens::Auto).unwrap()
}

#[test]
fn sentencepiece_joins_what_scores_highest() {
    assert_eq!(auto(&sentencepiece(), "bc"), [1, 5, 10]);
    assert_eq!(auto(&sentencepiece(), "babc"), [1, 5, 7, 9, 8]);
    // "▁a" and "ab" compete for the a.
    assert_eq!(auto(&sentencepiece(), "abc"), [1, 5, 9, 8]);
    assert_eq!(auto(&sentencepiece(), "a"), [1, 11]);
    let mut other = sentencepiece();
    let scores = json!([0.5, 0.5, 0.5, 0.5, 0.5, -9.5, -9.5, -9.5, -9.5, -3.5, -2.5, -1.5, 0.5]);
    assert_eq!(auto(other.pair("tokenizer.ggml.scores", scores), "abc"), [1, 11, 10]);
}

#[test]
fn sentencepiece_falls_back_to_bytes_and_knows_its_marks() {
    assert_eq!(auto(&sentencepiece(), "é"), [1, 5, 3, 4]);
    assert_eq!(auto(&sentencepiece(), "z"), [1, 5, 0]);
    assert_eq!(auto(&sentencepiece(), "b<mark></s>"), [1, 5, 7, 12, 2]);
    let gguf = read(sentencepiece().finish()).unwrap();
    let tokenizer = gguf.tokenizer().unwrap();
    assert_eq!((tokenizer.piece(11).bytes.as_slice(), tokenizer.piece(3).bytes.as_slice()), (&b" a"[..], &[0xC3][..]));
    assert_eq!((tokenizer.piece(12).special, tokenizer.piece(2).special), (false, true));
}

#[test]
fn flags_say_what_is_put_around_a_text() {
    let with = |key: &str, value: Value| auto(sentencepiece().pair(&format!("tokenizer.ggml.{key}"), value), "b");
    assert_eq!(with("add_space_prefix", json!(false)), [1, 7]);
    assert_eq!(with("add_bos_token", json!(false)), [5, 7]);
    assert_eq!(with("add_eos_token", json!(true)), [1, 5, 7, 2]);
    assert_eq!(ids(&sentencepiece(), "b", SpecialTokens::Never).unwrap(), [5, 7]);
    assert_eq!(auto(&byte_level(), "b"), [1]);
    let mut begins = byte_level();
    begins.pair("tokenizer.ggml.bos_token_id", 7);
    assert_eq!(auto(&begins, "b"), [1]);
    assert_eq!(ids(&begins, "b", SpecialTokens::Always).unwrap(), [7, 1]);
    assert_eq!(auto(begins.pair("tokenizer.ggml.pre", "llama-bpe"), "b"), [7, 1]);
}

#[test]
fn the_way_to_cut_words_is_that_which_the_file_names() {
    for (pre, text, expected) in [
        ("gpt-2", "a 11", vec![0, 3, 6]),
        ("smollm", "a 11", vec![0, 3, 2, 2]),
        ("qwen2", "a 11", vec![0, 3, 2, 2]),
        ("llama-bpe", "a 11", vec![0, 3, 6]),
        ("gpt-2", "b a<end>", vec![1, 5, 7]),
    ] {
        assert_eq!(auto(byte_level().pair("tokenizer.ggml.pre", pre), text), expected, "{pre}");
    }
    assert_eq!(auto(byte_level().remove("tokenizer.ggml.pre"), "a a"), [0, 5]);
}

#[test]
fn scores_and_ids_that_do_not_fit_are_errors() {
    let error = |writer: &Writer| ids(writer, "a", SpecialTokens::Auto).unwrap_err().to_string();
    assert!(error(sentencepiece().remove("tokenizer.ggml.scores")).contains("no tokenizer.ggml.scores"));
    assert!(error(sentencepiece().pair("tokenizer.ggml.scores", json!([0.5]))).contains("1 values for 13 tokens"));
    assert!(error(sentencepiece().pair("tokenizer.ggml.bos_token_id", 13)).contains("bos_token_id is 13"));
}
