//! From TOML to a checked table. Every refusal names the line and the row.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::automaton::{Automaton, ROOT, State};
use crate::decode::TokenId;
use crate::model::ModelError;

/// What a row's probabilities may exceed 1 by: the rounding of decimal fractions.
const ROUNDING: f64 = 1e-9;
/// A mass below this is no missing mass but rounding: `0.7 + 0.2 + 0.1` falls short of 1 by 1e-16.
const NO_MASS: f64 = 1e-12;
/// The context of a table that does not say.
const CONTEXT_LENGTH: usize = 1024;
const LONGEST_CONTEXT: usize = 1 << 24;
/// Rows times tokens: every row has a number for every token, so that a file of a megabyte could ask for gigabytes.
const MOST_NUMBERS: usize = 1 << 26;
const BEGIN: &str = "<begin>";
const UNLISTED: &str = "<unlisted>";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    vocabulary: Vec<Spanned<String>>,
    end: Option<Spanned<String>>,
    begin: Option<Spanned<String>>,
    context_length: Option<Spanned<i64>>,
    #[serde(default)]
    row: Vec<RowDocument>,
}

type Numbers = BTreeMap<Spanned<String>, Spanned<f64>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowDocument {
    context: Spanned<Vec<Spanned<String>>>,
    next: Option<Numbers>,
    logits: Option<Numbers>,
}

/// A table that was read and checked.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) vocabulary: Vec<String>,
    /// The end token, if there is one, then the begin token, then the unlisted one; their ids follow the vocabulary.
    pub(super) special: Vec<String>,
    pub(super) end: Option<TokenId>,
    pub(super) begin: TokenId,
    /// Holds what a row's probabilities leave to 1.
    pub(super) unlisted: TokenId,
    pub(super) context_length: usize,
    pub(super) automaton: Automaton,
    /// For each row the logits of what comes next. Shape: `[vocab_size]`.
    pub(super) logits: Vec<Arc<[f32]>>,
    /// How many numbers were written down.
    pub(super) numbers: usize,
}

/// Reads and checks a table; `file` names it in messages.
///
/// # Errors
/// What is no TOML, has unknown or missing keys, or is no conditional distribution; with the line and the row.
pub(super) fn read(file: &str, text: &str) -> Result<Table, ModelError> {
    let reader = Reader { file, text };
    let document = DeTable::parse(text).map_err(|error| reader.unreadable(&error))?;
    let whole = Spanned::new(document.span(), DeValue::Table(document.into_inner()));
    read_part(file, text, whole)
}

/// The same for a table that is a part of a larger document, whose `text` places are counted in.
///
/// # Errors
/// As of [`read`].
pub(super) fn read_part(file: &str, text: &str, part: Spanned<DeValue<'_>>) -> Result<Table, ModelError> {
    let reader = Reader { file, text };
    let document = Document::deserialize(ValueDeserializer::from(part));
    reader.table(document.map_err(|error| reader.unreadable(&error))?)
}

/// What an error needs to say where it is.
struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

/// A row and its place, for messages.
struct Place<'a> {
    number: usize,
    at: usize,
    context: &'a [Spanned<String>],
}

