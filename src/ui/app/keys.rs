//! Keys into actions, and what each action does.

use ratatui::crossterm::event::KeyEvent;
use tui_input::InputRequest;

use crate::decode::{Direction, ProcessorRow, TokenId};
use crate::engine::Command;
use crate::model::ModelSource;

use super::update::SPIN;
use super::{App, Model, Notice, Run, Work};
use crate::ui::action::{Action, Context, Key};
use crate::ui::knobs::turned_by;
use crate::ui::message::{Effect, Exit};
use crate::ui::overlays::{
    Branches, Fate, Help, History, Models, Offer, Overlay, Palette, Picker, Pieces, Prompt, Themes, typing,
};
use crate::ui::views::{View, step};

impl App {
    /// The groups of keys that count now, the first before the others.
    #[must_use]
    pub fn contexts(&self) -> Vec<Context> {
        match self.overlays.last() {
            Some(overlay) => vec![overlay.context()],
            None => self.view.row().contexts_now(self).iter().copied().chain([Context::Everywhere]).collect(),
        }
    }

    pub(super) fn key(&mut self, event: KeyEvent) -> Vec<Effect> {
        self.notice = None;
        match self.keymap.lookup(&self.contexts(), Key::of(event)) {
            Some(Action::Quit) => vec![Effect::Quit(Exit::Asked)],
            Some(action) if self.overlays.is_empty() => self.perform(action),
            Some(action) => self.with_overlay(|app, overlay| overlay.act(app, action)),
            None => typing(event).map(|request| self.typed([request])).unwrap_or_default(),
        }
    }

    /// Does something in the view in front.
    pub(in crate::ui) fn perform(&mut self, action: Action) -> Vec<Effect> {
        if let Some(effects) = self.refused(action) {
            return effects;
        }
        let own = (self.view.row().act)(self, action);
        own.unwrap_or_else(|| self.act(action))
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
    pub(super) fn with_overlay(
        &mut self,
        act: impl FnOnce(&mut Self, &mut dyn Overlay) -> (Fate, Vec<Effect>),
    ) -> Vec<Effect> {
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
            Action::Edit => self.open(Prompt::new(self, self.prompt.clone(), self.history.clone())),
            Action::Pieces => self.open(Pieces::new(self)),
            Action::Value => self.type_value(),
            Action::Add => self.open(Picker::default()),
            Action::Palette => self.open(Palette::new(&self.contexts())),
            Action::Copy => self.copy_command(),
            Action::WriteTrace => self.write_trace(),
            Action::Picture => vec![Effect::Picture],
            Action::Checkup => self.check_model(),
            Action::Restore => vec![Effect::Restore],
            Action::History => self.open(History::new(self.history.clone(), self.prompt.clone())),
            Action::Present => self.present(),
            Action::Mouse => self.toggle_mouse(),
            Action::Models => self.choose_model(),
            Action::Help => self.open(Help::new(&self.contexts())),
            Action::Branches => self.cursor().map(|node| self.open(Branches::new(node))).unwrap_or_default(),
            Action::Earlier => step::move_stage(self, Direction::Down),
            Action::Later => step::move_stage(self, Direction::Up),
            Action::Suspend => vec![Effect::Suspend],
            Action::Quit => vec![Effect::Quit(Exit::Asked)],
            Action::Theme => self.open(Themes::new(self.theme)),
            Action::Stop => self.stop(),
            knob => self.turn(knob),
        }
    }

    /// Few words and large bars, or everything again.
    fn present(&mut self) -> Vec<Effect> {
        self.presenting = !self.presenting;
        self.select(self.list.selected());
        Vec::new()
    }

    /// Stops running, or the opening of a model.
    fn stop(&mut self) -> Vec<Effect> {
        self.run = Run::Still;
        if let Some(source) = self.opening.take() {
            self.progress = None;
            self.inform(&format!("{} is not opened; what has come stays for the next time", source.name()));
            return vec![Effect::StopOpening];
        }
        if matches!(self.model, Model::Opening) {
            return vec![Effect::Engine(Command::Cancel)];
        }
        Vec::new()
    }

