//! The chain: processors in an order, each with its value.

use std::fmt;
use std::str::FromStr;

use super::candidates::MAX_STAGES;
use super::processor::{Built, Direction, Parameter, unescaped};
use super::{DecodeError, Kind, PROCESSORS, ProcessorRow, TokenId, Value, processor};

/// A processor with its value.
#[derive(Clone, Debug)]
pub struct Stage {
    row: &'static ProcessorRow,
    value: Value,
    built: Built,
    /// As it is written: every decision shows it.
    label: String,
}

impl Stage {
    /// Joins a processor and a value.
    ///
    /// # Errors
    /// A value of the wrong kind or out of range.
    pub fn new(row: &'static ProcessorRow, value: Value) -> Result<Self, DecodeError> {
        let (built, label) = (row.build(&value)?, format!("{}={value}", row.name));
        Ok(Self { row, value, built, label })
    }

    /// The declaration of its processor.
    #[must_use]
    pub fn row(&self) -> &'static ProcessorRow {
        self.row
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The same stage with the next value of its knob; itself where the grid ends.
    #[must_use]
    pub fn nudge(&self, direction: Direction) -> Self {
        Self::new(self.row, self.row.nudge(&self.value, direction)).unwrap_or_else(|_| self.clone())
    }

    pub(super) fn processor(&self) -> &Built {
        &self.built
    }
}

impl fmt::Display for Stage {
    /// As `--chain` reads it: `top_k=40`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

impl PartialEq for Stage {
    fn eq(&self, other: &Self) -> bool {
        self.row.name == other.row.name && self.value == other.value
    }
}

impl FromStr for Stage {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        let (name, value) = text.split_once('=').ok_or_else(|| DecodeError::BadChain(text.into()))?;
        let row = processor(name.trim())?;
        match row.parameter {
            Parameter::Text(_) => Self::new(row, Value::Text(unescaped(value))),
            _ => Self::new(row, row.parse(value)?),
        }
    }
}

/// Processors in the order in which they work on the logits. The same processor may come more than once.
///
/// ```
/// use logitscope::decode::{Chain, Preset};
///
/// let chain = Chain::parse("temperature=0.8,top_k=40,repetition_penalty=1.2")?;
/// assert_eq!(chain.to_string(), "temperature=0.8,top_k=40,repetition_penalty=1.2");
///
/// // The same stages in the order of another program.
/// let arranged = Preset::named("llama.cpp")?.arrange(chain.stages())?;
/// assert_eq!(arranged.to_string(), "repetition_penalty=1.2,top_k=40,temperature=0.8");
/// assert_eq!(arranged.before_sampling().to_string(), "repetition_penalty=1.2,top_k=40");
///
/// let error = Chain::parse("top_p=1.5").unwrap_err();
/// assert_eq!(error.to_string(), "top_p: `1.5` is out of range: it must be at least 0 and at most 1");
/// # Ok::<(), logitscope::decode::DecodeError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    stages: Vec<Stage>,
}

impl Chain {
    /// Reads `name=value,name=value,…`. Values that are lists go on over commas: `suppress_tokens=0,1,top_k=40`; in a text a
    /// comma before a letter is written `%2C`. An empty text is an empty chain.
    ///
    /// # Errors
    /// An unknown name, or a value that can't be read or is out of range.
    pub fn parse(text: &str) -> Result<Self, DecodeError> {
        let mut stages: Vec<String> = Vec::new();
        for piece in text.split(',').filter(|_| !text.trim().is_empty()) {
            // A piece that does not begin with a letter is the next item of a list.
            let begins_stage = piece.trim_start().starts_with(|c: char| c.is_alphabetic() || c == '_');
            match stages.last_mut() {
                Some(stage) if !begins_stage => {
                    stage.push(',');
                    stage.push_str(piece);
                }
                _ => stages.push(piece.to_string()),
            }
        }
        let mut chain = Self::default();
        for stage in stages {
            chain.push(stage.parse()?)?;
        }
        Ok(chain)
    }

