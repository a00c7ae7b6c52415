//! What models may be.

use logitscope::model::families::{FAMILIES, model_types};
use logitscope::model::gguf::architectures;
use logitscope::model::server::dialects;
use logitscope::model::shape::SHAPES;
use logitscope::model::{FORMS, StoredType};

use super::{code, table};

pub(super) fn page() -> String {
    let mut text = "# Models\n\n## `--model`\n\nIn the order in which the forms are told apart.\n\n".to_owned();
    text += &table(&["form", "is"], FORMS.iter().map(|form| vec![code(form.written), form.about.into()]));
    text += "\n## Families\n\n`model_type` in `config.json`, with what `architectures` usually says.\n\n";
    text += &table(
        &["model_type", "architecture", "run by"],
        model_types().map(|(model_type, architecture)| {
            let own = FAMILIES.iter().any(|family| family.model_type == model_type);
            let by = if own { "our decoder" } else { "candle-transformers, token by token" };
            vec![code(model_type), code(architecture), by.into()]
        }),
    );
    text += "\n## Architectures of GGUF files\n\n`general.architecture`, with the family that it is. Mistral's files are Llama's.\n\n";
    text += &table(&["architecture", "family"], architectures().map(|(name, family)| vec![code(name), code(family)]));
    text += "\n## Types of weights\n\nKept as they are stored. `--dtype` takes `f32`, `bf16`, `f16` and `q8_0` to change them while a model is \
             opened; what is narrower already stays.\n\n";
    text += &table(
        &["type", "numbers that share scales", "bits of a number, scales counted"],
        StoredType::NAMES.map(|(stored, name)| {
            let (numbers, bytes) = stored.block();
            let share = if numbers == 1 { String::new() } else { numbers.to_string() };
            vec![code(name), share, format!("{}", 8.0 * bytes as f64 / numbers as f64)]
        }),
    );
    text += "\n## Servers\n\nThe kind is found out once, by `owned_by` in what `/v1/models` answers; [servers](../servers.md) has what each can do.\n\n";
    text += &table(
        &["kind", "`owned_by`"],
        dialects().map(|(name, owner)| vec![name.into(), owner.map_or("anything else".into(), code)]),
    );
    text += "\n## Shapes\n\n`--model shape:NAME`: random weights, for [measuring](../benchmarks.md).\n\n";
    text += &table(&["name", "like"], SHAPES.iter().map(|shape| vec![code(shape.name), shape.like.into()]));
    text
}
