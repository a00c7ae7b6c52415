//! The interface over an engine that answers in place, from a vocabulary and logits that are made up.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use ratatui::buffer::Buffer;

use crate::decode::{Chain, Distribution, TokenId};
use crate::engine::{Command, Event, TokenScore};
use crate::glyph::{self, Charset};
use crate::model::{
    DtypeChoice, ModelError, ModelInfo, ModelSource, PromptForm, SpecialTokens, StoredType, TokenPiece, Tokenizer,
};
use crate::session::{How, NodeId};
use crate::ui::action::{Key, Keymap};
use crate::ui::app::{App, Model, Mouse, Notice, Pick, Run, Setup};
use crate::ui::knobs::Mode;
use crate::ui::message::Message;
use crate::ui::scene::Scene;
use crate::ui::theme::{ColourDepth, Theme};

/// The end token of the made-up model.
const END: TokenId = 0;

/// Words, and everything that a terminal could stumble over.
const HOSTILE: &[&[u8]] = &[
    b"",
    b" king",
    b" had",
    b" a",
    b" daughter",
    b"\n",
    b"\t",
    b"\x1b[31m",
    b"\xe4\xb8",
    b"\x96",
    "世界".as_bytes(),
    "👩\u{200d}🚀".as_bytes(),
    "\u{301}".as_bytes(),
    "שלום".as_bytes(),
    "\u{202e}abc".as_bytes(),
    "\r\n".as_bytes(),
    b"\x00",
    "\u{200b}".as_bytes(),
    "🇫🇷".as_bytes(),
    b" ",
];

pub(crate) struct Words(Vec<TokenPiece>);

impl Words {
    pub(crate) fn new(size: usize) -> Self {
        let piece = |id: usize| {
            let bytes = HOSTILE.get(id).map_or_else(|| format!(" w{id}").into_bytes(), |bytes| bytes.to_vec());
            let name =
                if id == END as usize { "<|end|>".to_owned() } else { String::from_utf8_lossy(&bytes).into_owned() };
            TokenPiece { id: id as TokenId, text: name.clone(), piece: name, bytes, special: id == END as usize }
        };
        Self((0..size).map(piece).collect())
    }
}

impl Tokenizer for Words {
    fn encode(&self, text: &str, _: SpecialTokens) -> Result<Vec<TokenId>, ModelError> {
        if text == "refuse" {
            return Err(ModelError::Request("the text can't be cut".into()));
        }
        Ok(text.split_whitespace().map(|word| word.parse().unwrap_or(word.len() as TokenId)).collect())
    }

    fn piece(&self, id: TokenId) -> &TokenPiece {
        &self.0[id as usize]
    }

    fn vocab_size(&self) -> usize {
        self.0.len()
    }
}

/// Logits that depend on the last token alone: a steep fall over a permutation of the vocabulary.
pub(crate) fn logits(last: TokenId, size: usize) -> Arc<[f32]> {
    let place = |id: usize| (id * 7 + last as usize * 3 + 5) % size;
    (0..size).map(|id| 6.0 / (1.0 + place(id) as f32 * 0.4) - (id % 3) as f32 * 0.1).collect()
}

fn answer(command: Command, tokenizer: &Words, out: &Sender<Event>) {
    let size = tokenizer.vocab_size();
    let event = match command {
        Command::Prompt { epoch, text, special } => match tokenizer.encode(&text, special) {
            Ok(tokens) => Event::Prompted { epoch, tokens },
            Err(error) => Event::Failed { epoch, message: error.to_string() },
        },
        Command::Evaluate { epoch, path } => {
            let &(node, last) = path.last().unwrap();
            let scores = path.iter().skip(1).map(|&(node, token)| (node, score(token))).collect();
            Event::Evaluated { epoch, node, logits: logits(last, size), scores, took: std::time::Duration::ZERO }
        }
        Command::Analyse(question) => {
            let (epoch, node) = (question.epoch, question.node);
            let model = Arc::new(Distribution::from_logits(&question.logits).unwrap());
            match question.answer(model) {
                Ok(analysis) => Event::Analysed { epoch, node, analysis: Arc::new(analysis) },
                Err(error) => Event::AnalysisFailed { epoch, node, message: error.to_string() },
            }
        }
        // Jobs have nothing to work on here: all of them are over at once.
        Command::Job { epoch, lane, serial, job: Some(_) } => Event::News { epoch, lane, serial, news: None },
        Command::Cancel | Command::Job { job: None, .. } => return,
    };
    out.send(event).unwrap();
}

