//! The trace, from the declarations that read and write it.

use std::fs;
use std::path::Path;

use serde_json::Value;
use syn::{Attribute, Expr, ExprLit, Fields, GenericArgument, Item, Lit, Meta, PathArguments, Type};

use logitscope::session::trace::{FORMAT, VERSION};

use super::{code, table};
use crate::cli::stdout;

/// An object of the trace, or a word of it.
struct Declared {
    name: String,
    about: String,
    content: Content,
}

enum Content {
    Object(Vec<Field>),
    /// The words, with their meaning.
    Words(Vec<(String, String)>),
    /// Which object stands behind each `type`, and when.
    Records(Vec<(String, String, String)>),
}

struct Field {
    name: String,
    kind: Kind,
    about: String,
    /// Whether it is written only where there is something to say.
    may_be_missing: bool,
    /// Whether its own fields stand in the place of it.
    is_flat: bool,
}

enum Kind {
    Plain(&'static str),
    Nullable(Box<Kind>),
    List(Box<Kind>),
    Declared(String),
}

fn declarations() -> Vec<Declared> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/session/trace/mod.rs");
    let file = syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap();
    let written = |attributes: &[Attribute]| list(attributes, "derive").contains("Serialize");
    let declared = |item| match item {
        Item::Struct(item) if written(&item.attrs) => {
            let Fields::Named(fields) = item.fields else { panic!("{} has no names", item.ident) };
            let fields = fields.named.iter().map(field).collect();
            Some(Declared { name: item.ident.to_string(), about: doc(&item.attrs), content: Content::Object(fields) })
        }
        Item::Enum(item) if written(&item.attrs) => {
            let content = if list(&item.attrs, "serde").contains("tag") {
                let record = |variant: &syn::Variant| {
                    let name = snake(&variant.ident.to_string());
                    (name, variant.ident.to_string(), doc(&variant.attrs))
                };
                Content::Records(item.variants.iter().map(record).collect())
            } else {
                let word = |variant: &syn::Variant| (variant.ident.to_string().to_lowercase(), doc(&variant.attrs));
                Content::Words(item.variants.iter().map(word).collect())
            };
            Some(Declared { name: item.ident.to_string(), about: doc(&item.attrs), content })
        }
        _ => None,
    };
    file.items.into_iter().filter_map(declared).collect()
}

/// What stands in an attribute's brackets.
fn list(attributes: &[Attribute], name: &str) -> String {
    let of = |attribute: &Attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident(name) => Some(list.tokens.to_string()),
        _ => None,
    };
    attributes.iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

/// The documentation, with the words of JSON for those of Rust.
fn doc(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    };
    let text = attributes.iter().filter_map(line).collect::<Vec<_>>().join(" ");
    let text = text.replace("[`FORMAT`]", &code(FORMAT)).replace("[`VERSION`]", &code(&VERSION.to_string()));
    text.replace("`None`", "null").trim_end_matches('.').to_owned()
}

fn snake(name: &str) -> String {
    let letter = |(i, c): (usize, char)| {
        let underscore = if c.is_uppercase() && i > 0 { "_" } else { "" };
        format!("{underscore}{}", c.to_lowercase())
    };
    name.chars().enumerate().map(letter).collect()
}

fn field(field: &syn::Field) -> Field {
    let serde = list(&field.attrs, "serde");
    Field {
        name: field.ident.as_ref().unwrap().to_string(),
        kind: kind(&field.ty),
        about: doc(&field.attrs),
        may_be_missing: serde.contains("skip_serializing_if"),
        is_flat: serde.contains("flatten"),
    }
}

fn kind(of: &Type) -> Kind {
    let Type::Path(path) = of else { panic!("a type that JSON does not have") };
    let last = path.path.segments.last().unwrap();
    let inner = || match &last.arguments {
        PathArguments::AngleBracketed(list) => match &list.args[0] {
            GenericArgument::Type(inner) => Box::new(kind(inner)),
            _ => panic!("no type"),
        },
        _ => panic!("nothing inside"),
    };
    match last.ident.to_string().as_str() {
        "Option" => Kind::Nullable(inner()),
        "Vec" => Kind::List(inner()),
        "String" => Kind::Plain("text"),
        "usize" | "u64" => Kind::Plain("whole number"),
        "TokenId" => Kind::Plain("token id"),
        "u8" => Kind::Plain("byte"),
        "f64" => Kind::Plain("number"),
        "bool" => Kind::Plain("true or false"),
        "Map" => Kind::Plain("object"),
        other => Kind::Declared(other.to_owned()),
    }
}

fn find<'a>(all: &'a [Declared], name: &str) -> &'a Declared {
    all.iter().find(|declared| declared.name == name).unwrap_or_else(|| panic!("{name} is not declared"))
}

/// The fields as they stand in the JSON.
fn flat<'a>(all: &'a [Declared], fields: &'a [Field]) -> Vec<&'a Field> {
    let of = |field: &'a Field| match &field.kind {
        Kind::Declared(name) if field.is_flat => match &find(all, name).content {
            Content::Object(inner) => flat(all, inner),
            _ => vec![field],
        },
        _ => vec![field],
    };
    fields.iter().flat_map(of).collect()
}

const HEAD: &str = "# The trace

What `run --format jsonl` writes, the interface saves with `w`, and `replay` opens: one JSON object a line. A header comes first, then a record for each
step, then an end; several prompts are several such traces, one after the other. Log-probabilities and entropies are in nats. Minus infinity is null, and so is what a
server does not tell. Programs that read a trace skip fields that they don't know.

