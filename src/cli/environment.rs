//! The environment variables that the program heeds, whichever layer reads them. The manual page and the reference come from
//! this table, and a test looks through the sources for names that it lacks.

/// Variables of one meaning.
#[derive(Debug)]
pub struct Variable {
    /// Their names; of several that are set the first counts.
    pub names: &'static [&'static str],
    /// What they say.
    pub meaning: &'static str,
}

/// Every variable that is read.
pub const VARIABLES: &[Variable] = &[
    Variable {
        names: &["LOGITSCOPE_API_KEY", "OPENAI_API_KEY"],
        meaning: "the key for a server; it is sent there and shown nowhere",
    },
    Variable { names: &["HF_ENDPOINT"], meaning: "the address of the hub, in place of the usual one" },
    Variable {
        names: &["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"],
        meaning: "the folder of the models that were downloaded; the usual one is hub in HF_HOME",
    },
    Variable {
        names: &["HF_HOME"],
        meaning: "the folder of cache and login; the usual one is huggingface in XDG_CACHE_HOME",
    },
    Variable { names: &["XDG_CACHE_HOME"], meaning: "the user's folder for caches; the usual one is ~/.cache" },
    Variable {
        names: &["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"],
        meaning: "the token that shows the hub who asks, for gated models",
    },
    Variable {
        names: &["HF_TOKEN_PATH"],
        meaning: "the file of the token that a login wrote; the usual one is token in HF_HOME",
    },
    Variable {
        names: &["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"],
        meaning: "1, true, yes or on forbids the network for models of the hub, as --offline does",
    },
    Variable {
        names: &["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"],
        meaning: "the proxy for downloads and for servers on other machines; NO_PROXY lists hosts that need none",
    },
    Variable { names: &["NO_COLOR"], meaning: "not empty: no colours, in the interface and in text on a terminal" },
    Variable {
        names: &["COLORTERM", "TERM", "WT_SESSION"],
        meaning: "how many colours the terminal has: truecolor or 24bit in COLORTERM, the kind of terminal in TERM, Windows \
                  Terminal by WT_SESSION; --colors says otherwise",
    },
    Variable {
        names: &["XDG_CONFIG_HOME"],
        meaning: "the user's folder for configurations, with logitscope/config.toml; the usual one is ~/.config",
    },
    Variable {
        names: &["XDG_STATE_HOME"],
        meaning: "the user's folder for state, with the session that was left last and earlier prompts in logitscope; the usual \
                  one is ~/.local/state",
    },
];
