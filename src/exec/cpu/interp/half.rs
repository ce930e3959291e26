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

/// `a * b + c` of half floats held as single floats, rounded once.
pub(super) fn fma_half(a: u32, b: u32, c: u32) -> u32 {
    let [a, b, c] = [a, b, c].map(|bits| f64::from(f32::from_bits(bits)));
    // The product is exact. The sum is rounded to odd, so that rounding it again cannot tie falsely.
    let product = a * b;
    let sum = to_odd(product, c);
    let single = sum as f32;
    // Round to odd once more on the way to f32.
    let lost = sum - f64::from(single);
    let single = if lost == 0.0 || lost.is_nan() || single.to_bits() & 1 == 1 {
        single
    } else {
        let outwards = (lost > 0.0) == (single > 0.0) || single == 0.0;
        f32::from_bits(if outwards { single.to_bits() + 1 } else { single.to_bits() - 1 })
    };
    round_to_half(single.to_bits())
}

/// `a + b` rounded to odd: the exact sum if it is a double, else the neighbour whose last bit is set.
fn to_odd(a: f64, b: f64) -> f64 {
    let sum = a + b;
    let back = sum - a;
    let error = (a - (sum - back)) + (b - back);
    if error == 0.0 || !error.is_finite() || sum.to_bits() & 1 == 1 {
        return sum;
    }
    let outwards = (error > 0.0) == (sum > 0.0);
    f64::from_bits(if outwards { sum.to_bits() + 1 } else { sum.to_bits() - 1 })
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

    #[test]
    fn fma_rounds_once() {
        let half = |x: f32| round_to_half(x.to_bits());
        // 1 + 2^-10 squared is 1 + 2^-9 + 2^-20; a tie without the last part, so a tiny c decides.
        let a = half(1.0 + 1.0 / 1024.0);
        for (c, want) in [(0.0f32, 1.0 + 2.0 / 1024.0), (0.5 / 1024.0, 1.0 + 3.0 / 1024.0)] {
            assert_eq!(fma_half(a, a, half(c)), half(want), "{c}");
        }
        // 2048 + 1 is a tie that goes down; 2^-24 more makes it go up, though f32 cannot hold the sum.
        let two = half(2048.0);
        let one = half(1.0);
        assert_eq!(fma_half(two, one, one), two);
        let tiny = (2f32).powi(-24).to_bits();
        // 2049 as a product: 683 * 3.
        assert_eq!(fma_half(half(683.0), half(3.0), tiny), half(2050.0));
        assert_eq!(fma_half(half(683.0), half(3.0), tiny | 0x8000_0000), half(2048.0));
        assert!(f32::from_bits(fma_half(f32::INFINITY.to_bits(), 0, 0)).is_nan());
        assert_eq!(fma_half(half(300.0), half(300.0), 0), f32::INFINITY.to_bits());
    }
}
