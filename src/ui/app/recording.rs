//! A recorded trace in the interface: what can't change in it, and where it ends.

use std::sync::Arc;

use super::{App, Notice, Pick};
use crate::decode::Analysis;
use crate::engine::{Extent, Recording};
use crate::ui::action::{Action, Context, entries};
use crate::ui::message::Effect;
use crate::ui::views::View;

/// What needs a model, besides the keys of the chain.
const NEEDS_A_MODEL: &[Action] = &[
    Action::Force,
    Action::Redraw,
    Action::Mode,
    Action::Edit,
    Action::History,
    Action::Copy,
    Action::WriteTrace,
    Action::Checkup,
    Action::Restore,
    Action::Models,
];

impl App {
    /// The recording that is shown in the place of a model's work.
    #[must_use]
    pub fn recording(&self) -> Option<&Arc<Recording>> {
        self.recording.as_ref()
    }

    /// Says at the beginning that this is a recording.
    pub(super) fn announce(&mut self) {
        if let Some(recording) = &self.recording {
            let texts = recording.texts();
            let what = match recording.beams().filter(|_| recording.steps() == 0) {
                Some(beams) => format!("{} of {}", counted(beams.steps.len()), beams.strategy),
                None => counted(recording.steps()),
            };
            let more = if texts > 1 { format!("; the first of {texts} texts") } else { String::new() };
            let cut = if recording.extent() == Extent::CutOff { "; it is cut off" } else { "" };
            self.notice = Some(Notice::Info(format!("a recording of {what}, without its model{more}{cut}")));
        }
    }

    /// Refuses what a recording can't do.
    pub(super) fn refused(&mut self, action: Action) -> Option<Vec<Effect>> {
        let recording = self.recording.as_ref()?;
        let of_text = self.view.row().contexts_now(self).contains(&Context::Session);
        if recording.steps() == 0 && of_text && entries(Context::Session).any(|entry| entry.action == action) {
            let beam = View::Beam.key(&self.keymap, self.charset);
            return Some(self.inform(&format!("what was recorded is a beam search: {beam} shows it")));
        }
        let turns = entries(Context::Chain).any(|entry| entry.action == action);
        let looks = matches!(action, Action::NextStage | Action::PreviousStage);
        if !NEEDS_A_MODEL.contains(&action) && (!turns || looks) {
            return None;
        }
        Some(self.inform("a recording can't change: step through it; prompt, chain and draws are as they were"))
    }

    /// What was chosen at a step of the recording.
    pub(super) fn recorded_pick(&self, analysis: &Analysis, step: usize) -> Option<Pick> {
        let (token, draw) = self.recording.as_ref()?.chosen(step, analysis)?;
        Some(draw.map_or(Pick::Greedy(token), Pick::Drawn))
    }

    /// Stops where the recording ends: there is nothing to show after that.
    pub(super) fn ends_here(&mut self) -> Option<Vec<Effect>> {
        let steps = self.recording.as_ref()?.steps();
        if self.step_number() < steps {
            return None;
        }
        self.halt();
        self.shown = None;
        if steps == 0 {
            return Some(Vec::new());
        }
        let tokens = if steps == 1 { "1 token".to_owned() } else { format!("{steps} tokens") };
        Some(self.inform(&format!("the recording ends here, after {tokens}: go back to look at them")))
    }
}

fn counted(steps: usize) -> String {
    if steps == 1 { "1 step".to_owned() } else { format!("{steps} steps") }
}
