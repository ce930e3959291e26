//! Half floats, as integer arithmetic on single floats so that the loops over lanes vectorise.

/// The nearest half float to the single float `bits` (ties to even, overflow to infinity), as a single float.
#[inline(always)]
pub(super) fn round_to_half(bits: u32) -> u32 {
    let sign = bits & 0x8000_0000;
    let abs = bits & 0x7fff_ffff;
    // Under 2^-14 halves are multiples of 2^-24, which is the ulp of floats from 0.5 up to 1.
    let small = (f32::from_bits(abs) + 0.5 - 0.5).to_bits();
    let normal = abs.wrapping_add(0xfff + ((abs >> 13) & 1)) & !0x1fff;
    let finite = if abs < 0x3880_0000 { small } else { normal };
    // 65520 and above round to infinity.
    let rounded = if abs >= 0x477f_f000 { 0x7f80_0000 } else { finite };
    let result = if abs > 0x7f80_0000 { abs } else { rounded };
    sign | result
}

/// The half float with the value of the single float `bits`, which a half can represent.
#[inline(always)]
pub(super) fn to_half(bits: u32) -> u32 {
    let sign = (bits >> 16) & 0x8000;
    let abs = bits & 0x7fff_ffff;
    // Multiples of 2^-24: adding 0.5 leaves the multiple in the mantissa.
    let small = (f32::from_bits(abs) + 0.5).to_bits() & 0x7ff;
    let normal = abs.wrapping_sub(112 << 23) >> 13;
    let finite = if abs < 0x3880_0000 { small } else { normal };
    let infinite = if abs > 0x7f80_0000 { 0x7e00 } else { 0x7c00 };
    sign | if abs >= 0x7f80_0000 { infinite } else { finite }
}

/// The single float with the value of the half float in the low 16 bits.
#[inline(always)]
pub(super) fn from_half(half: u32) -> u32 {
    let sign = (half & 0x8000) << 16;
    let abs = half & 0x7fff;
    // The integer `abs`, as a float, times 2^-24.
    let small = (f32::from_bits(abs | 0x3f00_0000) - 0.5).to_bits();
    let normal = (abs << 13).wrapping_add(112 << 23);
    let infinite = 0x7f80_0000 | (abs << 13);
    let finite = if abs < 0x400 { small } else { normal };
    sign | if abs >= 0x7c00 { infinite } else { finite }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_converts_both_ways() {
        for bits in 0..=u16::MAX {
            let want = half::f16::from_bits(bits);
            let single = from_half(u32::from(bits));
            if want.is_nan() {
                assert!(f32::from_bits(single).is_nan());
                assert!(half::f16::from_bits(to_half(single) as u16).is_nan());
            } else {
                assert_eq!(single, want.to_f32_const().to_bits(), "{bits:#x}");
                assert_eq!(to_half(single), u32::from(bits), "{bits:#x}");
                assert_eq!(round_to_half(single), single);
            }
        }
    }

    #[test]
    fn rounding_agrees_with_the_half_crate() {
        let mut bits = 0u32;
        loop {
            let value = f32::from_bits(bits);
            let want = half::f16::from_f32_const(value).to_f32_const();
            let got = f32::from_bits(round_to_half(bits));
            assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{value:e}: {got:e}, {want:e}");
            match bits.checked_add(7919) {
                Some(next) => bits = next,
                None => break,
            }
        }
        for (value, want) in [(65519.996f32, 65504.0), (65520.0, f32::INFINITY), (2.9802322e-8, 0.0)] {
            assert_eq!(f32::from_bits(round_to_half(value.to_bits())), want);
            assert_eq!(f32::from_bits(round_to_half((-value).to_bits())), -want);
        }
    }
}