    /// Notes which model was opened, for the next time.
    pub(super) fn note_opened(&mut self) {
        if self.recording.is_none() && self.source != ModelSource::Builtin {
            self.opened.push(self.place_of_model());
        }
    }

    /// Whether a model is being opened.
    pub(super) fn awaits_model(&self) -> bool {
        self.opening.is_some() || matches!(self.model, Model::Opening)
    }

    /// The models at hand: the built-in one, those that were opened before, and those of the cache. Each once.
    pub(in crate::ui) fn at_hand(&self) -> Vec<Offer> {
        let mut offers = vec![Offer { name: ModelSource::Builtin.name(), note: "inside the program".to_owned() }];
        let opened = self.opened.iter().rev().map(|name| {
            let known = self.cached.iter().find(|offer| offer.name == *name);
            let note = known.map_or_else(String::new, |offer| format!("{}, ", offer.note));
            Offer { name: name.clone(), note: format!("{note}opened before") }
        });
        for offer in opened.chain(self.cached.clone()) {
            if offers.iter().all(|other| other.name != offer.name) {
                offers.push(offer);
            }
        }
        offers
    }

    /// Asks which other model; the cache is looked into meanwhile.
    fn choose_model(&mut self) -> Vec<Effect> {
        let mut effects = self.open(Models::new(self.at_hand()));
        effects.push(Effect::ListModels);
        effects
    }

    /// Opens another model; the one that is open stays until that is done.
    pub(in crate::ui) fn open_model(&mut self, source: ModelSource) -> Vec<Effect> {
        self.opening = Some(source.clone());
        vec![Effect::Open(source), Effect::Wake(SPIN)]
    }

    /// Says that something is wrong.
    pub(in crate::ui) fn complain(&mut self, message: String) -> Vec<Effect> {
        self.notice = Some(Notice::Error(message));
        Vec::new()
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
            _ => match turned_by(action) {
                Some((name, direction)) => knobs.turn_named(name, direction),
                None => return Vec::new(),
            },
        }
        self.chain_changed()
    }

    /// Adds a stage to the chain.
    pub(in crate::ui) fn add_stage(&mut self, row: &'static ProcessorRow) -> Vec<Effect> {
        self.knobs.add(row);
        self.chain_changed()
    }

    /// Moves the selected stage of the chain. Returns the name of the stage that it has passed; none at the ends.
    pub(in crate::ui) fn shift_stage(&mut self, direction: Direction) -> Option<&'static str> {
        self.knobs.shift(direction).map(|passed| passed.stage.row().name)
    }

    /// Asks for the effect of a chain that was changed.
    pub(in crate::ui) fn chain_changed(&mut self) -> Vec<Effect> {
        self.repick();
        // The answer to a chain in between may still be on its way: then what is shown will not stay.
        let stays = self.is_current() && self.work != Work::Chain;
        let mut effects = if stays { Vec::new() } else { self.analyse() };
        effects.extend(self.refresh());
        effects
    }

    /// Moves the selection in the list of tokens.
    pub(in crate::ui) fn scroll(&mut self, by: isize) {
        let (length, rows) = (self.list_length(), self.list_rows());
        self.list.shift(by, length, rows);
    }

    /// Selects a token of the list.
    pub(in crate::ui) fn select_token(&mut self, id: TokenId) {
        if let Some(shown) = &self.shown {
            let rank = shown.analysis.model().rank(id);
            self.select(rank - 1);
        }
    }

    /// Selects the token that the draw landed on.
    pub(in crate::ui) fn select_drawn(&mut self) {
        if let Some(token) = self.shown.as_ref().map(|shown| shown.pick.token()) {
            self.select_token(token);
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
