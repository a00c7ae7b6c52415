//! The window that finds a token, the order of the chain, many draws, the tree of branches.

use std::fmt::Write;
use std::ops::ControlFlow;
use std::sync::mpsc::channel;

use crate::decode::Chain;
use crate::engine::Engine;
use crate::glyph::Charset;
use crate::model::{
    CacheNode, CacheUse, LanguageModel, LoadedModel, ModelError, ModelInfo, Progress, Run, RunOutput, table,
};
use crate::ui::app::pictures::styled;
use crate::ui::app::tests::{scene_of, setup};
use crate::ui::app::{Notice, Setup};
use crate::ui::scene::Scene;
use crate::ui::testing::{ABC, shown, table_scene, table_setup};
use crate::ui::theme::ColourDepth;

/// p(A) = .6, p(B) = .2, p(C) = .1 and the end .1 after the prompt; the chain is the one given.
fn opened(chain: &str, width: u16, height: u16) -> Scene {
    let setup = Setup { chain: Chain::parse(chain).unwrap(), ..table_setup("A") };
    table_scene(ABC, setup, width, height)
}

fn picture(scene: &Scene) -> String {
    shown(&scene.buffer())
}

fn notice(scene: &Scene) -> String {
    match scene.app().notice() {
        Some(Notice::Info(text) | Notice::Error(text)) => text.clone(),
        None => String::new(),
    }
}

fn selected(scene: &Scene) -> u32 {
    let app = scene.app();
    app.shown().unwrap().analysis.model().ranked()[app.list().selected()]
}

#[test]
fn a_token_is_found_and_selected() {
    let mut scene = opened("top_k=1", 80, 24);
    let id = |text: &str| (0..9).find(|id| piece(&opened("top_k=1", 80, 24), *id) == text).unwrap();
    scene.press("/ B").unwrap();
    assert!(picture(&scene).contains("1 token"), "{}", picture(&scene));
    scene.press("Enter").unwrap();
    assert_eq!(selected(&scene), id("B"));
    assert!(picture(&scene).contains("removed by"), "{}", picture(&scene));
    scene.press("/ z").unwrap();
    assert!(picture(&scene).contains("no token has this"));
    scene.press("Esc / # 0 Enter").unwrap();
    assert_eq!(selected(&scene), 0);
    scene.press("/ < Down Down Down Down Up Esc").unwrap();
    assert_eq!(selected(&scene), 0, "closed without selecting");
}

fn piece(scene: &Scene, id: u32) -> String {
    match scene.app().model() {
        crate::ui::app::Model::Open { tokenizer, info } if (id as usize) < info.vocab_size => {
            tokenizer.piece(id).piece.clone()
        }
        _ => String::new(),
    }
}

#[test]
fn the_reason_of_a_removal_is_a_sentence_with_its_figures() {
    let mut scene = opened("top_p=0.7", 120, 36);
    scene.press("/ C Enter").unwrap();
    let drawn = picture(&scene);
    assert!(drawn.contains("removed by top_p: cumulative 0.8000"), "{drawn}");
    assert!(drawn.contains("limit 0.7"), "{drawn}");
}

#[test]
fn bars_are_logarithmic_on_a_key() {
    let mut scene = opened("top_p=1", 120, 36);
    let before = picture(&scene);
    assert!(before.contains("full bar = 75%"), "{before}");
    scene.press("l").unwrap();
    let after = picture(&scene);
    assert!(after.contains("log bars, 1e-6 to 1"), "{after}");
    let bar = |text: &str| text.lines().find(|line| line.contains("20.0%")).unwrap().matches('█').count();
    assert!(bar(&after) > 2 * bar(&before), "20 % is long on a logarithmic scale:\n{after}");
    scene.press("l").unwrap();
    assert_eq!(picture(&scene), before);
}

#[test]
fn the_order_of_the_chain_is_changed_and_its_effect_told() {
    // .6 .2 .1 .1 at temperature 2: .411 .237 .168 .168 of 1; top_p=.7 then keeps a third token.
    let mut scene = opened("temperature=2,top_p=0.7", 100, 30);
    assert_eq!(scene.app().shown().unwrap().analysis.kept().len(), 3);
    scene.press("]").unwrap();
    assert_eq!(notice(&scene), "temperature has passed top_k: the stages that work keep their order");
    scene.press("]").unwrap();
    assert_eq!(scene.app().knobs().chain().unwrap().to_string(), "top_p=0.7,temperature=2");
    let told = notice(&scene);
    assert!(
        told.starts_with("temperature now comes after top_p: 1 token fares differently (total variation 0."),
        "{told}"
    );
    assert!(picture(&scene).contains("fares differently"));
    scene.press("[").unwrap();
    assert!(notice(&scene).starts_with("temperature now comes before top_p: 1 token"), "{}", notice(&scene));
    scene.press("[ [").unwrap();
    assert!(notice(&scene).contains("at the end of the chain already"));
}

