//! `doctor`: whether this machine, this terminal and the model are as they should be.

use std::io::Write;

use serde::Serialize;

use crate::engine::{Cache, Check, Checkup};
use crate::glyph::visible;
use crate::model::{LoadedModel, ModelInfo, ModelSource, builtin};

use super::style::Style;
use super::{Format, HeadlessError, Interrupt, json};

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, but something better is to be had.
    Notice,
    /// It does not work.
    Bad,
}

impl Verdict {
    fn sign(self) -> &'static str {
        match self {
            Self::Good => "ok  ",
            Self::Notice => "note",
            Self::Bad => "BAD ",
        }
    }

    fn paint(self, style: Style) -> String {
        match self {
            Self::Good => style.good(self.sign()),
            Self::Notice => style.accent(self.sign()),
            Self::Bad => style.bad(self.sign()),
        }
    }
}

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What, in a word.
    pub name: &'static str,
    /// How it is to be taken.
    pub verdict: Verdict,
    /// How it is, and what to do where it should be otherwise.
    pub found: String,
}

/// `doctor --format json`.
#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    program: &'static str,
    healthy: bool,
    machine: &'a [Finding],
    model: &'a ModelInfo,
    checks: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    promise: &'static str,
    ok: bool,
    /// Null where a number was none.
    worst: Option<f64>,
    tolerance: f64,
}

impl From<&Check> for Row {
    fn from(check: &Check) -> Self {
        let Check { name, promise, worst, tolerance } = *check;
        Self { name, promise, ok: check.holds(), worst: worst.is_finite().then_some(worst), tolerance }
    }
}

/// Tries the model's promises and writes them below what was found on the machine. Returns the names of all that is bad.
///
/// # Errors
/// What the model refuses, an interruption, or output that can't be written.
pub fn doctor(
    (mut loaded, source): (LoadedModel, &ModelSource),
    machine: &[Finding],
    (format, style): (Format, Style),
    interrupt: &Interrupt,
    out: &mut dyn Write,
) -> Result<Vec<&'static str>, HeadlessError> {
    let reference = (*source == ModelSource::Builtin).then(builtin::reference).transpose()?;
    let info = loaded.model.info().clone();
    let checkup = Checkup::new(&info, loaded.tokenizer.as_ref(), (reference, Cache::Own));
    let checks = checkup.run(loaded.model.as_mut(), &mut |_| interrupt.check())?;
    let bad_findings = machine.iter().filter(|finding| finding.verdict == Verdict::Bad).map(|finding| finding.name);
    let broken = checks.iter().filter(|check| !check.holds()).map(|check| check.name);
    let bad: Vec<&'static str> = bad_findings.chain(broken).collect();
    if format == Format::Json {
        let document = Document {
            format: "logitscope.doctor",
            version: 1,
            program: env!("CARGO_PKG_VERSION"),
            healthy: bad.is_empty(),
            machine,
            model: &info,
            checks: checks.iter().map(Row::from).collect(),
        };
        json::line(out, &document)?;
    } else {
        write_text(machine, &info, &checks, style, out)?;
    }
    Ok(bad)
}

/// How far a promise was missed, and how far it may be.
fn figures(check: &Check) -> String {
    match check.worst {
        0.0 => "exactly".into(),
        worst => format!("off by {worst:.1e} at most, {:.0e} is allowed", check.tolerance),
    }
}

fn write_text(
    machine: &[Finding],
    info: &ModelInfo,
    checks: &[Check],
    style: Style,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let names = machine.iter().map(|finding| finding.name).chain(checks.iter().map(|check| check.name));
    let width = names.map(str::len).max().unwrap_or(0);
    writeln!(out, "{}", style.bold("This machine"))?;
    for Finding { name, verdict, found } in machine {
        writeln!(out, "  {} {name:width$}  {}", verdict.paint(style), visible(found))?;
    }
    writeln!(out, "{}", style.bold(&format!("The model {}", visible(&info.name))))?;
    for check in checks {
        let verdict = if check.holds() { Verdict::Good } else { Verdict::Bad };
        let figures = figures(check);
        let line = format!("{}: {}", check.promise, style.dim(&figures));
        writeln!(out, "  {} {:width$}  {line}", verdict.paint(style), check.name)?;
    }
    Ok(())
}
