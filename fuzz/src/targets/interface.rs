//! The interface: keys and everything else that comes from the terminal, and the files that it reads.

use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};

use logitscope::decode::Chain;
use logitscope::engine::{Engine, Recording};
use logitscope::glyph::Charset;
use logitscope::model::{DtypeChoice, ModelSource, PromptForm, SpecialTokens, table};
use logitscope::session::trace;
use logitscope::ui::action::{Key, Keymap};
use logitscope::ui::app::{Mouse, Setup};
use logitscope::ui::config::Config;
use logitscope::ui::knobs::Mode;
use logitscope::ui::message::Message;
use logitscope::ui::saved::{self as kept, Saved};
use logitscope::ui::scene::Scene;
use logitscope::ui::theme::{BUILT_IN, ColourDepth, Theme};
use logitscope::ui::views::VIEWS;
use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

/// A model that is soon at its end.
const TABLE: &str = r#"
vocabulary = ["A", "B", "世界", "\u001b[31m"]
end = "<end>"
context_length = 24
[[row]]
context = []
next = { A = 0.4, B = 0.3, "世界" = 0.1, "\u001b[31m" = 0.1, "<end>" = 0.1 }
"#;

/// More events than these tell nothing new.
const MOST_EVENTS: usize = 96;

fn themes() -> Vec<Theme> {
    static THEMES: OnceLock<Vec<Theme>> = OnceLock::new();
    let built_in = |(name, _): &(&str, &str)| Theme::built_in(name).ok();
    THEMES.get_or_init(|| BUILT_IN.iter().filter_map(built_in).collect()).clone()
}

fn setup(charset: Charset) -> Setup {
    Setup {
        source: ModelSource::Builtin,
        dtype: DtypeChoice::Auto,
        prompt: "A".into(),
        chain: Chain::parse("temperature=0.8,top_k=3").expect("a chain"),
        mode: Mode::Sampling,
        special: SpecialTokens::Auto,
        form: PromptForm::Plain,
        opened: vec!["builtin".into()],
        seed: 0,
        themes: themes(),
        charset,
        lesson: None,
        keymap: Keymap::default(),
        history: vec!["B".into()],
        saved: None,
        recording: None,
        mouse: Mouse::Program,
    }
}

/// The interface over a table, its engine on threads as ever.
fn over_table(setup: Setup) -> Option<Scene> {
    let (sender, inbox) = channel();
    let engine =
        Engine::start_with(|| Ok(table::parse("table", TABLE)?), move |event| sender.send(event).unwrap_or_default());
    let engine = engine.ok()?;
    Scene::with(setup, 80, 24, move |command| engine.send(command), inbox).ok()
}

/// The interface over a recording, which answers at once.
fn over_recording(recording: Arc<Recording>, charset: Charset) -> Option<Scene> {
    let (sender, inbox) = channel();
    sender.send(recording.opened()).ok()?;
    let setup = Setup { recording: Some(Arc::clone(&recording)), prompt: recording.prompt().into(), ..setup(charset) };
    let answer = move |command| {
        if let Some(event) = recording.answer(command) {
            sender.send(event).unwrap_or_default();
        }
    };
    Scene::with(setup, 80, 24, answer, inbox).ok()
}

/// Draws, and holds that nothing of any text reaches the terminal as it is.
fn draw(scene: &Scene) {
    for cell in scene.buffer().content() {
        assert!(cell.symbol().chars().all(|c| !c.is_control()), "{:?} is on the screen", cell.symbol());
    }
}

/// Keys that no character stands for, by the bytes from 128 on.
const NAMED: &[&str] = &[
    "Enter",
    "Esc",
    "Tab",
    "Shift-Tab",
    "Up",
    "Down",
    "Left",
    "Right",
    "PgUp",
    "PgDn",
    "Home",
    "End",
    "Backspace",
    "Delete",
    "F1",
    "F2",
    "F5",
    "Ctrl-C",
    "Ctrl-A",
    "Ctrl-E",
    "Ctrl-U",
    "Ctrl-W",
    "Ctrl-K",
    "Ctrl-L",
    "Ctrl-Z",
    "Ctrl-Left",
    "Ctrl-Right",
    "Shift-Left",
    "Shift-Right",
    "Space",
];

