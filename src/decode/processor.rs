//! What a stage of the chain is: the trait, and the row that declares it.

use std::fmt;
use std::ops::Bound;

use super::{Candidates, DecodeError, Distribution, TokenId};

/// What a processor may know besides the scores.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// Token ids of prompt and output, in order.
    pub history: &'a [TokenId],
    /// How many of them are the prompt.
    pub prompt_length: usize,
    /// For each token of the output, the log-probability that it was chosen with, in nats: what adaptive processors steer by.
    /// May be empty where none is in the chain.
    pub sampling_logprobs: &'a [f64],
    /// A random number in [0, 1) of this step, apart from its draw, for processors that act by chance.
    pub chance: f64,
    /// What the tokens say, for processors that look at text; `None` where nothing is known.
    pub bytes: Option<&'a dyn TokenBytes>,
    /// Ids that end the text, for processors that decide when it may end.
    pub end_ids: &'a [TokenId],
    /// What the model says after the negative prompt, for guidance; `None` where there is none.
    pub negative: Option<&'a Distribution>,
}

/// What a token stands for.
pub trait TokenBytes: fmt::Debug {
    /// The token's part of the text; empty for special tokens and unknown ids.
    fn token_bytes(&self, id: TokenId) -> &[u8];
}

impl Context<'_> {
    /// The ids generated so far.
    #[must_use]
    pub fn output(&self) -> &[TokenId] {
        self.history.get(self.prompt_length..).unwrap_or_default()
    }
}

/// A step of the chain: changes scores, or removes candidates.
///
/// A filter of one's own needs the trait and a row; those of [`PROCESSORS`](super::PROCESSORS) are options of the program besides.
///
/// ```
/// use std::ops::Bound;
/// use std::sync::Arc;
/// use logitscope::decode::{
///     Analysis, Candidates, Chain, Context, DecodeError, Distribution, Kind, LogitsProcessor, Parameter, ProcessorRow, Stage, Value,
/// };
///
/// /// Keeps what is at most so many nats below the best.
/// #[derive(Debug)]
/// struct Within(f64);
///
/// impl LogitsProcessor for Within {
///     fn apply(&self, candidates: &mut Candidates, _: Context<'_>) -> Result<Option<f64>, DecodeError> {
///         let limit = candidates.max_score() - self.0;
///         candidates.keep_at_least(limit, |score| score);
///         Ok(Some(limit))
///     }
/// }
///
/// static ROW: ProcessorRow = ProcessorRow {
///     name: "within",
///     summary: "keeps tokens at most X nats below the best",
///     kind: Kind::Warper,
///     parameter: Parameter::Number(Bound::Included(0.0), Bound::Unbounded, |nats| Arc::new(Within(nats))),
///     neutral: None,
///     usual: 2.0,
///     grid: &[1.0, 2.0, 4.0],
///     measure: "logit",
///     source: "the example of the documentation",
/// };
///
/// let mut chain = Chain::parse("temperature=0.5")?;
/// chain.push(Stage::new(&ROW, Value::Number(2.0))?)?;
/// let model = Arc::new(Distribution::from_logits(&[3.0, 2.5, 1.0])?);
/// let analysis = Analysis::new(model, &chain, Context::default())?;
/// assert_eq!(analysis.kept(), [0, 1]); // 6, 5 and 2 after the temperature
/// assert_eq!(analysis.stages()[1].label, "within=2");
/// # Ok::<(), DecodeError>(())
/// ```
pub trait LogitsProcessor: fmt::Debug + Send + Sync {
    /// Works on the candidates in place. Returns the limit that the removed ones fell short of, in the unit of the row's
    /// `measure`, where there is one.
    ///
    /// # Errors
    /// A token id outside of the vocabulary.
    fn apply(&self, candidates: &mut Candidates, context: Context<'_>) -> Result<Option<f64>, DecodeError>;
}

/// Where a processor belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Steers by what the model says after another prompt; only where one sequence is generated and that one is read beside it.
    Guidance,
    /// Changes what the model prefers; used by greedy and beam search too.
    Penalty,
    /// Shapes or truncates the distribution that sampling draws from.
    Warper,
}

