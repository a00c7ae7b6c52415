//! logitscope shows how a language model chooses its words: every logit, every filter, every draw.
//!
//! The layers, from the bottom: [`decode`] is the mathematics; [`session`] the history; [`model`] turns tokens into logits;
//! [`engine`] joins them on a thread of its own; [`headless`] and [`ui`] show what it does, [`export`] makes pictures of it, and
//! [`cli`] is the program. [`glyph`] turns token bytes into what can be shown, and [`file`] writes files that are whole, for all of them.
//!
//! A whole program: the model that is inside the library, five tokens by sampling, and for each of them the record of the trace
//! that `logitscope run --format jsonl` writes.
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use logitscope::decode::Chain;
//! use logitscope::decode::strategy::strategy;
//! use logitscope::engine::{Request, generate, read_prompt, record};
//! use logitscope::model::{ModelSource, OpenOptions, SpecialTokens, open, unwatched};
//! use logitscope::session::trace::Record;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut loaded = open(&ModelSource::Builtin, &OpenOptions::default())?;
//!     let tokenizer = &*loaded.tokenizer;
//!     let tokens = tokenizer.encode("Once upon a time", SpecialTokens::Auto)?;
//!     let prompt = read_prompt(&mut *loaded.model, &tokens, &mut unwatched)?;
//!
//!     let ends = loaded.model.info().eos_token_ids.clone();
//!     let request = Request {
//!         prompt: &tokens,
//!         strategy: &*strategy("sample").and_then(|row| row.single(7)).ok_or("no such strategy")?,
//!         chain: &Chain::parse("temperature=0.8,top_p=0.9")?,
//!         max_new_tokens: 5,
//!         min_new_tokens: 0,
//!         eos_token_ids: &ends,
//!         stop: &[],
//!         sequence: 0,
//!         negative: None,
//!     };
//!     let mut steps = Vec::new();
//!     let generated = generate(&mut *loaded.model, tokenizer, &prompt, &request, &mut |step| {
//!         steps.push(record::step(step, 3, tokenizer));
//!         ControlFlow::Continue(())
//!     })?;
//!
//!     for step in steps {
//!         // What the model thought of the token, and what was left for the draw to choose from.
//!         println!("{:?}: p {:?}, {:?}", step.chosen.token.text, step.chosen.logprob.map(f64::exp), step.stages);
//!         println!("{}", serde_json::to_string(&Record::Step(step))?);
//!     }
//!     println!("{}", generated.text);
//! #   assert_eq!(generated.tokens.len(), 5);
//!     Ok(())
//! }
//! ```

pub mod cli;
pub mod decode;
pub mod engine;
pub mod export;
pub mod file;
pub mod glyph;
pub mod headless;
pub mod lesson;
pub mod model;
pub mod session;
pub mod ui;