impl Reader<'_> {
    fn unreadable(&self, error: &toml::de::Error) -> ModelError {
        let at = error.span().map_or(0, |span| span.start);
        self.wrong(at, error.message().trim().replace('\n', " "))
    }

    fn wrong(&self, at: usize, reason: impl std::fmt::Display) -> ModelError {
        let line = 1 + self.text.bytes().take(at).filter(|&byte| byte == b'\n').count();
        ModelError::invalid(self.file, format!("line {line}: {reason}"))
    }

    fn wrong_row(&self, row: &Place<'_>, at: usize, reason: impl std::fmt::Display) -> ModelError {
        let names: Vec<&str> = row.context.iter().map(|name| name.get_ref().as_str()).collect();
        self.wrong(at, format!("row {} ({}): {reason}", row.number, after(&names)))
    }

    fn table(&self, document: Document) -> Result<Table, ModelError> {
        if document.vocabulary.is_empty() {
            return Err(ModelError::invalid(self.file, "the vocabulary is empty: give at least one token"));
        }
        let mut ids = HashMap::new();
        for name in document.vocabulary.iter().chain(&document.end).chain(&document.begin) {
            self.name(&mut ids, name)?;
        }
        let vocabulary: Vec<String> = document.vocabulary.into_iter().map(Spanned::into_inner).collect();
        let (end, begin) = (document.end.map(Spanned::into_inner), document.begin.map(Spanned::into_inner));
        let begin = begin.unwrap_or_else(|| BEGIN.into());
        let begin_id = (vocabulary.len() + usize::from(end.is_some())) as TokenId;
        if *ids.entry(begin.clone()).or_insert(begin_id) != begin_id {
            return Err(ModelError::invalid(self.file, format!("`{begin}` is a token of its own: set begin = …")));
        }
        let end_id = end.is_some().then_some(vocabulary.len() as TokenId);
        let context_length = self.context_length(document.context_length)?;
        let (rows, tokens) = (document.row.len(), vocabulary.len());
        if rows.saturating_mul(tokens) > MOST_NUMBERS {
            let reason = format!("{rows} rows of {tokens} tokens are more than {MOST_NUMBERS} numbers: leave some out");
            return Err(ModelError::invalid(self.file, reason));
        }
        let (mut contexts, mut logits, mut numbers) = (Vec::new(), Vec::new(), 0);
        let rows = Rows { reader: self, ids: &ids, begin: begin_id };
        for (index, row) in document.row.iter().enumerate() {
            let place = Place { number: index + 1, at: row.context.span().start, context: row.context.get_ref() };
            let context = rows.context(&place)?;
            if let Some(first) = contexts.iter().position(|other| *other == context) {
                return Err(self.wrong_row(&place, place.at, format!("row {} has the same context", first + 1)));
            }
            contexts.push(context);
            logits.push(rows.logits(&place, row)?);
            numbers += row.next.iter().chain(&row.logits).map(BTreeMap::len).sum::<usize>();
        }
        let special = end.into_iter().chain([begin, UNLISTED.into()]).collect();
        let automaton = Automaton::new(contexts.iter().map(Vec::as_slice));
        let unlisted = begin_id + 1;
        let table = Table {
            vocabulary,
            special,
            end: end_id,
            begin: begin_id,
            unlisted,
            context_length,
            automaton,
            logits,
            numbers,
        };
        match table.without_row() {
            None => Ok(table),
            Some(tokens) => Err(ModelError::invalid(self.file, table.no_row(&tokens))),
        }
    }

    fn name(&self, ids: &mut HashMap<String, TokenId>, name: &Spanned<String>) -> Result<(), ModelError> {
        let (text, at, id) = (name.get_ref(), name.span().start, ids.len() as TokenId);
        if text.is_empty() {
            return Err(self.wrong(at, "an empty token: give it a text"));
        }
        if text == UNLISTED {
            return Err(self.wrong(at, format!("`{UNLISTED}` is what rows leave to 1: choose another name")));
        }
        match ids.insert(text.clone(), id) {
            None => Ok(()),
            Some(_) => Err(self.wrong(at, format!("`{text}` is there twice: every token needs a name of its own"))),
        }
    }

    fn context_length(&self, length: Option<Spanned<i64>>) -> Result<usize, ModelError> {
        let Some(length) = length else { return Ok(CONTEXT_LENGTH) };
        let given = *length.get_ref();
        let most = 2..=LONGEST_CONTEXT;
        usize::try_from(given).ok().filter(|length| most.contains(length)).ok_or_else(|| {
            self.wrong(length.span().start, format!("context_length: {given} is not between 2 and {LONGEST_CONTEXT}"))
        })
    }
}

/// Reads rows, once the tokens are known.
struct Rows<'a> {
    reader: &'a Reader<'a>,
    ids: &'a HashMap<String, TokenId>,
    begin: TokenId,
}

