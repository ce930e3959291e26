//! What the kernels share.

/// a b + c: fused where the build has an instruction for it, since without one `mul_add` calls a slow function.
#[inline(always)]
pub fn mul_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(target_feature = "fma") { a.mul_add(b, c) } else { a * b + c }
}

/// The words of a result as bytes.
pub fn bytes<const N: usize, T>(values: &[T], to_bytes: impl Fn(&T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(to_bytes).collect()
}

/// The bytes of floats.
pub fn float_bytes(values: &[f32]) -> Vec<u8> {
    bytes(values, |value| value.to_le_bytes())
}

/// The bytes of integers.
pub fn integer_bytes(values: &[u32]) -> Vec<u8> {
    bytes(values, |value| value.to_le_bytes())
}
