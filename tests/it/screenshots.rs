//! The pictures in `screenshots/` are drawn by the program itself and stay what it draws.
//!
//! `LOGITSCOPE_DRAW=1 cargo test --release screenshots` draws them again, after a change that is meant to be seen.

use std::path::Path;
use std::process::Command;

/// File, size, theme, keys.
const SCENES: &[(&str, &str, &str, &str)] = &[
    ("step.svg", "120x36", "dark", "Right Right Right Right p p p p Down Down"),
    ("step-light.svg", "120x36", "light", "Right Right T T T T p p"),
    ("step-small.svg", "80x24", "dark", "Right Right Right"),
    ("help.svg", "120x36", "dark", "?"),
    ("temperature.svg", "120x36", "dark", "Right Right 2 t t Down"),
];

fn draw(size: &str, theme: &str, keys: &str, to: &Path) {
    let file = to.to_str().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_logitscope"))
        .args(["screenshot", "--size", size, "--theme", theme, "--keys", keys, "--out", file])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn screenshots_are_what_the_program_draws() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
    let folder = tempfile::tempdir().unwrap();
    for (name, size, theme, keys) in SCENES {
        if std::env::var_os("LOGITSCOPE_DRAW").is_some() {
            draw(size, theme, keys, &kept.join(name));
        }
        let fresh = folder.path().join(name);
        draw(size, theme, keys, &fresh);
        let [fresh, kept] = [fresh, kept.join(name)].map(|path| std::fs::read_to_string(path).unwrap());
        assert!(fresh == kept, "screenshots/{name} is out of date: LOGITSCOPE_DRAW=1 draws it again");
    }
    for entry in std::fs::read_dir(kept).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(SCENES.iter().any(|(scene, ..)| *scene == name), "screenshots/{name} has no scene");
    }
}
