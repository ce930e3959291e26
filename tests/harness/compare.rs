//! Compares what a kernel wrote with what its header expects.

use half::f16;
use libtest_mimic::{Failed, Trial};

use super::{
    expression::Number,
    header::{Buffer, Case, Role, Tolerance},
    values::{Entry, Scalar, Value},
};

/// Differences that are printed of each buffer.
const SHOWN: usize = 6;

/// Compares all buffers that are written.
///
/// # Errors
///
/// A line for each difference.
pub fn buffers(place: &str, buffers: &[Buffer], contents: &[Vec<u8>]) -> Result<(), String> {
    let mut lines = Vec::new();
    for (buffer, after) in buffers.iter().zip(contents) {
        if buffer.role != Role::In {
            compare(place, buffer, after, &mut lines);
        }
    }
    if lines.is_empty() { Ok(()) } else { Err(lines.join("\n")) }
}

fn compare(place: &str, buffer: &Buffer, after: &[u8], lines: &mut Vec<String>) {
    let mut offset = 0;
    let mut differences = 0;
    for (i, entry) in buffer.after.iter().enumerate() {
        let bytes = entry.scalar.bytes();
        let (was, got) = (read(&buffer.before, offset, bytes), read(after, offset, bytes));
        offset += bytes;
        if agrees(entry, was, got, &buffer.tolerance, i) {
            continue;
        }
        differences += 1;
        if differences <= SHOWN {
            let (name, expected) = (&buffer.name, describe(entry, was));
            lines.push(format!("{place}: {name}[{i}]: got {}, expected {expected}", show(entry.scalar, got)));
        }
    }
    if differences > SHOWN {
        lines.push(format!("{place}: {}: {} more differences", buffer.name, differences - SHOWN));
    }
}

fn read(bytes: &[u8], offset: usize, count: usize) -> u32 {
    let mut word = [0; 4];
    word[..count].copy_from_slice(&bytes[offset..offset + count]);
    u32::from_le_bytes(word)
}

fn agrees(entry: &Entry, was: u32, got: u32, tolerance: &Tolerance, i: usize) -> bool {
    let number = match entry.value {
        Value::Anything => return true,
        Value::Untouched => return got == was,
        Value::Bits(bits) => return got == bits,
        Value::Number(number) => number,
    };
    let (Ok(wanted), Number::Real(real)) = (entry.scalar.bits(number), entry.scalar.number(got)) else {
        return entry.scalar.bits(number) == Ok(got);
    };
    if number.real().is_nan() {
        return real.is_nan();
    }
    got == wanted || close(entry.scalar, number.real(), real, tolerance, i)
}

/// Whether a float is within one of the limits.
fn close(scalar: Scalar, expected: f64, got: f64, tolerance: &Tolerance, i: usize) -> bool {
    let rounded = match scalar {
        Scalar::F16 => f16::from_f64(expected).to_f64(),
        _ => f64::from(expected as f32),
    };
    if !rounded.is_finite() || !got.is_finite() {
        return rounded == got;
    }
    let within = |limits: &Option<Vec<f64>>, unit: f64| {
        limits.as_ref().is_some_and(|limits| (got - expected).abs() <= limits[i] * unit)
    };
    within(&tolerance.abs, 1.0)
        || within(&tolerance.rel, expected.abs())
        || within(&tolerance.ulp, ulp(scalar, expected))
}

/// The distance between the floats around `x`.
fn ulp(scalar: Scalar, x: f64) -> f64 {
    let (bits, smallest) = if scalar == Scalar::F16 { (10, -14) } else { (23, -126) };
    let exponent = if x == 0.0 { smallest } else { (x.abs().log2().floor() as i32).max(smallest) };
    2f64.powi(exponent - bits)
}

fn show(scalar: Scalar, bits: u32) -> String {
    match scalar {
        Scalar::F32 => format!("{} ({bits:#010x})", f32::from_bits(bits)),
        Scalar::F16 => format!("{} ({bits:#06x})", f16::from_bits(bits as u16)),
        Scalar::I32 => format!("{} ({bits:#010x})", bits as i32),
        Scalar::U32 | Scalar::Bool => format!("{bits} ({bits:#010x})"),
    }
}

