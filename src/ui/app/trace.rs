//! The path shown as a trace: what `run --format jsonl` would have written of it.

use std::time::Duration;

use super::{App, Model};
use crate::engine::{Decided, GeneratedToken, Lane, News, Timing, TraceJob, record};
use crate::session::trace::{End, Prompt, Record, Step};
use crate::session::{How, NodeId, Session};
use crate::ui::knobs::Mode;
use crate::ui::message::Effect;

/// A trace that is being written: where it ends, and what is there of it.
pub(super) struct Telling {
    end: NodeId,
    steps: Vec<Step>,
}

impl App {
    /// Begins to write the trace of the path.
    pub(super) fn write_trace(&mut self) -> Vec<Effect> {
        let Some(session) = self.session.as_ref().filter(|session| session.step_number() > 0) else {
            return self.inform("nothing is decided yet: step first, then write the trace");
        };
        let path: Vec<NodeId> = session.path();
        let job = TraceJob {
            prompt_length: session.prompt_length(),
            decided: path.iter().filter_map(|&node| self.decided(session, node)).collect(),
            path: path.into_iter().map(|node| (node, session.token(node))).collect(),
            seed: self.seed(),
            end_ids: self.end_ids(),
            told: 0,
        };
        self.telling = Some(Telling { end: session.cursor(), steps: Vec::new() });
        self.start(Lane::Trace, Box::new(job))
    }

    fn decided(&self, session: &Session, node: NodeId) -> Option<Decided> {
        let chosen = session.chosen(node)?;
        let id = session.token(node);
        let token = GeneratedToken {
            id,
            logprob: chosen.logprob,
            sampling_logprob: chosen.sampling_logprob,
            rank: chosen.rank,
        };
        let draw = match chosen.how {
            How::Sampled(draw) => Some(draw),
            How::Greedy | How::Forced => None,
        };
        Some(Decided { token, chain: self.made_with.get(&node)?.clone(), draw })
    }

    /// Takes a step of the trace in; at the end the file is written.
    pub(super) fn told(&mut self, news: Option<News>) -> Vec<Effect> {
        if let Some(News::Told(step)) = news {
            if let Some(telling) = &mut self.telling {
                telling.steps.push(*step);
            }
            return Vec::new();
        }
        let Some(telling) = self.telling.take() else { return Vec::new() };
        let Some(text) = self.trace_text(telling) else {
            return self.complain("the trace could not be put together".to_owned());
        };
        vec![Effect::Save { stem: "logitscope-trace", ending: "jsonl", content: text.into_bytes() }]
    }

    fn trace_text(&self, telling: Telling) -> Option<String> {
        let (Some(session), Model::Open { info, tokenizer }) = (&self.session, &self.model) else { return None };
        let path = session.path_to(telling.end);
        let (prompt, output) = path.split_at(session.prompt_length());
        let ids: Vec<_> = prompt.iter().map(|&node| session.token(node)).collect();
        let scores: Vec<_> = prompt.iter().map(|node| self.scores.get(node).copied()).collect();
        let read = self.rendered.as_ref().unwrap_or(&self.prompt);
        let chat = self.rendered.as_ref().map(|_| self.prompt.clone());
        let prompt_record = Prompt { chat, ..record::prompt(read, &ids, &scores, tokenizer.as_ref()) };
        let ends = self.end_ids();
        let settings = record::Settings {
            strategy: match self.knobs.mode() {
                Mode::Sampling => "sample",
                Mode::Greedy => "greedy",
            },
            max_new_tokens: output.len(),
            min_new_tokens: 0,
            sequences: 1,
            chain: &self.knobs.chain().ok()?,
            more: serde_json::Map::new(),
            stop: &[],
            eos_token_ids: &ends,
            seed: self.seed(),
        };
        let tokens: Vec<_> = output.iter().filter_map(|&node| Some(self.decided(session, node)?.token)).collect();
        let took = |nodes: &[NodeId]| nodes.iter().filter_map(|node| self.took.get(node)).sum::<Duration>();
        let timing = Timing { prefill: took(prompt), decode: took(output), new_tokens: tokens.len() };
        let end = End {
            sequences: vec![record::path(tokens, &ends, tokenizer.as_ref())],
            more: serde_json::Map::new(),
            timing: record::timing(prompt.len(), timing),
        };
        let header = Record::Header(record::header(info, &settings.map(), prompt_record));
        let records = [header].into_iter().chain(telling.steps.into_iter().map(Record::Step)).chain([Record::End(end)]);
        let lines: Result<Vec<String>, _> = records.map(|record| serde_json::to_string(&record)).collect();
        Some(lines.ok()?.join("\n") + "\n")
    }
}
