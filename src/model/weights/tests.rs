//! Weight files whole and broken.

use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};

use super::*;
use crate::model::kernels::Elements;

fn values() -> Vec<f32> {
    (0..6).map(|i| i as f32 - 2.5).collect()
}

/// A file with a matrix `w` [2, 3] and a vector `v` [6] in f32, and an integer tensor `ids`.
fn sample() -> Vec<u8> {
    let floats: Vec<u8> = values().iter().flat_map(|v| v.to_le_bytes()).collect();
    let ids = [0_u8; 8];
    let views = [
        ("w", TensorView::new(Dtype::F32, vec![2, 3], &floats).unwrap()),
        ("v", TensorView::new(Dtype::F32, vec![6], &floats).unwrap()),
        ("ids", TensorView::new(Dtype::I64, vec![1], &ids).unwrap()),
    ];
    serialize(views, None).unwrap()
}

fn leaked(bytes: Vec<u8>) -> Result<Weights, ModelError> {
    Weights::from_static("test.safetensors", Vec::leak(bytes))
}

fn widened(matrix: &Matrix) -> Vec<f32> {
    let mut out = vec![0.0; matrix.rows() * matrix.columns()];
    matrix.elements().widen_into(0, &mut out);
    out
}

#[test]
fn tensors_come_as_they_are_stored() {
    let weights = leaked(sample()).unwrap();
    let matrix = weights.matrix("w", [2, 3], DtypeChoice::Auto).unwrap();
    assert_eq!(matrix.dtype(), StoredType::F32);
    assert_eq!(widened(&matrix), values());
    assert_eq!(weights.vector("v", 6).unwrap(), values());
}

#[test]
fn other_types_are_converted_on_demand() {
    let weights = leaked(sample()).unwrap();
    let matrix = weights.matrix("w", [2, 3], DtypeChoice::Bf16).unwrap();
    assert!(matches!(matrix.elements(), Elements::Bf16(got) if got[0] == bf16::from_f32(-2.5)));
    let matrix = weights.matrix("w", [2, 3], DtypeChoice::F16).unwrap();
    assert!(matches!(matrix.elements(), Elements::F16(got) if got[5] == f16::from_f32(2.5)));
    assert!(!matrix.is_in_file());
}

#[test]
fn an_arena_holds_the_same_numbers() {
    let weights = leaked(sample()).unwrap();
    for dtype in [DtypeChoice::Auto, DtypeChoice::Bf16, DtypeChoice::F16] {
        let matrix = || weights.matrix("w", [2, 3], dtype).unwrap();
        for place in [Place::Kept, Place::Arena] {
            let arena = Arena::default();
            let packed = matrix().packed(&arena, place);
            drop(arena);
            assert_eq!((packed.dtype(), widened(&packed)), (matrix().dtype(), widened(&matrix())));
            assert!(place == Place::Kept || !packed.is_in_file());
        }
    }
}

#[test]
fn misaligned_data_is_copied() {
    for shift in 0..4 {
        let file = sample();
        let mut bytes = vec![0_u8; shift];
        bytes.extend(&file);
        let weights = Weights::from_static("shifted", &Vec::leak(bytes)[shift..]).unwrap();
        assert_eq!(widened(&weights.matrix("w", [2, 3], DtypeChoice::Auto).unwrap()), values());
    }
}

#[test]
fn every_truncation_is_an_error() {
    let file = sample();
    for length in 0..file.len() {
        let error = leaked(file[..length].to_vec()).unwrap_err().to_string();
        assert!(error.starts_with("test.safetensors: "), "{error}");
    }
}

#[test]
fn absurd_headers_are_errors() {
    for length in [u64::MAX, u64::MAX - 8, 1 << 40, 100_000_001, 99_999_999] {
        let mut file = sample();
        file[..8].copy_from_slice(&length.to_le_bytes());
        leaked(file).unwrap_err();
    }
    for header in [
        "",
        "[]",
        "{",
        "{\"a\":1}",
        "\u{0}\u{0}",
        r#"{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}}"#,
        r#"{"a":{"dtype":"X","shape":[1],"data_offsets":[0,4]}}"#,
    ] {
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.extend([0; 4]);
        leaked(file).unwrap_err();
    }
}

#[test]
fn no_byte_of_the_header_causes_a_panic() {
    let file = sample();
    let header = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    for position in 0..8 + header {
        for byte in [0, 1, b'"', b'9', b'}', 0x7F, 0xFF] {
            let mut damaged = file.clone();
            damaged[position] = byte;
            if let Ok(weights) = leaked(damaged) {
                let _ = weights.matrix("w", [2, 3], DtypeChoice::Bf16);
                let _ = weights.vector("v", 6);
            }
        }
    }
}

#[test]
fn errors_name_tensor_shapes_types_and_file() {
    let weights = leaked(sample()).unwrap();
    let message = |result: Result<Matrix, ModelError>| result.unwrap_err().to_string();
    let missing = message(weights.matrix("absent", [2, 3], DtypeChoice::Auto));
    assert_eq!(missing, "test.safetensors: tensor absent [2, 3] is missing");
    let shape = message(weights.matrix("w", [3, 2], DtypeChoice::Auto));
    assert_eq!(shape, "test.safetensors: tensor w has shape [2, 3], but the configuration makes it [3, 2]");
    let dtype = weights.vector("ids", 1).unwrap_err().to_string();
    assert_eq!(
        dtype,
        "test.safetensors: tensor ids is stored as I64; supported are F32, BF16, F16, Q8_0, Q8_K, Q6_K, Q5_0, Q5_1, Q5_K, Q4_0, \
         Q4_1, Q4_K, Q3_K, Q2_K"
    );
}

#[test]
fn a_directory_without_weights_says_what_it_should_hold() {
    let directory = tempfile::tempdir().unwrap();
    let error = Weights::open(directory.path()).unwrap_err().to_string();
    assert!(error.contains("model.safetensors.index.json"), "{error}");
    std::fs::write(directory.path().join(SINGLE), "").unwrap();
    assert!(Weights::open(directory.path()).unwrap_err().to_string().contains("truncated"));
}

#[test]
fn shards_are_joined_and_checked() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(directory.path().join(name), bytes).unwrap();
    let open = || Weights::open(directory.path());
    write("a.safetensors", &sample());
    write(INDEX, br#"{"metadata": {}, "weight_map": {"w": "a.safetensors", "v": "a.safetensors"}}"#);
    assert_eq!(open().unwrap().vector("v", 6).unwrap(), values());
    for (index, part) in [
        (r#"{"weight_map": {"x": "a.safetensors"}}"#, "x should be in a.safetensors"),
        (r#"{"weight_map": {"w": "b.safetensors"}}"#, "b.safetensors"),
        (r#"{"weight_map": {"w": "../a.safetensors"}}"#, "not a plain file name"),
        (r#"{"weight_map": {"w": ".."}}"#, "not a plain file name"),
        (r#"{"weight_map": 1}"#, "index.json"),
        ("", "index.json"),
    ] {
        write(INDEX, index.as_bytes());
        let error = open().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    write(INDEX, br#"{"weight_map": {}}"#);
    open().unwrap().vector("v", 6).unwrap_err();
}
