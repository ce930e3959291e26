//! Exponents of `frexp` of halves, to which naga gives 16 bits: where 32 are wanted, a conversion is written.

use naga::front::wgsl::ParseError;

use super::Edit;

/// So many conversions of one text are found out one by one, each by an attempt to parse it.
pub const MOST: usize = 64;

/// What makes an exponent one of 32 bits, where it is what naga's error is about.
pub fn widen(error: &ParseError) -> Vec<Edit> {
    let mut labels = error.labels();
    labels
        .find_map(|(span, label)| {
            let wide = match label.strip_prefix("this expression has type ")? {
                "i16" => "i32",
                "vec2<i16>" => "vec2<i32>",
                "vec3<i16>" => "vec3<i32>",
                "vec4<i16>" => "vec4<i32>",
                _ => return None,
            };
            let range = span.to_range()?;
            let before = Edit::new(range.start..range.start, format!("{wide}("));
            Some(vec![before, Edit::new(range.end..range.end, ")")])
        })
        .unwrap_or_default()
}
