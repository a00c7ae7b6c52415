//! Keys into actions, and what each action does.

use ratatui::crossterm::event::KeyEvent;
use tui_input::InputRequest;

use crate::decode::{Direction, ProcessorRow};

use super::{App, Run};
use crate::ui::action::{Action, Context, Key, lookup};
use crate::ui::message::{Effect, Exit};
use crate::ui::overlays::{Fate, Help, Overlay, Picker, Prompt, Themes, typing};
use crate::ui::views::View;

impl App {
    /// The groups of keys that count now, the first before the others.
    #[must_use]
    pub fn contexts(&self) -> Vec<Context> {
        match self.overlays.last() {
            Some(overlay) => vec![overlay.context()],
            None => self.view.row().contexts.iter().copied().chain([Context::Everywhere]).collect(),
        }
    }

    pub(super) fn key(&mut self, event: KeyEvent) -> Vec<Effect> {
        self.notice = None;
        match lookup(&self.contexts(), Key::of(event)) {
            Some(Action::Quit) => vec![Effect::Quit(Exit::Asked)],
            Some(action) if self.overlays.is_empty() => {
                let own = (self.view.row().act)(self, action);
                own.unwrap_or_else(|| self.act(action))
            }
            Some(action) => self.with_overlay(|app, overlay| overlay.act(app, action)),
            None => typing(event).map(|request| self.typed([request])).unwrap_or_default(),
        }
    }

    pub(super) fn paste(&mut self, text: &str) -> Vec<Effect> {
        // Terminals paste line ends as carriage returns.
        let insert = |character| InputRequest::InsertChar(if character == '\r' { '\n' } else { character });
        self.typed(text.chars().map(insert))
    }

    /// Changes the line that is being typed in the topmost window, if there is one.
    fn typed(&mut self, requests: impl IntoIterator<Item = InputRequest>) -> Vec<Effect> {
        self.with_overlay(|app, overlay| {
            let Some(input) = overlay.input() else { return (Fate::Stays, Vec::new()) };
            for request in requests {
                input.handle(request);
            }
            (Fate::Stays, overlay.typed(app))
        })
    }

    /// Lets the topmost window act on the state that it lies over.
    fn with_overlay(&mut self, act: impl FnOnce(&mut Self, &mut dyn Overlay) -> (Fate, Vec<Effect>)) -> Vec<Effect> {
        let Some(mut overlay) = self.overlays.pop() else { return Vec::new() };
        let below = self.overlays.len();
        let (fate, effects) = act(self, overlay.as_mut());
        if fate == Fate::Stays {
            // What it has opened lies over it.
            self.overlays.insert(below, overlay);
        }
        effects
    }

    /// The actions that all views share.
    pub(in crate::ui) fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Show(view) => self.show_view(view),
            Action::Step => self.step(),
            Action::Back => self.back(),
            Action::Redo => self.redo(),
            Action::Force => self.force(),
            Action::Redraw => self.redraw(),
            Action::Run => self.toggle_run(Run::Paced),
            Action::RunFast => self.toggle_run(Run::Fast),
            Action::Edit => self.open(Prompt::new(self.prompt.clone())),
            Action::Add => self.open(Picker::default()),
            Action::Help => self.open(Help::new(&self.contexts())),
            Action::Suspend => vec![Effect::Suspend],
            Action::Theme => self.open(Themes::new(self.theme)),
            Action::Stop => {
                self.run = Run::Still;
                Vec::new()
            }
            knob => self.turn(knob),
        }
    }

    /// Brings a view to the front, at the step where the one before stood.
    pub(in crate::ui) fn show_view(&mut self, view: View) -> Vec<Effect> {
        let position = self.view.row().timeline.map(|timeline| (timeline.position)(self));
        self.run = Run::Still;
        self.view = view;
        let mut effects = match (position, view.row().timeline) {
            (Some(position), Some(timeline)) => (timeline.go)(self, position),
            _ => Vec::new(),
        };
        effects.extend(self.refresh());
        effects
    }

    /// The actions on the chain; its effect is asked for at once.
    fn turn(&mut self, action: Action) -> Vec<Effect> {
        let knobs = &mut self.knobs;
        match action {
            Action::NextStage => knobs.select(Direction::Up),
            Action::PreviousStage => knobs.select(Direction::Down),
            Action::Raise => knobs.turn(Direction::Up),
            Action::Lower => knobs.turn(Direction::Down),
            Action::Toggle => knobs.toggle(),
            Action::Remove => knobs.remove(),
            Action::Mode => knobs.toggle_mode(),
            Action::Cooler => knobs.turn_named("temperature", Direction::Down),
            Action::Warmer => knobs.turn_named("temperature", Direction::Up),
            Action::FewerK => knobs.turn_named("top_k", Direction::Down),
            Action::MoreK => knobs.turn_named("top_k", Direction::Up),
            Action::FewerP => knobs.turn_named("top_p", Direction::Down),
            Action::MoreP => knobs.turn_named("top_p", Direction::Up),
            Action::LowerMin => knobs.turn_named("min_p", Direction::Down),
            Action::HigherMin => knobs.turn_named("min_p", Direction::Up),
            _ => return Vec::new(),
        }
        self.chain_changed()
    }

    /// Adds a stage to the chain.
    pub(in crate::ui) fn add_stage(&mut self, row: &'static ProcessorRow) -> Vec<Effect> {
        self.knobs.add(row);
        self.chain_changed()
    }

    fn chain_changed(&mut self) -> Vec<Effect> {
        self.repick();
        let mut effects = if self.is_current() { Vec::new() } else { self.analyse() };
        effects.extend(self.refresh());
        effects
    }

    /// Moves the selection in the list of tokens.
    pub(in crate::ui) fn scroll(&mut self, by: isize) {
        let (length, rows) = (self.list_length(), self.list_rows());
        self.list.shift(by, length, rows);
    }

    /// Selects the token that the draw landed on.
    pub(in crate::ui) fn select_drawn(&mut self) {
        if let Some(shown) = &self.shown {
            let rank = shown.analysis.model().rank(shown.pick.token());
            self.select(rank - 1);
        }
    }

    /// Draws everything in another of the themes.
    pub(in crate::ui) fn set_theme(&mut self, index: usize) {
        self.theme = index.min(self.themes.len() - 1);
    }

    /// Opens a window over the screen.
    pub(in crate::ui) fn open(&mut self, overlay: impl Overlay + 'static) -> Vec<Effect> {
        self.run = Run::Still;
        self.overlays.push(Box::new(overlay));
        Vec::new()
    }
}
