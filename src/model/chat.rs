//! Chat templates: the Jinja text with which a model's makers say how a conversation is written for it
//! (`transformers.utils.chat_template_utils`).
//!
//! A template is data from outside. It can't reach files or the network, and it ends after so many steps and so much output. What
//! these do not bound, memory and time, is bounded by the process that renders it ([`serve_chat_templates`]).

mod apart;

use std::collections::BTreeMap;
use std::io::{self, Write};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value as Jinja};
use minijinja::{Environment, Error, ErrorKind, context};
use minijinja_contrib::pycompat::unknown_method_callback;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::ModelError;
use super::families::Config;

pub use apart::serve_chat_templates;

/// Instructions of the template engine: a page of ordinary template takes some hundreds.
const FUEL: u64 = 500_000;
/// The most bytes that a rendered prompt may have.
const LARGEST: usize = 4 << 20;
/// The longest template.
const LONGEST: usize = 1 << 20;
/// Special tokens that a template may name (`SPECIAL_TOKENS_ATTRIBUTES` in transformers).
const TOKENS: [&str; 7] = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// How a conversation is written for a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatTemplate {
    source: String,
    /// Special tokens by what they are for.
    tokens: BTreeMap<String, String>,
}

impl ChatTemplate {
    /// The template of a file of its own (`chat_template.jinja`), else of `tokenizer_config.json`: a text, or a list of named
    /// ones, of which `default` is taken. `None` where a model has none.
    ///
    /// # Errors
    /// It is something else, or absurdly long.
    pub fn read(config: Option<&Config>, file: Option<String>) -> Result<Option<Self>, ModelError> {
        let configured = || config.map(configured).transpose();
        let source = match file {
            Some(source) => Some(source),
            None => configured()?.flatten(),
        };
        let Some(source) = source else { return Ok(None) };
        if source.len() > LONGEST {
            let reason = format!("is {} bytes long; {LONGEST} are allowed", source.len());
            return Err(ModelError::invalid("chat template", reason));
        }
        let token = |key: &str| Some((key.to_owned(), config?.token_name(key)?));
        Ok(Some(Self { source, tokens: TOKENS.into_iter().filter_map(token).collect() }))
    }

    /// One message of the user's, and the beginning of the answer, rendered by another process where the program has one
    /// ([`serve_chat_templates`]).
    ///
    /// # Errors
    /// The template is wrong, refuses the message, or takes too many steps, too much memory or too long.
    pub fn ask(&self, message: &str) -> Result<String, ModelError> {
        apart::render(self, message).unwrap_or_else(|| self.render(message, now))
    }

    /// The same in this process, with the limits of the template engine alone. `now` writes the present time in a format of
    /// `strftime`.
    ///
    /// # Errors
    /// The template is wrong, refuses the message, or takes too many steps.
    pub fn render(
        &self,
        message: &str,
        now: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<String, ModelError> {
        let failed = |error: &Error| {
            let line = error.line().map_or(String::new(), |line| format!(", line {line}"));
            let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            ModelError::invalid(
                format!("chat template{line}"),
                format!("{detail}: leave --chat out to use the prompt as it is"),
            )
        };
        let environment = environment(now);
        let source = without_generation(&self.source);
        let template = environment.template_from_str(&source).map_err(|error| failed(&error))?;
        let mut values: BTreeMap<&str, Jinja> =
            self.tokens.iter().map(|(key, token)| (key.as_str(), Jinja::from(token.as_str()))).collect();
        values.insert("messages", Jinja::from(vec![context! { role => "user", content => message }]));
        values.insert("add_generation_prompt", Jinja::from(true));
        values.insert("tools", Jinja::from(()));
        values.insert("documents", Jinja::from(()));
        let mut out = Limited(Vec::new());
        template.render_captured_to(&values, &mut out).map_err(|error| {
            if error.kind() == ErrorKind::WriteFailure {
                return ModelError::invalid("chat template", format!("it writes more than {LARGEST} bytes"));
            }
            failed(&error)
        })?;
        String::from_utf8(out.0).map_err(|error| ModelError::invalid("chat template", error.to_string()))
    }
}

/// The template in `tokenizer_config.json`.
fn configured(config: &Config) -> Result<Option<String>, ModelError> {
    let wrong = || config.invalid("chat_template is neither a text nor a list of named ones with a default");
    match config.get("chat_template") {
        None => Ok(None),
        Some(Value::String(source)) => Ok(Some(source.clone())),
        Some(Value::Array(named)) => {
            let default = named.iter().find(|one| one["name"] == "default").or(named.first());
            Ok(Some(default.and_then(|one| one["template"].as_str()).ok_or_else(wrong)?.to_owned()))
        }
        Some(_) => Err(wrong()),
    }
}

/// Jinja as transformers sets it up: blocks take their line with them, and a few functions of Python's.
fn environment(now: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Environment<'static> {
    let mut environment = Environment::new();
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(unknown_method_callback);
    environment.add_filter("tojson", to_json);
    environment.add_function("raise_exception", |message: String| -> Result<Jinja, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.add_function("strftime_now", move |format: String| {
        now(&format)
            .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("no time has the format {format:?}")))
    });
    environment
}