fn describe(entry: &Entry, was: u32) -> String {
    match entry.value {
        Value::Untouched => format!("what was there, {}", show(entry.scalar, was)),
        Value::Number(number) => match entry.scalar.bits(number) {
            Ok(bits) if entry.scalar.is_float() => format!("{} of {}", show(entry.scalar, bits), number.real()),
            Ok(bits) => show(entry.scalar, bits),
            Err(error) => error,
        },
        Value::Bits(bits) => show(entry.scalar, bits),
        Value::Anything => "anything".into(),
    }
}

/// Trials of the harness itself: it must find differences, and mistakes in headers.
pub fn own_trials() -> Vec<Trial> {
    // What is expected, what was got, whether they agree. Before the run everything is poison.
    const COMPARISONS: &[(&str, u32, bool)] = &[
        ("u32 = 7", 7, true),
        ("u32 = 7", 8, false),
        ("i32 = -1", !0, true),
        ("u32 = _", 8, true),
        ("u32 = untouched", 0xdead_beef, true),
        ("u32 = untouched", 0, false),
        ("f32 = 1", 0x3f80_0000, true),
        ("f32 = 1", 0x3f80_0001, false),
        ("f32 = 1 ~ ulp 1", 0x3f80_0001, true),
        ("f32 = 1 ~ ulp 1", 0x3f80_0002, false),
        ("f32 = 1 ~ ulp 1 abs 1e-3", 0x3f80_0002, true),
        ("f32 = 1 ~ abs 1e-3", 0x3f81_0000, false),
        ("f32 = 0", 0x8000_0000, false),
        ("f32 = 0 ~ abs 0", 0x8000_0000, true),
        ("f32 = nan", 0x7fc0_0001, true),
        ("f32 = nan", 0x7f80_0000, false),
        ("f32 = inf ~ abs 1e30", 0x7f7f_ffff, false),
        ("f32 = 1 ~ abs 1e30", 0x7fc0_0000, false),
        ("f32 = 0x7fc00000", 0x7fc0_0001, false),
        ("u32 = each(1, 2 + 3 * 4 - (1 << 2) % 3)", 13, true),
        ("u32 = each(1, sum(k, 1, 5, k * k) == 30 ? u32(-1) : 0)", !0, true),
        ("f32 = each(1, f32(1 / 3.0))", 0x3eaa_aaab, true),
    ];
    const MISTAKES: &[(&str, &str)] = &[
        ("//! grid: 1\n//! out y: u32 = 1 x", "case.wgsl:2: `out y: u32 = 1 x`: `x` is no value"),
        ("//! grid: 1 2 3 4", "at most three axes"),
        ("//! grid: 1\n//! in x: u32 = 1", "nothing is compared"),
        ("//! out y: u32 = 1", "has no `grid:`"),
        ("//! inout y: u32 = 1 -> 1 2", "4 bytes before and 8 after"),
        ("//! out y: u32 = -1", ""),
        ("//! device: cpu", "say why"),
        ("//! outt y: u32 = 1", "there is no `outt`"),
    ];
    let comparisons = Trial::test("harness/comparisons", || {
        for &(text, got, agree) in COMPARISONS {
            let case = Case::parse("case", &format!("//! grid: 1\n//! out y: {text}")).map_err(Failed::from)?;
            let outcome = buffers("here", &case.buffers, &[got.to_le_bytes().to_vec()]);
            if outcome.is_ok() != agree {
                return Err(format!("`{text}` and {got:#x}: {outcome:?}").into());
            }
        }
        Ok(())
    });
    let mistakes = Trial::test("harness/mistakes", || {
        for &(text, part) in MISTAKES {
            match Case::parse("case", text) {
                Err(error) if error.contains(part) => {}
                Err(error) => return Err(format!("`{text}` gives other words than `{part}`: {error}").into()),
                Ok(_) => return Err(format!("`{text}` is accepted").into()),
            }
        }
        Ok(())
    });
    vec![comparisons, mistakes]
}
