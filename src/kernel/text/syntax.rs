//! What naga's parser does not take, said in another way.

use rustc_hash::FxHashSet;

use super::{
    Edit, inputs,
    token::{Kind, Token, tokens},
};
use crate::kernel::constant::{
    literal,
    names::name_of_declaration,
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
    // The names that each open block declares.
    let mut blocks: Vec<FxHashSet<&str>> = Vec::new();
    for (i, token) in all.iter().enumerate() {
        match token.text {
            "-" => edits.extend(minus(&all, i)),
            "{" => blocks.push(FxHashSet::default()),
            "}" => drop(blocks.pop()),
            "let" | "var" | "const" => {
                if let (Some(block), Some(name)) = (blocks.last_mut(), name_of_declaration(&all, i)) {
                    block.insert(all[name].text);
                }
            }
            "continuing" if all.get(i + 1).is_some_and(|next| next.text == "{") => {
                if let Some(names) = blocks.last() {
                    edits.extend(continuing(&all, i + 1, names));
                }
            }
            _ if token.kind == Kind::Number => edits.extend(half(token)),
            _ => {}
        }
    }
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
    let (mut edits, mut start, mut at) = (Vec::new(), 0, 0);
    while at < all.len() {
        let render =
            all[at].text == "@" && all.get(at + 1).is_some_and(|next| matches!(next.text, "vertex" | "fragment"));
        let body = all[at..].iter().position(|token| token.text == "{").filter(|_| render);
        if let Some(body) = body {
            let end = block_end(&all, at + body);
            edits.push(Edit::new(all[start].at..all.get(end).map_or(source.len(), Token::end), ""));
            (at, start) = (end + 1, end + 1);
            continue;
        }
        match all[at].text {
            "{" => at = block_end(&all, at),
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

/// The token that closes the block which token `open` opens.
fn block_end(all: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0usize;
    let length = all[open..].iter().position(|token| {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    length.map_or(all.len(), |length| open + length)
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

/// New names for those that the block which opens at token `open` declares though `outer` has them.
fn continuing(all: &[Token<'_>], open: usize, outer: &FxHashSet<&str>) -> Vec<Edit> {
    let mut edits = Vec::new();
    let end = block_end(all, open);
    let (mut depth, mut at) = (0usize, open);
    while at < end {
        match all[at].text {
            "{" => depth += 1,
            "}" => depth -= 1,
            "let" | "var" | "const" if depth == 1 => {
                let name = name_of_declaration(all, at).filter(|&name| outer.contains(all[name].text));
                if let Some(name) = name {
                    edits.extend(renamed(all, name, end));
                }
            }
            _ => {}
        }
        at += 1;
    }
    edits
}

/// The name at token `name` changed where it is declared and from the end of that statement to token `end`.
fn renamed(all: &[Token<'_>], name: usize, end: usize) -> Vec<Edit> {
    let old = all[name].text;
    let taken = |new: &str| all.iter().any(|token| token.text == new);
    let new = (1..).map(|n| format!("{old}_{n}")).find(|new| !taken(new)).unwrap_or_default();
    let declared = all[name..end].iter().position(|token| token.text == ";").map_or(end, |length| name + length);
    let uses = (declared..end).filter(|&at| all[at].text == old && all[at - 1].text != ".");
    std::iter::once(name).chain(uses).map(|at| Edit::new(all[at].at..all[at].end(), new.clone())).collect()
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
            mended("loop { let k = n; continuing { let k = k + 1; n += k + s.k; { let k = 2; } break if k > 2; } }"),
            "loop { let k = n; continuing { let k_1 = k + 1; n += k_1 + s.k; { let k_1 = 2; } break if k_1 > 2; } }"
        );
        assert_eq!(
            Edited::new("struct V { @location(0) x: f32 } @x(1) @vertex fn v() { if a {} } @compute fn c() {} @fragment fn f() {}")
                .edit(without_render(
                    "struct V { @location(0) x: f32 } @x(1) @vertex fn v() { if a {} } @compute fn c() {} @fragment fn f() {}"
                ))
                .text,
            "struct V { @location(0) x: f32 }  @compute fn c() {} "
        );
        let fine = "loop { let k = n; { let k = 1; } continuing { n += k; { let k = 2; } } }";
        assert_eq!(mended(fine), fine);
    }
}
