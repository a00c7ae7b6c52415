//! The table of computations: each declared as it is, and each example true.

use std::collections::BTreeSet;

use super::*;
use crate::lesson::Lesson;

fn example(row: &ComputationRow) -> String {
    format!(
        "title = \"t\"\nsummary = \"s\"\n{EXAMPLE_MODEL}\n[figures.example]\ncompute = \"{}\"\n{}\n[[page]]\n\
         title = \"p\"\ntext = \"x\"\nshow = [\"example\"]\n",
        row.name, row.example
    )
}

fn figure(row: &ComputationRow) -> Figure {
    let text = example(row);
    let mut table = toml::de::DeTable::parse(&text).unwrap().into_inner();
    let mut models = Models::new("test", &text);
    let DeValue::Table(parts) = table.remove("models").unwrap().into_inner() else { panic!() };
    for (name, part) in parts {
        models.add(name.into_inner().into_owned(), part).unwrap();
    }
    let DeValue::Table(mut figures) = table.remove("figures").unwrap().into_inner() else { panic!() };
    let DeValue::Table(mut part) = figures.remove("example").unwrap().into_inner() else { panic!() };
    part.remove("compute");
    part.remove("expect");
    let part = Spanned::new(0..0, DeValue::Table(part));
    (row.compute)(Arguments { part, models: &models }).unwrap()
}

#[test]
fn every_example_computes_what_it_expects_and_draws_it() {
    for row in COMPUTATIONS {
        assert!(row.example.contains("expect"), "{}", row.name);
        let lesson = Lesson::parse(row.name, &example(row)).unwrap();
        let picture = &lesson.pages[0].pictures[0];
        assert!(!picture.rows.is_empty() && !picture.caption.is_empty(), "{}", row.name);
        for line in &picture.rows {
            assert_eq!(line.cells.len(), picture.columns.len(), "{}", row.name);
        }
    }
}

/// What serde says that it expects is what the table says.
#[test]
fn every_parameter_is_declared() {
    for row in COMPUTATIONS {
        let text = "nonsense = 1";
        let part = toml::de::DeTable::parse(text).unwrap();
        let part = Spanned::new(part.span(), DeValue::Table(part.into_inner()));
        let models = Models::new("test", text);
        let reason = (row.compute)(Arguments { part, models: &models }).unwrap_err().reason;
        let (_, expected) = reason.split_once("expected").unwrap();
        let expected: BTreeSet<&str> = expected.split('`').skip(1).step_by(2).collect();
        let declared: BTreeSet<&str> = row.parameters.iter().map(|(name, _)| *name).collect();
        assert_eq!(expected, declared, "{}", row.name);
    }
}

/// Every value that an example gives has its place in the table, and every place is taken by some value.
#[test]
fn every_value_is_declared() {
    // What only some parameters lead to.
    const SOMETIMES: [&str; 11] = [
        "stage.i.kept",
        "stage.i.mass",
        "N.bits_per_byte",
        "at.V.rate",
        "at.V.tokens_rate",
        "final.i",
        "live.i",
        "looked_at",
        "kept",
        "finished",
        "S.score",
    ];
    const WILD: [&str; 6] = ["L", "N", "S", "V", "i", "MISTAKE"];
    for row in COMPUTATIONS {
        let figure = figure(row);
        let patterns: Vec<&str> = row.values.iter().flat_map(|(names, _)| names.split(", ")).collect();
        let fits = |key: &str, pattern: &str| {
            let (key, pattern): (Vec<&str>, Vec<&str>) = (key.split('.').collect(), pattern.split('.').collect());
            key.len() == pattern.len() && key.iter().zip(&pattern).all(|(a, b)| a == b || WILD.contains(b))
        };
        for key in figure.values.keys() {
            assert!(patterns.iter().any(|pattern| fits(key, pattern)), "{}: {key} is not declared", row.name);
        }
        for pattern in patterns.iter().filter(|pattern| !SOMETIMES.contains(pattern)) {
            assert!(figure.values.keys().any(|key| fits(key, pattern)), "{}: nothing is {pattern}", row.name);
        }
    }
}

#[test]
fn names_become_keys() {
    assert_eq!(key(" sat down"), "sat_down");
    assert_eq!(key("B <end>"), "B_end");
    assert_eq!(key("0.8"), "0_8");
    assert_eq!(key("ten (1)"), "ten_1");
    assert_eq!(key("..."), "");
}

#[test]
fn what_can_not_be_computed_is_refused_in_one_line() {
    let refused = |name: &str, figure: &str| {
        let text = format!(
            "title = \"t\"\nsummary = \"s\"\n{EXAMPLE_MODEL}\n[figures.f]\ncompute = \"{name}\"\n{figure}\n[[page]]\ntitle = \"p\"\ntext = \"x\"\n"
        );
        let message = Lesson::parse("f", &text).unwrap_err().to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    };
    let cases = [
        ("distribution", "labels = [\"a\"]", "give either logits or probs"),
        ("distribution", "labels = [\"a\", \"b\"]\nlogits = [1]", "2 labels and 1 numbers"),
        ("distribution", "labels = [\"a\", \"b\"]\nprobs = [0.5, 0.6]", "the sum is 1.1, not 1"),
        ("distribution", "labels = [\"a\", \"A b\", \"A-b\"]\nlogits = [1, 1, 1]", "`A_b` is there twice"),
        ("distribution", "labels = [\"a\", \".\"]\nlogits = [1, 1]", "has no letter or digit"),
        ("distribution", "labels = [\"a\"]\nlogits = [nan]", "is NaN"),
        ("distribution", "labels = [\"a\"]\nlogits = [1]\nhistory = [\"b\"]", "history: \"b\" is none of a"),
        (
            "sweep",
            "labels = [\"a\"]\nlogits = [1]\nchain = \"top_k=1\"\nvalues = [1]",
            "has no ? where the value stands",
        ),
        ("sequences", "rows = [{ name = \"a\", logprobs = [0.5] }]", "0.5 is the logarithm of no probability"),
        ("perplexity", "rows = [{ name = \"a\", sum = -1, tokens = 0 }]", "that of no text"),
        ("hypotheses", "alpha = 1\nnorm = \"google\"\nrows = []", "transformers, gnmt"),
        ("score", "model = \"xyz\"\ncompletions = [\"A\"]", "no model `xyz`: there are abc"),
        ("score", "model = \"abc\"\ncompletions = [\"Z\"]", "no entry of the table's vocabulary"),
        (
            "audit",
            "model = \"abc\"\ncompletions = [\"A\"]\nmistakes = [\"sloth\"]",
            "no \"sloth\"; there are logit_sum",
        ),
        ("generate", "model = \"abc\"\nmax_new_tokens = 0", "max_new_tokens: 0 is not between 1 and 200"),
        ("generate", "model = \"abc\"\nstrategy = \"beam\"", "\"beam\" is not greedy or sample"),
        ("samples", "model = \"abc\"\ncount = 99999\nmax_new_tokens = 2", "count: 99999 is not between"),
        ("beam", "model = \"abc\"\nbeams = 0\nmax_new_tokens = 2", "num_beams: `0`"),
        ("beam", "model = \"abc\"\nbeams = 1\nmax_new_tokens = 2\nstep = 9", "step: 9 is not between 1 and 2"),
        ("cost", "weights = 1\nlayers = 0\nheads = 1\nhead_dim = 1\nprompt = 1\nnew = [1]", "layers: 0 is not between"),
    ];
    for (name, figure, reason) in cases {
        let message = refused(name, figure);
        assert!(message.contains(reason), "{name}: {message}");
    }
}
