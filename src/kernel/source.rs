//! The text of a module, and the files that it was put together from.

use std::{ops::Deref, sync::Arc};

use naga::Span;

/// A file of a module.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct File {
    pub name: String,
    /// Where its text starts in the whole.
    pub start: usize,
}

/// The author's text. That of a module from several files is one behind the other, so that each place has a number.
#[derive(Clone)]
pub(crate) struct Source {
    text: Arc<str>,
    files: Arc<[File]>,
    /// What tells the module from others.
    identity: Arc<str>,
}

impl Source {
    pub fn of(text: &str) -> Self {
        let text: Arc<str> = text.into();
        Source { identity: Arc::clone(&text), text, files: Arc::default() }
    }

    /// The text of several files, and what became of them: what was defined for them shows only there.
    #[cfg(feature = "imports")]
    pub fn of_files(files: &[(String, &str)], result: &str) -> Self {
        let (mut text, mut parts) = (String::new(), Vec::new());
        for (name, file) in files {
            parts.push(File { name: name.clone(), start: text.len() });
            text += file;
            text.push('\n');
        }
        let identity = format!("{text}{result}").into();
        Source { text: text.into(), files: parts.into(), identity }
    }

    /// What tells the module from others.
    pub fn identity(&self) -> &Arc<str> {
        &self.identity
    }

    pub fn view(&self) -> Text<'_> {
        Text { text: &self.text, files: &self.files }
    }
}

impl Deref for Source {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// A text that is looked at, and the files that it consists of; none if it is one text without a name.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    text: &'a str,
    files: &'a [File],
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Text { text, files: &[] }
    }
}

impl<'a> From<&'a Source> for Text<'a> {
    fn from(source: &'a Source) -> Self {
        source.view()
    }
}

/// One file of a text.
#[derive(Clone, Copy)]
pub(crate) struct Excerpt<'a> {
    /// The file's name, if it is one of several.
    pub name: Option<&'a str>,
    pub text: &'a str,
    /// Where it starts in the whole.
    pub start: usize,
}

impl<'a> Text<'a> {
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// Whether it is one text, and not put together from files.
    pub fn is_one(self) -> bool {
        self.files.is_empty()
    }

    /// The file that `at` is in.
    pub fn file(self, at: usize) -> Excerpt<'a> {
        let next = self.files.partition_point(|file| file.start <= at);
        let Some(file) = next.checked_sub(1).map(|i| &self.files[i]) else {
            return Excerpt { name: None, text: self.text, start: 0 };
        };
        // A line break stands behind each file.
        let end = self.files.get(next).map_or(self.text.len(), |next| next.start) - 1;
        Excerpt { name: Some(&file.name), text: &self.text[file.start..end], start: file.start }
    }

    /// The last character that is no white space.
    pub fn end(self) -> Span {
        let last = self.text.char_indices().rfind(|(_, c)| !c.is_whitespace());
        last.map_or(Span::UNDEFINED, |(at, c)| Span::from(at..at + c.len_utf8()))
    }

    /// The file that a span is in; the first one if it is nowhere.
    pub fn file_of(self, span: Span) -> Excerpt<'a> {
        self.file(span.to_range().map_or(0, |range| range.start))
    }
}

impl Excerpt<'_> {
    /// The span within the file; undefined if it is not, or cuts a character in two.
    pub fn span(&self, span: Span) -> Span {
        let range = span
            .to_range()
            .and_then(|range| Some(range.start.checked_sub(self.start)?..range.end.checked_sub(self.start)?));
        range.filter(|range| self.text.get(range.clone()).is_some()).map_or(Span::UNDEFINED, Span::from)
    }

    /// Line and column of a span within the file, both from 1, the column in characters.
    pub fn location(&self, span: Span) -> Option<(u32, u32)> {
        let before = self.text.get(..self.span(span).to_range()?.start)?;
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Some((line as u32, column as u32))
    }
}

#[cfg(all(test, feature = "imports"))]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_files() {
        let source = Source::of_files(&[("a".into(), "one\ntwo"), ("b".into(), ""), ("c".into(), "x\nyé z")], "");
        let at = |start: usize, end: usize| {
            let span = Span::from(start..end);
            let file = source.view().file_of(span);
            (file.name.map(str::to_owned), file.location(span), file.span(span).to_range())
        };
        assert_eq!(&source[..], "one\ntwo\n\nx\nyé z\n");
        assert_eq!(at(4, 7), (Some("a".into()), Some((2, 1)), Some(4..7)));
        assert_eq!(at(9, 10), (Some("c".into()), Some((1, 1)), Some(0..1)));
        assert_eq!(at(15, 16), (Some("c".into()), Some((2, 4)), Some(6..7)));
        // From one file into another, and within a character.
        assert_eq!(at(4, 12).2, None);
        assert_eq!(at(13, 14).2, None);
        assert_eq!(source.view().file_of(Span::UNDEFINED).name, Some("a"));
        let plain = Source::of("x");
        assert_eq!(plain.view().file(0).name, None);
    }
}
