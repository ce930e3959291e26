//! Whether two results of one kernel are the same.

use half::f16;

use crate::kernel::{Binding, Scalar, Type};

/// What is between two results that ought to be the same: the first place where they differ, in words.
///
/// Integers are the same bit for bit. Floats may differ by what another order of the same operations does to their rounding:
/// half of their digits, where terms may have cancelled out as many as leave a few units in the last place of the largest value.
pub(super) fn difference(binding: &Binding, expected: &[u8], found: &[u8]) -> Option<String> {
    if expected == found {
        return None;
    }
    if expected.len() != found.len() {
        return Some(format!("`{}` has {} bytes, not {}", binding.name, found.len(), expected.len()));
    }
    let mut largest = 0.0f64;
    each(binding.ty(), expected.len(), &mut |at, scalar| {
        if let Some((value, _)) = float(scalar, &expected[at..])
            && value.is_finite()
        {
            largest = largest.max(value.abs());
        }
    });
    let mut first = None;
    each(binding.ty(), expected.len(), &mut |at, scalar| {
        if first.is_none() && !is_same(scalar, &expected[at..], &found[at..], largest) {
            first = Some((at, scalar));
        }
    });
    let (at, scalar) = first?;
    let place = match binding.element_stride().filter(|_| binding.is_plain_array()) {
        Some(stride) => format!("`{}[{}]`", binding.name, at / stride as usize),
        None => format!("`{}` at byte {at}", binding.name),
    };
    Some(format!("{place} is {}, not {}", shown(scalar, &found[at..]), shown(scalar, &expected[at..])))
}

/// Calls `visit` with the place and the type of each scalar in data of so many bytes.
fn each(ty: &Type, bytes: usize, visit: &mut impl FnMut(usize, Scalar)) {
    let mut inside = |at: u64, scalar: Scalar| {
        if at as usize + scalar.bytes() <= bytes {
            visit(at as usize, scalar);
        }
    };
    ty.visit(0, &mut inside);
    if let Some((element, stride, start)) = ty.runtime_array() {
        let count = (bytes as u64).saturating_sub(start.into()) / u64::from(stride.max(1));
        (0..count).for_each(|at| element.visit(u64::from(start) + at * u64::from(stride), &mut inside));
    }
}

/// The float that stands at the start of some bytes, and the digits of its type; nothing for other types.
fn float(scalar: Scalar, bytes: &[u8]) -> Option<(f64, i32)> {
    Some(match scalar {
        Scalar::F16 => (f16::from_bits(u16::from_ne_bytes(*bytes.first_chunk()?)).to_f64(), 11),
        Scalar::F32 => (f32::from_ne_bytes(*bytes.first_chunk()?).into(), 24),
        Scalar::F64 => (f64::from_ne_bytes(*bytes.first_chunk()?), 53),
        Scalar::I32 | Scalar::U32 | Scalar::I64 | Scalar::U64 => return None,
    })
}

fn is_same(scalar: Scalar, expected: &[u8], found: &[u8], largest: f64) -> bool {
    let size = scalar.bytes();
    if expected[..size] == found[..size] {
        return true;
    }
    let (Some((a, digits)), Some((b, _))) = (float(scalar, expected), float(scalar, found)) else { return false };
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    let rounding = a.abs().max(b.abs()) * 2f64.powi(-digits / 2) + largest * 2f64.powi(4 - digits);
    a == b || (a - b).abs() <= rounding && a.is_finite() && b.is_finite()
}

fn shown(scalar: Scalar, bytes: &[u8]) -> String {
    let text = |bytes: &[u8]| -> Option<String> {
        Some(match scalar {
            Scalar::I32 => i32::from_ne_bytes(*bytes.first_chunk()?).to_string(),
            Scalar::U32 => u32::from_ne_bytes(*bytes.first_chunk()?).to_string(),
            Scalar::I64 => i64::from_ne_bytes(*bytes.first_chunk()?).to_string(),
            Scalar::U64 => u64::from_ne_bytes(*bytes.first_chunk()?).to_string(),
            Scalar::F16 | Scalar::F32 | Scalar::F64 => float(scalar, bytes)?.0.to_string(),
        })
    };
    text(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Module;

    /// The difference between two contents of a binding of a type.
    fn difference_of(ty: &str, expected: &[u8], found: &[u8]) -> Option<String> {
        let wgsl = format!(
            "struct Pair {{ a: f32, b: vec3u }}
            @group(0) @binding(0) var<storage, read_write> y: {ty};
            @compute @workgroup_size(1) fn k() {{ _ = &y; }}"
        );
        let kernel = Module::parse(&wgsl).and_then(|module| module.only_kernel());
        let kernel = kernel.unwrap_or_else(|error| panic!("{error}"));
        difference(&kernel.bindings()[0], expected, found)
    }

    fn floats(expected: &[f32], found: &[f32]) -> Option<String> {
        difference_of("array<f32>", bytemuck::cast_slice(expected), bytemuck::cast_slice(found))
    }

    #[test]
    fn integers_are_the_same_bit_for_bit() {
        let words = |expected: &[u32], found: &[u32]| {
            difference_of("array<u32>", bytemuck::cast_slice(expected), bytemuck::cast_slice(found))
        };
        assert_eq!(words(&[1, 2], &[1, 2]), None);
        assert_eq!(words(&[1, 1 << 30], &[1, (1 << 30) + 1]), Some("`y[1]` is 1073741825, not 1073741824".into()));
    }

    #[test]
    fn floats_may_be_rounded_otherwise_and_no_more() {
        assert_eq!(floats(&[1.0, 1e6], &[1.0 + 2f32.powi(-13), 1e6]), None);
        assert_eq!(floats(&[1.0, 1.0], &[1.0 + 2f32.powi(-11), 1.0]), Some("`y[0]` is 1.00048828125, not 1".into()));
        // What is left of large terms that cancel out.
        assert_eq!(floats(&[0.0, 1e6], &[0.5, 1e6]), None);
        assert!(floats(&[0.0, 1e6], &[2.0, 1e6]).is_some());
        assert!(floats(&[0.0, 1.0], &[0.001, 1.0]).is_some());
        assert_eq!(floats(&[f32::NAN, f32::INFINITY, 0.0], &[-f32::NAN, f32::INFINITY, -0.0]), None);
        assert!(floats(&[f32::NAN], &[1.0]).is_some() && floats(&[1.0], &[f32::NAN]).is_some());
        assert!(floats(&[f32::INFINITY, 1.0], &[f32::MAX, 1.0]).is_some());
        assert!(floats(&[f32::INFINITY], &[-f32::INFINITY]).is_some());
    }

    #[test]
    fn padding_does_not_count() {
        // The vector stands at byte 16, and 28 to 31 are nothing.
        let mut found = [0u8; 64];
        found[4..16].fill(1);
        found[28..32].fill(1);
        assert_eq!(difference_of("array<Pair>", &[0; 64], &found), None);
        found[48] = 1;
        assert_eq!(difference_of("array<Pair>", &[0; 64], &found), Some("`y[1]` is 1, not 0".into()));
        assert_eq!(difference_of("Pair", &[0; 32], &found[32..]), Some("`y` at byte 16 is 1, not 0".into()));
    }
}