fn score(token: TokenId) -> TokenScore {
    TokenScore { logprob: -f64::from(token), rank: Some(token as usize + 1) }
}

pub(crate) fn info(size: usize) -> ModelInfo {
    ModelInfo {
        name: "made-up".into(),
        architecture: "None".into(),
        vocab_size: size,
        context_length: 40,
        dtype: Some(StoredType::F32),
        device: "cpu".into(),
        eos_token_ids: vec![END],
        parameters: 7_100_000,
        never_chosen: Vec::new(),
        unlisted: None,
        shape: None,
    }
}

pub(crate) fn setup(theme: &str, depth: ColourDepth) -> Setup {
    Setup {
        prompt: "1 2 3".into(),
        chain: Chain::parse("temperature=0.8,top_k=12,top_p=0.9").unwrap(),
        mode: Mode::Sampling,
        special: SpecialTokens::Auto,
        form: PromptForm::Plain,
        opened: Vec::new(),
        seed: 0,
        themes: [theme, "light"].iter().map(|name| Theme::built_in(name).unwrap().at_depth(depth)).collect(),
        charset: Charset::Unicode,
        lesson: None,
        keymap: Keymap::default(),
        source: ModelSource::Builtin,
        dtype: DtypeChoice::Auto,
        history: Vec::new(),
        saved: None,
        recording: None,
        mouse: Mouse::Terminal,
    }
}

pub(crate) fn scene_of(setup: Setup, width: u16, height: u16, size: usize) -> Scene {
    let (out, inbox) = channel();
    let tokenizer = Arc::new(Words::new(size));
    out.send(Event::Opened { info: info(size), tokenizer: tokenizer.clone(), notes: Vec::new() }).unwrap();
    Scene::with(setup, width, height, move |command| answer(command, &tokenizer, &out), inbox).unwrap()
}

pub(crate) fn scene(width: u16, height: u16) -> Scene {
    scene_of(setup("dark", ColourDepth::True), width, height, 60)
}

/// The rows of a screen, without blanks at their ends.
pub(crate) fn text(scene: &Scene) -> String {
    rows(&scene.buffer()).join("\n")
}

pub(crate) fn rows(buffer: &Buffer) -> Vec<String> {
    let row = |y: u16| {
        let (mut row, mut x) = (String::new(), buffer.area.left());
        while let Some(cell) = buffer.cell((x, y)) {
            row.push_str(cell.symbol());
            x += glyph::cells(cell.symbol()).max(1) as u16;
        }
        row.trim_end().to_owned()
    };
    (buffer.area.top()..buffer.area.bottom()).map(row).collect()
}

fn tokens(scene: &Scene) -> Vec<TokenId> {
    scene.app().session().unwrap().tokens()
}

fn pick(scene: &Scene) -> TokenId {
    scene.app().shown().unwrap().pick.token()
}

fn notice(scene: &Scene) -> String {
    match scene.app().notice() {
        Some(Notice::Info(text) | Notice::Error(text)) => text.clone(),
        None => String::new(),
    }
}

#[test]
fn it_opens_on_the_distribution_after_the_prompt() {
    let scene = scene(80, 24);
    assert_eq!(tokens(&scene), [1, 2, 3]);
    assert!(scene.app().is_current() && scene.app().is_settled());
    assert!(matches!(scene.app().shown().unwrap().pick, Pick::Drawn(_)));
}

#[test]
fn a_step_takes_what_was_drawn_and_back_and_forth_meets_the_same() {
    let mut scene = scene(80, 24);
    let first = pick(&scene);
    scene.press("Right").unwrap();
    assert_eq!(tokens(&scene), [1, 2, 3, first]);
    let second = pick(&scene);
    scene.press("Space Left Left").unwrap();
    assert_eq!((tokens(&scene), pick(&scene)), (vec![1, 2, 3], first));
    scene.press("Right Right").unwrap();
    assert_eq!(tokens(&scene), [1, 2, 3, first, second]);
    assert_eq!(scene.app().session().unwrap().len(), 5, "the same tokens are the same branch");
    scene.press("Left Left Left").unwrap();
    assert!(notice(&scene).contains("prompt"));
}

#[test]
fn enter_forces_the_selected_token_even_one_that_was_removed() {
    let mut scene = scene(80, 24);
    scene.press("End").unwrap();
    let last = *scene.app().shown().unwrap().analysis.model().ranked().last().unwrap();
    assert!(scene.app().shown().unwrap().analysis.removal(last).is_some());
    scene.press("Enter").unwrap();
    assert_eq!(tokens(&scene), [1, 2, 3, last]);
    let session = scene.app().session().unwrap();
    let chosen = session.chosen(session.cursor()).unwrap();
    assert_eq!((chosen.how, chosen.sampling_logprob, chosen.rank), (How::Forced, f64::NEG_INFINITY, 60));
    scene.press("Left Shift-Right").unwrap();
    assert_eq!(tokens(&scene), [1, 2, 3, last], "forward along what is there, whatever the draw");
}

