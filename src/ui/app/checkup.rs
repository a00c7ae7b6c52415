//! The model's promises, tried at the user's wish and told in one line.

use super::App;
use crate::engine::{Check, CheckupJob, Lane, News};
use crate::model::{ModelSource, builtin};
use crate::ui::message::Effect;

impl App {
    /// Begins to try what the model promises.
    pub(super) fn check_model(&mut self) -> Vec<Effect> {
        let reference = if self.source == ModelSource::Builtin { builtin::reference().ok() } else { None };
        self.start(Lane::Checkup, Box::new(CheckupJob::new(reference)))
    }

    /// Tells what came out of it.
    pub(super) fn checked(&mut self, news: Option<News>) -> Vec<Effect> {
        let Some(News::Checked(checks)) = news else { return Vec::new() };
        let line = line(&checks);
        if checks.iter().all(Check::holds) { self.inform(&line) } else { self.complain(line) }
    }
}

/// The promises that were kept, or those that were not with what was found.
fn line(checks: &[Check]) -> String {
    let broken: Vec<String> = checks
        .iter()
        .filter(|check| !check.holds())
        .map(|check| format!("{} (off by {:.1e}, {:.0e} is allowed)", check.name, check.worst, check.tolerance))
        .collect();
    if !broken.is_empty() {
        return format!("the model breaks its promises: {}; `logitscope doctor` tells more", broken.join(", "));
    }
    let kept = checks.iter().map(|check| match check.worst {
        0.0 => format!("{} exact", check.name),
        worst => format!("{} within {worst:.0e}", check.name),
    });
    format!("the model is sound: {}", kept.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_what_is_broken() {
        let check = |name, worst| Check { name, promise: "", worst, tolerance: 1e-6 };
        let sound = [check("steps", 0.0), check("probabilities", 2e-9)];
        assert_eq!(line(&sound), "the model is sound: steps exact, probabilities within 2e-9");
        let broken = line(&[sound[0], check("cache", 0.01), check("batch", f64::NAN)]);
        assert!(broken.contains("promises: cache (off by 1.0e-2, 1e-6 is allowed), batch (off by NaN"), "{broken}");
    }
}
