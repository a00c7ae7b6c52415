//! The name of a model on the hub: `owner/name[/file.gguf][@revision]`.

use std::fmt;

/// The branch that is meant where nobody says which.
const USUAL_REVISION: &str = "main";
/// No name on the hub is longer.
const LONGEST: usize = 96;

/// A model on the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubName {
    /// `owner/name`.
    pub repo: String,
    /// A branch, a tag or a commit.
    pub revision: String,
    /// One file in place of the whole model: a `.gguf`.
    pub file: Option<String>,
}

impl HubName {
    /// Reads a name; `None` where it can't be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (path, revision) = text.split_once('@').unwrap_or((text, USUAL_REVISION));
        let mut parts = path.splitn(3, '/');
        let (owner, name, file) = (parts.next()?, parts.next()?, parts.next());
        if !(is_name(owner) && is_name(name) && is_path(revision)) {
            return None;
        }
        let is_gguf = |file: &str| is_path(file) && file.to_ascii_lowercase().ends_with(".gguf");
        if !file.is_none_or(is_gguf) {
            return None;
        }
        let (repo, revision) = (format!("{owner}/{name}"), revision.to_owned());
        Some(Self { repo, revision, file: file.map(str::to_owned) })
    }

    /// Whether the revision is a commit, which never changes.
    pub(super) fn is_commit(&self) -> bool {
        is_commit(&self.revision)
    }
}

impl fmt::Display for HubName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repo)?;
        if let Some(file) = &self.file {
            write!(f, "/{file}")?;
        }
        if self.revision == USUAL_REVISION { Ok(()) } else { write!(f, "@{}", self.revision) }
    }
}

/// Forty hexadecimal digits.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Letters, digits, `-`, `_` and `.`, with no dot or hyphen at the ends and none doubled, as the hub has it.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=LONGEST).contains(&text.len())
        && text.chars().all(allowed)
        && !text.starts_with(['-', '.'])
        && !text.ends_with(['-', '.'])
        && !text.contains("--")
        && !text.contains("..")
}

/// Names with slashes between that stay below the folder they are put into.
pub(super) fn is_path(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.len() <= 255
            && part != "."
            && part != ".."
            && !part.contains(|c: char| c.is_control() || "\\:*?\"<>|#%".contains(c))
    };
    text.len() <= 1024 && text.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_their_revision_and_file() {
        let name = HubName::parse("HuggingFaceTB/SmolLM2-135M").unwrap();
        assert_eq!((name.repo.as_str(), name.revision.as_str()), ("HuggingFaceTB/SmolLM2-135M", "main"));
        assert_eq!(name.to_string(), "HuggingFaceTB/SmolLM2-135M");
        let name = HubName::parse("a/b/deep/c.Q8_0.gguf@refs/pr/1").unwrap();
        assert_eq!((name.file.as_deref(), name.revision.as_str()), (Some("deep/c.Q8_0.gguf"), "refs/pr/1"));
        assert_eq!(name.to_string(), "a/b/deep/c.Q8_0.gguf@refs/pr/1");
        assert!(HubName::parse(&format!("a/b@{}", "0a".repeat(20))).unwrap().is_commit());
    }

    #[test]
    fn what_could_leave_the_cache_is_no_name() {
        for text in [
            "",
            "a",
            "a/",
            "/a",
            "../a",
            "a/..",
            "a/b/..",
            "a/b/c",
            "a/b/../c.gguf",
            "a/b@",
            "a/b@../x",
            "a/b@/x",
            "./a",
            "a/b--c",
            "-a/b",
            "a/b.",
            "a b/c",
            "ä/b",
            "a/b@x\n",
            "a/b/c.gguf@a\\b",
            "https://x/y",
        ] {
            assert_eq!(HubName::parse(text), None, "{text}");
        }
    }
}
