//! Whether a theme can be read: the contrast of every role on every background that it is drawn on.

use std::fmt;

use super::{Ink, Role, Theme, colour};

/// A role that is hard to read on one of its backgrounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// What is drawn.
    pub role: Role,
    /// Whose background it is drawn on; itself where that is its own.
    pub ground: Role,
    /// The contrast ratio, from 1 to 21.
    pub ratio: f64,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.role.key())?;
        if self.ground != self.role {
            write!(out, " on {}", self.ground.key())?;
        }
        // Rounded down: what is too little must not look like enough.
        let ratio = rounded_down(self.ratio, 100.0);
        write!(out, ": contrast {ratio:.2}, must be at least {:.1}", self.role.ink().least_contrast())
    }
}

fn rounded_down(value: f64, parts: f64) -> f64 {
    (value * parts).floor() / parts
}

impl Theme {
    /// The contrast of each role that is read or carries meaning, on each of its backgrounds. Colours that the terminal
    /// decides have none.
    pub fn contrasts(&self) -> impl Iterator<Item = Fault> {
        Role::ALL.iter().flat_map(move |&role| {
            let grounds = std::iter::once(role).chain(role.grounds().iter().copied());
            grounds.filter_map(move |ground| {
                let ratio = colour::contrast(self.style(role).fg?, self.style(ground).bg?)?;
                Some(Fault { role, ground, ratio })
            })
        })
    }

    /// The lowest contrast of any text, rounded down to a tenth; `None` where the terminal decides all colours.
    #[must_use]
    pub fn text_contrast(&self) -> Option<f64> {
        let text = self.contrasts().filter(|pair| pair.role.ink() == Ink::Text);
        text.map(|pair| rounded_down(pair.ratio, 10.0)).reduce(f64::min)
    }

    /// What is hard to read.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.contrasts().filter(|pair| pair.ratio < pair.role.ink().least_contrast()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn faults_name_both_roles_and_both_figures() {
        // Grey 0x77 on white has 4.478 to 1, which must not be shown as 4.5.
        let text = "inherits = \"light\"\n[palette]\nground = \"#fff\"\n[styles]\nfuture = { fg = \"#777777\" }\n";
        let theme = Theme::load("mine.toml", &|_: &Path| Ok(text.to_owned())).unwrap();
        let faults: Vec<_> = theme.faults().iter().map(Fault::to_string).collect();
        assert_eq!(faults, ["future: contrast 4.47, must be at least 4.5"]);
        let text = "inherits = \"dark\"\n[styles]\ntag = { fg = \"#8a3340\" }\n";
        let theme = Theme::load("mine.toml", &|_: &Path| Ok(text.to_owned())).unwrap();
        let faults: Vec<_> = theme.faults().iter().map(|fault| (fault.role.key(), fault.ground.key())).collect();
        assert_eq!(faults, [("tag", "tag"), ("tag", "selected"), ("tag", "overlay")]);
    }
}
