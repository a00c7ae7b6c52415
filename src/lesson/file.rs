//! From TOML to a computed lesson. Every refusal names the line.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::compute::{self, Arguments, Figure, Models};
use super::error::Fault;
use super::expression::{self, Value, describe};
use super::text::{self, Hole, blocks, fill, half_a_unit};
use super::{Answer, Block, Heading, Lesson, LessonError, Page, Picture, Question};

/// What a file holds besides its models and figures.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    title: String,
    summary: String,
    #[serde(default)]
    sources: Vec<String>,
    #[serde(default)]
    page: Vec<PageDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageDocument {
    title: Spanned<String>,
    text: Spanned<String>,
    #[serde(default)]
    show: Vec<Spanned<String>>,
    question: Option<Spanned<QuestionDocument>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuestionDocument {
    ask: Spanned<String>,
    choices: Option<Vec<ChoiceDocument>>,
    answer: Option<Spanned<String>>,
    within: Option<Spanned<f64>>,
    because: Spanned<String>,
    #[serde(default)]
    show: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChoiceDocument {
    text: Spanned<String>,
    when: Spanned<String>,
}

type Part<'a> = Spanned<DeValue<'a>>;

/// Reads and computes a lesson; `file` names it in messages.
pub(super) fn read(file: &str, text: &str) -> Result<Lesson, LessonError> {
    let mut reader = Reader { file, text, figures: BTreeMap::new() };
    let document = DeTable::parse(text).map_err(|error| reader.wrong(0, error.into()))?;
    let span = document.span();
    let mut table = document.into_inner();
    let (models, figures) = (table.remove("models"), table.remove("figures"));
    let rest = Spanned::new(span, DeValue::Table(table));
    let document = Document::deserialize(ValueDeserializer::from(rest));
    let document = document.map_err(|error| reader.wrong(0, error.into()))?;
    let models = reader.models(models)?;
    reader.compute(figures, &models)?;
    reader.lesson(&document)
}

/// Reads title and summary alone; they are plain text.
pub(super) fn heading(file: &str, text: &str) -> Result<Heading, LessonError> {
    #[derive(Deserialize)]
    struct Head {
        title: String,
        summary: String,
    }
    let reader = Reader { file, text, figures: BTreeMap::new() };
    let Head { title, summary } = toml::from_str(text).map_err(|error| reader.wrong(0, error.into()))?;
    Ok(Heading { title, summary })
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    figures: BTreeMap<String, Figure>,
}

impl<'a> Reader<'a> {
    fn wrong(&self, at: usize, fault: Fault) -> LessonError {
        let at = fault.at.unwrap_or(at);
        let line = 1 + self.text.bytes().take(at).filter(|&byte| byte == b'\n').count();
        LessonError::Invalid { file: self.file.into(), line, reason: fault.reason }
    }

    /// The entries of a table of named parts, in the order of the file.
    fn parts(&self, kind: &str, part: Option<Part<'a>>) -> Result<Vec<(String, usize, Part<'a>)>, LessonError> {
        let Some(part) = part else { return Ok(Vec::new()) };
        let at = part.span().start;
        let DeValue::Table(table) = part.into_inner() else {
            return Err(self.wrong(at, Fault::new(format!("{kind}: not a table: write [{kind}.NAME]"))));
        };
        let mut parts = Vec::new();
        for (name, part) in table {
            let (at, name) = (name.span().start, name.into_inner().into_owned());
            if compute::key(&name) != name || !name.starts_with(|c: char| c.is_alphabetic()) {
                let reason = format!("{kind}.{name}: a name is a letter, then letters, digits and single underscores");
                return Err(self.wrong(at, Fault::new(reason)));
            }
            parts.push((name, at, part));
        }
        parts.sort_by_key(|(_, at, _)| *at);
        Ok(parts)
    }

    fn models(&self, part: Option<Part<'a>>) -> Result<Models<'a>, LessonError> {
        let mut models = Models::new(self.file, self.text);
        for (name, _, part) in self.parts("models", part)? {
            models.add(name, part)?;
        }
        Ok(models)
    }

    fn compute(&mut self, part: Option<Part<'a>>, models: &Models<'a>) -> Result<(), LessonError> {
        for (name, at, part) in self.parts("figures", part)? {
            let named = |fault: Fault| Fault { reason: format!("figures.{name}: {}", fault.reason), ..fault };
            let figure = figure(part, models).map_err(|fault| self.wrong(at, named(fault)))?;
            self.figures.insert(name, figure);
        }
        Ok(())
    }

    fn lesson(&self, document: &Document) -> Result<Lesson, LessonError> {
        if document.page.is_empty() {
            return Err(self.wrong(0, Fault::new("no page: write [[page]]")));
        }
        Ok(Lesson {
            title: document.title.clone(),
            summary: document.summary.clone(),
            sources: document.sources.clone(),
            pages: document.page.iter().map(|page| self.page(page)).collect::<Result<_, _>>()?,
        })
    }

    fn page(&self, page: &PageDocument) -> Result<Page, LessonError> {
        Ok(Page {
            title: self.fill(&page.title)?,
            text: self.blocks(&page.text)?,
            pictures: self.pictures(&page.show)?,
            question: page.question.as_ref().map(|question| self.question(question)).transpose()?,
        })
    }

    fn question(&self, question: &Spanned<QuestionDocument>) -> Result<Question, LessonError> {
        let (at, question) = (question.span().start, question.get_ref());
        let wrong = |reason: &str| Err(self.wrong(at, Fault::new(format!("question: {reason}"))));
        let answer = match (&question.choices, &question.answer) {
            (Some(_), _) if question.within.is_some() => return wrong("within is for an answer that is a number"),
            (Some(choices), None) if choices.len() >= 2 => self.choice(at, choices)?,
            (Some(_), None) => return wrong("choices: give at least two"),
            (None, Some(answer)) => self.number(answer, question.within.as_ref())?,
            (None, None) | (Some(_), Some(_)) => return wrong("give either choices or an answer"),
        };
        let (ask, because) = (self.blocks(&question.ask)?, self.blocks(&question.because)?);
        Ok(Question { ask, answer, because, pictures: self.pictures(&question.show)? })
    }

    fn choice(&self, at: usize, choices: &[ChoiceDocument]) -> Result<Answer, LessonError> {
        let mut right = Vec::new();
        for (index, choice) in choices.iter().enumerate() {
            let holds = expression::holds(choice.when.get_ref(), &|name| self.value(name));
            if holds.map_err(|reason| self.wrong(choice.when.span().start, Fault::new(reason)))? {
                right.push(index);
            }
        }
        match right[..] {
            [right] => {
                let choices = choices.iter().map(|choice| self.fill(&choice.text)).collect::<Result<_, _>>()?;
                Ok(Answer::Choice { choices, right })
            }
            [] => Err(self.wrong(at, Fault::new("question: no choice is right: every `when` is false"))),
            _ => {
                let right: Vec<String> = right.iter().map(|index| (index + 1).to_string()).collect();
                let reason = format!("question: choices {} are right: only one `when` may hold", right.join(" and "));
                Err(self.wrong(at, Fault::new(reason)))
            }
        }
    }

    fn number(&self, answer: &Spanned<String>, within: Option<&Spanned<f64>>) -> Result<Answer, LessonError> {
        let wrong = |reason: String| self.wrong(answer.span().start, Fault::new(reason));
        let inside = answer.get_ref();
        let shown = text::show(inside, &|name| self.value(name)).map_err(wrong)?;
        let value = match expression::evaluate(text::split(inside).0, &|name| self.value(name)).map_err(wrong)? {
            Value::Number(value) if value.is_finite() => value,
            value => return Err(wrong(format!("answer: {} is no number that can be typed", describe(&value)))),
        };
        let within = match within.map(|within| (*within.get_ref(), within.span().start)) {
            None => 0.0,
            Some((within, _)) if within >= 0.0 && within.is_finite() => within,
            Some((within, at)) => return Err(self.wrong(at, Fault::new(format!("within: {within} is below 0")))),
        };
        Ok(Answer::Number { value, within, shown })
    }

    /// The value of `figure.key`.
    fn value(&self, name: &str) -> Result<Value, String> {
        let (figure, key) = name.split_once('.').unwrap_or((name, ""));
        match self.figures.get(figure) {
            Some(found) => found.get(key).cloned().ok_or_else(|| {
                let known = found.keys();
                format!("figure {figure} has no `{key}`: it has {known}")
            }),
            None => Err(format!("no figure `{figure}`: {}", self.known())),
        }
    }

    fn known(&self) -> String {
        let names: Vec<&str> = self.figures.keys().map(String::as_str).collect();
        if names.is_empty() { "the lesson has none".into() } else { format!("there are {}", names.join(", ")) }
    }

    fn pictures(&self, names: &[Spanned<String>]) -> Result<Vec<Picture>, LessonError> {
        let picture = |name: &Spanned<String>| {
            let found = self.figures.get(name.get_ref()).map(|figure| figure.picture.clone());
            found.ok_or_else(|| {
                let reason = format!("show: no figure `{}`: {}", name.get_ref(), self.known());
                self.wrong(name.span().start, Fault::new(reason))
            })
        };
        names.iter().map(picture).collect()
    }

    fn blocks(&self, text: &Spanned<String>) -> Result<Vec<Block>, LessonError> {
        Ok(blocks(&self.fill(text)?))
    }

    /// A text with its figures; what is wrong with one is found again where it is written.
    fn fill(&self, text: &Spanned<String>) -> Result<String, LessonError> {
        fill(text.get_ref(), &|name| self.value(name)).map_err(|Hole { inside, reason }| {
            let written = self.text.get(text.span()).unwrap_or_default();
            let at = written.find(&format!("{{{inside}")).or_else(|| written.find(&inside)).unwrap_or(0);
            self.wrong(text.span().start + at, Fault::new(reason))
        })
    }
}

/// Computes a figure, and compares it with what is expected.
fn figure<'a>(part: Part<'a>, models: &Models<'a>) -> Result<Figure, Fault> {
    let span = part.span();
    let DeValue::Table(mut table) = part.into_inner() else { return Err(Fault::new("not a table")) };
    let compute = table.remove("compute").ok_or_else(|| Fault::new("compute is missing: name a computation"))?;
    let at = Some(compute.span().start);
    let name = compute.get_ref().as_str().unwrap_or_default();
    let row = compute::computation(name).map_err(|reason| Fault { at, reason })?;
    let expect = table.remove("expect");
    let figure = (row.compute)(Arguments { part: Spanned::new(span, DeValue::Table(table)), models })?;
    if let Some(expect) = expect {
        check(&figure, expect)?;
    }
    Ok(figure)
}

/// Compares a figure with what its file expects of it, to the digits that are written.
fn check(figure: &Figure, expect: Part<'_>) -> Result<(), Fault> {
    let at = Some(expect.span().start);
    let DeValue::Table(expect) = expect.into_inner() else {
        return Err(Fault { at, reason: "expect: not a table: write { \"p.mat\" = 0.945 }".into() });
    };
    for (key, wanted) in expect {
        let at = Some(key.span().start);
        let fault = |reason: String| Fault { at, reason: format!("expect: {reason}") };
        let key = key.get_ref();
        let value =
            figure.get(key).ok_or_else(|| fault(format!("there is no `{key}`: there are {}", figure.keys())))?;
        let (agrees, written) = match (wanted.get_ref(), value) {
            (DeValue::String(text), Value::Text(value)) => (text == value, format!("\"{text}\"")),
            (DeValue::Float(number), Value::Number(value)) => (agrees(number.as_str(), *value), number.as_str().into()),
            (DeValue::Integer(number), Value::Number(value)) => {
                (agrees(number.as_str(), *value), number.as_str().into())
            }
            (wanted, value) => {
                return Err(fault(format!("{key}: {} is compared with a {}", describe(value), wanted.type_str())));
            }
        };
        if !agrees {
            return Err(fault(format!("{key} = {written}, but it is {}", describe(value))));
        }
    }
    Ok(())
}

/// Whether a number is what is written, to the digits that are written; a whole number is meant exactly.
fn agrees(written: &str, value: f64) -> bool {
    let Ok(wanted) = written.parse::<f64>() else { return false };
    let digits = written.split_once('.').map(|(_, digits)| digits.len());
    // What is written in decimals misses half a unit by a rounding error.
    let within = digits.map_or(0.0, half_a_unit) + 1e-9;
    wanted == value || (wanted - value).abs() <= within
}