#[test]
fn redrawing_moves_u_and_nothing_else() {
    let mut scene = scene(80, 24);
    let u = |scene: &Scene| match scene.app().shown().unwrap().pick {
        Pick::Drawn(draw) => draw.u,
        Pick::Greedy(_) => f64::NAN,
    };
    let first = u(&scene);
    scene.press("r").unwrap();
    assert_ne!(u(&scene), first);
    assert_eq!((tokens(&scene), scene.app().redrawn()), (vec![1, 2, 3], 1));
    scene.press("s r").unwrap();
    assert!(notice(&scene).contains("greedy draws nothing"));
}

#[test]
fn a_knob_changes_the_chain_without_the_model() {
    let mut scene = scene(80, 24);
    let kept = |scene: &Scene| scene.app().shown().unwrap().analysis.kept().len();
    let before = kept(&scene);
    scene.press("T T T").unwrap();
    assert_eq!(scene.app().knobs().chain().unwrap().to_string(), "temperature=1.1,top_k=12,top_p=0.9");
    assert!(kept(&scene) >= before && scene.app().is_current());
    scene.press("Tab x Tab x").unwrap();
    assert_eq!(kept(&scene), 60);
    scene.press("s").unwrap();
    assert_eq!(pick(&scene), scene.app().shown().unwrap().analysis.greedy());
    assert!(scene.app().shown().unwrap().analysis.stages().is_empty());
}

#[test]
fn a_knob_that_is_turned_back_before_the_answer_shows_its_own_chain() {
    let mut scene = scene(80, 24);
    let kept = |scene: &Scene| scene.app().shown().unwrap().analysis.kept().len();
    let before = kept(&scene);
    for _ in 0..2 {
        scene.handle(Message::Key(Key::parse("s").unwrap().event()));
    }
    scene.settle().unwrap();
    assert!(scene.app().is_current());
    assert_eq!(kept(&scene), before);
}

#[test]
fn steps_that_are_asked_for_meanwhile_are_taken_but_not_without_bound() {
    for (keys, steps) in [(2, 2), (6, 6), (40, 9)] {
        let mut scene = scene(80, 24);
        for _ in 0..keys {
            scene.handle(Message::Key(Key::parse("Right").unwrap().event()));
        }
        scene.settle().unwrap();
        assert_eq!(scene.app().step_number(), steps);
    }
}

#[test]
fn a_chain_that_leaves_nothing_is_a_message() {
    let mut setup = setup("dark", ColourDepth::True);
    setup.chain =
        Chain::parse(&format!("suppress_tokens={}", (0..60).map(|id| id.to_string()).collect::<Vec<_>>().join(",")))
            .unwrap();
    let mut scene = scene_of(setup, 80, 24, 60);
    assert!(notice(&scene).contains("leaves no token"), "{}", notice(&scene));
    assert!(text(&scene).contains("leaves no token"));
    scene.press("x").unwrap();
    assert!(scene.app().is_current(), "switching the stage off helps");
}

#[test]
fn a_run_goes_on_until_the_context_is_full_or_the_end_token_comes() {
    let mut scene = scene(80, 24);
    scene.press("G").unwrap();
    let tokens = tokens(&scene);
    assert!(tokens.len() == 40 || tokens.last() == Some(&END), "{tokens:?}");
    assert_eq!(scene.app().run(), Run::Still);
    assert!(!notice(&scene).is_empty());
}

#[test]
fn editing_the_prompt_begins_anew_and_escape_keeps_the_old_one() {
    let mut scene = scene(80, 24);
    scene.press("Right i 9 Esc").unwrap();
    assert_eq!(tokens(&scene).len(), 4);
    scene.press("i Space 4 Enter").unwrap();
    assert_eq!(tokens(&scene), [1, 2, 3, 4]);
    scene.press("i Ctrl-u r e f u s e Enter").unwrap();
    assert!(notice(&scene).contains("can't be cut"));
    assert_eq!(tokens(&scene), [1, 2, 3, 4], "the old text stays");
    scene.press("Right").unwrap();
    assert_eq!(tokens(&scene).len(), 5, "and can be gone on with");
}

