//! The nonlinearities of feed-forward networks.

use super::Kernels;
use super::math::{gelu, gelu_tanh, silu};

/// A nonlinearity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x / (1 + e^−x)`, see [`silu`].
    Silu,
    /// `x` times the normal distribution function, see [`gelu`].
    Gelu,
    /// The same by way of `tanh`, see [`gelu_tanh`].
    GeluTanh,
}

/// Steps that an activation counts for when work is dealt to threads.
const STEPS: usize = 16;

impl Kernels {
    /// The gate of a gated feed-forward: `out = activation(gate) · up`.
    ///
    /// `gate_up` is `[positions][2·width]`, the gates first; `out` is `[positions][width]`.
    pub fn gate(&mut self, activation: Activation, gate_up: &[f32], width: usize, out: &mut [f32]) {
        match activation {
            Activation::Silu => self.gate_by(silu, gate_up, width, out),
            Activation::Gelu => self.gate_by(gelu, gate_up, width, out),
            Activation::GeluTanh => self.gate_by(gelu_tanh, gate_up, width, out),
        }
    }

    /// `out = activation(x)`, both `[positions][width]`.
    pub fn activate(&mut self, activation: Activation, x: &[f32], width: usize, out: &mut [f32]) {
        match activation {
            Activation::Silu => self.activate_by(silu, x, width, out),
            Activation::Gelu => self.activate_by(gelu, x, width, out),
            Activation::GeluTanh => self.activate_by(gelu_tanh, x, width, out),
        }
    }

    // Generic over the function, so that it is inlined and the loop vectorizes.
    fn gate_by(&mut self, function: impl Fn(f32) -> f32 + Sync, gate_up: &[f32], width: usize, out: &mut [f32]) {
        let (isa, steps) = (self.isa, out.len() * STEPS);
        self.pool.split(out, width, steps, &|position, out| {
            let (gate, up) = gate_up[position * 2 * width..][..2 * width].split_at(width);
            isa.gate(&function, gate, up, out);
        });
    }

    fn activate_by(&mut self, function: impl Fn(f32) -> f32 + Sync, x: &[f32], width: usize, out: &mut [f32]) {
        let steps = out.len() * STEPS;
        self.pool.split(out, width, steps, &|position, out| {
            for (out, x) in out.iter_mut().zip(&x[position * width..][..width]) {
                *out = function(*x);
            }
        });
    }
}

/// `out = function(gate) · up`.
#[inline(always)]
pub(super) fn gate(function: &impl Fn(f32) -> f32, gate: &[f32], up: &[f32], out: &mut [f32]) {
    for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
        *out = function(*gate) * up;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_multiplies_and_an_activation_stands_alone() {
        let mut kernels = Kernels::new(1);
        let x = [1.0, -2.0, 3.0, 0.5];
        for (activation, function) in
            [(Activation::Silu, silu as fn(f32) -> f32), (Activation::Gelu, gelu), (Activation::GeluTanh, gelu_tanh)]
        {
            let mut gated = [0.0; 2];
            kernels.gate(activation, &x, 2, &mut gated);
            assert_eq!(gated, [function(1.0) * 3.0, function(-2.0) * 0.5]);
            let mut plain = [0.0; 4];
            kernels.activate(activation, &x, 2, &mut plain);
            assert_eq!(plain, x.map(function));
        }
    }
}
