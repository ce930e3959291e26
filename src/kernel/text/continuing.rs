//! New names for what a `continuing` block declares though the loop's body has declared it: naga takes both for one block.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Edit, token::Token};
use crate::kernel::{constant::names::name_of_declaration, text::token::Kind};

/// A block that is open.
#[derive(Default)]
struct Block<'a> {
    is_continuing: bool,
    /// The names that it declares.
    names: FxHashSet<&'a str>,
    /// New names that count from the end of the statement on.
    declared: Vec<(&'a str, String)>,
    /// Old names that have new ones until the block ends.
    renamed: Vec<&'a str>,
}

/// The changes to a text, in one pass.
pub fn rename(all: &[Token<'_>]) -> Vec<Edit> {
    if !all.iter().any(|token| token.text == "continuing") {
        return Vec::new();
    }
    let mut edits = Vec::new();
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut meaning: FxHashMap<&str, Vec<String>> = FxHashMap::default();
    let mut fresh =
        Fresh { taken: all.iter().map(|token| token.text.to_owned()).collect(), next: FxHashMap::default() };
    let mut at = 0;
    while let Some(token) = all.get(at) {
        match token.text {
            "{" => {
                let is_continuing = at > 0 && all[at - 1].text == "continuing";
                blocks.push(Block { is_continuing, ..Block::default() });
            }
            "}" => {
                for old in blocks.pop().unwrap_or_default().renamed {
                    meaning.get_mut(old).and_then(Vec::pop);
                }
            }
            ";" => {
                if let Some(block) = blocks.last_mut() {
                    for (old, new) in std::mem::take(&mut block.declared) {
                        meaning.entry(old).or_default().push(new);
                        block.renamed.push(old);
                    }
                }
            }
            "let" | "var" | "const" => {
                if let Some(name) = name_of_declaration(all, at)
                    && let Some((block, outer)) = blocks.split_last_mut()
                {
                    let old = all[name].text;
                    block.names.insert(old);
                    if block.is_continuing && outer.last().is_some_and(|body| body.names.contains(old)) {
                        let new = fresh.name(old);
                        edits.push(Edit::new(all[name].at..all[name].end(), new.clone()));
                        block.declared.push((old, new));
                        at = name;
                    }
                }
            }
            old if token.kind == Kind::Word && (at == 0 || all[at - 1].text != ".") => {
                if let Some(new) = meaning.get(old).and_then(|names| names.last()) {
                    edits.push(Edit::new(token.at..token.end(), new.clone()));
                }
            }
            _ => {}
        }
        at += 1;
    }
    edits
}

/// Names that the text does not have.
struct Fresh<'a> {
    taken: FxHashSet<String>,
    /// The number to try next, by the old name.
    next: FxHashMap<&'a str, usize>,
}

impl<'a> Fresh<'a> {
    fn name(&mut self, old: &'a str) -> String {
        let next = self.next.entry(old).or_insert(1);
        loop {
            let new = format!("{old}_{next}");
            *next += 1;
            if self.taken.insert(new.clone()) {
                return new;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::text::{Edited, token::tokens};

    fn renamed(text: &str) -> String {
        Edited::new(text).edit(rename(&tokens(text))).text
    }

    #[test]
    fn gives_new_names_where_the_body_has_them() {
        assert_eq!(
            renamed("loop { let k = n; continuing { let k = k + 1; n += k + s.k; { let k = 2; } break if k > 2; } }"),
            "loop { let k = n; continuing { let k_1 = k + 1; n += k_1 + s.k; { let k_1 = 2; } break if k_1 > 2; } }"
        );
        // One inside the other, and a name that is taken.
        assert_eq!(
            renamed(
                "loop { let k = k_1; continuing { let k = 2; loop { let k = k; continuing { let k = k; n = k; } } n = k; } }"
            ),
            "loop { let k = k_1; continuing { let k_2 = 2; loop { let k_2 = k_2; continuing { let k_3 = k_2; n = k_3; } } \
             n = k_2; } }"
        );
        let fine = "loop { let k = n; { let k = 1; } continuing { n += k; { let k = 2; } } }";
        assert_eq!(renamed(fine), fine);
    }
}
