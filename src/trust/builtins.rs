//! Built-in functions at some points, with what they give there.
//!
//! `{-2.5}`, `{7u}` and `{-7i}` in an expression are values that no compiler knows. Floats are compared as loosely as the
//! least accurate of WGSL's functions may be: what is looked for is a function that does something else.

use Expected::{Bits, Near};

/// What an expression gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Expected {
    /// These bits.
    Bits(u32),
    /// About this, as a float.
    Near(f32),
}

/// A function, an expression of type `f32` or, where bits are expected, `u32`, and what it gives.
type Point = (&'static str, &'static str, Expected);

/// Points, function by function.
#[rustfmt::skip]
pub(super) const POINTS: &[Point] = &[
    ("abs", "abs({-2.5})", Near(2.5)),
    ("abs", "u32(abs({-7i}))", Bits(7)),
    ("acos", "acos({0.5})", Near(1.047_197_6)),
    ("acosh", "acosh({2.0})", Near(1.316_957_9)),
    ("asin", "asin({0.5})", Near(0.523_598_8)),
    ("asinh", "asinh({1.5})", Near(1.194_763_2)),
    ("atan", "atan({-2.0})", Near(-1.107_148_7)),
    ("atan2", "atan2({1.0}, {-2.0})", Near(2.677_945)),
    ("atanh", "atanh({0.5})", Near(0.549_306_15)),
    ("ceil", "ceil({-1.5})", Near(-1.0)),
    ("clamp", "clamp({5.0}, {1.0}, {3.0})", Near(3.0)),
    ("clamp", "u32(clamp({-7i}, {2i}, {9i}))", Bits(2)),
    ("cos", "cos({2.0})", Near(-0.416_146_84)),
    ("cosh", "cosh({1.5})", Near(2.352_409_6)),
    ("countLeadingZeros", "countLeadingZeros({0x00012345u})", Bits(15)),
    ("countLeadingZeros", "countLeadingZeros({0u})", Bits(32)),
    ("countOneBits", "countOneBits({0xf0f01234u})", Bits(13)),
    ("countTrailingZeros", "countTrailingZeros({0x00500000u})", Bits(20)),
    ("countTrailingZeros", "countTrailingZeros({0u})", Bits(32)),
    ("cross", "cross(vec3f({1.0}, {2.0}, {3.0}), vec3f({-2.0}, {0.5}, {4.0})).y", Near(-10.0)),
    ("degrees", "degrees({2.0})", Near(114.591_56)),
    ("determinant", "determinant(mat2x2f({1.0}, {2.0}, {3.0}, {5.0}))", Near(-1.0)),
    ("distance", "distance(vec2f({1.0}, {2.0}), vec2f({4.0}, {6.0}))", Near(5.0)),
    ("dot", "dot(vec4f({1.0}, {2.0}, {3.0}, {4.0}), vec4f({2.0}, {-1.0}, {0.5}, {3.0}))", Near(13.5)),
    ("dot", "dot(vec3u({3u}, {5u}, {7u}), vec3u({2u}, {4u}, {0xffffffffu}))", Bits(19)),
    ("dot4I8Packed", "u32(dot4I8Packed({0xff020304u}, {0x02010101u}))", Bits(7)),
    ("dot4U8Packed", "dot4U8Packed({0xff020304u}, {0x02010101u})", Bits(519)),
    ("exp", "exp({1.5})", Near(4.481_689)),
    ("exp2", "exp2({3.5})", Near(11.313_708)),
    ("extractBits", "extractBits({0x12345678u}, {8u}, {12u})", Bits(0x456)),
    ("extractBits", "bitcast<u32>(extractBits({-200i}, {4u}, {6u}))", Bits(0xffff_fff3)),
    ("faceForward", "faceForward(vec2f({1.0}, {2.0}), vec2f({1.0}, {0.0}), vec2f({3.0}, {1.0})).y", Near(-2.0)),
    ("firstLeadingBit", "firstLeadingBit({0x00012345u})", Bits(16)),
    ("firstLeadingBit", "bitcast<u32>(firstLeadingBit({-9i}))", Bits(3)),
    ("firstTrailingBit", "firstTrailingBit({0x00500000u})", Bits(20)),
    ("floor", "floor({-1.5})", Near(-2.0)),
    ("fma", "fma({2.0}, {3.0}, {4.5})", Near(10.5)),
    ("fract", "fract({-0.25})", Near(0.75)),
    ("frexp", "frexp({5.0}).fract", Near(0.625)),
    ("frexp", "u32(frexp({5.0}).exp)", Bits(3)),
    ("insertBits", "insertBits({0x12345678u}, {0xabu}, {8u}, {8u})", Bits(0x1234_ab78)),
    ("inverseSqrt", "inverseSqrt({6.25})", Near(0.4)),
    ("ldexp", "ldexp({1.5}, {4i})", Near(24.0)),
    ("length", "length(vec3f({2.0}, {3.0}, {6.0}))", Near(7.0)),
    ("log", "log({10.0})", Near(2.302_585)),
    ("log2", "log2({10.0})", Near(3.321_928)),
    ("max", "max({-2.5}, {1.5})", Near(1.5)),
    ("max", "u32(max({-7i}, {3i}))", Bits(3)),
    ("max", "max({0xfffffff0u}, {3u})", Bits(0xffff_fff0)),
    ("min", "min({-2.5}, {1.5})", Near(-2.5)),
    ("min", "bitcast<u32>(min({-7i}, {3i}))", Bits(0xffff_fff9)),
    ("min", "min({0xfffffff0u}, {3u})", Bits(3)),
    ("mix", "mix({1.0}, {3.0}, {0.25})", Near(1.5)),
    ("modf", "modf({-3.75}).fract", Near(-0.75)),
    ("modf", "modf({-3.75}).whole", Near(-3.0)),
    ("normalize", "normalize(vec2f({3.0}, {4.0})).y", Near(0.8)),
    ("pack2x16float", "pack2x16float(vec2f({1.0}, {-2.0}))", Bits(0xc000_3c00)),
    ("pack2x16snorm", "pack2x16snorm(vec2f({1.0}, {-1.0}))", Bits(0x8001_7fff)),
    ("pack2x16unorm", "pack2x16unorm(vec2f({1.0}, {0.0}))", Bits(0x0000_ffff)),
    ("pack4x8snorm", "pack4x8snorm(vec4f({1.0}, {-1.0}, {0.0}, {1.0}))", Bits(0x7f00_817f)),
    ("pack4x8unorm", "pack4x8unorm(vec4f({1.0}, {0.0}, {0.0}, {1.0}))", Bits(0xff00_00ff)),
    ("pack4xI8", "pack4xI8(vec4i({1i}, {-1i}, {2i}, {-2i}))", Bits(0xfe02_ff01)),
    ("pack4xI8Clamp", "pack4xI8Clamp(vec4i({300i}, {-300i}, {2i}, {-2i}))", Bits(0xfe02_807f)),
    ("pack4xU8", "pack4xU8(vec4u({1u}, {255u}, {2u}, {3u}))", Bits(0x0302_ff01)),
    ("pack4xU8Clamp", "pack4xU8Clamp(vec4u({300u}, {255u}, {2u}, {3u}))", Bits(0x0302_ffff)),
    ("pow", "pow({3.0}, {2.5})", Near(15.588_457)),
    ("quantizeToF16", "quantizeToF16({1.00049})", Near(1.0)),
    ("radians", "radians({90.0})", Near(1.570_796_4)),
    ("reflect", "reflect(vec2f({1.0}, {-1.0}), vec2f({0.0}, {1.0})).y", Near(1.0)),
    ("refract", "refract(vec2f({0.0}, {-1.0}), vec2f({0.0}, {1.0}), {0.5}).y", Near(-1.0)),
    ("reverseBits", "reverseBits({0x00012345u})", Bits(0xa2c4_8000)),
    ("round", "round({2.5})", Near(2.0)),
    ("saturate", "saturate({1.5})", Near(1.0)),
    ("sign", "sign({-3.0})", Near(-1.0)),
    ("sign", "bitcast<u32>(sign({-7i}))", Bits(0xffff_ffff)),
    ("sin", "sin({2.0})", Near(0.909_297_4)),
    ("sinh", "sinh({1.5})", Near(2.129_279_5)),
    ("smoothstep", "smoothstep({0.0}, {2.0}, {0.5})", Near(0.156_25)),
    ("sqrt", "sqrt({6.25})", Near(2.5)),
    ("step", "step({1.0}, {2.0})", Near(1.0)),
    ("tan", "tan({1.0})", Near(1.557_407_7)),
    ("tanh", "tanh({0.5})", Near(0.462_117_16)),
    ("transpose", "transpose(mat2x2f({1.0}, {2.0}, {3.0}, {5.0}))[0].y", Near(3.0)),
    ("trunc", "trunc({-1.75})", Near(-1.0)),
    ("unpack2x16float", "unpack2x16float({0xc0003c00u}).y", Near(-2.0)),
    ("unpack2x16snorm", "unpack2x16snorm({0x80017fffu}).y", Near(-1.0)),
    ("unpack2x16unorm", "unpack2x16unorm({0x0000ffffu}).x", Near(1.0)),
    ("unpack4x8snorm", "unpack4x8snorm({0x7f00817fu}).y", Near(-1.0)),
    ("unpack4x8unorm", "unpack4x8unorm({0xff0000ffu}).w", Near(1.0)),
    ("unpack4xI8", "bitcast<u32>(unpack4xI8({0xfe02ff01u}).w)", Bits(0xffff_fffe)),
    ("unpack4xU8", "unpack4xU8({0xfe02ff01u}).w", Bits(0xfe)),
];

/// The functions that are probed.
pub(crate) fn functions() -> impl Iterator<Item = &'static str> {
    POINTS.chunk_by(|one, next| one.0 == next.0).map(|points| points[0].0)
}

/// WGSL that is true where a point gives what it should; `f` is one and `u` is one, which no compiler knows.
pub(super) fn condition(&(_, expression, expected): &Point) -> String {
    let mut text = String::new();
    let mut rest = expression;
    while let Some((before, (value, behind))) =
        rest.split_once('{').and_then(|(before, behind)| Some((before, behind.split_once('}')?)))
    {
        text += before;
        text += &match value.as_bytes().last() {
            Some(b'u') => format!("({value} * u)"),
            Some(b'i') => format!("({value} * i32(u))"),
            _ => format!("({value} * f)"),
        };
        rest = behind;
    }
    text += rest;
    match expected {
        Bits(bits) => format!("{text} == {bits}u"),
        // Written so that a NaN is not near.
        Near(value) => format!("abs({text} - {value:?}) <= {:?}", 1e-3 + 2e-3 * value.abs()),
    }
}
