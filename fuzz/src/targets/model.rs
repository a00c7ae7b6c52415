//! Models: their files, their templates, and the servers that run them.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use logitscope::decode::Chain;
use logitscope::decode::beam::BeamSettings;
use logitscope::decode::strategy::{StrategyKind, strategy};
use logitscope::engine::{BeamRequest, DroppedBeams, Request, generate, generate_beams, read_prompt};
use logitscope::model::server::{self, Answer, Failure, Transport};
use logitscope::model::tokenizer::HfTokenizer;
use logitscope::model::weights::{FileBytes, Weights};
use logitscope::model::{
    ChatTemplate, DirectoryFiles, LoadedModel, OpenOptions, SpecialTokens, Tokenizer, open_files, open_gguf,
    table as tables, unwatched,
};
use std::ops::ControlFlow;

/// Six tokens.
pub const TOKENIZER: &str = r#"{"version": "1.0", "added_tokens": [{"id": 5, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}], "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null, "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": {"a": 0, "b": 1, " ": 2, "ab": 3, "1": 4}, "merges": [["a", "b"]]}}"#;

/// A Llama of one layer for them.
pub const CONFIG: &str = r#"{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 6, "hidden_size": 4, "intermediate_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true, "eos_token_id": 5, "bos_token_id": 5}"#;

const TEXTS: [&str; 5] = ["", "ab 1", "a\u{301}b  \r\n\tçα世界👩‍🚀", "<s>Hello ▁Ġ", "\u{0}\u{202e}"];

fn options() -> OpenOptions {
    OpenOptions { threads: 1, ..OpenOptions::default() }
}

/// Cuts texts into tokens, and looks at every token that comes out.
fn cut(tokenizer: &dyn Tokenizer, more: &str) {
    for text in TEXTS.into_iter().chain([more]) {
        for special in [SpecialTokens::Auto, SpecialTokens::Always, SpecialTokens::Never] {
            for id in tokenizer.encode(text, special).unwrap_or_default() {
                let _ = tokenizer.piece(id).text.len();
            }
        }
    }
    let _ = (tokenizer.kind(), tokenizer.chat("Hello").map(|text| text.len()));
}

/// What every model that opens has to stand: texts are cut, a prompt is read, and a few tokens are drawn and searched.
fn exercise(loaded: LoadedModel) {
    let LoadedModel { mut model, tokenizer } = loaded;
    cut(&*tokenizer, "b");
    let Ok(mut prompt) = tokenizer.encode("ab 1", SpecialTokens::Auto) else { return };
    prompt.truncate(6);
    let Ok(read) = read_prompt(&mut *model, &prompt, &mut unwatched) else { return };
    let chain = Chain::parse("temperature=0.8,top_k=3,top_p=0.9").expect("a chain");
    let ends = model.info().eos_token_ids.clone();
    let Some(StrategyKind::Single(sample)) = strategy("sample").map(|row| &row.kind) else { return };
    let request = Request {
        prompt: &prompt,
        strategy: &*sample(1),
        chain: &chain,
        max_new_tokens: 4,
        min_new_tokens: 0,
        eos_token_ids: &ends,
        stop: &[],
        sequence: 0,
        negative: None,
    };
    let _ = generate(&mut *model, &*tokenizer, &read, &request, &mut |_| ControlFlow::Continue(()));
    let request = BeamRequest {
        prompt: &prompt,
        settings: BeamSettings::default(),
        chain: &Chain::default(),
        max_new_tokens: 3,
        min_new_tokens: 0,
        eos_token_ids: &ends,
        stop: &[],
        dropped: DroppedBeams::Freed,
    };
    let _ = generate_beams(&mut *model, &*tokenizer, &read, &request, &mut |_| ControlFlow::Continue(()));
}

