//! Pictures of the interface: one, or one after every key.

use std::io::{Write, stdout};

use crate::export::{self, Frame, Picture, PngError};
use crate::file::{self, Readers};
use crate::ui::UiError;
use crate::ui::scene::Scene;

use super::CliError;
use super::args::ScreenshotArgs;
use super::interface::{options, read_config};

/// What the pictures show, for those who can't see them.
const TITLE: &str = "logitscope";

/// How many frames' time the last one is seen.
const LAST: f64 = 3.0;

/// The forms of a picture.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Svg,
    Png,
    /// Frames of so many seconds.
    Animation(f64),
}

impl Form {
    fn of(args: &ScreenshotArgs) -> Result<Self, CliError> {
        let extension = args.out.as_ref().map(|file| file.extension().and_then(|extension| extension.to_str()));
        match (extension, args.animate, &args.out) {
            (Some(Some("svg")), Some(seconds), _) => Ok(Self::Animation(seconds)),
            (_, Some(_), _) => {
                Err(CliError::Input("--animate makes an SVG: give --out a file that ends in .svg".into()))
            }
            (Some(Some("svg")), ..) => Ok(Self::Svg),
            (Some(Some("png")), ..) => Ok(Self::Png),
            (Some(Some("txt")) | None, ..) => Ok(Self::Text),
            (_, _, file) => {
                let name = file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
                Err(CliError::Input(format!("--out: {name} does not end in .svg, .png or .txt")))
            }
        }
    }
}

/// `screenshot`: the interface as it would be drawn, after some keys.
pub(super) fn screenshot(args: &ScreenshotArgs) -> Result<(), CliError> {
    let form = Form::of(args)?;
    // Pictures look the same for everybody, unless a configuration is asked for.
    let config = args.interface.look.config.as_deref().map(read_config).transpose()?.unwrap_or_default();
    let mut scene = Scene::open(&options(&args.interface, config)?, args.size.width, args.size.height)?;
    scene.show(args.view)?;
    let file = if let Form::Animation(seconds) = form {
        export::animation(&frames(&mut scene, &args.keys, seconds)?, TITLE).into_bytes()
    } else {
        scene.press(&args.keys)?;
        match form {
            Form::Png => export::png(&picture(&scene))?,
            Form::Text => export::text(&scene.buffer()).into_bytes(),
            Form::Svg | Form::Animation(_) => export::svg(&picture(&scene), TITLE).into_bytes(),
        }
    };
    let Some(path) = &args.out else { return Ok(stdout().lock().write_all(&file)?) };
    file::replace(path, &file, Readers::Others)
        .map_err(|error| CliError::Failed(format!("can't write {}: {error}", path.display())))
}

fn picture(scene: &Scene) -> Picture {
    let (foreground, background) = scene.ground();
    Picture { buffer: scene.buffer(), foreground, background }
}

/// The first picture, and one after every key.
fn frames(scene: &mut Scene, keys: &str, seconds: f64) -> Result<Vec<Frame>, UiError> {
    let mut frames = vec![Frame { picture: picture(scene), seconds }];
    for key in keys.split_whitespace() {
        scene.press(key)?;
        frames.push(Frame { picture: picture(scene), seconds });
    }
    if let Some(last) = frames.last_mut() {
        last.seconds *= LAST;
    }
    Ok(frames)
}

impl From<PngError> for CliError {
    fn from(error: PngError) -> Self {
        match error {
            PngError::Size(..) => Self::Input(error.to_string()),
            PngError::Font(_) | PngError::Encoding(_) => Self::Failed(error.to_string()),
        }
    }
}
