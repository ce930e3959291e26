//! What naga's parser does not take, said in another way.

use super::{
    Edit, continuing, inputs,
    token::{Kind, Token, closing, tokens},
};
use crate::kernel::constant::{
    literal,
    value::{Kind as ScalarKind, Scalar},
};

/// The changes that make `source` the same text in words that naga takes:
///
/// - `--` between operands is two minus signs.
/// - Hexadecimal literals of halves with an exponent become decimal ones.
/// - A name that a `continuing` block declares again is another name there.
/// - Inputs that naga does not know are others, which [`inputs`] puts right in the module.
pub fn mend(source: &str) -> Vec<Edit> {
    let all = tokens(source);
    let mut edits = Vec::new();
    for (i, token) in all.iter().enumerate() {
        match token.text {
            "-" => edits.extend(minus(&all, i)),
            _ if token.kind == Kind::Number => edits.extend(half(token)),
            _ => {}
        }
    }
    edits.extend(continuing::rename(&all));
    edits.extend(inputs::stand_ins(&all));
    edits
}

/// The changes that take the entry points of other stages out of a text that has compute ones: those are nobody's concern
/// here, and may use what naga does not know.
pub fn without_render(source: &str) -> Vec<Edit> {
    if !source.contains("compute") {
        return Vec::new();
    }
    let all = tokens(source);
    let closing = closing(&all);
    let (mut edits, mut start, mut at) = (Vec::new(), 0, 0);
    while at < all.len() {
        let render =
            all[at].text == "@" && all.get(at + 1).is_some_and(|next| matches!(next.text, "vertex" | "fragment"));
        let body = if render { all[at..].iter().position(|token| token.text == "{") } else { None };
        if let Some(body) = body {
            let end = closing[at + body];
            edits.push(Edit::new(all[start].at..all.get(end).map_or(source.len(), Token::end), ""));
            (at, start) = (end + 1, end + 1);
            continue;
        }
        match all[at].text {
            "{" => at = closing[at],
            ";" => {}
            _ => {
                at += 1;
                continue;
            }
        }
        at += 1;
        start = at;
    }
    edits
}

/// A space between two minus signs that are no decrement: behind one of those the statement ends.
fn minus(all: &[Token<'_>], i: usize) -> Option<Edit> {
    let (first, second) = (all[i], all.get(i + 1)?);
    let touch = second.text == "-" && first.end() == second.at;
    let ends = matches!(all.get(i + 2)?.text, ";" | ")");
    (touch && !ends).then(|| Edit::new(second.at..second.at, " "))
}

fn half(token: &Token<'_>) -> Option<Edit> {
    let lower = token.text.to_ascii_lowercase();
    if !(lower.starts_with("0x") && lower.contains('p') && lower.ends_with('h')) {
        return None;
    }
    let value = literal::number(token.text).filter(|value| value.kind() == ScalarKind::F16)?;
    let Scalar::F16(value) = value else { return None };
    Some(Edit::new(token.at..token.end(), format!("{:?}h", value.to_f32())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::text::Edited;

    fn mended(text: &str) -> String {
        Edited::new(text).edit(mend(text)).text
    }

    #[test]
    fn says_it_in_other_words() {
        assert_eq!(mended("y = 3--7; x--; for (;;x--) { y = ---1; }"), "y = 3- -7; x--; for (;;x--) { y = - - -1; }");
        assert_eq!(mended("0x1p-2h + 0x1.8p+1f"), "0.25h + 0x1.8p+1f");
        assert_eq!(
            Edited::new("struct V { @location(0) x: f32 } @x(1) @vertex fn v() { if a {} } @compute fn c() {} @fragment fn f() {}")
                .edit(without_render(
                    "struct V { @location(0) x: f32 } @x(1) @vertex fn v() { if a {} } @compute fn c() {} @fragment fn f() {}"
                ))
                .text,
            "struct V { @location(0) x: f32 }  @compute fn c() {} "
        );
    }
}