/// A GGUF file.
pub fn gguf(data: &[u8]) {
    let Ok(file) = FileBytes::copied("model.gguf", data) else { return };
    if let Ok(loaded) = open_gguf("model.gguf".into(), &file, &options()) {
        exercise(loaded);
    }
}

fn directory(config: &[u8], weights: impl FnOnce() -> Weights) {
    let files = DirectoryFiles { config: config.to_vec(), tokenizer: TOKENIZER.into(), ..DirectoryFiles::default() };
    if let Ok(loaded) = open_files(Path::new("model"), "model".into(), &files, || Ok(weights()), &options()) {
        exercise(loaded);
    }
}

/// A safetensors file of a model of [`CONFIG`].
pub fn safetensors(data: &[u8]) {
    let Ok(file) = FileBytes::copied("model.safetensors", data) else { return };
    if let Ok(weights) = Weights::from_files(&[file]) {
        directory(CONFIG.as_bytes(), || weights);
    }
}

/// A `config.json`, of a model whose weights are made where they are few.
pub fn config(data: &[u8]) {
    let none = || Weights::from_tensors("model.safetensors", []).expect("no tensor is there twice");
    let digits = data.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).max();
    if digits.is_some_and(|digits| digits > 2) {
        return directory(data, none);
    }
    directory(data, || Weights::generated("model.safetensors"));
}

/// A `tokenizer.json`; what follows a zero byte is a text to cut.
pub fn tokenizer(data: &[u8]) {
    let (file, text) = data.split_at(data.iter().position(|&byte| byte == 0).unwrap_or(data.len()));
    if let Ok(tokenizer) = HfTokenizer::from_bytes("tokenizer.json", file) {
        cut(&tokenizer, &String::from_utf8_lossy(text));
    }
}

/// What makes one text out of several, or a longer one, and what does something again.
const GROWTH: [&str; 9] = ["~", "+", "*", "replace", "join", "indent", "just", "center", "format"];
const AGAIN: [&str; 3] = ["for", "macro", "recursive"];

/// A chat template. The program renders in a process that is ended when it takes too much; here there is none, and what can grow
/// without end is left out.
pub fn chat_template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let count = |words: &[&str]| words.iter().map(|word| text.matches(word).count()).sum::<usize>();
    let growth = count(&GROWTH);
    if growth > 2 || (growth > 0 && count(&AGAIN) > 0) {
        return;
    }
    if let Ok(Some(template)) = ChatTemplate::read(None, Some(text.into())) {
        let _ = template.render("Hello", |format| Some(format.into()));
    }
}

/// A table model.
pub fn table(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(loaded) = tables::parse("table.toml", text) {
        exercise(loaded);
    }
}

/// A server that answers with one line after the other, over and over.
struct Lines {
    lines: Vec<Vec<u8>>,
    asked: AtomicUsize,
}

impl Transport for Lines {
    fn ask(&self, _: &str, _: Option<&[u8]>) -> Result<Answer, Failure> {
        let place = self.asked.fetch_add(1, Ordering::Relaxed);
        let line = self.lines.get(place % self.lines.len().max(1)).cloned().unwrap_or_default();
        // A line may begin with a status; one that would be asked for again takes too long.
        match line.split_first_chunk::<4>() {
            Some(([hundreds @ b'2'..=b'4', tens, ones, b' '], body))
                if tens.is_ascii_digit() && ones.is_ascii_digit() =>
            {
                let digit = |byte: &u8| u16::from(byte - b'0');
                Ok((100 * digit(hundreds) + 10 * digit(tens) + digit(ones), body.to_vec()))
            }
            _ => Ok((200, line)),
        }
    }
}

/// The answers of a server, a line each: which dialect it speaks is in the first.
pub fn server(data: &[u8]) {
    let address = "http://localhost:1/v1".parse().expect("an address");
    let lines = data.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    if let Ok(loaded) = server::open_over(&address, Box::new(Lines { lines, asked: AtomicUsize::new(0) })) {
        exercise(loaded);
    }
}