#[test]
fn stages_that_commute_change_nothing() {
    let mut scene = opened("temperature=2,top_k=2", 80, 24);
    scene.press("]").unwrap();
    assert_eq!(notice(&scene), "temperature now comes after top_k: nothing changes");
}

#[test]
fn many_draws_are_held_against_the_probabilities_until_the_next_step() {
    let mut scene = opened("top_p=1", 120, 36);
    scene.press("R").unwrap();
    let analysis = scene.app().shown().unwrap().analysis.clone();
    let tally = scene.app().views.step.tally(&analysis).unwrap().clone();
    assert_eq!((tally.draws(), tally.degrees), (1000, 3));
    let share = tally.share(analysis.greedy());
    assert!((share - 0.6).abs() < 0.08, "five deviations of √(.6·.4/1000): {share}");
    let drawn = picture(&scene);
    assert!(drawn.contains("1000 draws: farthest") && drawn.contains("about 3 usual"), "{drawn}");
    assert!(drawn.matches('◆').count() >= 5, "a mark on each bar, and in the caption:\n{drawn}");
    scene.press("R").unwrap();
    assert_ne!(scene.app().views.step.tally(&analysis).unwrap(), &tally, "other numbers");
    scene.press("Right Left").unwrap();
    assert!(!picture(&scene).contains("1000 draws"));
    scene.press("s R").unwrap();
    assert!(notice(&scene).contains("greedy draws nothing"));
}

#[test]
fn the_tree_shows_every_branch_and_leads_there() {
    let mut scene = opened("top_p=1", 80, 24);
    scene.press("b").unwrap();
    assert!(picture(&scene).contains("one so far"), "{}", picture(&scene));
    // Three branches: A A, A B and B.
    scene.press("Esc Home Enter Home Enter Left Down Enter Left Left Down Enter b").unwrap();
    let drawn = picture(&scene);
    assert!(drawn.contains("Branches: 3"), "{drawn}");
    // ln .6 + ln .6, ln .6 + ln .2, ln .2
    for sum in ["-1.02", "-2.12", "-1.61"] {
        assert!(drawn.contains(sum), "{sum}:\n{drawn}");
    }
    let tokens = |scene: &Scene| scene.app().session().unwrap().tokens();
    let here = tokens(&scene);
    scene.press("Up Esc").unwrap();
    assert_eq!(tokens(&scene), here, "closed without going");
    scene.press("b Up Enter").unwrap();
    assert_eq!(scene.app().step_number(), 2);
    scene.press("b Left Left Left Left Right Enter").unwrap();
    assert_eq!(scene.app().step_number(), 1);
    assert!(scene.app().is_current());
}

#[test]
fn windows_can_be_drawn_at_every_size_with_any_tokens() {
    let prompt: Vec<String> = (0..20).map(|id| id.to_string()).collect();
    for charset in [Charset::Unicode, Charset::Ascii] {
        for keys in ["b", "/ k", "l", "R", "]"] {
            let setup = Setup { prompt: prompt.join(" "), charset, ..setup("dark", ColourDepth::True) };
            let mut scene = scene_of(setup, 80, 24, 20);
            scene.press("Right Right Left Down Enter Right Left Left Down Down Enter").unwrap();
            scene.press(keys).unwrap();
            for (width, height) in [(0, 0), (1, 1), (40, 12), (41, 13), (80, 24), (120, 36), (200, 60)] {
                scene.resize(width, height);
                let drawn = picture(&scene);
                assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{width}x{height}");
                assert!(charset == Charset::Unicode || drawn.is_ascii(), "{keys} {width}x{height}:\n{drawn}");
            }
        }
    }
}

#[test]
fn a_tree_of_many_forks_is_folded() {
    let mut scene = opened("top_p=1", 80, 24);
    let mut keys = String::new();
    for _ in 0..14 {
        write!(keys, "Home Enter Left Down Enter ").unwrap();
    }
    scene.press(&keys).unwrap();
    scene.press("b").unwrap();
    let drawn = picture(&scene);
    assert!(drawn.contains("Branches: 15") && drawn.contains('…'), "{drawn}");
    assert!(drawn.contains('●'), "the cursor shows:\n{drawn}");
}

