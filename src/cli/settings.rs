//! From the arguments as typed to validated settings: all rules between options are here.

use crate::decode::strategy::{STRATEGIES, StrategyRow, strategy};
use crate::decode::{Chain, Preset, Stage, Value};
use crate::engine::{Speculation, Verification};
use crate::headless::RunSettings;
use crate::model::{Fit, Network, OpenOptions, PromptForm};

use super::CliError;
use super::args::{ChainArgs, DecodingArgs, OpenArgs};
use super::beams::Sampling;

/// Where a number stops being a number of tokens and becomes a mistake.
const MOST_SEQUENCES: usize = 100_000;

impl OpenArgs {
    /// How a model is opened.
    pub(super) fn options(&self) -> OpenOptions {
        let network = if self.offline { Network::Forbidden } else { Network::Allowed };
        OpenOptions { dtype: self.dtype, device: self.device, threads: self.threads, network, fit: Fit::Needed }
    }

    /// How what was typed becomes the text that the model reads.
    pub(super) fn form(&self) -> PromptForm {
        if self.chat { PromptForm::Chat } else { PromptForm::Plain }
    }
}

impl ChainArgs {
    /// The chain: the flags in the order of the table, or in a preset's, or the one that was written out.
    pub(super) fn chain(&self) -> Result<Chain, CliError> {
        let flags = &self.processors.stages;
        match (&self.chain, &self.preset) {
            (Some(_), _) if !flags.is_empty() => {
                let flag = flags[0].row().name.replace('_', "-");
                Err(CliError::Input(format!("--{flag} beside --chain: put it into the chain")))
            }
            (Some(text), _) => Ok(Chain::parse(text)?),
            (None, Some(preset)) => Ok(Preset::named(preset)?.arrange(flags)?),
            (None, None) => {
                let mut chain = Chain::default();
                for stage in flags {
                    chain.push(stage.clone())?;
                }
                Ok(chain)
            }
        }
    }

    /// Whether something was asked for that only sampling can do.
    fn asks_for_sampling(&self, chain: &Chain) -> bool {
        let warper = |stage: &Stage| stage.row().kind == crate::decode::Kind::Warper;
        self.chain.is_some() || self.preset.is_some() || chain.stages().iter().any(warper)
    }

    /// The strategy: the one that was named; else sampling, if anything asks for it; else greedy. Temperature 0 is greedy.
    pub(super) fn strategy(
        &self,
        name: Option<&str>,
        seed: Option<u64>,
        chain: &Chain,
    ) -> Result<&'static StrategyRow, CliError> {
        let asked = match name {
            Some(name) => name,
            None if seed.is_some() || self.asks_for_sampling(chain) => "sample",
            None => "greedy",
        };
        let resolved = match asked {
            "sample" if is_frozen(chain) => "greedy",
            "beam-sample" if is_frozen(chain) => "beam",
            asked => asked,
        };
        strategy(resolved).ok_or_else(|| {
            let known: Vec<&str> = STRATEGIES.iter().map(|row| row.name).collect();
            CliError::Input(format!("--strategy: `{resolved}` is not one of {}", known.join(", ")))
        })
    }
}

/// Whether a temperature of 0 leaves nothing to chance.
fn is_frozen(chain: &Chain) -> bool {
    let frozen = |stage: &Stage| stage.row().name == "temperature" && *stage.value() == Value::Number(0.0);
    chain.stages().iter().any(frozen)
}

impl DecodingArgs {
    /// The settings of a run.
    pub(super) fn settings(&self, open: &OpenArgs, top: usize) -> Result<RunSettings, CliError> {
        let chain = self.chain.chain()?;
        let strategy = self.resolved_strategy(&chain)?;
        self.check_counts(strategy)?;
        let contrastive = self.contrastive.settings(strategy, &chain)?;
        let speculation =
            self.speculative.speculation(strategy, self.verification(&chain), self.num_return_sequences)?;
        let chain = match speculation {
            Some(Speculation { verification: Verification::Greedy, .. }) => chain.before_sampling(),
            _ => strategy.effective_chain(&chain),
        };
        Ok(RunSettings {
            strategy,
            budget: self.exact.budget(strategy, &chain, self)?,
            speculation,
            negative_prompt: self.guidance.negative_prompt(strategy, &chain)?,
            chain,
            seed: self.seed.unwrap_or(0),
            max_new_tokens: self.max_new_tokens,
            min_new_tokens: self.min_new_tokens,
            sequences: self.num_return_sequences as u64,
            beams: self.beams.settings(strategy, self.seed.unwrap_or(0), self.num_return_sequences)?,
            contrastive,
            stop: self.stop.clone(),
            eos_token_ids: if self.ignore_eos { Some(Vec::new()) } else { self.eos_token_id.clone().map(|ids| ids.0) },
            special: open.bos.into(),
            form: open.form(),
            top,
        })
    }

    /// Speculative decoding samples where anything asks for it.
    fn verification(&self, chain: &Chain) -> Verification {
        let asked = self.seed.is_some() || self.chain.asks_for_sampling(chain);
        if asked && !is_frozen(chain) {
            Verification::Sampled { seed: self.seed.unwrap_or(0) }
        } else {
            Verification::Greedy
        }
    }

    /// The strategy that was named, or that the options mean.
    fn resolved_strategy(&self, chain: &Chain) -> Result<&'static StrategyRow, CliError> {
        let asked = self.seed.is_some() || self.chain.asks_for_sampling(chain);
        let sampling = if asked { Sampling::Asked } else { Sampling::NotAsked };
        let name = match self.strategy.as_deref().or(self.contrastive.strategy()) {
            Some(name) => Some(name),
            None => self.beams.strategy(sampling)?,
        };
        self.chain.strategy(name, self.seed, chain)
    }

    /// Refuses numbers that generate nothing, or more than the strategy finds.
    fn check_counts(&self, strategy: &StrategyRow) -> Result<(), CliError> {
        let input = |message: String| Err(CliError::Input(message));
        if self.max_new_tokens == 0 {
            return input("--max-new-tokens: 0 generates nothing: give at least 1".into());
        }
        if self.min_new_tokens > self.max_new_tokens {
            return input(format!(
                "--min-new-tokens: {} is more than the {} of --max-new-tokens",
                self.min_new_tokens, self.max_new_tokens
            ));
        }
        if self.num_return_sequences == 0 || self.num_return_sequences > MOST_SEQUENCES {
            let n = self.num_return_sequences;
            return input(format!("--num-return-sequences: {n} is not between 1 and {MOST_SEQUENCES}"));
        }
        if self.num_return_sequences > 1 && ["greedy", "contrastive"].contains(&strategy.name) {
            let (name, n) = (strategy.name, self.num_return_sequences);
            return input(format!("--num-return-sequences: {name} finds one sequence, not {n}: use --strategy sample"));
        }
        if self.stop.iter().any(String::is_empty) {
            return input("--stop: an empty text stops everything: give at least one character".into());
        }
        Ok(())
    }
}