    /// The stages, first to last.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Adds a stage at the end.
    ///
    /// # Errors
    /// More stages than a chain can have (255).
    pub fn push(&mut self, stage: Stage) -> Result<(), DecodeError> {
        if self.stages.len() == MAX_STAGES {
            return Err(DecodeError::BadChain(format!("{stage} (the chain is full: {MAX_STAGES} stages)")));
        }
        self.stages.push(stage);
        Ok(())
    }

    /// The chain with another stage in the place of one.
    #[must_use]
    pub fn with_stage(mut self, index: usize, stage: Stage) -> Self {
        if let Some(place) = self.stages.get_mut(index) {
            *place = stage;
        }
        self
    }

    /// The chain without one of its stages.
    #[must_use]
    pub fn without(mut self, index: usize) -> Self {
        if index < self.stages.len() {
            self.stages.remove(index);
        }
        self
    }

    /// The chain with a stage put where the options would put it: before the first one that comes later in [`PROCESSORS`].
    #[must_use]
    pub fn with_in_order(mut self, stage: Stage) -> Self {
        let place = |row: &ProcessorRow| PROCESSORS.iter().position(|other| other.name == row.name);
        let index = self.stages.iter().position(|other| place(other.row) > place(stage.row));
        self.stages.insert(index.unwrap_or(self.stages.len()), stage);
        self
    }

    /// The chain with `suppress_tokens` for these ids, in its place; the same chain for none.
    ///
    /// # Errors
    /// None that a list of ids leads to.
    pub fn forbidding(self, ids: &[TokenId]) -> Result<Self, DecodeError> {
        if ids.is_empty() {
            return Ok(self);
        }
        let stage = Stage::new(processor("suppress_tokens")?, Value::Ids(ids.to_vec()))?;
        Ok(self.with_in_order(stage))
    }

    /// The stage that needs what the model says after a negative prompt, where there is one.
    #[must_use]
    pub fn guidance(&self) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.row.kind == Kind::Guidance)
    }

    /// What greedy and beam search use: the stages before temperature, as transformers does without sampling. A chain
    /// without a temperature ends where its first warper begins.
    #[must_use]
    pub fn before_sampling(&self) -> Self {
        let temperature = self.stages.iter().position(|stage| stage.row.name == "temperature");
        let warper = || self.stages.iter().position(|stage| stage.row.kind == Kind::Warper);
        let end = temperature.or_else(warper).unwrap_or(self.stages.len());
        Self { stages: self.stages[..end].to_vec() }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stages: Vec<String> = self.stages.iter().map(ToString::to_string).collect();
        f.write_str(&stages.join(","))
    }
}

/// The order in which another program runs its processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The program.
    pub name: &'static str,
    /// Names of processors, first to last.
    pub order: &'static [&'static str],
}

/// Every preset. Sources: transformers `GenerationMixin._get_logits_processor`; llama.cpp `common_params_sampling`;
/// vLLM `v1/sample/sampler.py`.
pub static PRESETS: &[Preset] = &[
    Preset {
        name: "transformers",
        order: &[
            "guidance_scale",
            "regex",
            "logit_bias",
            "repetition_penalty",
            "no_repeat_ngram_size",
            "suppress_tokens",
            "temperature",
            "top_k",
            "top_p",
            "min_p",
            "typical_p",
            "epsilon_cutoff",
            "eta_cutoff",
        ],
    },
    Preset {
        name: "llama.cpp",
        order: &[
            "regex",
            "logit_bias",
            "repetition_penalty",
            "presence_penalty",
            "frequency_penalty",
            "dry",
            "top_n_sigma",
            "top_k",
            "typical_p",
            "top_p",
            "min_p",
            "xtc",
            "temperature",
            "dynamic_temperature",
            "mirostat",
        ],
    },
    Preset {
        name: "vllm",
        order: &[
            "regex",
            "logit_bias",
            "repetition_penalty",
            "frequency_penalty",
            "presence_penalty",
            "temperature",
            "min_p",
            "top_k",
            "top_p",
        ],
    },
];

