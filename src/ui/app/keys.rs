//! Keys into actions, and what each action does.

use ratatui::crossterm::event::KeyEvent;
use tui_input::{Input, InputRequest};

use crate::decode::Direction;

use super::{App, Run};
use crate::ui::action::{Action, Context, Key, lookup};
use crate::ui::knobs::Knobs;
use crate::ui::message::{Effect, Exit};
use crate::ui::overlay::{Overlay, typing};

impl App {
    /// Where keys are meant now.
    #[must_use]
    pub fn context(&self) -> Context {
        self.overlays.last().map_or(Context::Step, Overlay::context)
    }

    pub(super) fn key(&mut self, event: KeyEvent) -> Vec<Effect> {
        self.notice = None;
        let context = self.context();
        match lookup(context, Key::of(event)) {
            Some(Action::Quit) => vec![Effect::Quit(Exit::Asked)],
            Some(action) if context == Context::Step => self.act(action),
            Some(action) => self.act_on_overlay(action),
            None => {
                if let (Some(Overlay::Prompt { input }), Some(request)) = (self.overlays.last_mut(), typing(event)) {
                    input.handle(request);
                }
                Vec::new()
            }
        }
    }

    pub(super) fn paste(&mut self, text: &str) -> Vec<Effect> {
        if let Some(Overlay::Prompt { input }) = self.overlays.last_mut() {
            for character in text.chars() {
                // Terminals paste line ends as carriage returns.
                input.handle(InputRequest::InsertChar(if character == '\r' { '\n' } else { character }));
            }
        }
        Vec::new()
    }

    fn act(&mut self, action: Action) -> Vec<Effect> {
        let page = self.list_rows().cast_signed();
        match action {
            Action::Step => self.step(),
            Action::Back => self.back(),
            Action::Redo => self.redo(),
            Action::Force => self.force(),
            Action::Redraw => self.redraw(),
            Action::Run => self.toggle_run(Run::Paced),
            Action::RunFast => self.toggle_run(Run::Fast),
            Action::RowUp => self.scroll(-1),
            Action::RowDown => self.scroll(1),
            Action::PageUp => self.scroll(-page),
            Action::PageDown => self.scroll(page),
            Action::First => self.scroll(isize::MIN),
            Action::Last => self.scroll(isize::MAX),
            Action::ToDrawn => self.select_drawn(),
            Action::Edit => self.open(Overlay::Prompt { input: Input::new(self.prompt.clone()) }),
            Action::Add => self.open(Overlay::Picker { selected: 0 }),
            Action::Help => self.open(Overlay::Help { offset: 0 }),
            Action::Suspend => vec![Effect::Suspend],
            Action::Theme => {
                self.theme = (self.theme + 1) % self.themes.len();
                Vec::new()
            }
            Action::Stop => {
                self.run = Run::Still;
                Vec::new()
            }
            knob => self.turn(knob),
        }
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

    fn chain_changed(&mut self) -> Vec<Effect> {
        self.repick();
        if self.is_current() { Vec::new() } else { self.analyse() }
    }

    fn scroll(&mut self, by: isize) -> Vec<Effect> {
        let (length, rows) = (self.list_length(), self.list_rows());
        self.list.shift(by, length, rows);
        Vec::new()
    }

    fn select_drawn(&mut self) -> Vec<Effect> {
        if let Some(shown) = &self.shown {
            let rank = shown.analysis.model().rank(shown.pick.token());
            self.select(rank - 1);
        }
        Vec::new()
    }

    fn open(&mut self, overlay: Overlay) -> Vec<Effect> {
        self.run = Run::Still;
        self.overlays.push(overlay);
        Vec::new()
    }

    fn act_on_overlay(&mut self, action: Action) -> Vec<Effect> {
        match (action, self.overlays.last_mut()) {
            (Action::Close, _) => {
                self.overlays.pop();
            }
            (Action::Up, Some(Overlay::Help { offset })) => *offset = offset.saturating_sub(1),
            (Action::Down, Some(Overlay::Help { offset })) => *offset += 1,
            (Action::Up, Some(Overlay::Picker { selected })) => *selected = selected.saturating_sub(1),
            (Action::Down, Some(Overlay::Picker { selected })) => {
                *selected = (*selected + 1).min(Knobs::addable().count().saturating_sub(1));
            }
            (Action::Accept, _) => return self.accept(),
            _ => {}
        }
        Vec::new()
    }

    fn accept(&mut self) -> Vec<Effect> {
        match self.overlays.pop() {
            Some(Overlay::Prompt { input }) => self.begin(input.value().to_owned()),
            Some(Overlay::Picker { selected }) => {
                if let Some(row) = Knobs::addable().nth(selected) {
                    self.knobs.add(row);
                }
                self.chain_changed()
            }
            Some(Overlay::Help { .. }) | None => Vec::new(),
        }
    }
}