#[test]
fn a_typed_value_is_checked_as_on_the_command_line() {
    let mut scene = opened("temperature=0.8,top_p=0.9", 80, 24);
    let chain = |scene: &Scene| scene.app().knobs().chain().unwrap().to_string();
    scene.press("v").unwrap();
    assert!(picture(&scene).contains("─ temperature ─") && picture(&scene).contains("0.8"), "{}", picture(&scene));
    scene.press("Ctrl-u 1 . 3 7 Enter").unwrap();
    assert_eq!(chain(&scene), "temperature=1.37,top_p=0.9");
    assert!(scene.app().is_current(), "its effect is asked for at once");
    // Out of range: one line says so, and the window stays with what was typed.
    scene.press("Tab Tab v Ctrl-u 2 Enter").unwrap();
    assert_eq!(scene.app().overlays().len(), 1);
    let wrong = Chain::parse("top_p=2").unwrap_err().to_string();
    assert!(picture(&scene).contains(&wrong), "{wrong}:\n{}", picture(&scene));
    scene.press("Esc").unwrap();
    assert_eq!(chain(&scene), "temperature=1.37,top_p=0.9");
    // A stage that was off is on with its typed value.
    scene.press("Tab v Ctrl-u 0 . 2 Enter").unwrap();
    assert_eq!(chain(&scene), "temperature=1.37,top_p=0.9,min_p=0.2");
    scene.press("2 v Ctrl-u 3 Enter").unwrap();
    assert_eq!(chain(&scene), "temperature=3,top_p=0.9,min_p=0.2", "the view of temperature is about one stage");
}

#[test]
fn an_empty_chain_has_no_value() {
    let mut scene = opened("top_k=1", 80, 24);
    scene.press("Delete Delete Delete Delete v").unwrap();
    assert!(notice(&scene).contains("add one"), "{}", notice(&scene));
    scene.press("2 v").unwrap();
    assert!(notice(&scene).contains("no temperature"), "{}", notice(&scene));
}

#[test]
fn windows_look_as_they_should() {
    for (width, height) in [(80, 24), (120, 36)] {
        let mut found = opened("top_p=0.7", width, height);
        found.press("/ < Down").unwrap();
        insta::assert_snapshot!(format!("find_{width}x{height}"), styled(&found.buffer()));
        let mut tree = opened("top_p=1", width, height);
        tree.press("Home Enter Home Enter Left Down Enter Left Left Down Enter b Up").unwrap();
        insta::assert_snapshot!(format!("branches_{width}x{height}"), styled(&tree.buffer()));
    }
}

/// A table whose unlisted entry is what a server's list leaves out: after the prompt A .6, B .2, and .2 for all others.
struct List {
    table: Box<dyn LanguageModel>,
    info: ModelInfo,
}

impl LanguageModel for List {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn forward(
        &mut self,
        runs: &[Run<'_>],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<RunOutput>, ModelError> {
        self.table.forward(runs, watch)
    }

    fn retain(&mut self, live: &[CacheNode]) {
        self.table.retain(live);
    }

    fn cache_use(&self) -> CacheUse {
        self.table.cache_use()
    }
}

#[test]
fn what_a_server_does_not_list_is_one_row_that_nothing_chooses() {
    let open = || {
        let text = "vocabulary = ['A', 'B']\nend = '<end>'\n[[row]]\ncontext = []\nnext = { A = 0.6, B = 0.2 }";
        let loaded = table::parse("list", text)?;
        let mut info = loaded.model.info().clone();
        info.unlisted = info.never_chosen.pop();
        info.never_chosen.clear();
        Ok(LoadedModel { model: Box::new(List { table: loaded.model, info }), tokenizer: loaded.tokenizer })
    };
    let (sender, inbox) = channel();
    let engine = Engine::start_with(open, move |event| sender.send(event).unwrap_or_default()).unwrap();
    let setup = Setup { chain: Chain::parse("top_p=0.9").unwrap(), ..table_setup("A") };
    let mut scene = Scene::with(setup, 120, 36, move |command| engine.send(command), inbox).unwrap();
    let words = picture(&scene);
    for says in ["everything else", "20.0%", "top_p may reach in here", "75.0%", "H ≥1.37"] {
        assert!(words.contains(says), "{says:?} is missing in\n{words}");
    }
    assert!(!words.contains("others") && !words.contains("logit after"), "{words}");
    scene.press("Right Right").unwrap();
    assert_eq!(scene.app().step_number(), 2);
}