## Records

";

pub(super) fn page() -> String {
    let all = declarations();
    let mut text = HEAD.to_owned();
    let records: Vec<&(String, String, String)> = all
        .iter()
        .filter_map(|declared| match &declared.content {
            Content::Records(records) => Some(records),
            _ => None,
        })
        .flatten()
        .collect();
    text += &table(
        &["`type`", "comes"],
        records.iter().map(|(name, _, when)| vec![format!("[`{name}`](#{name})"), sentence(when)]),
    );
    let by_type = records.iter().map(|(name, of, _)| (format!("## {name}"), find(&all, of)));
    let is_record = |declared: &&Declared| records.iter().any(|(_, of, _)| *of == declared.name);
    let is_own = |declared: &&Declared| matches!(declared.content, Content::Object(_)) && !is_record(declared);
    let others = all.iter().filter(is_own).map(|declared| (format!("## {}", declared.name), declared));
    for (heading, declared) in by_type.chain(others) {
        let Content::Object(fields) = &declared.content else { continue };
        text.extend(["\n", &heading, "\n\n", &declared.about, ".\n\n"]);
        text += &table(&["field", "is", "means"], flat(&all, fields).into_iter().map(|field| row(&all, field)));
    }
    text
}

/// What `type` a record has stands in the table already.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

fn row(all: &[Declared], field: &Field) -> Vec<String> {
    // What a flat object adds has no name of its own.
    let name = if field.is_flat { "…".to_owned() } else { code(&field.name) };
    let missing = if field.may_be_missing { "; may be missing" } else { "" };
    let kind = match &field.kind {
        Kind::Nullable(inner) if field.may_be_missing => words(all, inner),
        kind => words(all, kind),
    };
    let about = if field.may_be_missing { field.about.replace("null", "missing") } else { field.about.clone() };
    vec![name, format!("{kind}{missing}"), about]
}

fn words(all: &[Declared], kind: &Kind) -> String {
    match kind {
        Kind::Plain(name) => (*name).into(),
        Kind::Nullable(inner) => format!("{} or null", words(all, inner)),
        Kind::List(inner) => match &**inner {
            Kind::Plain(name) => format!("list of {name}s"),
            inner => format!("list of {}", words(all, inner)),
        },
        Kind::Declared(name) => match &find(all, name).content {
            Content::Words(known) => {
                known.iter().map(|(word, _)| code(&format!("\"{word}\""))).collect::<Vec<_>>().join(", ")
            }
            _ => format!("[{name}](#{})", name.to_lowercase()),
        },
    }
}

/// Holds an object of a real trace to its declaration.
fn check(all: &[Declared], name: &str, value: &Value) {
    match &find(all, name).content {
        Content::Object(fields) => {
            let object = value.as_object().unwrap_or_else(|| panic!("{name}: {value}"));
            let fields = flat(all, fields);
            let open = fields.iter().any(|field| field.is_flat);
            let known = |key: &str| key == "type" || fields.iter().any(|field| field.name == *key);
            assert!(open || object.keys().all(|key| known(key)), "{name}: {object:?}");
            for field in fields.iter().filter(|field| !field.is_flat) {
                match object.get(&field.name) {
                    Some(inner) => check_kind(all, &field.kind, inner),
                    None => assert!(field.may_be_missing, "{name} lacks {}: {object:?}", field.name),
                }
            }
        }
        Content::Words(words) => assert!(words.iter().any(|(word, _)| value == word), "{name}: {value}"),
        Content::Records(records) => {
            let record = records.iter().find(|(kind, ..)| value["type"] == **kind);
            check(all, &record.unwrap_or_else(|| panic!("{value}")).1, value);
        }
    }
}

fn check_kind(all: &[Declared], kind: &Kind, value: &Value) {
    match kind {
        Kind::Nullable(_) if value.is_null() => {}
        Kind::Nullable(inner) => check_kind(all, inner, value),
        Kind::List(inner) => value.as_array().unwrap().iter().for_each(|item| check_kind(all, inner, item)),
        Kind::Declared(name) => check(all, name, value),
        Kind::Plain("text") => assert!(value.is_string(), "{value}"),
        Kind::Plain("object") => assert!(value.is_object(), "{value}"),
        Kind::Plain("true or false") => assert!(value.is_boolean(), "{value}"),
        Kind::Plain("number") => assert!(value.is_number(), "{value}"),
        Kind::Plain(_) => assert!(value.is_u64(), "{value}"),
    }
}

#[test]
fn real_traces_are_what_the_reference_describes() {
    let all = declarations();
    let table = ["--model", "examples/tables/abc.toml", "--max-new-tokens", "2"];
    let runs: [&[&str]; 5] = [
        &["--top-k", "2", "--seed", "3"],
        &["--num-beams", "3", "--num-return-sequences", "2"],
        &["--num-beams", "2", "--seed", "1"],
        &["--strategy", "exact"],
        &["--strategy", "speculative", "--draft-model", "examples/tables/abc.toml", "--seed", "1"],
    ];
    let contrastive = ["Once", "--penalty-alpha", "0.6", "--top-k", "2", "--max-new-tokens", "1"];
    let of_table = runs.map(|options| [&[""], &table[..], options].concat());
    for options in of_table.iter().map(Vec::as_slice).chain([&contrastive[..]]) {
        let written = stdout(&[&["run", "--format", "jsonl"], options].concat(), "");
        assert!(written.lines().count() > 2);
        for line in written.lines() {
            check(&all, "Record", &serde_json::from_str(line).unwrap());
        }
    }
}
