//! The session as it is kept between two runs of the program.

use super::command::bos_name;
use super::{App, Draws, Model, Notice};
use crate::decode::{Chain, TokenId};
use crate::model::{ModelSource, PromptForm, SpecialTokens};
use crate::session::{NodeId, Session};
use crate::ui::knobs::{Knob, Knobs, Mode, Switch};
use crate::ui::message::Effect;
use crate::ui::saved::{Saved, SavedStage};
use crate::ui::views::View;

/// As the file calls it.
const GREEDY: &str = "greedy";

impl App {
    /// What has to be kept; `None` where nothing was done yet.
    #[must_use]
    pub fn saved(&self) -> Option<Saved> {
        // A session that could not be brought back yet is still the one to keep.
        if self.recording.is_some() {
            return None;
        }
        if let Some(saved) = &self.restoring {
            return Some(saved.as_ref().clone());
        }
        let session = self.session.as_ref()?;
        if session.len() == session.prompt_length() && self.prompt == self.first_prompt {
            return None;
        }
        let (mut chains, mut made_with) = (Vec::new(), Vec::new());
        for node in (session.prompt_length()..session.len()).filter_map(|index| session.node_at(index)) {
            let chain = self.made_with.get(&node).map(ToString::to_string).unwrap_or_default();
            let known = chains.iter().position(|other| *other == chain);
            made_with.push(known.unwrap_or(chains.len()));
            if known.is_none() {
                chains.push(chain);
            }
        }
        let stage = |knob: &Knob| SavedStage { stage: knob.stage.to_string(), on: knob.switch == Switch::On };
        Some(Saved {
            model: self.place_of_model(),
            prompt: self.prompt.clone(),
            bos: bos_name(self.special).to_owned(),
            chat: self.form == PromptForm::Chat,
            tree: session.saved(),
            chains,
            made_with,
            stages: self.knobs.list().iter().map(stage).collect(),
            selected: self.knobs.selected(),
            mode: if self.knobs.mode() == Mode::Greedy { GREEDY } else { "sampling" }.to_owned(),
            seed: self.seed(),
            redrawn: self.draws.all_redrawn().map(|(node, times)| (node.index(), times)).collect(),
            view: self.view.row().name.to_owned(),
            theme: self.look().theme.name().to_owned(),
        })
    }

    /// The model as `--model` finds it from any folder.
    pub(super) fn place_of_model(&self) -> String {
        match &self.source {
            ModelSource::Builtin | ModelSource::Server(_) | ModelSource::Hub(_) | ModelSource::Shape(_) => {
                self.source.name()
            }
            ModelSource::Directory(path) | ModelSource::Gguf(path) | ModelSource::Table(path) => {
                std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string()
            }
        }
    }

    /// Takes up a kept session in the place of this one.
    pub(super) fn take_up(&mut self, kept: Result<Box<Saved>, String>) -> Vec<Effect> {
        let saved = match kept {
            Ok(saved) if saved.model == self.place_of_model() => saved,
            Ok(saved) => {
                let message = format!("that session is with the model {}: start with --continue", saved.model);
                self.notice = Some(Notice::Error(message));
                return Vec::new();
            }
            Err(message) => {
                self.notice = Some(Notice::Error(message));
                return Vec::new();
            }
        };
        self.restore(saved)
    }

    /// Goes on with a kept session: at once, or as soon as the model is there.
    pub(super) fn restore(&mut self, saved: Box<Saved>) -> Vec<Effect> {
        let stage = |saved: &SavedStage| {
            let chain = Chain::parse(&saved.stage).ok()?;
            let stage = chain.stages().first()?.clone();
            Some(Knob { stage, switch: if saved.on { Switch::On } else { Switch::Off } })
        };
        let mode = if saved.mode == GREEDY { Mode::Greedy } else { Mode::Sampling };
        self.knobs = Knobs::of(saved.stages.iter().filter_map(stage).collect(), saved.selected, mode);
        self.draws = Draws::new(saved.seed);
        self.special = match saved.bos.as_str() {
            "always" => SpecialTokens::Always,
            "never" => SpecialTokens::Never,
            _ => SpecialTokens::Auto,
        };
        self.form = if saved.chat { PromptForm::Chat } else { PromptForm::Plain };
        self.theme = self.themes.iter().position(|theme| theme.name() == saved.theme).unwrap_or(self.theme);
        self.view = View::named(&saved.view).unwrap_or(self.view);
        let prompt = saved.prompt.clone();
        // Where its tree can't be used, what was kept stays until there is something else to keep.
        self.first_prompt.clone_from(&prompt);
        self.restoring = Some(saved);
        self.begin(prompt)
    }

    /// The session after a prompt: the kept one, where it began with these tokens.
    pub(super) fn begun(&mut self, tokens: &[TokenId]) -> Option<Session> {
        let Some(saved) = self.restoring.take() else { return Session::new(tokens) };
        let vocab_size = match &self.model {
            Model::Open { info, .. } => info.vocab_size,
            Model::Opening | Model::Gone => 0,
        };
        let tree = Session::restored(&saved.tree, vocab_size).filter(|_| saved.tree.prompt == tokens);
        let Some(session) = tree else {
            let message = "the kept session was made with another model of that name: its prompt begins anew";
            self.notice = Some(Notice::Error(message.to_owned()));
            return Session::new(tokens);
        };
        let nodes = (session.prompt_length()..session.len()).filter_map(|index| session.node_at(index));
        let chain = |(node, index): (NodeId, &usize)| Some((node, Chain::parse(saved.chains.get(*index)?).ok()?));
        self.made_with = nodes.zip(&saved.made_with).filter_map(chain).collect();
        for (node, times) in &saved.redrawn {
            if let Some(node) = session.node_at(*node) {
                self.draws.set_redrawn(node, *times);
            }
        }
        Some(session)
    }

    /// The prompts that were typed, oldest first.
    #[must_use]
    pub fn history(&self) -> &[String] {
        &self.history
    }

    /// Notes a prompt that was typed.
    pub(in crate::ui) fn remember(&mut self, prompt: &str) {
        if self.history.last().is_none_or(|last| last != prompt) && !prompt.trim().is_empty() {
            self.history.push(prompt.to_owned());
        }
    }
}
