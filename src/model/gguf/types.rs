//! The types that tensors of a GGUF file may have: `ggml_type` in ggml's `ggml.h`.

use crate::model::StoredType;

/// Number and name of every type; those that [`StoredType`] has, under the same name, can be used.
const TYPES: &[(u32, &str)] = &[
    (0, "f32"),
    (1, "f16"),
    (2, "q4_0"),
    (3, "q4_1"),
    (6, "q5_0"),
    (7, "q5_1"),
    (8, "q8_0"),
    (9, "q8_1"),
    (10, "q2_k"),
    (11, "q3_k"),
    (12, "q4_k"),
    (13, "q5_k"),
    (14, "q6_k"),
    (15, "q8_k"),
    (16, "iq2_xxs"),
    (17, "iq2_xs"),
    (18, "iq3_xxs"),
    (19, "iq1_s"),
    (20, "iq4_nl"),
    (21, "iq3_s"),
    (22, "iq2_s"),
    (23, "iq4_xs"),
    (24, "i8"),
    (25, "i16"),
    (26, "i32"),
    (27, "i64"),
    (28, "f64"),
    (29, "iq1_m"),
    (30, "bf16"),
    (34, "tq1_0"),
    (35, "tq2_0"),
    (39, "mxfp4"),
    (40, "nvfp4"),
    (41, "q1_0"),
    (42, "q2_0"),
];

/// The type of a number, or the name of one that can't be used.
pub(super) fn stored_type(number: u32) -> Result<StoredType, String> {
    match TYPES.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => StoredType::from_name(name).ok_or_else(|| name.to_uppercase()),
        None => Err(format!("type {number}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_can_be_used_has_a_number() {
        for (stored, name) in StoredType::NAMES {
            assert!(TYPES.iter().any(|(number, _)| stored_type(*number) == Ok(stored)), "{name}");
        }
        assert_eq!(stored_type(39), Err("MXFP4".into()));
        assert_eq!(stored_type(99), Err("type 99".into()));
    }
}