/// The value of a processor.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A real number.
    Number(f64),
    /// A whole number from 0.
    Count(usize),
    /// Amounts added to the logits of tokens.
    Bias(Vec<(TokenId, f64)>),
    /// Token ids.
    Ids(Vec<TokenId>),
    /// Several real numbers, in the order of the processor's fields.
    Fields(Vec<f64>),
    /// Any text.
    Text(String),
}

impl fmt::Display for Value {
    /// As `--chain` reads it: `0.8`, `40`, `5=1.5,7=-2`, `0,1`, `0.5:0.1`, `a%2Cb`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Bias(biases) => join(f, biases.iter().map(|(id, bias)| format!("{id}={bias}"))),
            Self::Ids(ids) => join(f, ids.iter().map(ToString::to_string)),
            Self::Text(text) => f.write_str(&escaped(text)),
            Self::Fields(numbers) => {
                f.write_str(&numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(":"))
            }
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = String>) -> fmt::Result {
    f.write_str(&items.collect::<Vec<_>>().join(","))
}

/// A text without commas, percent signs and control characters, as a chain holds it: `a%2Cb` for `a,b`.
fn escaped(text: &str) -> String {
    let one = |c: char| match c {
        ',' | '%' | '\0'..='\x1f' | '\x7f' => format!("%{:02X}", u32::from(c)),
        c => c.into(),
    };
    text.chars().map(one).collect()
}

/// The text that was [`escaped`]; a percent sign that nothing follows stays.
pub(super) fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut whole = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii);
        if let Some(code) = code {
            whole.push(char::from(code));
            whole.push_str(&part[2..]);
        } else {
            whole.push('%');
            whole.push_str(part);
        }
    }
    whole
}

/// A processor ready to run.
pub type Built = std::sync::Arc<dyn LogitsProcessor>;

/// The kind of value that a processor takes, its range, and how one is built from it.
#[derive(Clone, Copy, Debug)]
pub enum Parameter {
    /// A finite real number between the bounds.
    Number(Bound<f64>, Bound<f64>, fn(f64) -> Built),
    /// A whole number from 0.
    Count(fn(usize) -> Built),
    /// `ID=VALUE,…`; minus infinity is allowed.
    Bias(fn(Vec<(TokenId, f64)>) -> Built),
    /// `ID,…`.
    Ids(fn(Vec<TokenId>) -> Built),
    /// `A:B:…`; fields left out at the end take their usual values.
    Fields(&'static [Field], fn(&[f64]) -> Built),
    /// Any text that the processor can read; what is wrong with it otherwise.
    Text(fn(&str) -> Result<Built, String>),
}

impl Parameter {
    /// What may be given, in words: the kind of value and its range.
    #[must_use]
    pub fn range(&self) -> String {
        match self {
            Self::Number(Bound::Unbounded, Bound::Unbounded, _) => "any number".into(),
            Self::Number(low, high, _) => range(*low, *high),
            Self::Count(_) => "a whole number".into(),
            Self::Bias(_) => "an amount for each of some tokens; minus infinity rules one out".into(),
            Self::Ids(_) => "token ids".into(),
            Self::Fields(fields, _) => {
                let one = |field: &Field| format!("{} from {} to {}", field.name, field.low, field.high);
                fields.iter().map(one).collect::<Vec<_>>().join("; ")
            }
            Self::Text(_) => "a text".into(),
        }
    }
}

/// One of several numbers that a processor takes.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// What it is called in help and messages.
    pub name: &'static str,
    /// The least that it may be.
    pub low: f64,
    /// The most that it may be.
    pub high: f64,
    /// What it is when it is left out.
    pub usual: f64,
}