#[test]
fn a_dead_engine_is_a_message_and_not_the_end() {
    let mut scene = scene(80, 24);
    scene.handle(Message::Engine(Event::Died { message: "boom".into() }));
    assert!(matches!(scene.app().model(), Model::Gone));
    assert!(text(&scene).contains("boom"));
    scene.press("Down ?").unwrap();
    assert!(text(&scene).contains("Keys"));
}

#[test]
fn a_worker_that_panics_is_told_and_another_model_can_be_opened() {
    let (sender, events) = channel();
    let emit = move |event| sender.send(event).unwrap_or_default();
    let engine = crate::engine::Engine::start_with(|| panic!("no model today"), emit).unwrap();
    let died = events.recv_timeout(std::time::Duration::from_mins(1)).unwrap();
    let mut scene = scene(80, 24);
    scene.press("Right").unwrap();
    let before = tokens(&scene);
    scene.handle(Message::Engine(died));
    assert!(text(&scene).contains("no model today"));
    assert!(scene.app().saved().is_some(), "what there is can still be kept");
    assert_eq!(tokens(&scene), before);
    scene.press("Ctrl-o").unwrap();
    assert!(text(&scene).contains("Another model"), "{}", text(&scene));
    drop(engine);
}

#[test]
fn answers_of_an_older_prompt_are_not_heard() {
    let mut scene = scene(80, 24);
    let before = tokens(&scene);
    scene.handle(Message::Engine(Event::Prompted { epoch: 0, tokens: vec![9] }));
    assert_eq!(tokens(&scene), before);
}

#[test]
fn every_size_can_be_drawn_in_every_state() {
    for keys in ["", "End", "Right Right Right G", "?", "i", "a", "s", "Right Left"] {
        let mut scene = scene(80, 24);
        scene.press(keys).unwrap();
        let tiny = (0..=4).flat_map(|width| (0..=4).map(move |height| (width, height)));
        let sizes = tiny.chain([
            (39, 11),
            (40, 11),
            (39, 12),
            (40, 12),
            (41, 17),
            (80, 24),
            (74, 30),
            (120, 36),
            (200, 60),
            (300, 100),
        ]);
        for (width, height) in sizes {
            scene.resize(width, height);
            let drawn = text(&scene);
            assert!(!drawn.chars().any(|character| character.is_control() && character != '\n'), "{width}x{height}");
            if width >= 20 && (width < 40 || height < 12) {
                assert!(drawn.contains("needs 40x12"), "{width}x{height}:\n{drawn}");
            }
        }
    }
}

#[test]
fn hostile_tokens_stay_in_their_cells() {
    let prompt: Vec<String> = (0..HOSTILE.len()).map(|id| id.to_string()).collect();
    for charset in [Charset::Unicode, Charset::Ascii] {
        let setup = Setup { prompt: prompt.join(" "), charset, ..setup("dark", ColourDepth::True) };
        let mut scene = scene_of(setup, 100, 30, HOSTILE.len());
        scene.press("Right Right").unwrap();
        let drawn = text(&scene);
        assert!(drawn.contains(if charset == Charset::Ascii { "<ESC>[31m" } else { "⟨ESC⟩[31m" }), "{drawn}");
        assert!(!drawn.contains(['\u{1b}', '\0', '\r', '\u{202e}', '\u{200b}', '\u{200d}']));
        assert!(charset == Charset::Unicode || drawn.is_ascii(), "{drawn}");
    }
}

#[test]
fn a_character_cut_in_two_is_whole_in_the_text() {
    let mut scene = scene_of(Setup { prompt: "1 8".into(), ..setup("dark", ColourDepth::True) }, 80, 24, 60);
    assert!(text(&scene).contains("⟨E4 B8⟩"));
    scene.press("i Space 9 Space 1 Enter").unwrap();
    let line = text(&scene).lines().nth(2).unwrap().to_owned();
    assert!(line.contains("king世"), "{line}");
}

#[test]
fn node_ids_of_the_path_have_their_scores() {
    let scene = scene(80, 24);
    let path: Vec<NodeId> = scene.app().session().unwrap().path();
    assert_eq!(scene.app().logprob(path[0]), None);
    assert_eq!(scene.app().logprob(path[2]), Some(-3.0));
}

#[test]
fn what_a_model_asks_for_and_does_not_get_is_told() {
    let mut app = App::new(setup("dark", ColourDepth::True));
    let notes = vec!["long factors are left out".to_owned()];
    app.update(Message::Engine(Event::Opened { info: info(60), tokenizer: Arc::new(Words::new(60)), notes }));
    assert!(matches!(app.notice(), Some(Notice::Info(text)) if text == "long factors are left out"));
}
