//! A JSON object whose values are checked as they are read.

use serde_json::{Map, Value};

use crate::decode::TokenId;
use crate::model::ModelError;

/// Above any size that a model has; products of two of them stay in range.
const LARGEST: u64 = 1 << 31;

/// A configuration file, or an object within one. A value of `null` counts as absent, as transformers has it.
#[derive(Clone, Debug)]
pub struct Config {
    file: String,
    /// What stands before a key in messages, for example `rope_scaling.`.
    prefix: String,
    values: Map<String, Value>,
}

impl Config {
    /// Reads a JSON object; `file` names it in messages.
    ///
    /// # Errors
    /// The bytes are not a JSON object.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, ModelError> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(values)) => Ok(Self { file: file.into(), prefix: String::new(), values }),
            Ok(_) => Err(ModelError::invalid(file, "not a JSON object")),
            Err(error) => Err(ModelError::invalid(file, format!("not JSON: {error}"))),
        }
    }

    /// Values that come from another format; `file` names where from in messages.
    #[must_use]
    pub fn from_values(file: &str, values: Map<String, Value>) -> Self {
        Self { file: file.into(), prefix: String::new(), values }
    }

    /// The file, as messages name it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// An error about this file.
    #[must_use]
    pub fn invalid(&self, reason: impl Into<String>) -> ModelError {
        ModelError::invalid(&*self.file, reason)
    }

    /// A value that is not `null`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).filter(|value| !value.is_null())
    }

    fn read<T>(&self, key: &str, what: &str, convert: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, ModelError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match convert(value) {
            Some(converted) => Ok(Some(converted)),
            None => Err(self.invalid(format!("{}{key} is {value}, not {what}", self.prefix))),
        }
    }

    fn missing(&self, key: &str) -> ModelError {
        self.invalid(format!("no {}{key}", self.prefix))
    }

    /// A text.
    ///
    /// # Errors
    /// The value is something else.
    pub fn text(&self, key: &str) -> Result<Option<String>, ModelError> {
        self.read(key, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// A flag.
    ///
    /// # Errors
    /// The value is something else.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, ModelError> {
        self.read(key, "true or false", Value::as_bool)
    }

    /// A count of at least 1.
    ///
    /// # Errors
    /// The value is something else.
    pub fn count(&self, key: &str) -> Result<Option<usize>, ModelError> {
        let in_range = |count: &u64| (1..LARGEST).contains(count);
        self.read(key, "a whole number from 1 to 2³¹", |value| {
            value.as_u64().filter(in_range).and_then(|count| usize::try_from(count).ok())
        })
    }

    /// A count of at least 1 that must be there.
    ///
    /// # Errors
    /// It is not, or the value is something else.
    pub fn required_count(&self, key: &str) -> Result<usize, ModelError> {
        self.count(key)?.ok_or_else(|| self.missing(key))
    }

    /// A count that may be 0.
    ///
    /// # Errors
    /// The value is something else.
    pub fn whole(&self, key: &str) -> Result<Option<usize>, ModelError> {
        self.read(key, "a whole number below 2³¹", |value| {
            value.as_u64().filter(|count| *count < LARGEST).and_then(|count| usize::try_from(count).ok())
        })
    }

    /// A finite number above 0.
    ///
    /// # Errors
    /// The value is something else.
    pub fn positive(&self, key: &str) -> Result<Option<f64>, ModelError> {
        self.read(key, "a number above 0", |value| value.as_f64().filter(|number| *number > 0.0 && number.is_finite()))
    }

    /// A finite number above 0 that must be there.
    ///
    /// # Errors
    /// It is not, or the value is something else.
    pub fn required_positive(&self, key: &str) -> Result<f64, ModelError> {
        self.positive(key)?.ok_or_else(|| self.missing(key))
    }

    /// A finite number.
    ///
    /// # Errors
    /// The value is something else.
    pub fn number(&self, key: &str) -> Result<Option<f64>, ModelError> {
        self.read(key, "a number", |value| value.as_f64().filter(|number| number.is_finite()))
    }

    /// A list of finite numbers that must be there.
    ///
    /// # Errors
    /// It is not, or the value is something else.
    pub fn required_numbers(&self, key: &str) -> Result<Vec<f64>, ModelError> {
        let number = |value: &Value| value.as_f64().filter(|number| number.is_finite());
        self.read(key, "a list of numbers", |value| value.as_array()?.iter().map(number).collect())?
            .ok_or_else(|| self.missing(key))
    }

    /// A list of texts.
    ///
    /// # Errors
    /// The value is something else.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<String>>, ModelError> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        self.read(key, "a list of texts", |value| value.as_array()?.iter().map(text).collect())
    }

    /// Whether a key is there, be it with `null`: some keys have a default that `null` takes away.
    #[must_use]
    pub fn mentions(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// The same with these values where it has none.
    #[must_use]
    pub fn with_defaults(mut self, defaults: &[(&str, usize)]) -> Self {
        for (key, value) in defaults {
            self.values.entry(*key).or_insert_with(|| (*value).into());
        }
        self
    }

    /// A token id or a list of them, ascending.
    ///
    /// # Errors
    /// The value is something else.
    pub fn token_ids(&self, key: &str) -> Result<Option<Vec<TokenId>>, ModelError> {
        let one = |value: &Value| value.as_u64().and_then(|id| TokenId::try_from(id).ok());
        self.read(key, "a token id or a list of them", |value| {
            let mut ids: Vec<TokenId> = match value {
                Value::Array(values) => values.iter().map(one).collect::<Option<_>>()?,
                value => vec![one(value)?],
            };
            ids.sort_unstable();
            ids.dedup();
            Some(ids)
        })
    }

    /// A list of texts' first element.
    #[must_use]
    pub fn first_text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_array()?.first()?.as_str()
    }

    /// A special token: a text, or an object with a `content`.
    #[must_use]
    pub fn token_name(&self, key: &str) -> Option<String> {
        let value = self.get(key)?;
        value.as_str().or_else(|| value.get("content")?.as_str()).map(str::to_owned)
    }

    /// An object within this one.
    ///
    /// # Errors
    /// The value is something else.
    pub fn section(&self, key: &str) -> Result<Option<Self>, ModelError> {
        self.read(key, "an object", |value| {
            let values = value.as_object()?.clone();
            Some(Self { file: self.file.clone(), prefix: format!("{}{key}.", self.prefix), values })
        })
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact results are meant
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse("config.json", text.as_bytes()).unwrap()
    }

    #[test]
    fn values_are_read_by_kind() {
        let config = config(r#"{"n": 3, "x": 1e-5, "t": "a", "b": true, "z": null, "ids": [5, 2, 5], "s": {"k": 0}}"#);
        assert_eq!(config.required_count("n").unwrap(), 3);
        assert_eq!(config.positive("x").unwrap(), Some(1e-5));
        assert_eq!(config.text("t").unwrap().as_deref(), Some("a"));
        assert_eq!(config.flag("b").unwrap(), Some(true));
        assert_eq!(config.count("z").unwrap(), None);
        assert_eq!(config.token_ids("ids").unwrap(), Some(vec![2, 5]));
        assert_eq!(config.token_ids("n").unwrap(), Some(vec![3]));
        let error = config.section("s").unwrap().unwrap().count("k").unwrap_err().to_string();
        assert_eq!(error, "config.json: s.k is 0, not a whole number from 1 to 2³¹");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let config = config(r#"{"n": -1, "x": 0, "t": 1, "b": "yes", "ids": [-1], "s": 3, "big": 1e300}"#);
        assert_eq!(config.required_count("absent").unwrap_err().to_string(), "config.json: no absent");
        for error in [
            config.count("n").unwrap_err(),
            config.count("big").unwrap_err(),
            config.positive("x").unwrap_err(),
            config.text("t").unwrap_err(),
            config.flag("b").unwrap_err(),
            config.token_ids("ids").unwrap_err(),
            config.section("s").unwrap_err(),
        ] {
            assert!(error.to_string().contains(" is "), "{error}");
        }
        for bytes in ["", "[]", "{", "nul", "\u{0}"] {
            Config::parse("config.json", bytes.as_bytes()).unwrap_err();
        }
    }
}
