//! The view by keys: every lesson from its first page to its last, on small and large screens.

use std::sync::mpsc::channel;

use crate::glyph::Charset;
use crate::lesson::{Answer, BUILT_IN, Lesson};
use crate::ui::app::Setup;
use crate::ui::app::tests::{rows, scene_of, setup};
use crate::ui::scene::Scene;
use crate::ui::theme::ColourDepth;
use crate::ui::views::View;

fn scene(width: u16, height: u16, charset: Charset) -> Scene {
    let setup = Setup { charset, prompt: "1 8".into(), ..setup("dark", ColourDepth::True) };
    let mut scene = scene_of(setup, width, height, 60);
    scene.press("7").unwrap();
    scene
}

fn shown(scene: &Scene) -> String {
    rows(&scene.buffer()).join("\n")
}

/// Scrolls down to the end of a page and says everything that was to be seen of it.
fn whole_page(scene: &mut Scene) -> String {
    let mut seen = shown(scene);
    loop {
        scene.press("PgDn").unwrap();
        let now = shown(scene);
        if seen.ends_with(&now) {
            return seen;
        }
        seen.push('\n');
        seen.push_str(&now);
    }
}

/// The words of a text, however it is wrapped.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn go_through(width: u16, height: u16, charset: Charset) {
    let mut scene = scene(width, height, charset);
    for (index, (name, _)) in BUILT_IN.iter().enumerate() {
        let lesson = Lesson::built_in(name).unwrap();
        scene.press(&format!("Home {} Enter", "Down ".repeat(index))).unwrap();
        for (page, content) in lesson.pages.iter().enumerate() {
            let picture = shown(&scene);
            let place = format!("page {} of {}", page + 1, lesson.pages.len());
            assert!(picture.contains(&place), "{name}: {place}:\n{picture}");
            let before = whole_page(&mut scene);
            if let Some(question) = &content.question {
                match &question.answer {
                    Answer::Choice { right, .. } => {
                        // A key only scrolls as long as the choices can't be seen.
                        while scene.app().views.lessons.reading.as_ref().unwrap().choice() != Some(*right) {
                            scene.press("Down").unwrap();
                        }
                        scene.press("Enter").unwrap();
                        if scene.app().views.lessons.reading.as_ref().unwrap().choice().is_some() {
                            scene.press("Enter").unwrap();
                        }
                    }
                    Answer::Number { value, .. } => {
                        scene.press("Enter").unwrap();
                        for digit in value.to_string().chars() {
                            scene.press(&digit.to_string()).unwrap();
                        }
                        scene.press("Enter").unwrap();
                    }
                }
                let picture = shown(&scene);
                let after = whole_page(&mut scene);
                assert!(after.contains("Right: it is"), "{name}, {place}:\n{picture}");
                if charset == Charset::Unicode {
                    let first = question.because[0].text().split_whitespace().take(3).collect::<Vec<_>>().join(" ");
                    assert!(flat(&after).contains(&first), "{name}, {place}: {first}:\n{after}");
                    assert!(
                        !flat(&before).contains(&flat(question.because[0].text())),
                        "{name}, {place} tells before it asks"
                    );
                }
            }
            if charset == Charset::Ascii {
                assert!(before.is_ascii(), "{name}, {place}:\n{before}");
            }
            scene.press("Enter").unwrap();
        }
        let list = shown(&scene);
        let all = lesson.questions();
        assert!(list.contains("Lessons") && list.contains(&format!("{all} of {all} right")), "{name}:\n{list}");
    }
}

#[test]
fn every_lesson_can_be_gone_through_at_80x24() {
    go_through(80, 24, Charset::Unicode);
}

#[test]
fn every_lesson_can_be_gone_through_at_200x60() {
    go_through(200, 60, Charset::Unicode);
}

#[test]
fn every_lesson_can_be_gone_through_in_ascii_on_the_smallest_screen() {
    go_through(40, 12, Charset::Ascii);
}

#[test]
fn pages_turn_both_ways_and_esc_leads_back_to_the_list() {
    let mut scene = scene(80, 24, Charset::Unicode);
    scene.press("Enter Right Right Left").unwrap();
    assert!(shown(&scene).contains("page 2 of 7"));
    scene.press("End").unwrap();
    assert!(shown(&scene).contains("page 7 of 7"));
    scene.press("Right Home Left").unwrap();
    assert!(shown(&scene).contains("page 1 of 7"));
    scene.press("Esc").unwrap();
    assert!(shown(&scene).contains("Lessons") && shown(&scene).contains("0 of 4 right"));
    assert_eq!(scene.app().view(), View::Lessons);
    scene.press("Enter Backspace 1").unwrap();
    assert_eq!(scene.app().view(), View::Step);
}

#[test]
fn a_wrong_answer_is_told_and_so_is_what_is_no_number() {
    let mut scene = scene(80, 24, Charset::Unicode);
    scene.press("Enter Right Enter x Enter").unwrap();
    assert!(shown(&scene).contains("\"x\" is no number"), "{}", shown(&scene));
    scene.press("Backspace 0 . 5 Enter").unwrap();
    assert!(shown(&scene).contains("You said 0.5. It is 0.945."), "{}", shown(&scene));
    scene.press("Right r").unwrap();
    assert!(shown(&scene).contains("It is number 2."), "{}", shown(&scene));
    scene.press("Left").unwrap();
    assert!(whole_page(&mut scene).contains("You said 0.5."), "an answer stays");
    scene.press("Right Right Right Enter").unwrap();
    assert!(whole_page(&mut scene).contains("Not so: it is number 3."), "{}", shown(&scene));
}

#[test]
fn a_lesson_can_be_opened_at_once_and_needs_no_model() {
    let lesson = Lesson::built_in("length").unwrap();
    let setup = Setup { lesson: Some(lesson), ..setup("dark", ColourDepth::True) };
    let (sender, inbox) = channel();
    sender.send(crate::engine::Event::OpenFailed { message: "none".into() }).unwrap();
    // The scene refuses to go on without a model; the program would stay open.
    assert!(Scene::with(setup.clone(), 80, 24, |_| {}, inbox).is_err());
    let scene = scene_of(setup, 80, 24, 60);
    assert_eq!(scene.app().view(), View::Lessons);
    assert!(shown(&scene).contains("Length normalization"), "{}", shown(&scene));
}

#[test]
fn the_view_looks_as_it_should() {
    let mut small = scene(80, 24, Charset::Unicode);
    insta::assert_snapshot!("list_80x24", shown(&small));
    small.press("Enter Right Right Enter Enter").unwrap();
    insta::assert_snapshot!("page_80x24", shown(&small));
    let mut large = scene(200, 60, Charset::Unicode);
    insta::assert_snapshot!("list_200x60", shown(&large));
    large.press("Down Down Enter Right Right r").unwrap();
    insta::assert_snapshot!("page_200x60", shown(&large));
    let mut ascii = scene(80, 24, Charset::Ascii);
    ascii.press("Down Enter Right").unwrap();
    insta::assert_snapshot!("page_ascii_80x24", shown(&ascii));
}
