//! Where the parts of a printed declaration come from in the text that it was read from.
//!
//! The compiler of WESL gives a tree, and prints it: spaces, some literals and the names of what was imported differ from the
//! author's text, and what a condition leaves out is gone. Everything else stands there in the same order.

use std::ops::Range;

use crate::kernel::text::token::{Kind, Token, tokens};

/// How far ahead the same words are looked for where the texts part.
const WINDOW: usize = 4096;

/// Words in a row that have to be the same for the texts to go on together.
const SAME: usize = 3;

/// For the tokens of `printed` the parts of `author` that they come from, in the order of `printed`. `is_renamed` says which
/// words stand for others.
pub fn align(printed: &str, author: &str, is_renamed: &dyn Fn(&str) -> bool) -> Vec<(Range<usize>, Range<usize>)> {
    let (new, old) = (tokens(printed), tokens(author));
    let mut pairs = Vec::with_capacity(new.len());
    let (mut at, mut from) = (0, 0);
    while at < new.len() {
        let Some(length) = matches(&new, at, &old, from, is_renamed) else {
            // A few words that are the same show where to go on; what has no such place was put in.
            let ahead = from + 1..old.len().min(from + WINDOW);
            let next = ahead.into_iter().find(|&next| agree(&new, at, &old, next, is_renamed));
            match next {
                Some(next) => from = next,
                None => at += 1,
            }
            continue;
        };
        pairs.push((new[at].at..new[at].end(), old[from].at..old[from + length - 1].end()));
        (at, from) = (at + 1, from + length);
    }
    pairs
}

/// How many tokens of the author's text, from `from` on, the printed token `at` stands for.
fn matches(
    new: &[Token<'_>],
    at: usize,
    old: &[Token<'_>],
    from: usize,
    is_renamed: &dyn Fn(&str) -> bool,
) -> Option<usize> {
    let (new, first) = (&new[at], old.get(from)?);
    if new.text == first.text && !continues(old, from + 1) || new.kind == Kind::Number && first.kind == Kind::Number {
        return Some(1);
    }
    if new.kind != Kind::Word || first.kind != Kind::Word || !(is_renamed(new.text) || continues(old, from + 1)) {
        return None;
    }
    // A name with its path.
    let mut length = 1;
    while continues(old, from + length) {
        length += 3;
    }
    Some(length)
}

/// Whether a path goes on at token `at`: `::name`.
fn continues(old: &[Token<'_>], at: usize) -> bool {
    let text = |at: usize| old.get(at).map_or("", |token| token.text);
    text(at) == ":" && text(at + 1) == ":" && old.get(at + 2).is_some_and(|token| token.kind == Kind::Word)
}

/// Whether several tokens in a row match, or all that there are.
fn agree(new: &[Token<'_>], at: usize, old: &[Token<'_>], from: usize, is_renamed: &dyn Fn(&str) -> bool) -> bool {
    let mut from = from;
    (at..new.len().min(at + SAME)).all(|at| match matches(new, at, old, from, is_renamed) {
        Some(length) => {
            from += length;
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_same_words() {
        let author = "@compute @workgroup_size(64)\nfn main() { @if(x) y = 1; /* c */ z = a::f(0x10u, q) + s.w; }";
        let printed = "@compute @workgroup_size(64) fn main() {\n  z = package_a_f(16u, q) + s.w;\n}";
        let pairs = align(printed, author, &|name| name.starts_with("package_"));
        let from = |word: &str| {
            let at = printed.find(word).expect("it is there");
            let pair = pairs.iter().find(|pair| pair.0.start == at);
            pair.map(|pair| &author[pair.1.clone()])
        };
        assert_eq!(from("main"), Some("main"));
        assert_eq!(from("z ="), Some("z"));
        assert_eq!(from("package_a_f"), Some("a::f"));
        assert_eq!(from("16u"), Some("0x10u"));
        assert_eq!(from("w;"), Some("w"));
        assert_eq!(pairs.last().map(|pair| &author[pair.1.clone()]), Some("}"));
    }
}
