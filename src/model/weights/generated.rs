//! Weights that no file holds: pseudorandom numbers, made when they are asked for, in the type that they are kept in.

use half::{bf16, f16};

use super::{FileBytes, Tensor};
use crate::model::kernels::{Element, quantize_q8_0};
use crate::model::{ModelError, StoredType};

/// Standard deviation of the numbers, as most models begin their training with.
const DEVIATION: f32 = 0.02;
/// Numbers that are made at a time; whole blocks of every type.
const CHUNK: usize = 4096;

/// Makes a tensor of a shape: the weights of a norm are 1, all other numbers about normal with a deviation of 0.02.
///
/// They are a function of the tensor's name alone, so that they are the same on every machine; a type narrower than `f32` holds
/// them rounded.
///
/// # Errors
/// There is no memory for it.
pub(super) fn tensor(file: &str, name: &str, shape: &[usize], dtype: StoredType) -> Result<Tensor, ModelError> {
    let (length, size) = dtype.block();
    let bytes = shape.iter().product::<usize>() / length * size;
    let seed = seed(name);
    let is_norm = shape.len() == 1 && !name.ends_with("bias");
    let encode = encoder(dtype);
    let made = FileBytes::made(file, bytes, |data| {
        let mut numbers = [1.0; CHUNK];
        for (index, chunk) in data.chunks_mut(CHUNK / length * size).enumerate() {
            let numbers = &mut numbers[..chunk.len() / size * length];
            if !is_norm {
                fill(seed, (index * CHUNK) as u32, numbers);
            }
            encode(numbers, chunk);
        }
    })?;
    Ok(Tensor { file: made, range: 0..bytes, shape: shape.to_vec(), dtype: Ok(dtype) })
}

/// What writes numbers as a type stores them.
fn encoder(dtype: StoredType) -> fn(&[f32], &mut [u8]) {
    fn narrow<T: Element>(numbers: &[f32], out: &mut [u8]) {
        for (out, number) in out.chunks_exact_mut(size_of::<T>()).zip(numbers) {
            out.copy_from_slice(bytemuck::bytes_of(&T::narrow(*number)));
        }
    }
    match dtype {
        StoredType::Bf16 => narrow::<bf16>,
        StoredType::F16 => narrow::<f16>,
        StoredType::Q8_0 => |numbers, out| out.copy_from_slice(&quantize_q8_0(numbers)),
        _ => narrow::<f32>,
    }
}

/// FNV-1a (Fowler, Noll and Vo) of a name.
fn seed(name: &str) -> u32 {
    name.bytes().fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// The numbers from `start` on.
fn fill(seed: u32, start: u32, out: &mut [f32]) {
    for (index, out) in (start..).zip(out) {
        *out = normal(mixed(seed ^ index.wrapping_mul(0x9E37_79B1)));
    }
}

/// The finalizer of `MurmurHash3` (Appleby): each bit of the input changes about half of those of the output.
fn mixed(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x85EB_CA6B);
    x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
    x ^ (x >> 16)
}

/// The sum of four uniform bytes, near enough to normal: mean 510, variance 4·(256² − 1)/12.
fn normal(bits: u32) -> f32 {
    const SCALE: f32 = DEVIATION / 147.800_77;
    let pairs = (bits & 0x00FF_00FF) + (bits >> 8 & 0x00FF_00FF);
    let sum = (pairs & 0xFFFF) + (pairs >> 16);
    (sum.cast_signed() - 510) as f32 * SCALE
}

#[cfg(test)]
mod tests {
    use crate::model::DtypeChoice;
    use crate::model::weights::Weights;

    fn numbers(name: &str, shape: [usize; 2], dtype: DtypeChoice) -> Vec<f32> {
        let matrix = Weights::generated("w").matrix(name, shape, dtype).unwrap();
        assert!(matrix.is_in_file(), "made as it is kept");
        let mut numbers = vec![0.0; shape[0] * shape[1]];
        matrix.elements().widen_into(0, &mut numbers);
        numbers
    }

    #[test]
    fn they_are_about_normal_and_differ_from_name_to_name() {
        let (a, b) = (numbers("a", [300, 320], DtypeChoice::Auto), numbers("b", [300, 320], DtypeChoice::Auto));
        let mean = |values: &mut dyn Iterator<Item = f32>| values.map(f64::from).sum::<f64>() / a.len() as f64;
        assert!(mean(&mut a.iter().copied()).abs() < 2e-4);
        assert!((mean(&mut a.iter().map(|x| x * x)).sqrt() - 0.02).abs() < 2e-4);
        // Of a normal distribution 68.3 % lie within one deviation; of two independent ones the products cancel.
        assert!((mean(&mut a.iter().map(|x| f32::from(x.abs() < 0.02))) - 0.683).abs() < 0.02);
        assert!((mean(&mut a.iter().zip(&b).map(|(x, y)| x * y)) / 4e-4).abs() < 0.02);
        assert!((mean(&mut a.iter().zip(&a[1..]).map(|(x, y)| x * y)) / 4e-4).abs() < 0.02);
    }

    #[test]
    fn narrower_types_hold_the_same_numbers_rounded() {
        let wide = Weights::generated("w").matrix("a", [3, 4160], DtypeChoice::F32).unwrap();
        for dtype in [DtypeChoice::Bf16, DtypeChoice::F16, DtypeChoice::Q8_0] {
            let mut rounded = vec![0.0; 3 * 4160];
            let again = Weights::generated("w").matrix("a", [3, 4160], DtypeChoice::F32).unwrap();
            again.converted(dtype).elements().widen_into(0, &mut rounded);
            assert_eq!(numbers("a", [3, 4160], dtype), rounded, "{dtype:?}");
        }
        // 33 columns don't make blocks of 32.
        assert_eq!(numbers("a", [2, 33], DtypeChoice::Q8_0), numbers("a", [2, 33], DtypeChoice::F32));
        assert_eq!(wide.bytes(), 3 * 4160 * 4);
    }

    #[test]
    fn norms_are_one_and_biases_small() {
        let weights = Weights::generated("w");
        assert_eq!(weights.vector("layers.0.norm.weight", 5).unwrap(), [1.0; 5]);
        let bias = weights.vector("layers.0.q_proj.bias", 500).unwrap();
        assert!(bias.iter().any(|x| *x != 0.0) && bias.iter().all(|x| x.abs() < 0.08));
    }
}
