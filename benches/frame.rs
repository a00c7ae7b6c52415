//! What a frame costs at 200×60 with a vocabulary of 152k, and how long a key waits for its frame while the model is busy.
#![allow(clippy::unwrap_used, missing_docs)] // a bench that can not go on should stop

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use logitscope::decode::beam::{Beam, BeamSearch, BeamSettings, BeamTask, BeamText};
use logitscope::decode::cost::Shape;
use logitscope::decode::scoring::{Evidence, TokenFigures, Totals, audit};
use logitscope::decode::{Chain, Distribution, Tempered, TokenId, logarithmic};
use logitscope::engine::{
    BeamsMade, ColumnMade, Command, Compared, ComparedToken, Event, GeneratedToken, GreedyToken, Lane, News, Question,
    Scored, ScoredCompletion, TopToken,
};
use logitscope::glyph::Charset;
use logitscope::model::{
    DtypeChoice, ModelError, ModelInfo, ModelSource, OpenOptions, Positions, PromptForm, Run, SpecialTokens,
    StoredType, TokenPiece, Tokenizer, open, unwatched,
};
use logitscope::ui::action::{Key, Keymap};
use logitscope::ui::app::{App, Mouse, Setup};
use logitscope::ui::knobs::Mode;
use logitscope::ui::message::{Effect, Message};
use logitscope::ui::theme::Theme;
use logitscope::ui::view::view;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const VOCABULARY: usize = 152_064;
const SCREEN: Rect = Rect { x: 0, y: 0, width: 200, height: 60 };

struct Words(Vec<TokenPiece>);

impl Tokenizer for Words {
    fn encode(&self, text: &str, _: SpecialTokens) -> Result<Vec<TokenId>, ModelError> {
        Ok((0..text.split_whitespace().count() as TokenId).map(|id| id * 7 + 1).collect())
    }

    fn piece(&self, id: TokenId) -> &TokenPiece {
        &self.0[id as usize]
    }

    fn vocab_size(&self) -> usize {
        self.0.len()
    }
}

fn words() -> Arc<Words> {
    let piece = |id: usize| {
        let text = format!(" word{id}");
        TokenPiece {
            id: id as TokenId,
            text: text.clone(),
            piece: text.clone(),
            bytes: text.into_bytes(),
            special: false,
        }
    };
    Arc::new(Words((0..VOCABULARY).map(piece).collect()))
}

fn logits() -> Arc<[f32]> {
    (0..VOCABULARY).map(|id| 12.0 / (1.0 + ((id * 7919) % VOCABULARY) as f32 * 0.02)).collect()
}

