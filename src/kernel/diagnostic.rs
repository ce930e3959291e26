//! Errors in WGSL text, shown with the source line and a caret.

use std::fmt;

use naga::{Span, WithSpan, front::wgsl::ParseError, valid::ValidationError};

use super::source::{Excerpt, Text};
use crate::error::{Error, WgslError};

/// What stands in front of `line:column` in a rendered error.
const FILE: &str = "wgsl";

/// An error at `span` of `source`. A span that is undefined, or not of this text, gives a message
/// without a caret.
pub(crate) fn at<'a>(source: impl Into<Text<'a>>, span: Span, message: impl Into<String>) -> Error {
    with_note(source, span, message, "", None)
}

/// An error at `span` with a `label` beside the caret and a note below it.
pub(crate) fn with_note<'a>(
    source: impl Into<Text<'a>>,
    span: Span,
    message: impl Into<String>,
    label: &str,
    note: Option<String>,
) -> Error {
    let message = message.into();
    let file = source.into().file_of(span);
    let plain = Plain { message: message.clone(), note: note.map(|note| Note(note, None)) };
    let shown = WithSpan::new(plain).with_span(file.span(span), label);
    Error::Wgsl(Box::new(WgslError { message, rendered: rendered(&shown, &file), location: file.location(span) }))
}

/// What the parser says, as the user reads it. `place` says where in `source` each place of the parsed text is.
pub(crate) fn parse_error(source: Text<'_>, error: &ParseError, place: &dyn Fn(Span) -> Span) -> Error {
    // The parser has no place for it.
    let wanted = error.message().strip_suffix(", found \"\"");
    let message = wanted.map_or_else(|| error.message().to_owned(), |wanted| format!("{wanted}, and the text ends"));
    let notes: Vec<_> = error.notes().map(|note| format!("note: {note}")).collect();
    let note = notes.into_iter().rev().fold(None, |next, note| Some(Note(note, next.map(Box::new))));
    let mut shown = WithSpan::new(Plain { message: message.clone(), note });
    let mut spans: Vec<_> = error.labels().map(|(span, label)| (place(span), label.to_owned())).collect();
    if wanted.is_some() {
        spans.retain(|(span, _)| span.is_defined());
        spans.insert(0, (source.end(), "behind this".to_owned()));
    }
    let first = first_defined(&spans);
    let file = source.file_of(first);
    for (span, label) in spans {
        let span = file.span(span);
        if span.is_defined() {
            shown = shown.with_span(span, label);
        }
    }
    let rendered = rendered(&shown, &file);
    Error::Wgsl(Box::new(WgslError { message, rendered, location: file.location(first) }))
}

/// What the validator says, as the user reads it.
pub(crate) fn validation_error<'a>(source: impl Into<Text<'a>>, error: WithSpan<ValidationError>) -> Error {
    validation_error_at(source.into(), error, &|span| span)
}

/// What the validator says, where `place` says where in `source` each place of the validated module is.
pub(crate) fn validation_error_at(
    source: Text<'_>,
    error: WithSpan<ValidationError>,
    place: &dyn Fn(Span) -> Span,
) -> Error {
    // The innermost cause names what is wrong; those around it name where.
    let mut message = error.as_inner().to_string();
    let mut cause = std::error::Error::source(error.as_inner());
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    let spans: Vec<_> = error.spans().map(|(span, label)| (place(*span), label.clone())).collect();
    let first = first_defined(&spans);
    let file = source.file_of(first);
    let mut shown = WithSpan::new(error.into_inner());
    for (span, label) in spans {
        // Handles of the validator's arenas say nothing to a reader.
        let label = if label.starts_with("naga::") { String::new() } else { label };
        shown = shown.with_span(file.span(span), label);
    }
    let rendered = rendered(&shown, &file);
    Error::Wgsl(Box::new(WgslError { message, rendered, location: file.location(first) }))
}

/// `error`, with the name of the file that the text is from, where it is known.
pub(crate) fn in_file(file: Option<&str>, error: Error) -> Error {
    match (file, error) {
        (Some(file), Error::Wgsl(mut error)) => {
            error.rendered = error.rendered.replacen(&format!("┌─ {FILE}:"), &format!("┌─ {file}:"), 1);
            Error::Wgsl(error)
        }
        (_, error) => error,
    }
}

/// The first place of an error that is known.
fn first_defined(spans: &[(Span, String)]) -> Span {
    spans.iter().map(|(span, _)| *span).find(Span::is_defined).unwrap_or(Span::UNDEFINED)
}

/// The error with the lines of the file that it is in.
fn rendered<E: std::error::Error>(shown: &WithSpan<E>, file: &Excerpt<'_>) -> String {
    shown.emit_to_string_with_path(file.text, file.name.unwrap_or(FILE))
}

/// A message of our own in the shape that naga renders.
#[derive(Debug)]
struct Plain {
    message: String,
    note: Option<Note>,
}

/// A line below, and the next one.
#[derive(Debug)]
struct Note(String, Option<Box<Note>>);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Note {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.1.as_ref().map(|note| note.as_ref() as _)
    }
}

impl std::error::Error for Plain {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.note.as_ref().map(|note| note as _)
    }
}
