//! The command line that gives, without the interface, what the interface shows.

use super::App;
use crate::decode::uniform;
use crate::glyph;
use crate::model::{DtypeChoice, ModelSource, PromptForm, SpecialTokens};
use crate::session::How;
use crate::ui::knobs::Mode;
use crate::ui::message::Effect;
use crate::ui::overlays::Note;

/// Tokens that `run` generates when nobody says otherwise.
const USUAL_LENGTH: usize = 64;

/// A command, and what it can't say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headless {
    /// For a shell, in one line.
    pub command: String,
    /// What the path has that no option gives, in words.
    pub missing: Vec<String>,
}

impl App {
    /// Puts the command into the clipboard and shows it.
    pub(super) fn copy_command(&mut self) -> Vec<Effect> {
        let Headless { command, missing } = self.headless();
        let mut lines = vec![command.clone()];
        lines.extend(missing.iter().map(|missing| format!("Not in it: {missing}.")));
        self.open(Note::new("Copied: the same without the interface", lines));
        vec![Effect::Copy(command)]
    }

    /// The command that generates the path shown.
    #[must_use]
    pub fn headless(&self) -> Headless {
        let mut missing = self.not_expressed();
        let mut words: Vec<String> = vec!["logitscope".into(), "run".into()];
        // What looks like an option has to stand behind all of them.
        let trailing = self.prompt.starts_with('-');
        if !trailing {
            words.push(self.prompt.clone());
        }
        if self.prompt == "-" {
            missing.push("the prompt `-`, which means standard input: pipe it in".into());
        }
        let mut option = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        if self.source != ModelSource::Builtin {
            option("model", self.source.name());
        }
        if let Some(dtype) = dtype_name(self.dtype) {
            option("dtype", dtype.into());
        }
        match self.special {
            SpecialTokens::Auto => {}
            special => option("bos", bos_name(special).into()),
        }
        if self.form == PromptForm::Chat {
            words.push("--chat".into());
        }
        let mut option = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        option("strategy", strategy_name(self.knobs.mode()).into());
        let chain = self.knobs.chain().map(|chain| chain.to_string()).unwrap_or_default();
        if !chain.is_empty() {
            option("chain", chain);
        }
        option("seed", self.seed().to_string());
        let length = self.step_number();
        option("max-new-tokens", if length == 0 { USUAL_LENGTH } else { length }.to_string());
        if self.goes_past_an_end() {
            words.push("--ignore-eos".into());
        }
        if trailing {
            words.extend(["--".into(), self.prompt.clone()]);
        }
        if self.prompt.contains('\0') {
            missing.push("the NUL characters of the prompt, which no command line can hold".into());
        }
        let command: Vec<String> = words.iter().map(|word| quoted(&word.replace('\0', ""))).collect();
        Headless { command: command.join(" "), missing }
    }

    fn goes_past_an_end(&self) -> bool {
        let Some(session) = &self.session else { return false };
        let path = session.path();
        let output = &path[session.prompt_length()..];
        output.split_last().is_some_and(|(_, before)| before.iter().any(|&node| self.is_end(session.token(node))))
    }

    /// What was done on the way here that no option can say.
    fn not_expressed(&self) -> Vec<String> {
        let Some(session) = &self.session else { return Vec::new() };
        let (mut forced, mut redrawn, mut other_way, mut other_chain) = (0, 0, 0, 0);
        let chain = self.chain().map(|chain| chain.to_string());
        for (step, &node) in session.path()[session.prompt_length()..].iter().enumerate() {
            match session.chosen(node).map(|chosen| chosen.how) {
                Some(How::Forced) => forced += 1,
                Some(How::Sampled(draw)) if draw.u != uniform(self.seed(), 0, step as u64) => redrawn += 1,
                Some(How::Sampled(_)) if self.knobs.mode() == Mode::Greedy => other_way += 1,
                Some(How::Greedy) if self.knobs.mode() == Mode::Sampling => other_way += 1,
                _ => {}
            }
            let made_with = self.made_with.get(&node).map(ToString::to_string);
            other_chain += usize::from(made_with != chain.as_ref().ok().cloned());
        }
        let told = [
            (forced, "forced"),
            (redrawn, "drawn again"),
            (other_way, "chosen the other way, greedy or by a draw"),
            (other_chain, "chosen with another chain"),
        ];
        let tokens = |n: usize| if n == 1 { "1 token was".to_owned() } else { format!("{n} tokens were") };
        told.iter().filter(|(n, _)| *n > 0).map(|(n, how)| format!("{} {how}", tokens(*n))).collect()
    }
}

