//! All integration tests in one binary: linking is the slow part.
#![allow(clippy::unwrap_used)] // a test that can not go on should stop

mod bad_input;
mod beam_cli;
mod beam_golden;
mod bench;
mod candle;
mod chat;
mod cli;
mod compare;
mod contrastive;
mod contrastive_golden;
mod corpus;
mod docs;
mod doctor;
mod everyday;
mod gguf;
mod gguf_blocks;
mod guidance;
mod guidance_golden;
mod hub;
mod interface;
mod layers;
mod lesson;
mod model_golden;
mod model_open;
mod processor_golden;
mod reference;
mod score;
mod score_golden;
mod screenshots;
mod scripted;
mod server;
mod shell;
mod speculative;
mod themes;
mod trace;
