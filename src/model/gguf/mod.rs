//! GGUF files: a model in one file, its weights quantized or not, its tokenizer among the metadata.
//!
//! The format is ggml's (`docs/gguf.md` there); versions 2 and 3, little-endian, are read. The file is mapped into memory and its
//! tensors are used where they lie; see [weights](super::weights) for what happens when it changes meanwhile. No size in the file is
//! believed before it is held against the file's length.

mod architecture;
mod cursor;
mod metadata;
mod names;
mod tokenizer;
mod types;

use self::cursor::Cursor;
use super::ModelError;
use super::tokenizer::HfTokenizer;
use super::weights::{FileBytes, Tensor, Weights};

pub use architecture::architectures;
pub use metadata::Metadata;

/// What a GGUF file begins with.
const MAGIC: &[u8] = b"GGUF";
/// The versions that are read.
const VERSIONS: std::ops::RangeInclusive<u32> = 2..=3;
/// Where tensors begin at multiples of, unless the file says otherwise.
const ALIGNMENT: u64 = 32;
/// ggml's `GGML_MAX_DIMS`.
const MOST_DIMENSIONS: u32 = 4;

/// A file with its head read.
#[derive(Debug)]
pub struct Gguf {
    /// The key-value pairs.
    pub metadata: Metadata,
    /// The tensors.
    pub weights: Weights,
}

impl Gguf {
    /// Reads the head of a file.
    ///
    /// # Errors
    /// It is no GGUF file, of another version, a part of one, or damaged: cut short, with sizes beyond its end, tensors that overlap,
    /// or names that are there twice.
    pub fn read(file: &FileBytes) -> Result<Self, ModelError> {
        let fail = |reason: String| ModelError::invalid(file.name(), reason);
        let mut cursor = Cursor::new(file, 0);
        check_magic_and_version(&mut cursor).map_err(fail)?;
        let tensors = cursor.u64().map_err(fail)?;
        let pairs = cursor.u64().map_err(fail)?;
        let metadata = Metadata::read(file, &mut cursor, pairs).map_err(fail)?;
        check_whole(&metadata)?;
        let infos: Vec<TensorInfo> =
            (0..tensors).map(|_| TensorInfo::read(&mut cursor)).collect::<Result<_, _>>().map_err(fail)?;
        let alignment = metadata.single().count("general.alignment")?.map_or(ALIGNMENT, |alignment| alignment as u64);
        let data_start = (cursor.at() as u64).next_multiple_of(alignment);
        let mut named = Vec::with_capacity(infos.len());
        for info in infos {
            let range = info.range(data_start, alignment, file.len() as u64).map_err(fail)?;
            named.push((info.name, Tensor { file: file.clone(), range, shape: info.shape, dtype: info.dtype }));
        }
        check_overlaps(&named).map_err(fail)?;
        Ok(Self { metadata, weights: Weights::from_tensors(file.name(), named)? })
    }

    /// The tokenizer.
    ///
    /// # Errors
    /// There is none, it is of a kind that is not known, or its parts don't fit each other.
    pub fn tokenizer(&self) -> Result<HfTokenizer, ModelError> {
        tokenizer::read(&self.metadata)
    }

    /// The template that turns a conversation into a prompt, in Jinja.
    ///
    /// # Errors
    /// It is no text.
    pub fn chat_template(&self) -> Result<Option<String>, ModelError> {
        self.metadata.single().text("tokenizer.chat_template")
    }
}

fn check_magic_and_version(cursor: &mut Cursor<'_>) -> Result<(), String> {
    if cursor.take(4).ok() != Some(MAGIC) {
        return Err("not a GGUF file: it does not begin with GGUF".into());
    }
    let version = cursor.u32()?;
    if VERSIONS.contains(&version.swap_bytes()) {
        return Err("a big-endian GGUF file; only little-endian ones are read: convert it again".into());
    }
    if !VERSIONS.contains(&version) {
        return Err(format!("GGUF version {version}; versions 2 and 3 are read: convert the model again"));
    }
    Ok(())
}

/// # Errors
/// The file is one of several.
fn check_whole(metadata: &Metadata) -> Result<(), ModelError> {
    let single = metadata.single();
    match single.get("split.count").and_then(serde_json::Value::as_u64) {
        Some(count) if count > 1 => Err(single.invalid(format!(
            "one of {count} parts of a model; split models are not read: join them with llama-gguf-split --merge"
        ))),
        _ => Ok(()),
    }
}

/// A tensor as the file describes it.
struct TensorInfo {
    name: String,
    /// That of neighbouring numbers last.
    shape: Vec<usize>,
    dtype: Result<super::StoredType, String>,
    /// From the beginning of all tensors.
    offset: u64,
}

impl TensorInfo {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, String> {
        let name = cursor.text()?.to_owned();
        let dimensions = cursor.u32()?;
        if !(1..=MOST_DIMENSIONS).contains(&dimensions) {
            return Err(format!("damaged: tensor {name} has {dimensions} dimensions"));
        }
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            let length = cursor.u64()?;
            let length = usize::try_from(length).ok().filter(|length| *length > 0);
            shape.push(length.ok_or_else(|| format!("damaged: tensor {name} has a dimension of no possible length"))?);
        }
        shape.reverse();
        let dtype = types::stored_type(cursor.u32()?);
        Ok(Self { name, shape, dtype, offset: cursor.u64()? })
    }

    /// Where it lies in the file; nowhere if its type is not known, and with it its size.
    fn range(&self, data_start: u64, alignment: u64, file_size: u64) -> Result<std::ops::Range<usize>, String> {
        let Self { name, shape, offset, .. } = self;
        if !offset.is_multiple_of(alignment) {
            return Err(format!("damaged: tensor {name} begins at {offset}, which is no multiple of {alignment}"));
        }
        let Ok(dtype) = self.dtype else { return Ok(0..0) };
        let (length, bytes) = dtype.block();
        let columns = shape.last().copied().unwrap_or(0);
        if !columns.is_multiple_of(length) {
            return Err(format!(
                "damaged: tensor {name} has rows of {columns} numbers, which don't divide into blocks of {length}"
            ));
        }
        let numbers = shape.iter().try_fold(1_u64, |product, length| product.checked_mul(*length as u64));
        let size = numbers.and_then(|numbers| (numbers / length as u64).checked_mul(bytes as u64));
        let start = data_start.checked_add(*offset);
        let end = start.zip(size).and_then(|(start, size)| start.checked_add(size));
        match (start, end.filter(|end| *end <= file_size)) {
            (Some(start), Some(end)) => Ok(start as usize..end as usize),
            _ => Err(format!(
                "truncated or damaged: tensor {name} {shape:?} of {} lies beyond the end of the file of {file_size} bytes; \
                 download it again",
                dtype.name()
            )),
        }
    }
}

fn check_overlaps(named: &[(String, Tensor)]) -> Result<(), String> {
    let mut order: Vec<&(String, Tensor)> = named.iter().filter(|(_, tensor)| !tensor.range.is_empty()).collect();
    order.sort_by_key(|(_, tensor)| tensor.range.start);
    match order.windows(2).find(|pair| pair[1].1.range.start < pair[0].1.range.end) {
        Some(pair) => Err(format!("damaged: tensors {} and {} overlap", pair[0].0, pair[1].0)),
        None => Ok(()),
    }
}