/// A word without NUL as a shell reads it. What a terminal or a line editor would obey when the command is pasted is spelt out, as
/// bytes in octal between `$'` and `'` (POSIX.1-2024, 2.2.4).
fn quoted(word: &str) -> String {
    let is_safe = |c: char| c == '\n' || glyph::is_visible(c);
    if word.chars().all(is_safe) {
        return shlex::try_quote(word).map(std::borrow::Cow::into_owned).unwrap_or_default();
    }
    let octal = |byte: u8| format!("\\{byte:03o}");
    let spelt = |c: char| match c {
        '\'' | '\\' => vec![format!("\\{c}")],
        c if is_safe(c) => vec![c.to_string()],
        c => c.to_string().bytes().map(octal).collect(),
    };
    format!("$'{}'", word.chars().flat_map(spelt).collect::<String>())
}

/// As in `--strategy`.
fn strategy_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Sampling => "sample",
        Mode::Greedy => "greedy",
    }
}

/// As in `--bos`.
pub(super) fn bos_name(special: SpecialTokens) -> &'static str {
    match special {
        SpecialTokens::Auto => "auto",
        SpecialTokens::Always => "always",
        SpecialTokens::Never => "never",
    }
}

/// As in `--dtype`, where it is not as stored.
fn dtype_name(dtype: DtypeChoice) -> Option<&'static str> {
    (dtype != DtypeChoice::Auto).then(|| dtype.name())
}

#[cfg(test)]
mod tests {
    use crate::ui::app::Setup;
    use crate::ui::app::tests::{scene_of, setup};
    use crate::ui::testing::{ABC, table_scene, table_setup};
    use crate::ui::theme::ColourDepth;

    #[test]
    fn the_command_is_quoted_for_a_shell() {
        let prompt = "1 '2' \"3\" $HOME `ls` \\ \n";
        let scene = scene_of(Setup { prompt: prompt.into(), ..setup("dark", ColourDepth::True) }, 80, 24, 60);
        let words = shlex::split(&scene.app().headless().command).unwrap();
        let tail = "--strategy sample --chain temperature=0.8,top_k=12,top_p=0.9 --seed 0 --max-new-tokens 64";
        assert_eq!(words[..3], ["logitscope", "run", prompt]);
        assert_eq!(words[3..].join(" "), tail);
        let prompt = "a\x1b]0;it's\x07\u{202e} \\ \u{e9}\n";
        let scene = scene_of(Setup { prompt: prompt.into(), ..setup("dark", ColourDepth::True) }, 80, 24, 60);
        let command = scene.app().headless().command;
        assert!(
            command.starts_with("logitscope run $'a\\033]0;it\\'s\\007\\342\\200\\256 \\\\ \u{e9}\n' "),
            "{command}"
        );
        let scene = scene_of(Setup { prompt: "-v".into(), ..setup("dark", ColourDepth::True) }, 80, 24, 60);
        assert!(scene.app().headless().command.ends_with("--max-new-tokens 64 -- -v"));
    }

    #[test]
    fn what_no_option_says_is_told() {
        let mut scene = table_scene(ABC, table_setup("A"), 80, 24);
        scene.press("Space").unwrap();
        assert_eq!(scene.app().headless().missing, [""; 0]);
        // The last of the list is never what a draw of seed 0 lands on twice.
        scene.press("End Up Enter s Space").unwrap();
        let missing = scene.app().headless().missing.join("; ");
        assert!(missing.contains("other way"), "{missing}");
        scene.press("y").unwrap();
        let picture = crate::ui::testing::shown(&scene.buffer());
        assert!(picture.contains("logitscope run A") && picture.contains("Not in it"), "{picture}");
    }
}
