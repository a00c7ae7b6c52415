//! The pictures in `screenshots/` are drawn by the program itself and stay what it draws.
//!
//! `LOGITSCOPE_DRAW=1 cargo test --release screenshots` draws them again, after a change that is meant to be seen.

use std::path::Path;
use std::process::Command;

/// File, size, theme, keys.
type Scene = (&'static str, &'static str, &'static str, &'static str);

/// The view of costs is not among them: what it shows is measured.
const SCENES: &[Scene] = &[
    ("step.svg", "120x36", "dark", "Right Right Right Right p p p p Down Down"),
    ("step-light.svg", "120x36", "light", "Right Right T T T T p p"),
    ("step-small.svg", "80x24", "dark", "Right Right Right"),
    ("temperature.svg", "120x36", "dark", "Right Right 2 t t Down"),
    ("beam.svg", "120x36", "dark", "3 Right Right Right Right Right Right e"),
    ("beam-small.svg", "80x24", "dark", "3 Right Right Right Right Right"),
    ("beam.animated.svg", "100x30", "dark", "3 Right Right Right Right Right Right Right Right A A A A e"),
    ("compare.svg", "120x36", "dark", "4 Right Right Right Right Right Right Right Right"),
    ("score.svg", "120x36", "dark", "5"),
    ("lesson.svg", "120x36", "dark", "7 Down Enter Right r"),
    ("help.svg", "120x36", "dark", "?"),
    ("themes.svg", "120x36", "catppuccin-mocha", "Right Right Right c"),
    ("projector.svg", "100x30", "projector", "Right Right Right p p Down Down"),
    ("tour.animated.svg", "80x24", "dark", "Right t t T T T p p p p Right Left Down Enter"),
];

fn draw((name, size, theme, keys): &Scene, to: &Path) {
    let file = to.to_str().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_logitscope"))
        .args(["screenshot", "--size", size, "--theme", theme, "--keys", keys, "--out", file])
        .args(name.ends_with(".animated.svg").then_some("--animate"))
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn screenshots_are_what_the_program_draws() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
    let folder = tempfile::tempdir().unwrap();
    for scene in SCENES {
        let name = scene.0;
        if std::env::var_os("LOGITSCOPE_DRAW").is_some() {
            draw(scene, &kept.join(name));
        }
        let fresh = folder.path().join(name);
        draw(scene, &fresh);
        let [fresh, kept] = [fresh, kept.join(name)].map(|path| std::fs::read_to_string(path).unwrap());
        assert!(fresh == kept, "screenshots/{name} is out of date: LOGITSCOPE_DRAW=1 draws it again");
    }
    for entry in std::fs::read_dir(kept).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(SCENES.iter().any(|(scene, ..)| *scene == name), "screenshots/{name} has no scene");
    }
}
