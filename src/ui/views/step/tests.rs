//! The window that finds a token, the order of the chain, many draws, the tree of branches.

use crate::glyph::Charset;
use crate::ui::app::tests::scene;
use crate::ui::app::{Notice, Setup};
use crate::ui::scene::Scene;
use crate::ui::testing::{ABC, shown, table_scene, table_setup};

fn opened(width: u16, height: u16) -> Scene {
    let mut scene = table_scene(ABC, table_setup("A"), width, height);
    scene.press("Tab x Tab x").unwrap();
    scene
}
