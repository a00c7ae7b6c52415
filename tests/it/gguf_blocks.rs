//! Quantized types: blocks against llama.cpp's `gguf` package and against candle, quantizing against candle.

use std::borrow::Cow;

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{Device, Tensor};
use logitscope::model::StoredType;
use logitscope::model::kernels::{BlockFormat, Blocks, Elements, quantize_q8_0};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    r#type: String,
    /// Hexadecimal.
    bytes: String,
    numbers: Vec<f32>,
}

fn goldens() -> Vec<Golden> {
    serde_json::from_str(include_str!("../golden/gguf/blocks.json")).unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn widened(stored: StoredType, bytes: &[u8]) -> Vec<f32> {
    let blocks = Blocks::new(BlockFormat::of(stored).unwrap(), bytes);
    let mut numbers = vec![f32::NAN; blocks.numbers()];
    Elements::Blocks(blocks).widen_into(0, &mut numbers);
    numbers
}

fn candle_type(stored: StoredType) -> GgmlDType {
    match stored {
        StoredType::F32 => GgmlDType::F32,
        StoredType::Bf16 => GgmlDType::BF16,
        StoredType::F16 => GgmlDType::F16,
        StoredType::Q8_0 => GgmlDType::Q8_0,
        StoredType::Q8K => GgmlDType::Q8K,
        StoredType::Q6K => GgmlDType::Q6K,
        StoredType::Q5_0 => GgmlDType::Q5_0,
        StoredType::Q5_1 => GgmlDType::Q5_1,
        StoredType::Q5K => GgmlDType::Q5K,
        StoredType::Q4_0 => GgmlDType::Q4_0,
        StoredType::Q4_1 => GgmlDType::Q4_1,
        StoredType::Q4K => GgmlDType::Q4K,
        StoredType::Q3K => GgmlDType::Q3K,
        StoredType::Q2K => GgmlDType::Q2K,
    }
}

fn quantized() -> impl Iterator<Item = StoredType> {
    StoredType::NAMES.into_iter().map(|(stored, _)| stored).filter(|stored| BlockFormat::of(*stored).is_some())
}

#[test]
fn blocks_are_what_the_reference_makes_of_them() {
    let goldens = goldens();
    for stored in quantized().filter(|stored| *stored != StoredType::Q8K) {
        assert!(goldens.iter().any(|golden| golden.r#type == stored.name()), "no golden for {}", stored.name());
    }
    for golden in goldens {
        let stored = StoredType::from_name(&golden.r#type).unwrap();
        let numbers = widened(stored, &unhex(&golden.bytes));
        assert_eq!(numbers.len(), golden.numbers.len());
        for (index, (got, want)) in numbers.iter().zip(&golden.numbers).enumerate() {
            assert!((got - want).abs() <= 1e-6 * want.abs(), "{} {index}: {got} is not {want}", golden.r#type);
        }
    }
}

/// Numbers as they are in a model: most of them small.
fn noise(length: usize, seed: u64) -> Vec<f32> {
    let uniform = |i: usize| logitscope::decode::uniform(seed, 0, i as u64) as f32;
    (0..length).map(|i| (2.0 * uniform(2 * i) - 1.0) * uniform(2 * i + 1)).collect()
}

#[test]
fn what_candle_quantizes_comes_back_as_candle_reads_it() {
    for stored in quantized() {
        let numbers = noise(4 * 256, 3);
        let tensor = Tensor::from_slice(&numbers, (4, 256), &Device::Cpu).unwrap();
        let tensor = QTensor::quantize(&tensor, candle_type(stored)).unwrap();
        let want: Vec<f32> = tensor.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let got = widened(stored, &tensor.data().unwrap());
        for (index, (got, want)) in got.iter().zip(&want).enumerate() {
            assert!((got - want).abs() <= 1e-6, "{} {index}: {got} is not {want}", stored.name());
        }
        // Two bits leave a third of such a number open; whatever has more leaves less.
        let error = got.iter().zip(&numbers).map(|(got, number)| (got - number).abs()).fold(0.0, f32::max);
        assert!(error < 0.4, "{}: {error}", stored.name());
    }
}

#[test]
fn quantizing_agrees_with_candle() {
    let numbers = [noise(64 * 32, 5), vec![0.0; 32], vec![-3.0; 32]].concat();
    let tensor = Tensor::from_slice(&numbers, numbers.len(), &Device::Cpu).unwrap();
    let want = QTensor::quantize(&tensor, GgmlDType::Q8_0).unwrap();
    let bytes = quantize_q8_0(&numbers);
    assert_eq!(bytes, want.data().unwrap().into_owned());
    let storage = QStorage::from_data(Cow::Borrowed(&bytes), &Device::Cpu, GgmlDType::Q8_0).unwrap();
    let read =
        QTensor::new(storage, numbers.len()).unwrap().dequantize(&Device::Cpu).unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(widened(StoredType::Q8_0, &bytes), read);
}

#[test]
fn block_sizes_are_those_of_ggml() {
    for (stored, _) in StoredType::NAMES {
        let reference = candle_type(stored);
        assert_eq!(stored.block(), (reference.block_size(), reference.type_size()), "{}", stored.name());
    }
}
