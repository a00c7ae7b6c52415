//! Models to open: those at hand, and any name that is typed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use super::finder::Finder;
use super::{Fate, Overlay};
use crate::model::size::human;
use crate::model::{CachedModel, ModelSource};
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::message::Effect;

/// A model at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// As `--model` takes it.
    pub name: String,
    /// What there is to say of it, in a few words.
    pub note: String,
}

impl Offer {
    /// A model of the cache.
    #[must_use]
    pub fn of(model: &CachedModel) -> Self {
        let architecture = model.architecture.as_deref().unwrap_or("?");
        Self { name: model.name().to_string(), note: format!("{architecture}, {}", human(model.bytes)) }
    }
}

/// The models, with one of them selected.
#[derive(Clone, Debug)]
pub struct Models {
    offers: Vec<Offer>,
    /// The offers, after what was typed where that may be a model.
    notes: Vec<String>,
    texts: Vec<String>,
    finder: Finder,
}

impl Models {
    /// Over these.
    #[must_use]
    pub fn new(offers: Vec<Offer>) -> Self {
        let mut models = Self { offers, notes: Vec::new(), texts: Vec::new(), finder: Finder::new(Vec::new()) };
        models.search();
        models
    }

    fn search(&mut self) {
        let typed = self.finder.input.value().trim().to_owned();
        let is_model = typed.parse::<ModelSource>().is_ok() && self.offers.iter().all(|offer| offer.name != typed);
        let typed = is_model.then(|| (typed, "Enter opens it".to_owned()));
        let offers = self.offers.iter().map(|offer| (offer.name.clone(), offer.note.clone()));
        (self.texts, self.notes) = typed.into_iter().chain(offers).unzip();
        let input = std::mem::take(&mut self.finder.input);
        self.finder = Finder::new(self.texts.clone());
        self.finder.input = input;
        self.finder.search();
    }
}

impl Overlay for Models {
    fn context(&self) -> Context {
        Context::Finder
    }

    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        match action {
            Action::Up => self.finder.shift(-1),
            Action::Down => self.finder.shift(1),
            Action::Accept => {
                let chosen = self.finder.chosen().map(|index| self.texts[index].as_str());
                let text = chosen.unwrap_or(self.finder.input.value().trim());
                return match text.parse::<ModelSource>() {
                    Ok(source) => (Fate::Closes, app.open_model(source)),
                    Err(error) => (Fate::Stays, app.complain(error.to_string())),
                };
            }
            _ => return (Fate::Closes, Vec::new()),
        }
        (Fate::Stays, Vec::new())
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let empty = "type owner/name of the hub, a directory, or a .toml table";
        self.finder.render(
            app.look(),
            "Another model: choose, or type a name, a path or an address",
            (&self.notes, empty),
            screen,
            buffer,
        )
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.finder.input)
    }

    fn follow(&mut self, app: &App) {
        self.offers = app.at_hand();
        self.search();
    }

    fn typed(&mut self, _: &mut App) -> Vec<Effect> {
        self.search();
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Download, Opening};
    use crate::ui::action::Key;
    use crate::ui::message::Message;
    use crate::ui::scene::Scene;
    use crate::ui::testing::{ABC, shown, table_scene, table_setup};

    fn offer(name: &str, note: &str) -> Offer {
        Offer { name: name.into(), note: note.into() }
    }

    /// Presses a key without waiting: what it asks for never comes.
    fn key(scene: &mut Scene, name: &str) {
        scene.handle(Message::Key(Key::parse(name).unwrap().event()));
    }

    /// The window, as it opens once the cache was looked at.
    fn opened() -> Scene {
        let mut scene = table_scene(ABC, table_setup("A"), 80, 24);
        scene.press("Ctrl-O").unwrap();
        assert!(matches!(scene.outside()[..], [Effect::ListModels]));
        scene.handle(Message::Models(vec![offer("owner/small", "LlamaForCausalLM, 270 MB"), offer("owner/large", "")]));
        scene
    }

    #[test]
    fn what_is_at_hand_is_listed_and_found() {
        let mut scene = opened();
        let picture = shown(&scene.buffer());
        assert!(picture.contains("▸ builtin") && picture.contains("LlamaForCausalLM, 270 MB"), "{picture}");
        scene.press("l a r").unwrap();
        key(&mut scene, "Enter");
        assert!(
            scene
                .outside()
                .iter()
                .any(|effect| matches!(effect, Effect::Open(source) if source.name() == "owner/large"))
        );
    }

    #[test]
    fn any_name_can_be_typed() {
        let mut scene = opened();
        for key in "me/mine".chars() {
            scene.handle(Message::Paste(key.to_string()));
        }
        assert!(shown(&scene.buffer()).contains("▸ me/mine"), "{}", shown(&scene.buffer()));
        let mut scene = opened();
        scene.handle(Message::Paste("no model at all".into()));
        scene.press("Enter").unwrap();
        assert!(shown(&scene.buffer()).contains("is not here"), "{}", shown(&scene.buffer()));
    }

    #[test]
    fn a_download_shows_how_far_it_is_and_escape_stops_it() {
        let mut scene = opened();
        scene.handle(Message::Paste("me/mine".into()));
        key(&mut scene, "Enter");
        let download = Download {
            file: "model.safetensors".into(),
            done: 46_000_000,
            total: 100_000_000,
            bytes_per_second: Some(6_000_000.0),
        };
        scene.handle(Message::Opening(Opening::Downloading(download)));
        let picture = shown(&scene.buffer());
        assert!(picture.contains("46% of 100.0 MB · 6.0 MB/s · 9 s left"), "{picture}");
        assert!(picture.contains("Esc stops"), "{picture}");
        scene.outside();
        key(&mut scene, "Esc");
        assert!(scene.outside().iter().any(|effect| matches!(effect, Effect::StopOpening)));
        assert!(scene.app().opening().is_none());
        assert!(shown(&scene.buffer()).contains("what has come stays"), "{}", shown(&scene.buffer()));
    }
}
