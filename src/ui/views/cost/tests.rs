//! The view of costs: figures by hand, and pictures over times that are made up.

use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::state::{shape, steps};
use crate::decode::Distribution;
use crate::decode::cost::Shape;
use crate::engine::{Command, Event, Lane, News};
use crate::glyph::Charset;
use crate::model::ModelInfo;
use crate::session::NodeId;
use crate::ui::action::Key;
use crate::ui::app::pictures::styled;
use crate::ui::app::tests::{Words, info, logits, setup};
use crate::ui::app::{App, Setup};
use crate::ui::message::{Effect, Message};
use crate::ui::testing::{ABC, shown, table_scene, table_setup};
use crate::ui::theme::ColourDepth;
use crate::ui::view::view;

/// 2 layers of 100 weights, heads 5 wide, a head of 50 weights: position n costs 2·(200 + 20·n), the logits 100.
const SHAPE: Shape = Shape {
    layers: 2,
    query_size: 5,
    kv_size: 4,
    layer_weights: 100,
    head_weights: 50,
    number_bytes: 4,
    weight_bytes: 1000,
};

/// The interface over an engine whose every step takes a millisecond, and without the cache one for each token.
struct Made {
    app: App,
    tokenizer: Arc<Words>,
    path: Vec<NodeId>,
    screen: Rect,
}

impl Made {
    fn opened(charset: Charset, width: u16, height: u16) -> Self {
        let tokenizer = Arc::new(Words::new(20));
        let app = App::new(Setup { charset, ..setup("dark", ColourDepth::True) });
        let mut made = Self { app, tokenizer, path: Vec::new(), screen: Rect::new(0, 0, width, height) };
        made.happen(Message::Resize(width, height));
        let info = ModelInfo { shape: Some(Box::new(SHAPE)), ..info(20) };
        made.happen(Message::Engine(Event::Opened { info, tokenizer: made.tokenizer.clone(), notes: Vec::new() }));
        made
    }

    fn happen(&mut self, message: Message) {
        for effect in self.app.update(message) {
            if let Effect::Engine(command) = effect {
                for event in self.answers(command) {
                    self.happen(Message::Engine(event));
                }
            }
        }
    }

    fn press(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            self.happen(Message::Key(Key::parse(key).unwrap().event()));
        }
    }

    fn answers(&mut self, command: Command) -> Vec<Event> {
        let event = match command {
            Command::Prompt { epoch, .. } => Event::Prompted { epoch, tokens: vec![1, 2, 3] },
            Command::Evaluate { epoch, path } => {
                let &(node, last) = path.last().unwrap();
                self.path = path.into_iter().map(|(node, _)| node).collect();
                let took = Duration::from_millis(1);
                Event::Evaluated { epoch, node, logits: logits(last, 20), scores: Vec::new(), took }
            }
            Command::Analyse(question) => {
                let model = Arc::new(Distribution::from_logits(&question.logits).unwrap());
                let analysis = Arc::new(question.answer(model).unwrap());
                Event::Analysed { epoch: question.epoch, node: question.node, analysis }
            }
            Command::Job { epoch, lane: Lane::Cost, serial, job: Some(_) } => {
                let known = |place: &usize| {
                    steps(&self.app, SHAPE).get(place + 1 - 3).is_some_and(|step| step.seconds[1].is_none())
                };
                let place = (3..self.path.len()).find(known).unwrap();
                let read = place + 1;
                let took = Duration::from_millis(read as u64);
                let news = News::Recomputed { node: self.path[place], read, took };
                let lane = Lane::Cost;
                return vec![
                    Event::News { epoch, lane, serial, news: Some(news) },
                    Event::News { epoch, lane, serial, news: None },
                ];
            }
            _ => return Vec::new(),
        };
        vec![event]
    }

    fn buffer(&self) -> Buffer {
        let mut buffer = Buffer::empty(self.screen);
        view(&self.app, self.screen, &mut buffer);
        buffer
    }

    fn text(&self) -> String {
        shown(&self.buffer())
    }
}

