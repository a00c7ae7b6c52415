//! Every lesson of the program, held to what a lesson has to be; and files that are wrong.

use std::collections::BTreeSet;

use super::*;

fn built_in() -> impl Iterator<Item = (&'static str, Lesson)> {
    BUILT_IN.iter().map(|(name, _)| (*name, Lesson::built_in(name).unwrap()))
}

/// All that a lesson says, page by page, figures filled in.
fn texts(lesson: &Lesson) -> Vec<String> {
    let mut texts = vec![lesson.title.clone(), lesson.summary.clone()];
    for page in &lesson.pages {
        texts.push(page.title.clone());
        texts.extend(page.text.iter().map(|block| block.text().to_owned()));
        if let Some(question) = &page.question {
            texts.extend(question.ask.iter().chain(&question.because).map(|block| block.text().to_owned()));
            if let Answer::Choice { choices, .. } = &question.answer {
                texts.extend(choices.iter().cloned());
            }
        }
    }
    texts
}

#[test]
fn every_lesson_is_a_lesson() {
    let mut names = BTreeSet::new();
    for (name, lesson) in built_in() {
        assert!(names.insert(name));
        assert!((4..=9).contains(&lesson.pages.len()), "{name} has {} pages", lesson.pages.len());
        assert!(lesson.questions() >= 2 && !lesson.sources.is_empty(), "{name}");
        assert_eq!(Lesson::heading(name).unwrap().title, lesson.title);
        assert!(lesson.pages.iter().any(|page| !page.pictures.is_empty()), "{name} shows nothing");
    }
    assert_eq!(names.len(), 16);
}

#[test]
fn what_a_lesson_says_can_be_written_in_ascii_and_fits_its_line() {
    for (name, lesson) in built_in() {
        let pictures = lesson
            .pages
            .iter()
            .flat_map(|page| page.pictures.iter().chain(page.question.iter().flat_map(|question| &question.pictures)));
        let cells = pictures.flat_map(|picture| {
            let cells = picture.rows.iter().flat_map(|row| &row.cells).map(|cell| cell.text().to_owned());
            cells.chain(picture.columns.iter().map(|column| column.title().to_owned())).chain([picture.caption.clone()])
        });
        for text in texts(&lesson).into_iter().chain(cells) {
            let strange = text.chars().find(|c| !c.is_ascii() && !"−–—·×…“”‘’→←≤≥≈≠∞ΣΠ∂√±αβεθ½²₂ᵢⱼéöü".contains(*c));
            assert_eq!(strange, None, "{name}: {text}");
        }
        for block in lesson.pages.iter().flat_map(|page| &page.text) {
            if let Block::Formula(text) = block {
                assert!(text.chars().count() <= 74, "{name}: {text}");
            }
        }
    }
}

/// Numbers with a point that a file writes down itself, outside of braces.
fn decimals(text: &str) -> Vec<String> {
    let mut outside = String::new();
    let mut depth = 0usize;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            c if depth == 0 => outside.push(c),
            _ => {}
        }
    }
    let belongs = |c: char| c.is_ascii_digit() || c == '.';
    let words = outside.split(|c: char| !(belongs(c) || c.is_alphabetic() || c == ':' || c == '_'));
    let words = words.map(|word| word.trim_end_matches(['.', ':']));
    let number = |word: &&str| word.contains('.') && word.chars().all(belongs) && word.parse::<f64>().is_ok();
    words.filter(number).map(str::to_owned).collect()
}

/// A result that is written by hand can be wrong: what stands in a text is a figure, or a number that a figure was given.
#[test]
fn every_decimal_in_a_text_is_computed_or_given() {
    for (name, file) in BUILT_IN {
        let (head, pages) = file.split_once("[[page]]").unwrap();
        let given: String = head.lines().filter(|line| !line.starts_with("expect")).collect::<Vec<_>>().join("\n");
        let given: BTreeSet<String> = given
            .split(|c: char| !(c.is_ascii_digit() || c == '.'))
            .filter_map(|word| word.parse::<f64>().ok())
            .map(|number| number.to_string())
            .collect();
        let said = pages.lines().filter(|line| {
            let key = line.split('=').next().unwrap_or_default().trim();
            !["answer", "within", "show"].contains(&key) && !line.trim_start().starts_with("{ text =")
        });
        for line in said {
            for number in decimals(line) {
                let value: f64 = number.parse().unwrap();
                assert!(given.contains(&value.to_string()), "{name}: {number} is written by hand: {line}");
            }
        }
    }
}

