//! Writes GGUF files for tests, wrong ones too.

use serde_json::Value;

/// A file in the making.
#[derive(Clone)]
pub(crate) struct Writer {
    pub(crate) magic: [u8; 4],
    pub(crate) version: u32,
    pub(crate) alignment: usize,
    pub(crate) pairs: Vec<(String, Vec<u8>)>,
    pub(crate) tensors: Vec<(String, Vec<usize>, u32, Vec<u8>)>,
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// The number of a value's kind, and its bytes: counts as u32, other numbers as f32.
fn encoded(value: &Value) -> (u32, Vec<u8>) {
    match value {
        Value::Bool(flag) => (7, vec![u8::from(*flag)]),
        Value::Number(number) => match number.as_u64() {
            Some(count) => (4, (count as u32).to_le_bytes().to_vec()),
            None => (6, (number.as_f64().unwrap() as f32).to_le_bytes().to_vec()),
        },
        Value::String(value) => {
            let mut out = Vec::new();
            text(&mut out, value);
            (8, out)
        }
        Value::Array(values) => {
            let values: Vec<(u32, Vec<u8>)> = values.iter().map(encoded).collect();
            let mut out = values.first().map_or(4, |(kind, _)| *kind).to_le_bytes().to_vec();
            out.extend((values.len() as u64).to_le_bytes());
            out.extend(values.into_iter().flat_map(|(_, bytes)| bytes));
            (9, out)
        }
        other => panic!("{other}"),
    }
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { magic: *b"GGUF", version: 3, alignment: 32, pairs: Vec::new(), tensors: Vec::new() }
    }

    /// Sets a value, in place of one of the same key.
    pub(crate) fn pair(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        let (kind, bytes) = encoded(&value.into());
        self.remove(key);
        self.pairs.push((key.to_owned(), [kind.to_le_bytes().to_vec(), bytes].concat()));
        self
    }

    pub(crate) fn remove(&mut self, key: &str) -> &mut Self {
        self.pairs.retain(|(known, _)| known != key);
        self
    }

    /// A pair with any bytes for kind and value.
    pub(crate) fn raw_pair(&mut self, key: &str, bytes: &[u8]) -> &mut Self {
        self.pairs.push((key.to_owned(), bytes.to_vec()));
        self
    }

    /// `shape` has the length of rows last; `kind` is ggml's number of the type.
    pub(crate) fn tensor(&mut self, name: &str, shape: &[usize], kind: u32, bytes: Vec<u8>) -> &mut Self {
        self.tensors.push((name.to_owned(), shape.to_vec(), kind, bytes));
        self
    }

    pub(crate) fn finish(&self) -> Vec<u8> {
        let mut offset = 0;
        let offsets = self.tensors.iter().map(|(.., bytes)| {
            let start = offset;
            offset += bytes.len().next_multiple_of(self.alignment);
            start as u64
        });
        self.finish_at(&offsets.collect::<Vec<_>>())
    }

    /// The file with tensors that say to be at these places.
    pub(crate) fn finish_at(&self, offsets: &[u64]) -> Vec<u8> {
        let mut out = [self.magic, self.version.to_le_bytes()].concat();
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.pairs.len() as u64).to_le_bytes());
        for (key, bytes) in &self.pairs {
            text(&mut out, key);
            out.extend(bytes);
        }
        for ((name, shape, kind, _), offset) in self.tensors.iter().zip(offsets) {
            text(&mut out, name);
            out.extend((shape.len() as u32).to_le_bytes());
            out.extend(shape.iter().rev().flat_map(|length| (*length as u64).to_le_bytes()));
            out.extend(kind.to_le_bytes());
            out.extend(offset.to_le_bytes());
        }
        for (.., bytes) in &self.tensors {
            out.resize(out.len().next_multiple_of(self.alignment), 0);
            out.extend(bytes);
        }
        out.resize(out.len().next_multiple_of(self.alignment), 0);
        out
    }
}
