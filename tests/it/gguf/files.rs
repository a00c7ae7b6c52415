//! Files whole and broken.

use logitscope::model::DtypeChoice;
use proptest::prelude::*;
use serde_json::json;

use super::read;
use super::writer::Writer;

fn floats(count: usize) -> Vec<u8> {
    (0..count).flat_map(|i| (i as f32 - 2.5).to_le_bytes()).collect()
}

/// A file with a value of most kinds, a matrix [2, 3] and a vector [6].
fn sample() -> Writer {
    let mut writer = Writer::new();
    writer.pair("general.architecture", "llama");
    writer.pair("a.count", 7).pair("a.number", 1.5).pair("a.flag", true);
    writer.pair("a.texts", json!(["one", "two"])).pair("a.numbers", json!([1.5, 2.5]));
    writer.pair("a.lists", json!([[1, 2], [3]]));
    writer.tensor("w", &[2, 3], 0, floats(6)).tensor("v", &[6], 0, floats(6));
    writer
}

fn error(writer: &Writer) -> String {
    read(writer.finish()).unwrap_err().to_string()
}

#[test]
fn values_and_tensors_are_read() {
    for version in [2, 3] {
        let gguf = read(Writer { version, ..sample() }.finish()).unwrap();
        let single = gguf.metadata.single();
        assert_eq!(single.count("a.count").unwrap(), Some(7));
        assert_eq!(single.positive("a.number").unwrap(), Some(1.5));
        assert_eq!(single.flag("a.flag").unwrap(), Some(true));
        assert_eq!(gguf.metadata.texts("a.texts").unwrap().unwrap(), ["one", "two"]);
        assert_eq!(gguf.metadata.numbers("a.numbers").unwrap().unwrap(), [1.5, 2.5]);
        assert!(gguf.metadata.texts("a.numbers").is_err() && gguf.metadata.texts("a.count").is_err());
        assert!(gguf.metadata.texts("absent").unwrap().is_none() && gguf.metadata.has_list("a.lists"));
        let matrix = gguf.weights.matrix("w", [2, 3], DtypeChoice::Auto).unwrap();
        assert_eq!((matrix.rows(), matrix.columns()), (2, 3));
        assert_eq!(gguf.weights.vector("v", 6).unwrap(), [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]);
    }
}

#[test]
fn every_truncation_is_an_error() {
    let file = sample().finish();
    let end = file.len() - 8; // what follows the last tensor is padding
    for length in 0..end {
        let error = read(file[..length].to_vec()).unwrap_err().to_string();
        assert!(error.starts_with("m.gguf: "), "{error}");
    }
    read(file[..end].to_vec()).unwrap();
}

#[test]
fn what_is_wrong_with_a_file_is_one_line() {
    for (writer, part) in [
        (Writer { magic: *b"GGML", ..sample() }, "does not begin with GGUF"),
        (Writer { version: 1, ..sample() }, "GGUF version 1; versions 2 and 3 are read"),
        (Writer { version: 3_u32.swap_bytes(), ..sample() }, "big-endian"),
        (Writer { version: 9, ..sample() }, "GGUF version 9"),
        (sample().pair("split.count", 3).clone(), "one of 3 parts"),
        (sample().pair("general.alignment", 0).clone(), "general.alignment is 0"),
        (sample().raw_pair("a.count", &[4, 0, 0, 0, 1, 0, 0, 0]).clone(), "a.count is there twice"),
        (sample().raw_pair("k", &[13, 0, 0, 0]).clone(), "no kind of value 13"),
        (sample().raw_pair("k", &[8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xFF]).clone(), "not UTF-8"),
        (sample().tensor("w", &[6], 0, floats(6)).clone(), "a second tensor w"),
        (sample().tensor("t", &[0], 0, Vec::new()).clone(), "tensor t has a dimension"),
        (sample().tensor("t", &[1, 1, 1, 1, 1], 0, floats(1)).clone(), "tensor t has 5 dimensions"),
        (sample().tensor("t", &[48], 8, vec![0; 51]).clone(), "rows of 48 numbers"),
        (sample().tensor("t", &[1 << 40, 1 << 40], 0, floats(1)).clone(), "beyond the end of the file"),
        (sample().tensor("t", &[100], 0, floats(1)).clone(), "beyond the end of the file"),
    ] {
        let error = error(&writer);
        assert!(error.starts_with("m.gguf: ") && error.contains(part) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn absurd_counts_and_lists_meet_the_end_of_the_file() {
    let kind_and_length = |kind: u32, length: u64| {
        [9_u32.to_le_bytes(), kind.to_le_bytes()].concat().into_iter().chain(length.to_le_bytes()).collect::<Vec<u8>>()
    };
    for (kind, length) in [(0, u64::MAX), (10, u64::MAX / 8 + 1), (8, u64::MAX), (9, u64::MAX), (12, 1 << 40)] {
        let error = error(sample().raw_pair("k", &kind_and_length(kind, length)));
        assert!(error.contains("damaged"), "{error}");
    }
    let mut nested = kind_and_length(9, 1);
    (0..1000).for_each(|_| nested.extend(&kind_and_length(9, 1)[4..]));
    assert!(error(sample().raw_pair("k", &nested)).contains("deep"));
    for at in [8, 16] {
        for count in [u64::MAX, 1 << 32, 1000] {
            let mut file = sample().finish();
            file[at..at + 8].copy_from_slice(&count.to_le_bytes());
            assert!(read(file).unwrap_err().to_string().contains("damaged"));
        }
    }
}

#[test]
fn tensors_at_wrong_places_are_errors() {
    for (offsets, part) in [
        ([0, 0], "tensors w and v overlap"),
        ([0, 8], "begins at 8, which is no multiple of 32"),
        ([0, 1 << 40], "beyond the end"),
        ([u64::MAX - 31, 32], "beyond the end"),
    ] {
        let error = read(sample().finish_at(&offsets)).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let gguf = read(Writer { alignment: 64, ..sample() }.pair("general.alignment", 64).finish()).unwrap();
    assert_eq!(gguf.weights.vector("v", 6).unwrap()[5], 2.5);
}

#[test]
fn types_that_can_not_be_used_are_named_once_they_are_wanted() {
    let gguf =
        read(sample().tensor("t", &[2, 32], 20, vec![0; 36]).tensor("u", &[2, 32], 77, vec![]).finish()).unwrap();
    let message = |name: &str| gguf.weights.matrix(name, [2, 32], DtypeChoice::Auto).unwrap_err().to_string();
    assert!(message("t").starts_with("m.gguf: tensor t is stored as IQ4_NL; supported are F32, "), "{}", message("t"));
    assert!(message("u").contains("stored as type 77"));
    assert!(gguf.weights.matrix("w", [3, 2], DtypeChoice::Auto).unwrap_err().to_string().contains("[2, 3]"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_damage_causes_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut file = super::models::tiny().finish();
        for (at, byte) in changes {
            // Most of the file is numbers: damage before them counts.
            let at = at.index(file.len().min(3000));
            file[at] = byte;
        }
        if cuts {
            file.truncate(cut.index(file.len()));
        }
        if let Ok(gguf) = read(file) {
            let _ = gguf.tokenizer();
            let _ = gguf.config();
        }
    }
}