impl Preset {
    /// Finds a preset.
    ///
    /// # Errors
    /// An unknown name.
    pub fn named(name: &str) -> Result<&'static Self, DecodeError> {
        PRESETS.iter().find(|preset| preset.name == name).ok_or_else(|| DecodeError::UnknownPreset(name.into()))
    }

    /// Puts stages into this program's order.
    ///
    /// # Errors
    /// A stage that the program does not have.
    pub fn arrange(&self, stages: &[Stage]) -> Result<Chain, DecodeError> {
        let place = |stage: &Stage| self.order.iter().position(|name| *name == stage.row.name);
        if let Some(stage) = stages.iter().find(|stage| place(stage).is_none()) {
            return Err(DecodeError::NotInPreset { preset: self.name, name: stage.row.name });
        }
        let mut stages = stages.to_vec();
        stages.sort_by_key(place);
        Ok(Chain { stages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints_the_same() {
        for text in ["", "temperature=0.8,top_k=40", "logit_bias=5=1.5,7=-inf,suppress_tokens=0,1,top_p=0.9,top_p=0.5"]
        {
            assert_eq!(Chain::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Chain::parse(" temperature = 0.8 , top_k = 40 ").unwrap().to_string(), "temperature=0.8,top_k=40");
    }

    #[test]
    fn refusals_name_what_was_wrong() {
        let message = |text: &str| Chain::parse(text).unwrap_err().to_string();
        assert!(
            message("top_q=3")
                .starts_with("no processor is called `top_q`; there are guidance_scale, regex, logit_bias, ")
        );
        assert_eq!(message("top_p=1.5"), "top_p: `1.5` is out of range: it must be at least 0 and at most 1");
        assert_eq!(message("temperature=-1"), "temperature: `-1` is out of range: it must be at least 0");
        assert_eq!(message("top_k=-3"), "top_k: `-3` is not a whole number from 0");
        assert_eq!(message("temperature=NaN"), "temperature: `NaN` is not a finite number");
        assert_eq!(message("top_k"), "`top_k` is not name=value");
        assert_eq!(message("top_k=1,,"), "top_k: `1,,` is not a whole number from 0");
        assert_eq!(message("logit_bias=1=inf"), "logit_bias: `1=inf` is neither a number nor minus infinity");
    }

    #[test]
    fn greedy_uses_what_stands_before_temperature() {
        let before = |text: &str| Chain::parse(text).unwrap().before_sampling().to_string();
        assert_eq!(before("repetition_penalty=1.2,temperature=0.8,top_k=3"), "repetition_penalty=1.2");
        assert_eq!(before("repetition_penalty=1.2,top_k=3"), "repetition_penalty=1.2");
        assert_eq!(before("top_k=3,temperature=2"), "top_k=3");
    }

    #[test]
    fn presets_order_and_refuse() {
        let chain = Chain::parse("temperature=0.8,top_k=40,min_p=0.1").unwrap();
        let arranged = |name: &str| Preset::named(name).unwrap().arrange(chain.stages()).unwrap().to_string();
        assert_eq!(arranged("llama.cpp"), "top_k=40,min_p=0.1,temperature=0.8");
        assert_eq!(arranged("vllm"), "temperature=0.8,min_p=0.1,top_k=40");
        let typical = Chain::parse("typical_p=0.5").unwrap();
        assert!(Preset::named("vllm").unwrap().arrange(typical.stages()).is_err());
        assert!(Preset::named("ollama").is_err());
    }

    #[test]
    fn a_new_stage_finds_its_place() {
        let chain = Chain::parse("temperature=0.8,top_p=0.9").unwrap();
        assert_eq!(chain.with_in_order("top_k=5".parse().unwrap()).to_string(), "temperature=0.8,top_k=5,top_p=0.9");
    }

    #[test]
    fn knobs_follow_the_grid() {
        let stage: Stage = "temperature=0.85".parse().unwrap();
        assert_eq!(stage.nudge(Direction::Up).to_string(), "temperature=0.9");
        assert_eq!(stage.nudge(Direction::Down).to_string(), "temperature=0.8");
        let top: Stage = "top_k=5000".parse().unwrap();
        assert_eq!(top.nudge(Direction::Up), top);
    }
}
