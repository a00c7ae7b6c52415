//! Expressions over figures: what stands in the braces of a text and in the conditions of a question.
//!
//! ```text
//! condition  comparison ("and" comparison)*
//! comparison sum ("<" | ">" | "<=" | ">=" | "=" | "!=") sum
//! sum        product (("+" | "-") product)*
//! product    factor (("*" | "/") factor)*
//! factor     "-" factor | number | "text" | figure.value | exp(sum) | ln(sum) | log2(sum) | abs(sum) | "(" sum ")"
//! ```

/// A figure's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A text: the name of a token, of a row, of a verdict.
    Text(String),
}

/// Numbers nearer to each other than this are equal: what differs by rounding is not meant to differ.
const EQUAL: f64 = 1e-9;

/// More parts than this are no expression that anybody wrote; it bounds how deep brackets may stand in each other.
const MOST_PARTS: usize = 200;

type Lookup<'a> = &'a dyn Fn(&str) -> Result<Value, String>;

/// The value of a sum.
pub(super) fn evaluate(text: &str, lookup: Lookup<'_>) -> Result<Value, String> {
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, lookup };
    let value = parser.sum()?;
    parser.end()?;
    Ok(value)
}

/// Whether a condition holds.
pub(super) fn holds(text: &str, lookup: Lookup<'_>) -> Result<bool, String> {
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, lookup };
    let mut holds = parser.comparison()?;
    while parser.take(|token| *token == Token::Name("and")) {
        holds &= parser.comparison()?;
    }
    parser.end()?;
    Ok(holds)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    Number(f64),
    Text(&'a str),
    Name(&'a str),
    Sign(&'a str),
}

const SIGNS: [&str; 12] = ["<=", ">=", "!=", "<", ">", "=", "+", "-", "*", "/", "(", ")"];

fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length_of = |belongs: fn(char) -> bool| rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        let length = if first.is_ascii_digit() {
            let mut length = length_of(|c| c.is_ascii_digit() || c == '.');
            let exponent = rest[length..].strip_prefix(['e', 'E']).map(|power| power.trim_start_matches('-'));
            if let Some(power) = exponent.filter(|power| power.starts_with(|c: char| c.is_ascii_digit())) {
                let digits = power.find(|c: char| !c.is_ascii_digit()).unwrap_or(power.len());
                length = rest.len() - power.len() + digits;
            }
            let number = rest[..length].parse().map_err(|_| format!("`{}` is no number", &rest[..length]))?;
            tokens.push(Token::Number(number));
            length
        } else if first.is_alphabetic() {
            let length = length_of(|c| c.is_alphanumeric() || c == '_' || c == '.');
            tokens.push(Token::Name(&rest[..length]));
            length
        } else if first == '"' {
            let end = rest[1..].find('"').ok_or_else(|| format!("a text without its end: {rest}"))?;
            tokens.push(Token::Text(&rest[1..=end]));
            end + 2
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| format!("`{first}` has no meaning in `{text}`"))?;
            tokens.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[length..].trim_start();
        if tokens.len() > MOST_PARTS {
            return Err(format!("an expression of more than {MOST_PARTS} parts"));
        }
    }
    Ok(tokens)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    at: usize,
    lookup: Lookup<'a>,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        token
    }

    fn take(&mut self, wanted: impl Fn(&Token<'a>) -> bool) -> bool {
        let found = self.tokens.get(self.at).is_some_and(wanted);
        self.at += usize::from(found);
        found
    }

    fn sign(&mut self, among: &[&'static str]) -> Option<&'static str> {
        let found = among.iter().find(|sign| self.tokens.get(self.at) == Some(&Token::Sign(sign)));
        self.at += usize::from(found.is_some());
        found.copied()
    }

    fn end(&self) -> Result<(), String> {
        if self.at < self.tokens.len() { Err(format!("`{}` goes on where it should end", self.text)) } else { Ok(()) }
    }

    fn comparison(&mut self) -> Result<bool, String> {
        let left = self.sum()?;
        let sign = self.sign(&["<", ">", "<=", ">=", "=", "!="]);
        let sign = sign.ok_or_else(|| format!("`{}`: a comparison needs one of < > <= >= = !=", self.text))?;
        match (left, self.sum()?) {
            (Value::Number(a), Value::Number(b)) => {
                let equal = a == b || (a - b).abs() <= EQUAL;
                Ok(match sign {
                    "<" => a < b && !equal,
                    ">" => a > b && !equal,
                    "<=" => a < b || equal,
                    ">=" => a > b || equal,
                    "=" => equal,
                    _ => !equal,
                })
            }
            (Value::Text(a), Value::Text(b)) if sign == "=" => Ok(a == b),
            (Value::Text(a), Value::Text(b)) if sign == "!=" => Ok(a != b),
            (a, b) => Err(format!("{} {sign} {} can't be compared", describe(&a), describe(&b))),
        }
    }

    fn sum(&mut self) -> Result<Value, String> {
        let mut value = self.product()?;
        while let Some(sign) = self.sign(&["+", "-"]) {
            let (a, b) = (number(&value)?, number(&self.product()?)?);
            value = Value::Number(if sign == "+" { a + b } else { a - b });
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<Value, String> {
        let mut value = self.factor()?;
        while let Some(sign) = self.sign(&["*", "/"]) {
            let (a, b) = (number(&value)?, number(&self.factor()?)?);
            value = Value::Number(if sign == "*" { a * b } else { a / b });
        }
        Ok(value)
    }

    fn factor(&mut self) -> Result<Value, String> {
        match self.next() {
            Some(Token::Number(number)) => Ok(Value::Number(number)),
            Some(Token::Text(text)) => Ok(Value::Text(text.into())),
            Some(Token::Sign("-")) => Ok(Value::Number(-number(&self.factor()?)?)),
            Some(Token::Sign("(")) => self.closed(),
            Some(Token::Name(name)) => {
                if !self.take(|token| *token == Token::Sign("(")) {
                    return (self.lookup)(name);
                }
                let x = number(&self.closed()?)?;
                Ok(Value::Number(match name {
                    "exp" => x.exp(),
                    "ln" => x.ln(),
                    "log2" => x.log2(),
                    "abs" => x.abs(),
                    _ => return Err(format!("no function `{name}`: there are exp, ln, log2 and abs")),
                }))
            }
            Some(Token::Sign(sign)) => Err(format!("`{}`: a value is missing before `{sign}`", self.text)),
            None => Err(format!("`{}`: a value is missing at the end", self.text)),
        }
    }

    fn closed(&mut self) -> Result<Value, String> {
        let value = self.sum()?;
        self.sign(&[")"]).ok_or("a `)` is missing")?;
        Ok(value)
    }
}

fn number(value: &Value) -> Result<f64, String> {
    match value {
        Value::Number(number) => Ok(*number),
        Value::Text(text) => Err(format!("\"{text}\" is no number")),
    }
}

pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => format!("\"{text}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Result<Value, String> {
        match name {
            "a.p.x" => Ok(Value::Number(0.3)),
            "a.2.y" => Ok(Value::Number(-4.0)),
            "a.best" => Ok(Value::Text("x".into())),
            _ => Err(format!("no figure `{name}`")),
        }
    }

    fn value(text: &str) -> f64 {
        number(&evaluate(text, &lookup).unwrap()).unwrap()
    }

    #[test]
    fn sums_by_hand() {
        assert_eq!(value("1 + 2*3 - 8/4"), 5.0);
        assert_eq!(value("(1+2) * -a.2.y"), 12.0);
        assert_eq!(value("exp(0) + ln(1) + log2(8) + abs(-2)"), 6.0);
        assert_eq!(value("2e3 + 1e-3"), 2000.001);
        assert_eq!(value("10 - 2 - 3"), 5.0);
    }

    #[test]
    fn conditions_by_hand() {
        let holds = |text: &str| holds(text, &lookup).unwrap();
        assert!(holds("a.p.x < 0.5 and a.best = \"x\""));
        assert!(!holds("a.p.x < 0.5 and a.best != \"x\""));
        assert!(holds("0.1 + 0.2 = a.p.x") && !holds("0.1 + 0.2 > a.p.x") && holds("a.p.x >= 0.3"));
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |text: &str| evaluate(text, &lookup).unwrap_err();
        assert_eq!(wrong("b.p"), "no figure `b.p`");
        assert_eq!(wrong("a.best + 1"), "\"x\" is no number");
        assert_eq!(wrong("1 +"), "`1 +`: a value is missing at the end");
        assert_eq!(wrong("(1"), "a `)` is missing");
        assert_eq!(wrong("1 2"), "`1 2` goes on where it should end");
        assert_eq!(wrong("sin(1)"), "no function `sin`: there are exp, ln, log2 and abs");
        assert_eq!(wrong("1 % 2"), "`%` has no meaning in `1 % 2`");
        assert_eq!(wrong("1.2.3"), "`1.2.3` is no number");
        assert!(holds("a.best < 1", &lookup).unwrap_err().contains("can't be compared"));
        assert!(wrong(&"(".repeat(100_000)).contains("more than 200 parts"));
        assert!(holds("1", &lookup).is_err() && evaluate("\"x", &lookup).is_err());
    }
}
