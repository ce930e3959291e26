//! WGSL texts as naga takes them, and where each place of a changed text comes from.
//!
//! naga folds constants and resolves names while it parses, so that some of its gaps can only be closed in the text.
//! A changed text is for naga alone: all places in the module are put back to those of the author's text (`places`).

mod continuing;
pub mod exponents;
mod foreign;
mod halves;
mod inputs;
mod mend;
mod places;
mod syntax;
pub mod token;

use std::ops::Range;

use naga::Span;

pub use foreign::explain;
#[cfg(feature = "imports")]
pub use foreign::is_foreign;
pub use halves::Bitcasts;
pub use inputs::{GLOBAL_INDEX, WORKGROUP_INDEX};
pub use mend::{Member, Mends, mend, mend_functions, struct_alignments};
pub use places::put_back;
pub use syntax::{mend as mend_syntax, without_render};

/// A part of a text and what stands there instead.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    pub range: Range<usize>,
    pub text: String,
}

impl Edit {
    pub fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        Edit { range, text: text.into() }
    }
}

/// A text that was changed, perhaps several times.
#[derive(Clone, Debug)]
pub struct Edited {
    pub text: String,
    /// For each round of changes the old ranges and the new ones.
    rounds: Vec<Vec<(Range<usize>, Range<usize>)>>,
}

impl Edited {
    pub fn new(text: impl Into<String>) -> Self {
        Edited { text: text.into(), rounds: Vec::new() }
    }

    /// The text changed by `edits`. Of those that overlap, the first counts.
    pub fn edit(mut self, mut edits: Vec<Edit>) -> Self {
        if edits.is_empty() {
            return self;
        }
        edits.sort_by_key(|edit| edit.range.start);
        let (mut text, mut round, mut done) = (String::new(), Vec::new(), 0);
        for edit in edits {
            if edit.range.start < done {
                continue;
            }
            text += &self.text[done..edit.range.start];
            let start = text.len();
            text += &edit.text;
            round.push((edit.range.clone(), start..text.len()));
            done = edit.range.end;
        }
        text += &self.text[done..];
        self.text = text;
        self.rounds.push(round);
        self
    }

    /// A text that was put together from parts of the author's: those of the first ranges became the second ones, which
    /// stand in order.
    #[cfg(feature = "imports")]
    pub fn put_together(text: String, parts: Vec<(Range<usize>, Range<usize>)>) -> Self {
        Edited { text, rounds: vec![parts] }
    }

    /// The same with another text, in which everything stands where it stood.
    pub fn with_same_places(self, text: String) -> Self {
        Edited { text, ..self }
    }

    pub fn is_changed(&self) -> bool {
        !self.rounds.is_empty()
    }

    /// The place in the author's text that `span` comes from.
    pub fn place(&self, span: Span) -> Span {
        let Some(mut range) = span.to_range() else { return span };
        for round in self.rounds.iter().rev() {
            range = before(round, range.start, false)..before(round, range.end, true);
        }
        if range.start >= range.end { Span::UNDEFINED } else { Span::from(range) }
    }
}

/// Where the offset `at` was before a round of changes. What was put in has no inner places: it is all of the old part.
fn before(round: &[(Range<usize>, Range<usize>)], at: usize, is_end: bool) -> usize {
    let next = round.partition_point(|(_, new)| if is_end { new.start < at } else { new.start <= at });
    let Some((old, new)) = next.checked_sub(1).map(|i| &round[i]) else { return at };
    if at >= new.end && !(is_end && at == new.end) {
        return at - new.end + old.end;
    }
    if is_end { old.end } else { old.start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back() {
        let edited = Edited::new("abc def ghi").edit(vec![Edit::new(8..8, "123"), Edit::new(4..7, "X")]);
        assert_eq!(edited.text, "abc X 123ghi");
        let place = |range: Range<usize>| edited.place(Span::from(range)).to_range();
        assert_eq!(place(0..3), Some(0..3));
        assert_eq!(place(4..5), Some(4..7));
        assert_eq!(place(0..5), Some(0..7));
        assert_eq!(place(6..8), None);
        assert_eq!(place(9..12), Some(8..11));
        let twice = edited.clone().edit(vec![Edit::new(0..3, "long")]);
        assert_eq!(twice.text, "long X 123ghi");
        assert_eq!(twice.place(Span::from(5..6)).to_range(), Some(4..7));
        assert_eq!(twice.place(Span::from(0..13)).to_range(), Some(0..11));
    }
}