#[test]
fn a_written_number_is_found() {
    assert_eq!(decimals("p = 0.945, so {x.y:.3} and arXiv:1904.09751 of 0.5."), ["0.945", "0.5"]);
}

/// The worked examples that the lessons are built around, with their figures by hand.
#[test]
fn the_worked_examples_are_there() {
    let wanted: &[(&str, &str)] = &[
        ("softmax", "logits = [3, 1, 0.5, 0.2]"),
        ("softmax", "logits = [6, 3, 0.5, 0.5]\nexpect = { \"p.mat\" = 0.945"),
        ("softmax", "logits = [4, 4, 12]"),
        ("softmax", "logits = [3, 1, 0]\nadd = 10"),
        ("temperature", "logits = [2, 1.5, 1, 0.5, 0]\nchain = \"temperature=0.8\""),
        ("temperature", "logits = [1, 2, 3]\nchain = \"temperature=?\"\nvalues = [1, 5, 10]"),
        ("truncation", "probs = [0.4, 0.3, 0.15, 0.1, 0.05]\nchain = \"top_p=0.9\"\nexpect = { kept = 4"),
        ("chain-rule", "logprobs = [-1.5, -0.9, -1.2] }]\nexpect = { \"three_tokens.sum\" = -3.6"),
        ("chain-rule", "logprobs = [-0.7, -0.4] }]\nexpect = { \"two_tokens.sum\" = -1.1"),
        ("chain-rule", "best = \"second\""),
        ("beam-search", "\"A_A.sum\" = -1.204, \"B_C.sum\" = -2.120"),
        (
            "length",
            "\"rank.1\" = \"fifteen\", \"rank.2\" = \"twelve\", \"rank.3\" = \"ten (1)\", \"rank.4\" = \"ten (2)\"",
        ),
        ("perplexity", "\"story.perplexity\" = 12.18"),
        ("cross-entropy", "\"gradient.rug\" = -0.755"),
    ];
    for (name, text) in wanted {
        let (_, file) = BUILT_IN.iter().find(|(built_in, _)| built_in == name).unwrap();
        assert!(file.contains(text), "{name} lacks {text}");
    }
}

/// A lesson of one page, with this in it.
fn lesson(figures: &str, page: &str) -> String {
    format!(
        "title = \"t\"\nsummary = \"s\"\n{}\n[figures.d]\ncompute = \"distribution\"\nlabels = [\"a\", \"b\"]\n\
         logits = [1, 0]\n{figures}\n[[page]]\ntitle = \"p\"\n{page}\n",
        compute::EXAMPLE_MODEL
    )
}

fn wrong(text: &str) -> String {
    Lesson::parse("my.toml", text).unwrap_err().to_string()
}