/// Which way a knob is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the next lower value of the grid.
    Down,
    /// To the next higher value of the grid.
    Up,
}

/// The declaration of a processor: flags, chains, knobs, help, documentation and tests come from it.
#[derive(Debug)]
pub struct ProcessorRow {
    /// As in `--chain`; the flag has dashes for the underscores.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Where it belongs.
    pub kind: Kind,
    /// The value it takes.
    pub parameter: Parameter,
    /// The value that changes nothing, where there is one.
    pub neutral: Option<f64>,
    /// The value that a user who switches it on begins with.
    pub usual: f64,
    /// The values that a knob steps through, ascending; empty where there is no single number.
    pub grid: &'static [f64],
    /// What is compared with the limit when a token is removed: its unit and meaning.
    pub measure: &'static str,
    /// The paper or the reference implementation.
    pub source: &'static str,
}

impl ProcessorRow {
    /// Reads a value as it is written in a flag. In a chain a text is escaped besides.
    ///
    /// # Errors
    /// What can't be read, is not a number, or is out of range, with the range.
    pub fn parse(&self, text: &str) -> Result<Value, DecodeError> {
        let whole = text;
        let text = text.trim();
        let bad = |wrong: &str| self.bad(text, wrong);
        let value = match self.parameter {
            Parameter::Number(..) => Value::Number(text.parse().map_err(|_| bad("not a number"))?),
            Parameter::Count(_) => Value::Count(text.parse().map_err(|_| bad("not a whole number from 0"))?),
            Parameter::Bias(_) => {
                let pair = |item: &str| {
                    let (id, bias) = item.split_once('=')?;
                    Some((id.trim().parse().ok()?, bias.trim().parse().ok()?))
                };
                let pairs = text.split(',').map(pair).collect::<Option<_>>();
                Value::Bias(pairs.ok_or_else(|| bad("not ID=VALUE,…"))?)
            }
            Parameter::Ids(_) => {
                let ids = text.split(',').map(|id| id.trim().parse().ok()).collect::<Option<_>>();
                Value::Ids(ids.ok_or_else(|| bad("not a list of token ids"))?)
            }
            Parameter::Fields(fields, _) => {
                let numbers = text.split(':').map(|number| number.trim().parse().ok()).collect::<Option<_>>();
                let mut numbers: Vec<f64> = numbers.ok_or_else(|| bad("not NUMBER:NUMBER:…"))?;
                numbers.extend(fields.iter().skip(numbers.len()).map(|field| field.usual));
                Value::Fields(numbers)
            }
            // Spaces are part of it.
            Parameter::Text(_) => Value::Text(whole.into()),
        };
        self.build(&value)?;
        Ok(value)
    }

