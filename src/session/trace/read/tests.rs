use proptest::prelude::*;

use super::*;

const HEADER: &str = r#"{"type":"header","format":"logitscope.trace","version":1,"model":{"name":"m"},"settings":{"strategy":"sample"},"prompt":{"text":"a","tokens":[{"id":1,"text":"a","bytes":[97],"logprob":null,"rank":null}]}}"#;
const STEP: &str = r#"{"type":"step","step":0,"sequence":0,"context_length":1,"chosen":{"id":2,"text":"é","bytes":[195,169],"logprob":-0.1,"sampling_logprob":null,"rank":1},"draw":0.30000000000000004,"entropy":1.5,"sampling_entropy":0.5,"stages":[{"stage":"top_k=1","kept":1,"removed":1,"removed_mass":0.25,"entropy":0.0}],"candidates":[{"id":2,"text":"é","bytes":[195,169],"logit":null,"logprob":-0.1,"prob":0.9,"sampling_prob":1.0,"removed_by":"top_k"}]}"#;
const BEAM: &str = r#"{"type":"beam_step","step":0,"context_length":1,"beams":[{"node":0,"parent":null,"id":2,"text":"b","bytes":[98],"logprob":-0.5,"sampling_logprob":-0.5,"sum_logprob":-0.5,"sum_sampling_logprob":-0.5,"length":1,"score":-0.5,"status":"finished","finish_reason":"eos","group":0}],"pruned":[],"evicted":[],"abandoned":[],"stopping":[{"group":0,"finished":1,"needed":1,"attainable":null,"worst_finished":-0.5,"stop":"the last step"}]}"#;
const END: &str = r#"{"type":"end","sequences":[{"text":"é","tokens":[{"id":2,"text":"é","bytes":[195,169],"logprob":-0.1,"sampling_logprob":-0.2,"rank":1}],"sum_logprob":-0.1,"score":-0.1,"length":1,"finish_reason":"length"}],"proven":true,"timing":{"prompt_tokens":1,"prefill_seconds":0.1,"new_tokens":1,"decode_seconds":0.2,"tokens_per_second":5.0}}"#;

fn whole() -> String {
    [HEADER, STEP, BEAM, END, ""].join("\n")
}

fn refusal(text: &str) -> String {
    read(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn what_is_read_is_written_again_as_it_was() {
    for line in [HEADER, STEP, BEAM, END] {
        let record: Record = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&record).unwrap(), line);
    }
}

#[test]
fn traces_come_one_after_the_other() {
    let file = read(format!("{}\n{}", whole(), whole()).as_bytes()).unwrap();
    assert_eq!((file.traces.len(), file.warnings.len()), (2, 0));
    assert_eq!(file.traces[0], file.traces[1]);
    let trace = &file.traces[0];
    assert_eq!((trace.steps.len(), trace.beam_steps.len()), (1, 1));
    assert_eq!(trace.end.as_ref().unwrap().more["proven"], true);
}

#[test]
fn fields_of_later_programs_are_skipped() {
    let file = read(whole().replace("\"step\":0", "\"step\":0,\"colour\":{\"a\":[1]}").as_bytes()).unwrap();
    assert!(file.warnings.is_empty());
    assert_eq!(file, read(whole().as_bytes()).unwrap());
}

#[test]
fn a_cut_is_a_warning_wherever_it_falls() {
    let whole = whole();
    let (header, last) = (HEADER.len(), whole.trim_end().len());
    for cut in 0..whole.len() {
        match read(&whole.as_bytes()[..cut]) {
            Ok(file) => {
                assert!(cut >= header, "{cut}");
                assert_eq!(file.warnings.is_empty(), cut >= last, "{cut}");
                assert_eq!(file.traces[0].steps.len(), usize::from(cut > header + STEP.len()), "{cut}");
            }
            Err(TraceError::Empty) => assert_eq!(cut, 0),
            Err(error) => assert!(matches!(error, TraceError::CutInHeader) && cut < header, "{cut}: {error}"),
        }
    }
    let file = read(format!("{HEADER}\n{STEP}\n{HEADER}\n{END}\n").as_bytes()).unwrap();
    assert_eq!(file.warnings, ["trace 1 has no end: it is cut off after 1 steps"]);
    let sequences = file.traces[0].sequences();
    assert_eq!((sequences[0].text.as_str(), sequences[0].finish_reason), ("é", None));
}

#[test]
fn refusals_name_the_line_and_both_versions() {
    assert!(refusal("").starts_with("no trace"));
    let version = refusal(&HEADER.replace("\"version\":1", "\"version\":7"));
    assert_eq!(version, "line 1: the trace is of version 7; this program reads version 1");
    assert!(refusal(&HEADER.replace(".trace", ".run")).contains("the format is `logitscope.run`"));
    assert!(refusal(&HEADER.replace("\"format\"", "\"fromat\"")).contains("the format is `null`"));
    assert!(refusal(&format!("{HEADER}\n{STEP}\n{{\"type\":\"st\n{END}\n")).starts_with("line 3: "));
    assert!(refusal(&format!("{HEADER}\n[]\n")).starts_with("line 2: "));
    assert!(refusal(&format!("{HEADER}\n{{\"type\":\"pause\"}}\n")).contains("pause"));
    assert_eq!(refusal(&format!("{STEP}\n")), "line 1: a record before any header");
    assert_eq!(refusal(&format!("{HEADER}\n{END}\n{STEP}")), "line 3: a record between an end and the next header");
}

proptest! {
    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((0usize..4096, any::<u8>(), 0u8..3), 1..6)) {
        let mut bytes = whole().into_bytes();
        for (at, byte, how) in changes {
            let at = at % bytes.len();
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        if let Ok(file) = read(&bytes) {
            prop_assert!(!file.traces.is_empty());
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&bytes).is_err());
    }
}