#[test]
fn every_step_is_counted_and_measured() {
    let mut made = Made::opened(Charset::Unicode, 80, 24);
    made.press("6 Right Right");
    let costs = steps(&made.app, shape(&made.app).unwrap());
    assert_eq!(costs.iter().map(|step| step.context).collect::<Vec<_>>(), [3, 4, 5]);
    // The prompt: positions 1, 2 and 3 and the logits, 440 + 480 + 520 + 100; then 560 + 100 and 600 + 100 with the cache.
    assert_eq!(costs[0].operations, [1540.0, 1540.0]);
    assert_eq!(costs[1].operations, [660.0, 2100.0]);
    assert_eq!(costs[2].operations, [700.0, 2700.0]);
    assert_eq!(costs[0].seconds, [Some(0.001), Some(0.001)]);
    assert_eq!(costs[2].seconds, [Some(0.001), Some(0.005)]);
    let drawn = made.text();
    // 2900 of 6340 operations; 3 ms of 10 ms; keys and values: 2·2·4·4 bytes for each of five tokens.
    assert!(drawn.contains("the cache saves 54 % of the arithmetic so far"), "{drawn}");
    assert!(drawn.contains("2.90 k") && drawn.contains("6.34 k") && drawn.contains("54.3 %"), "{drawn}");
    assert!(drawn.contains("3 ms") && drawn.contains("10 ms") && drawn.contains("70.0 %"), "{drawn}");
    assert!(drawn.contains("320 B") && drawn.contains("64 B for each token"), "{drawn}");
}

#[test]
fn steps_taken_elsewhere_are_measured_when_the_view_comes_to_the_front() {
    let mut made = Made::opened(Charset::Unicode, 80, 24);
    made.press("Right Right Right");
    let unmeasured = |made: &Made| steps(&made.app, SHAPE).iter().filter(|step| step.seconds[1].is_none()).count();
    assert_eq!(unmeasured(&made), 3, "only while it is in front");
    made.press("6");
    assert_eq!(unmeasured(&made), 0);
    made.press("Left Left Left");
    assert!(made.text().contains("nothing is saved yet"), "{}", made.text());
}

#[test]
fn a_table_says_that_it_has_none_of_this() {
    let mut scene = table_scene(ABC, table_setup("A"), 80, 24);
    scene.press("6").unwrap();
    let drawn = shown(&scene.buffer());
    assert!(drawn.contains("has no layers and no cache"), "{drawn}");
}

#[test]
fn the_view_can_be_drawn_at_every_size() {
    for charset in [Charset::Unicode, Charset::Ascii] {
        for (width, height) in [(0, 0), (1, 1), (40, 12), (41, 14), (60, 20), (74, 16), (80, 24), (120, 36), (200, 60)]
        {
            let mut made = Made::opened(charset, width, height);
            for keys in ["6", "Right Right Right", "l"] {
                made.press(keys);
                let drawn = made.text();
                assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{width}x{height}");
                assert!(charset == Charset::Unicode || drawn.is_ascii(), "{width}x{height}:\n{drawn}");
            }
        }
    }
}

#[test]
fn it_looks_as_it_should() {
    let at = |charset, width, height, keys: &str| {
        let mut made = Made::opened(charset, width, height);
        made.press(keys);
        styled(&made.buffer())
    };
    insta::assert_snapshot!("cost_80x24", at(Charset::Unicode, 80, 24, "6 Right Right Right Right"));
    insta::assert_snapshot!(
        "cost_120x36_logarithmic",
        at(Charset::Unicode, 120, 36, "6 Right Right Right Right Right l")
    );
    insta::assert_snapshot!("cost_ascii_80x24", at(Charset::Ascii, 80, 24, "6 Right Right Right"));
}
