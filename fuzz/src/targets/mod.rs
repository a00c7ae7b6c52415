//! What is fuzzed: everything that reads bytes from outside. A target is a row of [`TARGETS`]; it may refuse its input, and must not panic,
//! take much memory or go on for long.

pub mod interface;
pub mod model;
pub mod text;

/// A name and what is done with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, in the order of their names, which are those of the programs and of the folders in `corpus/`.
pub const TARGETS: &[Target] = &[
    ("chain", text::chain),
    ("chat_template", model::chat_template),
    ("config", model::config),
    ("configuration", interface::configuration),
    ("expression", text::expression),
    ("gguf", model::gguf),
    ("keys", interface::keys),
    ("lesson", text::lesson),
    ("logits", text::logits),
    ("recording", interface::recording),
    ("safetensors", model::safetensors),
    ("saved", interface::saved),
    ("server", model::server),
    ("table", model::table),
    ("theme", interface::theme),
    ("tokenizer", model::tokenizer),
    ("trace", text::trace),
];

/// Runs a target on an input. A name that is not in the table does nothing.
pub fn run(name: &str, data: &[u8]) {
    if let Some((_, target)) = TARGETS.iter().find(|(row, _)| *row == name) {
        target(data);
    }
}
