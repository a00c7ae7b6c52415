//! How byte-level tokenizers cut a text into words before they merge: `tokenizer.ggml.pre`.
//!
//! A file names only whose way it is. What the names stand for is written in `llama-vocab.cpp` of llama.cpp and in the
//! `tokenizer.json` of the models that they are named for.

use super::Metadata;
use crate::model::ModelError;

/// A way to cut words.
#[derive(Debug)]
pub(super) struct PreTokenizer {
    /// What files call it.
    names: &'static [&'static str],
    /// Regular expressions; each cuts what those before it left, at the beginning and the end of every match.
    pub(super) splits: &'static [&'static str],
    /// Whether a word that is a token is taken as it is.
    pub(super) ignore_merges: bool,
    /// Whether a text begins with the begin-of-text token, where the file doesn't say.
    pub(super) adds_bos: bool,
    /// Whether characters are composed first (Unicode's NFC).
    pub(super) composes: bool,
}

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// As in GPT-4: digits by three.
const BY_THREE: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// The same, digits one by one.
const ONE_BY_ONE: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// As in GPT-4o: words end where lower case does.
const BY_CASE: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The way that most files were written with before they named any.
const DEFAULT: PreTokenizer = PreTokenizer {
    names: &["default"],
    splits: &[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"],
    ignore_merges: false,
    adds_bos: false,
    composes: false,
};

const PRE_TOKENIZERS: &[PreTokenizer] = &[
    DEFAULT,
    PreTokenizer {
        names: &["gpt-2", "phi-2", "mpt", "jais", "trillion", "granite-docling", "exaone4", "gigachat", "mellum"],
        splits: &[GPT2],
        ..DEFAULT
    },
    // GPT-NeoX too.
    PreTokenizer { names: &["olmo"], splits: &[GPT2], composes: true, ..DEFAULT },
    PreTokenizer {
        names: &["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"],
        splits: &[r"\p{N}", GPT2],
        ..DEFAULT
    },
    PreTokenizer {
        names: &["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "lfm2"],
        splits: &[BY_THREE],
        ignore_merges: true,
        adds_bos: true,
        ..DEFAULT
    },
    PreTokenizer { names: &["glm4"], splits: &[BY_THREE], ignore_merges: true, ..DEFAULT },
    PreTokenizer { names: &["dbrx", "smaug-bpe", "chatglm-bpe"], splits: &[BY_THREE], ..DEFAULT },
    PreTokenizer {
        names: &["qwen2", "deepseek-r1-qwen", "megrez", "stablelm2"],
        splits: &[ONE_BY_ONE],
        composes: true,
        ..DEFAULT
    },
    PreTokenizer { names: &["hunyuan", "grok-2", "solar-open"], splits: &[ONE_BY_ONE], ..DEFAULT },
    PreTokenizer { names: &["tekken"], splits: &[TEKKEN], ignore_merges: true, adds_bos: true, ..DEFAULT },
    PreTokenizer { names: &["gpt-4o", "llama4", "kanana2"], splits: &[BY_CASE], ..DEFAULT },
    PreTokenizer { names: &["falcon"], splits: &[r"[\p{P}\$\+<=>\^~\|`]+", GPT2, r"[0-9][0-9][0-9]"], ..DEFAULT },
];

/// The way that a file names; [`DEFAULT`], as in llama.cpp, where it names none.
///
/// # Errors
/// It names one that is not known.
pub(super) fn named(metadata: &Metadata) -> Result<&'static PreTokenizer, ModelError> {
    let single = metadata.single();
    let name = single.text("tokenizer.ggml.pre")?.unwrap_or_else(|| DEFAULT.names[0].to_owned());
    PRE_TOKENIZERS.iter().find(|known| known.names.contains(&name.as_str())).ok_or_else(|| {
        let known: Vec<&str> = PRE_TOKENIZERS.iter().flat_map(|known| known.names).copied().collect();
        single.invalid(format!(
            "tokenizer.ggml.pre {name:?} is not known, so that its text can't be cut as the model expects; known: {}",
            known.join(", ")
        ))
    })
}