#[test]
fn mistakes_are_named_by_file_and_line() {
    let line =
        |text: &str, part: &str| 1 + text[..text.find(part).unwrap()].bytes().filter(|&byte| byte == b'\n').count();
    let cases: &[(&str, &str, &str, &str)] = &[
        ("", "text = \"{d.p.c:.2}\"", "{d.p.c", "figure d has no `p.c`: it has best, entropy"),
        ("", "text = \"{e.p}\"", "{e.p}", "no figure `e`: there are d"),
        ("", "text = \"\"\"one\ntwo {d.p.a:x}\"\"\"", "{d.p.a:x}", "`:x` is no format"),
        ("", "text = \"x\"\nshow = [\"e\"]", "show", "show: no figure `e`"),
        ("", "text = \"x\"\ncolour = 1", "colour", "unknown field `colour`"),
        ("expect = { \"p.a\" = 0.74 }", "text = \"x\"", "expect", "expect: p.a = 0.74, but it is 0.731"),
        ("expect = { best = \"b\" }", "text = \"x\"", "expect", "expect: best = \"b\", but it is \"a\""),
        ("expect = { worst = 1 }", "text = \"x\"", "expect", "expect: there is no `worst`"),
        ("chain = \"top_q=1\"", "text = \"x\"", "[figures.d]", "figures.d: no processor is called `top_q`"),
        ("colour = 1", "text = \"x\"", "colour", "figures.d: unknown field `colour`"),
        (
            "[figures.x]\ncompute = \"magic\"",
            "text = \"x\"",
            "compute = \"magic\"",
            "no computation is called \"magic\"",
        ),
        ("[figures.x]\nlabels = []", "text = \"x\"", "[figures.x]", "compute is missing"),
        ("[figures.\"x y\"]", "text = \"x\"", "[figures.\"x y\"]", "a name is a letter, then letters"),
    ];
    for (figures, page, part, reason) in cases {
        let text = lesson(figures, page);
        let message = wrong(&text);
        assert!(message.starts_with(&format!("my.toml:{}: ", line(&text, part))), "{message}\n{text}");
        assert!(message.contains(reason), "{message}");
    }
    let text = lesson("", "text = \"x\"").replace("A = 0.6", "A = 0.9");
    assert!(wrong(&text).contains(&format!("my.toml: line {}: row 2 (after `A`)", line(&text, "context = [\"A\"]"))));
    assert!(wrong("title = \"t\"\nsummary = \"s\"\n").contains("my.toml:1: no page"));
    assert!(wrong("title = 't'\nsummary = 3").contains("my.toml:2: "));
    assert!(wrong("title = ").starts_with("my.toml:1: "));
}

#[test]
fn a_question_has_one_right_answer() {
    let asked = |question: &str| {
        lesson("", &format!("text = \"x\"\n[page.question]\nask = \"?\"\nbecause = \"!\"\n{question}"))
    };
    let good = Lesson::parse(
        "my.toml",
        &asked("choices = [{ text = \"a\", when = \"d.p.a > 0.5\" }, { text = \"b\", when = \"d.p.b > 0.5\" }]"),
    );
    let answer = good.unwrap().pages.remove(0).question.unwrap().answer;
    assert_eq!(answer, Answer::Choice { choices: vec!["a".into(), "b".into()], right: 0 });
    let cases = [
        ("choices = [{ text = \"a\", when = \"1 > 2\" }, { text = \"b\", when = \"2 > 3\" }]", "no choice is right"),
        (
            "choices = [{ text = \"a\", when = \"2 > 1\" }, { text = \"b\", when = \"3 > 2\" }]",
            "choices 1 and 2 are right",
        ),
        ("choices = [{ text = \"a\", when = \"2 > 1\" }]", "give at least two"),
        ("choices = [{ text = \"a\", when = \"d.p\" }, { text = \"b\", when = \"1 > 2\" }]", "figure d has no `p`"),
        ("answer = \"d.best\"", "is no number that can be typed"),
        ("answer = \"1\"\nwithin = -1", "within: -1 is below 0"),
        ("answer = \"1\"\nchoices = []", "either choices or an answer"),
        ("", "either choices or an answer"),
    ];
    for (question, reason) in cases {
        let message = wrong(&asked(question));
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn a_number_is_right_when_it_is_near_enough() {
    let answer = Answer::Number { value: 0.945, within: 0.05, shown: "0.945".into() };
    for (text, right) in
        [("0.945", true), ("0,93", true), ("95 %", true), ("0.995", true), ("0.89", false), ("95", false)]
    {
        assert_eq!(answer.accepts(parse_answer(text).unwrap()), right, "{text}");
    }
    assert_eq!(parse_answer("−1.2"), Some(-1.2));
    for text in ["", "x", "nan", "inf", "1/2", "%"] {
        assert_eq!(parse_answer(text), None, "{text}");
    }
}
