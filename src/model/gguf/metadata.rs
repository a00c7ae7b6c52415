//! The key-value pairs at the head of a GGUF file.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::{Map, Number, Value};

use super::cursor::Cursor;
use crate::model::ModelError;
use crate::model::families::Config;
use crate::model::weights::FileBytes;

/// Lists within lists within lists: deeper ones are damage.
const DEEPEST: usize = 3;

/// What a value is stored as: `gguf_type` in ggml's `gguf.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Flag,
    Text,
    List,
    U64,
    I64,
    F64,
}

/// By number.
const KINDS: [Kind; 13] = [
    Kind::U8,
    Kind::I8,
    Kind::U16,
    Kind::I16,
    Kind::U32,
    Kind::I32,
    Kind::F32,
    Kind::Flag,
    Kind::Text,
    Kind::List,
    Kind::U64,
    Kind::I64,
    Kind::F64,
];

impl Kind {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, String> {
        let number = cursor.u32()?;
        let known = KINDS.get(number as usize).copied();
        known.ok_or_else(|| format!("damaged: there is no kind of value {number} (before byte {})", cursor.at()))
    }

    /// Bytes of a value; none where they depend on it.
    fn size(self) -> Option<u64> {
        match self {
            Self::U8 | Self::I8 | Self::Flag => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::Text | Self::List => None,
        }
    }

    /// A value that is no list, as JSON would have it.
    fn scalar(self, cursor: &mut Cursor<'_>) -> Result<Value, String> {
        Ok(match self {
            Self::U8 => cursor.array::<1>()?[0].into(),
            Self::I8 => i8::from_le_bytes(cursor.array()?).into(),
            Self::U16 => u16::from_le_bytes(cursor.array()?).into(),
            Self::I16 => i16::from_le_bytes(cursor.array()?).into(),
            Self::U32 => cursor.u32()?.into(),
            Self::I32 => i32::from_le_bytes(cursor.array()?).into(),
            Self::U64 => cursor.u64()?.into(),
            Self::I64 => i64::from_le_bytes(cursor.array()?).into(),
            Self::F32 => float(f32::from_le_bytes(cursor.array()?).into()),
            Self::F64 => float(f64::from_le_bytes(cursor.array()?)),
            Self::Flag => (cursor.array::<1>()?[0] != 0).into(),
            Self::Text => cursor.text()?.into(),
            Self::List => Value::Null,
        })
    }

    /// Steps over a value.
    fn skip(self, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), String> {
        match self {
            Self::List => List::read(cursor, depth + 1).map(|_| ()),
            kind => kind.scalar(cursor).map(|_| ()),
        }
    }
}

/// A number; what JSON has no number for becomes a text, which no reader of numbers takes.
fn float(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number)
}

/// Values of one kind, left in the file until somebody wants them: a vocabulary has hundreds of thousands.
#[derive(Clone, Debug)]
struct List {
    kind: Kind,
    length: u64,
    /// Where they lie; whole, as [`List::read`] made sure.
    range: Range<usize>,
}

impl List {
    fn read(cursor: &mut Cursor<'_>, depth: usize) -> Result<Self, String> {
        if depth > DEEPEST {
            return Err(format!("damaged: lists within lists, {depth} deep, at byte {}", cursor.at()));
        }
        let kind = Kind::read(cursor)?;
        let length = cursor.u64()?;
        let start = cursor.at();
        match kind.size() {
            Some(size) => {
                cursor.take(length.saturating_mul(size))?;
            }
            // Every value takes some bytes, so that a false length meets the end of the file.
            None => (0..length).try_for_each(|_| kind.skip(cursor, depth))?,
        }
        Ok(Self { kind, length, range: start..cursor.at() })
    }
}

/// The key-value pairs of a file.
#[derive(Clone, Debug)]
pub struct Metadata {
    file: FileBytes,
    single: Config,
    lists: HashMap<String, List>,
}

impl Metadata {
    /// Reads `count` pairs.
    pub(super) fn read(file: &FileBytes, cursor: &mut Cursor<'_>, count: u64) -> Result<Self, String> {
        let (mut single, mut lists) = (Map::new(), HashMap::new());
        for _ in 0..count {
            let key = cursor.text()?.to_owned();
            if single.contains_key(&key) || lists.contains_key(&key) {
                return Err(format!("damaged: {key} is there twice"));
            }
            match Kind::read(cursor)? {
                Kind::List => {
                    lists.insert(key, List::read(cursor, 1)?);
                }
                kind => {
                    single.insert(key, kind.scalar(cursor)?);
                }
            }
        }
        Ok(Self { file: file.clone(), single: Config::from_values(file.name(), single), lists })
    }

    /// The values that are no lists.
    #[must_use]
    pub fn single(&self) -> &Config {
        &self.single
    }

    /// Whether there is a list of this key.
    #[must_use]
    pub fn has_list(&self, key: &str) -> bool {
        self.lists.contains_key(key)
    }

    /// A list of texts.
    ///
    /// # Errors
    /// The value is something else.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<&str>>, ModelError> {
        self.list(key, "texts", |kind, cursor| if kind == Kind::Text { cursor.text().ok() } else { None })
    }

    /// A list of numbers.
    ///
    /// # Errors
    /// The value is something else.
    pub fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>, ModelError> {
        self.list(key, "numbers", |kind, cursor| kind.scalar(cursor).ok()?.as_f64())
    }

    fn list<'a, T>(
        &'a self,
        key: &str,
        what: &str,
        convert: impl Fn(Kind, &mut Cursor<'a>) -> Option<T>,
    ) -> Result<Option<Vec<T>>, ModelError> {
        let wrong = || ModelError::invalid(self.file.name(), format!("{key} is not a list of {what}"));
        let Some(list) = self.lists.get(key) else {
            return if self.single.get(key).is_some() { Err(wrong()) } else { Ok(None) };
        };
        let mut cursor = Cursor::new(&self.file[..list.range.end], list.range.start);
        let values = (0..list.length).map(|_| convert(list.kind, &mut cursor));
        values.collect::<Option<Vec<T>>>().map(Some).ok_or_else(wrong)
    }
}