/// `json.dumps(…, ensure_ascii=False)`: a blank after comma and colon, nothing escaped for HTML.
#[allow(clippy::needless_pass_by_value)] // filters take their arguments by value
fn to_json(value: &Jinja, options: Kwargs) -> Result<Jinja, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let value =
        serde_json::to_value(value).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    let mut out = Vec::new();
    let written = match indent {
        None => value.serialize(&mut Serializer::with_formatter(&mut out, Python)),
        Some(indent) => {
            let blanks = " ".repeat(indent.min(16));
            value.serialize(&mut Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(blanks.as_bytes())))
        }
    };
    written.map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    Ok(Jinja::from_safe_string(String::from_utf8_lossy(&out).into_owned()))
}

/// JSON with the separators of Python's.
struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

/// `{% generation %}` marks what the assistant says, for training; here it is a block that always counts.
fn without_generation(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else { break };
        let (before, tag) = (&rest[..start], &rest[start..start + length + 2]);
        out.push_str(before);
        out.push_str(&match tag.trim_matches(|c: char| "{}%-+".contains(c) || c.is_whitespace()) {
            "generation" => tag.replace("generation", "if true"),
            "endgeneration" => tag.replace("endgeneration", "endif"),
            _ => tag.to_owned(),
        });
        rest = &rest[start + length + 2..];
    }
    out.push_str(rest);
    out
}

/// Output that ends.
struct Limited(Vec<u8>);

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The present time where the user is, in a format of `strftime`.
fn now(format: &str) -> Option<String> {
    jiff::fmt::strtime::format(format, &jiff::Zoned::now()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(source: &str) -> ChatTemplate {
        ChatTemplate { source: source.into(), tokens: BTreeMap::from([("bos_token".to_owned(), "<s>".to_owned())]) }
    }

    fn render(source: &str, message: &str) -> Result<String, String> {
        template(source).render(message, |_| Some("1 Jan 2025".into())).map_err(|error| error.to_string())
    }

    #[test]
    fn a_message_is_put_where_the_template_says() {
        let source = "{{ bos_token }}{% for message in messages %}\n[{{ message['role'] }}] {{ message.content.strip() }}\n\
                      {% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
        assert_eq!(render(source, " hi ").unwrap(), "<s>[user] hi\n[assistant]");
        assert_eq!(render("{{ strftime_now('%d %b %Y') }}", "").unwrap(), "1 Jan 2025");
        assert_eq!(render("{%- generation -%} a {%- endgeneration -%} b", "").unwrap(), "ab");
    }

    #[test]
    fn json_is_written_as_python_does() {
        let source = "{{ {'a': [1, 'é<'], 'b': none} | tojson }}";
        assert_eq!(render(source, "").unwrap(), r#"{"a": [1, "é<"], "b": null}"#);
        assert_eq!(render("{{ [1] | tojson(indent=2) }}", "").unwrap(), "[\n  1\n]");
    }

    #[test]
    fn what_a_template_refuses_is_said() {
        let error = render("\n{{ raise_exception('roles must alternate') }}", "").unwrap_err();
        assert!(error.starts_with("chat template, line 2: roles must alternate"), "{error}");
        assert!(render("{% for", "").unwrap_err().starts_with("chat template, line 1: "));
    }

    #[test]
    fn a_template_comes_to_an_end() {
        assert!(
            render("{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}", "").is_err()
        );
        let error =
            render("{% for i in range(9000) %}{{ messages[0].content }}{% endfor %}", &"x".repeat(1000)).unwrap_err();
        assert!(error.contains("more than 4194304 bytes"), "{error}");
    }

    #[test]
    fn templates_are_found_where_models_keep_them() {
        let config = |text: &str| Config::parse("tokenizer_config.json", text.as_bytes()).unwrap();
        let read = |text: &str, file: Option<&str>| {
            ChatTemplate::read(Some(&config(text)), file.map(str::to_owned))
                .map(|found| found.map(|found| found.source))
        };
        assert_eq!(read(r#"{"chat_template": "a"}"#, None).unwrap().as_deref(), Some("a"));
        assert_eq!(read(r#"{"chat_template": "a"}"#, Some("file")).unwrap().as_deref(), Some("file"));
        let named =
            r#"{"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]}"#;
        assert_eq!(read(named, None).unwrap().as_deref(), Some("d"));
        assert_eq!(read("{}", None).unwrap(), None);
        assert!(read(r#"{"chat_template": 3}"#, None).is_err());
        assert!(now("%Y-%m-%d").is_some_and(|text| text.len() == 10));
        assert_eq!(now("%"), None);
    }
}