/// What comes from the terminal next; `None` where everything is to come to rest first.
fn message(bytes: &mut impl Iterator<Item = u8>) -> Option<Message> {
    let mut next = || bytes.next().unwrap_or_default();
    match next() {
        byte @ b' '..=b'~' => Key::parse(&char::from(byte).to_string()).map(|key| Message::Key(key.event())),
        0 => None,
        1 => Some(Message::Tick),
        2 => Some(Message::Suspend),
        3 => Some(Message::Terminate),
        4 => Some(Message::Resize(next().into(), next().into())),
        5 => Some(Message::Paste((0..next() % 16).map(|_| char::from(next())).collect())),
        6 => Some(Message::Written(Err("the disk is full".into()))),
        7 => Some(Message::NotOpened("there is no such model".into())),
        8 => Some(Message::Models(Vec::new())),
        9 => Some(Message::Kept(Err("there is none".into()))),
        byte @ 10..=16 => {
            let kinds = [
                MouseEventKind::Down(MouseButton::Left),
                MouseEventKind::Up(MouseButton::Left),
                MouseEventKind::Down(MouseButton::Right),
                MouseEventKind::Drag(MouseButton::Left),
                MouseEventKind::ScrollUp,
                MouseEventKind::ScrollDown,
                MouseEventKind::Moved,
            ];
            let (column, row) = (next().into(), next().into());
            Some(Message::Mouse(MouseEvent {
                kind: kinds[usize::from(byte - 10)],
                column,
                row,
                modifiers: KeyModifiers::NONE,
            }))
        }
        byte => {
            let name = NAMED[usize::from(byte) % NAMED.len()];
            Key::parse(name).map(|key| Message::Key(key.event()))
        }
    }
}

/// What comes from the terminal, drawn as often as it comes to rest. A screen of 0 by 0 is one, too.
pub fn keys(data: &[u8]) {
    let charset = if data.first().is_some_and(|first| first % 2 == 1) { Charset::Ascii } else { Charset::Unicode };
    let Some(mut scene) = over_table(setup(charset)) else { return };
    let mut bytes = data.iter().copied().skip(1).peekable();
    for _ in 0..MOST_EVENTS {
        if bytes.peek().is_none() {
            break;
        }
        match message(&mut bytes) {
            Some(Message::Resize(width, height)) => scene.resize(width, height),
            Some(message) => scene.handle(message),
            None => {
                scene.settle().expect("the engine answers");
                draw(&scene);
            }
        }
    }
    draw(&scene);
    scene.settle().expect("the engine answers");
    draw(&scene);
    if let Some(saved) = scene.app().saved() {
        assert!(Saved::parse(&saved.text()).is_ok(), "what is kept is read");
    }
}

/// A trace, in the interface.
pub fn recording(data: &[u8]) {
    let Ok(file) = trace::read(data) else { return };
    for trace in file.traces.into_iter().take(2) {
        let Ok(recording) = Recording::new(trace) else { continue };
        let Some(mut scene) = over_recording(Arc::new(recording), Charset::Unicode) else { continue };
        draw(&scene);
        for row in VIEWS {
            scene.show(row.view).expect("it answers");
            draw(&scene);
            let _ = scene.press("Right Down End Left");
            draw(&scene);
        }
    }
}

/// What is kept between two runs: a session, which is gone on with, prompts, and models.
pub fn saved(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = (
        kept::prompts(text).map(|all| kept::prompts_text(&all)),
        kept::models(text).map(|all| kept::models_text(&all)),
    );
    let Ok(saved) = Saved::parse(text) else { return };
    let saved = Setup { saved: Some(Box::new(saved)), ..setup(Charset::Unicode) };
    if let Some(scene) = over_table(saved) {
        draw(&scene);
    }
}

/// A theme file.
pub fn theme(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(theme) = Theme::load("theme.toml", &|_| Ok(text.to_owned())) else { return };
    let _ = theme.faults();
    for depth in [ColourDepth::True, ColourDepth::Indexed256, ColourDepth::Ansi16, ColourDepth::None] {
        let _ = theme.at_depth(depth);
    }
}

/// The configuration file.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = Config::parse("config.toml", text);
}