    /// Makes the processor.
    ///
    /// # Errors
    /// A value of another kind or out of range.
    pub fn build(&self, value: &Value) -> Result<Built, DecodeError> {
        let bad = |wrong: &str| self.bad(&value.to_string(), wrong);
        match (self.parameter, value) {
            (Parameter::Number(low, high, build), Value::Number(number)) => {
                if !number.is_finite() {
                    return Err(bad("not a finite number"));
                }
                if !(low, high).contains_number(*number) {
                    return Err(bad(&format!("out of range: it must be {}", range(low, high))));
                }
                Ok(build(*number))
            }
            (Parameter::Count(build), Value::Count(count)) => Ok(build(*count)),
            (Parameter::Bias(build), Value::Bias(biases)) => {
                if let Some((id, bias)) = biases.iter().find(|(_, b)| b.is_nan() || *b == f64::INFINITY) {
                    return Err(self.bad(&format!("{id}={bias}"), "neither a number nor minus infinity"));
                }
                Ok(build(biases.clone()))
            }
            (Parameter::Ids(build), Value::Ids(ids)) => Ok(build(ids.clone())),
            (Parameter::Fields(fields, build), Value::Fields(numbers)) if numbers.len() == fields.len() => {
                let within = |(field, number): &(&Field, &f64)| (field.low..=field.high).contains(*number);
                match fields.iter().zip(numbers).find(|pair| !within(pair)) {
                    Some((Field { name, low, high, .. }, number)) => {
                        Err(bad(&format!("out of range: {name} is {number}, and must be between {low} and {high}")))
                    }
                    None => Ok(build(numbers)),
                }
            }
            (Parameter::Fields(fields, _), Value::Fields(_)) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                Err(bad(&format!("too long: it takes {}", names.join(":"))))
            }
            (Parameter::Text(build), Value::Text(text)) => build(text).map_err(|wrong| self.bad(text, &wrong)),
            _ => Err(bad("of the wrong kind")),
        }
    }

    /// The value that a user who switches the processor on begins with; none for those that take lists.
    #[must_use]
    pub fn usual_value(&self) -> Option<Value> {
        self.number(self.usual)
    }

    /// The value of the grid next to `value`, or `value` where the grid ends.
    #[must_use]
    pub fn nudge(&self, value: &Value, direction: Direction) -> Value {
        let now = match value {
            Value::Number(number) => *number,
            Value::Count(count) => *count as f64,
            Value::Fields(numbers) => numbers.first().copied().unwrap_or_default(),
            Value::Bias(_) | Value::Ids(_) | Value::Text(_) => return value.clone(),
        };
        // A typed value may lie a rounding error beside the grid: that is no step.
        let beyond = |step: f64| (step - now).abs() > 1e-9;
        let next = match direction {
            Direction::Up => self.grid.iter().find(|&&step| step > now && beyond(step)),
            Direction::Down => self.grid.iter().rev().find(|&&step| step < now && beyond(step)),
        };
        match (next, value) {
            // Of several numbers a knob turns the first.
            (Some(&step), Value::Fields(numbers)) => {
                Value::Fields(std::iter::once(step).chain(numbers.iter().skip(1).copied()).collect())
            }
            (Some(&step), _) => self.number(step).unwrap_or_else(|| value.clone()),
            (None, _) => value.clone(),
        }
    }

    fn number(&self, number: f64) -> Option<Value> {
        match self.parameter {
            Parameter::Number(..) => Some(Value::Number(number)),
            Parameter::Count(_) => Some(Value::Count(number as usize)),
            Parameter::Fields(fields, _) => {
                let rest = fields.iter().skip(1).map(|field| field.usual);
                Some(Value::Fields(std::iter::once(number).chain(rest).collect()))
            }
            Parameter::Bias(_) | Parameter::Ids(_) | Parameter::Text(_) => None,
        }
    }

    fn bad(&self, value: &str, wrong: &str) -> DecodeError {
        DecodeError::BadValue { name: self.name.into(), value: value.into(), wrong: wrong.into() }
    }
}

/// `RangeBounds` needs two types of bounds to be known at compile time; these are data.
trait ContainsNumber {
    fn contains_number(&self, number: f64) -> bool;
}

impl ContainsNumber for (Bound<f64>, Bound<f64>) {
    fn contains_number(&self, number: f64) -> bool {
        std::ops::RangeBounds::contains(self, &number)
    }
}

/// The range in words, as in `at least 0 and at most 1`; empty where there is no bound.
fn range(low: Bound<f64>, high: Bound<f64>) -> String {
    let low = match low {
        Bound::Included(low) => Some(format!("at least {low}")),
        Bound::Excluded(low) => Some(format!("above {low}")),
        Bound::Unbounded => None,
    };
    let high = match high {
        Bound::Included(high) => Some(format!("at most {high}")),
        Bound::Excluded(high) => Some(format!("below {high}")),
        Bound::Unbounded => None,
    };
    let ends: Vec<String> = low.into_iter().chain(high).collect();
    ends.join(" and ")
}