fn setup() -> Setup {
    Setup {
        prompt: "word ".repeat(400),
        chain: Chain::parse("temperature=0.8,top_k=40,top_p=0.95").unwrap(),
        mode: Mode::Sampling,
        special: SpecialTokens::Auto,
        form: PromptForm::Plain,
        opened: Vec::new(),
        seed: 0,
        themes: vec![Theme::built_in("dark").unwrap()],
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

fn info() -> ModelInfo {
    ModelInfo {
        name: "made-up".into(),
        architecture: String::new(),
        vocab_size: VOCABULARY,
        context_length: 4096,
        dtype: Some(StoredType::F32),
        device: "cpu".into(),
        eos_token_ids: Vec::new(),
        parameters: 0,
        shape: Some(Box::new(Shape {
            layers: 24,
            query_size: 896,
            kv_size: 128,
            layer_weights: 14_900_000,
            head_weights: 136_000_000,
            number_bytes: 4,
            weight_bytes: 988_000_000,
        })),
        never_chosen: Vec::new(),
        unlisted: None,
    }
}

fn analysed(command: Command) -> Option<Event> {
    let Command::Analyse(question) = command else { return None };
    let model = Arc::new(Distribution::from_logits(&question.logits).unwrap());
    Some(answer(&question, model))
}

fn answer(question: &Question, model: Arc<Distribution>) -> Event {
    let _ = model.ranked();
    let analysis = Arc::new(question.answer(model).unwrap());
    Event::Analysed { epoch: question.epoch, node: question.node, analysis }
}

fn frame(c: &mut Criterion) {
    let mut app = opened();
    let mut buffer = Buffer::empty(SCREEN);
    c.bench_function("frame 200x60, 152k tokens", |b| {
        b.iter(|| {
            buffer.reset();
            black_box(view(&app, SCREEN, &mut buffer))
        });
    });
    app.update(Message::Key(Key::parse("End").unwrap().event()));
    c.bench_function("frame at the end of the list", |b| {
        b.iter(|| {
            buffer.reset();
            black_box(view(&app, SCREEN, &mut buffer))
        });
    });
}

/// The tree of eight beams after forty steps.
fn beam_view(c: &mut Criterion) {
    let mut app = opened();
    let settings = BeamSettings { beams: 8, returned: 8, ..BeamSettings::default() };
    let task = BeamTask { prompt: (1..400).collect(), end_ids: Vec::new(), max_new_tokens: 40 };
    let mut search = BeamSearch::new(settings, task).unwrap();
    let mut effects = app.update(Message::Key(Key::parse("3").unwrap().event()));
    for key in ["B", "B", "B", "B", "L", "L"] {
        effects.extend(app.update(Message::Key(Key::parse(key).unwrap().event())));
    }
    let asked = effects.iter().rev().find_map(|effect| match effect {
        Effect::Engine(Command::Job { epoch, lane, serial, .. }) => Some((*epoch, *lane, *serial)),
        _ => None,
    });
    let (epoch, lane, serial) = asked.unwrap();
    while search.stopped().is_none() {
        let after = |beam: &Beam| {
            let last = u64::from(beam.history.last().copied().unwrap_or_default());
            let logit = |id: u64| ((id * 7919 + last * 104_729) % 5003) as f32 / 600.0;
            Distribution::from_logits(&(0..512).map(logit).collect::<Vec<_>>()).unwrap()
        };
        let models: Vec<Distribution> = search.live().map(after).collect();
        let step = search.advance(&models, &Chain::default(), BeamText::default()).unwrap();
        let greedy = Some(GreedyToken { token: step.step as TokenId, logprob: -1.0 });
        let made = BeamsMade { step, greedy, stopped: search.stopped() };
        app.update(Message::Engine(Event::News { epoch, lane, serial, news: Some(News::Beams(Arc::new(made))) }));
    }
    app.update(Message::Engine(Event::News { epoch, lane, serial, news: None }));
    app.update(Message::Key(Key::parse("End").unwrap().event()));
    assert_eq!((app.view().row().timeline.unwrap().position)(&app), 40);
    let mut buffer = Buffer::empty(SCREEN);
    c.bench_function("frame of the beam tree, 8 beams, 40 steps", |b| {
        b.iter(|| {
            buffer.reset();
            black_box(view(&app, SCREEN, &mut buffer))
        });
    });
}

/// Brings a view to the front and answers its job.
fn with_news(key: &str, news: impl FnOnce(&App) -> News) -> App {
    let mut app = opened();
    let news = news(&app);
    let effects = app.update(Message::Key(Key::parse(key).unwrap().event()));
    let job = effects.into_iter().find_map(|effect| match effect {
        Effect::Engine(Command::Job { epoch, lane, serial, job: Some(_) }) => Some((epoch, lane, serial)),
        _ => None,
    });
    let (epoch, lane, serial): (u64, Lane, u64) = job.unwrap();
    app.update(Message::Engine(Event::News { epoch, lane, serial, news: Some(news) }));
    app
}

fn compared() -> News {
    let id = |place: usize| (place * 7919 % VOCABULARY) as TokenId;
    let top: Arc<[TopToken]> =
        (0..8).map(|place| TopToken { id: id(place), prob: 0.1, sampling_prob: Some(0.1) }).collect();
    let token = |place| ComparedToken {
        token: GeneratedToken { id: id(place), logprob: -1.5, sampling_logprob: -1.0, rank: 3 },
        draw: None,
        top: Arc::clone(&top),
    };
    let column = ColumnMade { tokens: (0..40).map(token).collect(), end: None };
    News::Compared(Arc::new(Compared { columns: vec![column; 3] }))
}

fn scored(app: &App) -> News {
    let asked = app.views.score.asked(app);
    let completion = |_: &String| ScoredCompletion {
        tokens: (0..60).map(|place| place * 7919 % VOCABULARY as TokenId).collect(),
        figures: vec![TokenFigures { logprob: -1.5, at_most: -1.5, rank: Some(3), entropy: 2.0, logit: 4.0 }; 60],
        totals: Totals { tokens: 60, bytes: 240, sum_logprob: -90.0 },
        cut_together: None,
    };
    let completions: Vec<_> = asked.completions.iter().map(completion).collect();
    let evidence = vec![Evidence::default(); completions.len()];
    let (prompt, prompt_scores) = ((0..400).collect(), vec![None; 400]);
    let verdicts = audit(&evidence);
    News::Scored(Arc::new(Scored { asked, prompt, prompt_scores, completions, best: 0, evidence, verdicts }))
}

fn views(c: &mut Criterion) {
    let mut buffer = Buffer::empty(SCREEN);
    let cases = [("compare", with_news("4", |_| compared())), ("score", with_news("5", scored))];
    for (name, app) in cases {
        c.bench_function(&format!("frame of the view {name}, 200x60"), |b| {
            b.iter(|| {
                buffer.reset();
                black_box(view(&app, SCREEN, &mut buffer))
            });
        });
    }
}

/// The view of temperature with all its curves.
fn temperature(c: &mut Criterion) {
    let mut app = opened();
    let mut buffer = Buffer::empty(SCREEN);
    press(&mut app, "2");
    c.bench_function("frame of the view of temperature, 152k tokens", |b| {
        b.iter(|| {
            buffer.reset();
            black_box(view(&app, SCREEN, &mut buffer))
        });
    });
    let model = Distribution::from_logits(&logits()).unwrap();
    c.bench_function("one temperature over 152k tokens", |b| b.iter(|| black_box(Tempered::new(&model, 0.7))));
}

/// The view of costs after some steps.
fn cost(c: &mut Criterion) {
    let mut app = opened();
    let mut buffer = Buffer::empty(SCREEN);
    (0..100).for_each(|_| press(&mut app, "Right"));
    press(&mut app, "6");
    c.bench_function("frame of the view of costs, 100 steps", |b| {
        b.iter(|| {
            buffer.reset();
            black_box(view(&app, SCREEN, &mut buffer))
        });
    });
}

/// The built-in model, reading on and on with a thread on every core.
struct BusyModel {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl BusyModel {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&stop);
        let mut model = open(&ModelSource::Builtin, &OpenOptions::default()).unwrap().model;
        let thread = thread::spawn(move || {
            while !theirs.load(Ordering::Relaxed) {
                let run = Run { after: None, tokens: &[1; 64], logits: Positions::All };
                black_box(model.forward(&[run], &mut unwatched).unwrap());
                model.retain(&[]);
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for BusyModel {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// From a key to the picture that the terminal is sent, while the model runs.
fn key_to_frame(c: &mut Criterion) {
    let _busy = BusyModel::start();
    let mut app = opened();
    let mut buffer = Buffer::empty(SCREEN);
    let keys = ["Down", "T", "t", "r"].map(|name| Key::parse(name).unwrap().event());
    let mut turn = 0;
    c.bench_function("key to frame while the model runs", |b| {
        b.iter(|| {
            turn += 1;
            app.update(Message::Key(keys[turn % keys.len()]));
            buffer.reset();
            black_box(view(&app, SCREEN, &mut buffer));
        });
    });
}

/// A turned knob, its chain over 152k tokens on the other thread, and the frame with its effect, while the model runs.
fn knob_to_effect(c: &mut Criterion) {
    let _busy = BusyModel::start();
    let mut app = opened();
    let mut buffer = Buffer::empty(SCREEN);
    let (ask, asked) = channel::<Command>();
    let (answer, answers) = channel();
    thread::spawn(move || serve(&asked, &|event| answer.send(event).unwrap_or_default()));
    let keys = ["T", "t"].map(|name| Key::parse(name).unwrap().event());
    let mut turn = 0;
    c.bench_function("knob to its effect while the model runs, 152k tokens", |b| {
        b.iter(|| {
            turn += 1;
            for effect in app.update(Message::Key(keys[turn % 2])) {
                if let Effect::Engine(command) = effect {
                    ask.send(command).unwrap();
                    app.update(Message::Engine(answers.recv().unwrap()));
                }
            }
            buffer.reset();
            black_box(view(&app, SCREEN, &mut buffer));
        });
    });
}

/// As the engine's analyst does it: the distribution is kept while only the chain changes.
fn serve(asked: &Receiver<Command>, emit: &dyn Fn(Event)) {
    let mut model: Option<Arc<Distribution>> = None;
    while let Ok(Command::Analyse(question)) = asked.recv() {
        let model = model.get_or_insert_with(|| Arc::new(Distribution::from_logits(&question.logits).unwrap()));
        emit(answer(&question, Arc::clone(model)));
    }
}

fn opened() -> App {
    let mut app = App::new(setup());
    app.update(Message::Resize(SCREEN.width, SCREEN.height));
    let effects = app.update(Message::Engine(Event::Opened { info: info(), tokenizer: words(), notes: Vec::new() }));
    follow(&mut app, effects);
    app
}

fn press(app: &mut App, key: &str) {
    let effects = app.update(Message::Key(Key::parse(key).unwrap().event()));
    follow(app, effects);
}

/// Answers in the engine's place; the curves are there at once.
fn follow(app: &mut App, mut effects: Vec<Effect>) {
    while let Some(effect) = effects.pop() {
        let event = match effect {
            Effect::Engine(Command::Prompt { epoch, .. }) => {
                Some(Event::Prompted { epoch, tokens: (1..400).collect() })
            }
            Effect::Engine(Command::Evaluate { epoch, path }) => {
                let node = path.last().unwrap().0;
                Some(Event::Evaluated {
                    epoch,
                    node,
                    logits: logits(),
                    scores: Vec::new(),
                    took: Duration::from_millis(1),
                })
            }
            Effect::Engine(Command::Job { epoch, lane: Lane::Curves, serial, job: Some(_) }) => {
                let shown = app.shown().unwrap();
                let temperatures = logarithmic(0.05, 20.0, 100).into_iter().chain([0.0, 0.8, 1.0, f64::INFINITY]);
                let points = temperatures.map(|t| Tempered::new(shown.analysis.model(), t)).collect();
                let news = Some(News::Curves { node: shown.node, points });
                Some(Event::News { epoch, lane: Lane::Curves, serial, news })
            }
            Effect::Engine(command) => analysed(command),
            _ => None,
        };
        effects.extend(event.map(|event| app.update(Message::Engine(event))).unwrap_or_default());
    }
}

criterion_group!(benches, frame, views, temperature, cost, beam_view, key_to_frame, knob_to_effect);
criterion_main!(benches);
