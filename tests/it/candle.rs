//! The kernels against candle's products: another implementation, the same numbers but for the order of sums.

use candle_core::{DType, Device, Tensor};
use half::{bf16, f16};
use logitscope::model::kernels::{Elements, Kernels, Linear};

fn noise(n: usize, seed: u64) -> Vec<f32> {
    let uniform = |i: usize| logitscope::decode::uniform(seed, 0, i as u64) as f32;
    (0..n).map(|i| 2.0 * uniform(i) - 1.0).collect()
}

/// `x · wᵀ` as candle computes it, from weights as they are after a round trip through `dtype`.
fn candle(w: &[f32], x: &[f32], (rows, width): (usize, usize), dtype: DType) -> candle_core::Result<Vec<f32>> {
    let w = Tensor::from_slice(w, (rows, width), &Device::Cpu)?.to_dtype(dtype)?.to_dtype(DType::F32)?;
    let x = Tensor::from_slice(x, (x.len() / width, width), &Device::Cpu)?;
    x.matmul(&w.t()?)?.flatten_all()?.to_vec1()
}

#[test]
fn products_agree_with_candle() {
    for (rows, width, positions) in [(1, 1, 1), (7, 33, 1), (64, 256, 5), (130, 100, 64), (300, 704, 2)] {
        let (w, x) = (noise(rows * width, 1), noise(positions * width, 2));
        let brain: Vec<bf16> = w.iter().map(|&w| bf16::from_f32(w)).collect();
        let half: Vec<f16> = w.iter().map(|&w| f16::from_f32(w)).collect();
        let formats = [
            (Elements::F32(&w), DType::F32),
            (Elements::Bf16(&brain), DType::BF16),
            (Elements::F16(&half), DType::F16),
        ];
        for (weight, dtype) in formats {
            let mut y = vec![0.0; positions * rows];
            Kernels::new(2).project(&[Linear { weight, rows, bias: None }], &x, width, &mut y);
            let expected = candle(&w, &x, (rows, width), dtype).unwrap();
            for (got, want) in y.iter().zip(&expected) {
                assert!((got - want).abs() < 1e-4, "{rows}×{width} {dtype:?}: {got} is not {want}");
            }
        }
    }
}
