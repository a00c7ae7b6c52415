//! The text of a lesson: paragraphs, items and formulas, with figures in braces.

use super::expression::{self, Value};

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A paragraph, to be wrapped.
    Paragraph(String),
    /// An item of a list, to be wrapped.
    Item(String),
    /// A line that stays as it is: a formula or a sum.
    Formula(String),
}

impl Block {
    /// Whether an empty line stands between a block and this one: items keep together, and so do formulas.
    #[must_use]
    pub fn stands_apart_from(&self, before: &Self) -> bool {
        let alike = std::mem::discriminant(before) == std::mem::discriminant(self);
        !alike || matches!(self, Self::Paragraph(_))
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Paragraph(text) | Self::Item(text) | Self::Formula(text) => text,
        }
    }
}

/// Cuts a text into blocks. An empty line ends a paragraph, `* ` begins an item, and a line that is indented by four spaces is a
/// formula.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let words = line.trim();
        let flowing = match blocks.last_mut() {
            Some(Block::Paragraph(text) | Block::Item(text)) if goes_on => Some(text),
            _ => None,
        };
        goes_on = !words.is_empty();
        if words.is_empty() {
        } else if let Some(item) = line.trim_start().strip_prefix("* ") {
            blocks.push(Block::Item(item.trim().into()));
        } else if let Some(formula) = line.strip_prefix("    ") {
            blocks.push(Block::Formula(formula.trim_end().into()));
        } else if let Some(text) = flowing {
            text.push(' ');
            text.push_str(words);
        } else {
            blocks.push(Block::Paragraph(words.into()));
        }
    }
    blocks
}

/// A piece of a template that could not be computed: the text between its braces, and why.
#[derive(Debug)]
pub(super) struct Hole {
    pub(super) inside: String,
    pub(super) reason: String,
}

/// Puts figures in the place of `{expression}` and `{expression:format}`; `{{` and `}}` are braces.
pub(super) fn fill(text: &str, lookup: &dyn Fn(&str) -> Result<Value, String>) -> Result<String, Hole> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            filled.push_str(brace);
            rest = after;
            continue;
        }
        let end = rest.find('}').filter(|_| brace == "{");
        let Some(end) = end else {
            let reason = format!("a `{brace}` without its other half: write `{brace}{brace}` for the sign itself");
            return Err(Hole { inside: brace.into(), reason });
        };
        let inside = &rest[..end];
        filled.push_str(&show(inside, lookup).map_err(|reason| Hole { inside: inside.into(), reason })?);
        rest = &rest[end + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

/// What stands for `expression` or `expression:format`.
pub(super) fn show(inside: &str, lookup: &dyn Fn(&str) -> Result<Value, String>) -> Result<String, String> {
    let (formula, format) = split(inside);
    match (expression::evaluate(formula, lookup)?, Format::parse(format)?) {
        (Value::Text(text), Format::Plain) => Ok(text),
        (Value::Text(text), _) => Err(format!("{formula} is \"{text}\", which has no digits: leave `:{format}` out")),
        (Value::Number(x), format) => Ok(format.write(x)),
    }
}

/// An expression and its format.
pub(super) fn split(inside: &str) -> (&str, &str) {
    inside.rsplit_once(':').map_or((inside, ""), |(formula, format)| (formula, format.trim()))
}

/// How a number is written.
#[derive(Clone, Copy, Debug)]
enum Format {
    /// As many digits as it has, at most nine after the point.
    Plain,
    /// So many digits after the point.
    Digits(usize),
    /// As a percentage, so many digits after the point.
    Percent(usize),
}

impl Format {
    fn parse(format: &str) -> Result<Self, String> {
        let (body, kind): (&str, fn(usize) -> Self) = match format.strip_suffix('%') {
            Some(body) => (body, Self::Percent),
            None => (format, Self::Digits),
        };
        let digits = body.strip_prefix('.').and_then(|digits| digits.parse().ok()).filter(|digits| *digits <= 15);
        match (format, digits) {
            ("", _) => Ok(Self::Plain),
            ("%", _) => Ok(Self::Percent(0)),
            (_, Some(digits)) => Ok(kind(digits)),
            _ => Err(format!("`:{format}` is no format: write .3 for three digits, .1% for a percentage")),
        }
    }

    fn write(self, x: f64) -> String {
        match self {
            Self::Plain => {
                let rounded = (x * 1e9).round() / 1e9;
                signed(if rounded.is_finite() { rounded } else { x }, |x| x.to_string())
            }
            Self::Digits(digits) => number(x, digits),
            Self::Percent(digits) => format!("{}%", number(100.0 * x, digits)),
        }
    }
}

/// A number with so many digits after the point, and a minus sign that looks like one. Minus zero is zero.
#[must_use]
pub fn number(x: f64, digits: usize) -> String {
    signed(if x.abs() < half_a_unit(digits) { 0.0 } else { x }, |x| format!("{x:.digits$}"))
}

/// Half of the last of so many digits after the point: what is nearer to 0 is written as 0.
pub(super) fn half_a_unit(digits: usize) -> f64 {
    0.5 / 10f64.powf(digits as f64)
}

fn signed(x: f64, write: impl Fn(f64) -> String) -> String {
    let size = if x.is_infinite() { "∞".into() } else { write(x.abs()) };
    if x < 0.0 { format!("−{size}") } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Result<Value, String> {
        match name {
            "a.p" => Ok(Value::Number(0.9449)),
            "a.best" => Ok(Value::Text("mat".into())),
            _ => Err(format!("no `{name}`")),
        }
    }

    #[test]
    fn blocks_are_paragraphs_items_and_formulas() {
        let text = "One\nline.\n\nTwo.\n* an item\n  of two lines\n* another\n    p = 1\n      q = 2\nEnd.\n";
        let (paragraph, item) = (|text: &str| Block::Paragraph(text.into()), |text: &str| Block::Item(text.into()));
        let formula = |text: &str| Block::Formula(text.into());
        assert_eq!(
            blocks(text),
            [
                paragraph("One line."),
                paragraph("Two."),
                item("an item of two lines"),
                item("another"),
                formula("p = 1"),
                formula("  q = 2"),
                paragraph("End."),
            ]
        );
    }

    #[test]
    fn figures_are_put_in_and_formatted() {
        let text = fill("{a.best}: {a.p:.3}, {a.p:.1%}, {-a.p:.2}, {{x}}, {exp(1000)}, {1 - 1:.2}", &lookup).unwrap();
        assert_eq!(text, "mat: 0.945, 94.5%, −0.94, {x}, ∞, 0.00");
        assert_eq!(fill("{3 * 0.1} {-2500} {-0.0001:.2}", &lookup).unwrap(), "0.3 −2500 0.00");
    }

    #[test]
    fn holes_say_why() {
        let hole = |text: &str| fill(text, &lookup).unwrap_err().reason;
        assert_eq!(hole("{b.p}"), "no `b.p`");
        assert!(hole("{a.p:3}").contains("`:3` is no format"));
        assert!(hole("{a.best:.3}").contains("has no digits"));
        assert!(hole("{a.p").contains("without its other half"));
        assert!(hole("a } b").contains("without its other half"));
    }
}