impl Rows<'_> {
    fn token(&self, row: &Place<'_>, name: &Spanned<String>) -> Result<TokenId, ModelError> {
        self.ids.get(name.get_ref()).copied().ok_or_else(|| {
            let reason = format!("`{}` is not in the vocabulary", name.get_ref());
            self.reader.wrong_row(row, name.span().start, reason)
        })
    }

    fn context(&self, row: &Place<'_>) -> Result<Vec<TokenId>, ModelError> {
        let context: Vec<TokenId> = row.context.iter().map(|name| self.token(row, name)).collect::<Result<_, _>>()?;
        if context.iter().skip(1).any(|&id| id == self.begin) {
            return Err(self.reader.wrong_row(row, row.at, "the begin token is always the first, so nothing fits"));
        }
        Ok(context)
    }

    fn logits(&self, place: &Place<'_>, row: &RowDocument) -> Result<Arc<[f32]>, ModelError> {
        let wrong = |at, reason: String| Err(self.reader.wrong_row(place, at, reason));
        let (numbers, low) = match (&row.next, &row.logits) {
            (Some(next), None) => (next, 0.0),
            (None, Some(logits)) => (logits, f64::NEG_INFINITY),
            (None, None) => return wrong(place.at, "give next = {…} or logits = {…}".into()),
            (Some(_), Some(_)) => return wrong(place.at, "next and logits: give one of them".into()),
        };
        let mut all = vec![f32::NEG_INFINITY; self.begin as usize + 2];
        let mut sum = 0.0;
        for (name, number) in numbers {
            let (id, value, at) = (self.token(place, name)?, *number.get_ref(), number.span().start);
            let name = name.get_ref();
            if id == self.begin {
                return wrong(at, format!("`{name}` begins a text and never follows"));
            }
            // A logit beyond the range of f32 is one of infinity.
            if value.is_nan() || value < low || value > f64::from(f32::MAX) {
                let kind = if row.next.is_some() { "a probability" } else { "a logit" };
                return wrong(at, format!("`{name}` = {value} is not {kind}"));
            }
            sum += value;
            all[id as usize] = if row.next.is_some() { value.ln() } else { value } as f32;
        }
        if row.next.is_some() {
            if sum > 1.0 + ROUNDING {
                return wrong(place.at, format!("the probabilities sum to {sum}, which is more than 1"));
            }
            if 1.0 - sum > NO_MASS {
                all[self.begin as usize + 1] = (1.0 - sum).ln() as f32;
            }
        }
        if all[..=self.begin as usize].iter().all(|&logit| logit == f32::NEG_INFINITY) {
            return wrong(place.at, "no token has a probability above 0: nothing could follow".into());
        }
        Ok(all.into())
    }
}

impl Table {
    /// The shortest text that can be generated from nothing and has no row, if there is one.
    fn without_row(&self) -> Option<Vec<TokenId>> {
        let mut seen = vec![false; self.automaton.len()];
        let mut queue: VecDeque<(State, Vec<TokenId>)> = VecDeque::new();
        queue.push_back((self.automaton.step(ROOT, self.begin), vec![self.begin]));
        while let Some((state, tokens)) = queue.pop_front() {
            if std::mem::replace(&mut seen[state.index()], true) {
                continue;
            }
            let Some(row) = self.automaton.row(state) else { return Some(tokens) };
            let last = self.end.unwrap_or(self.begin);
            for (id, _) in (0..last).zip(&*self.logits[row]).filter(|(_, logit)| **logit > f32::NEG_INFINITY) {
                let next = self.automaton.step(state, id);
                if !seen[next.index()] {
                    queue.push_back((next, [tokens.as_slice(), &[id]].concat()));
                }
            }
        }
        None
    }

    /// What to say where no row fits.
    pub(super) fn no_row(&self, tokens: &[TokenId]) -> String {
        let name = |&id: &TokenId| {
            let place = id as usize;
            let special = || self.special.get(place.checked_sub(self.vocabulary.len())?);
            self.vocabulary.get(place).or_else(special).map_or("", String::as_str)
        };
        let names: Vec<&str> = tokens.iter().map(name).collect();
        format!("no row for what comes {}: add one, or a row with context = [] for everything else", after(&names))
    }
}

fn after(names: &[&str]) -> String {
    if names.is_empty() { "any context".into() } else { format!("after `{}`", names.join("` `")) }
}
