//! A bound on how deeply WGSL text nests, found before it is parsed.
//!
//! The parser, the validator and the lowering call themselves for each level. The parser bounds
//! brackets and braces by itself; long chains of operators and of `else if` nest just as deeply,
//! and without a bound they would end the process by overflowing its stack.

use naga::Span;

use super::diagnostic;
use crate::error::Result;

/// The most operator characters in one expression, brackets and lists inside it not counted.
const OPERATORS: usize = 2000;

/// The most `else`s in one chain; the parser's own bound for braces.
const ELSES: usize = 127;

/// A bracket or brace that is open.
#[derive(Default)]
struct Level {
    operators: usize,
    elses: usize,
}

/// Refuses text that nests too deeply.
pub(super) fn check(source: &str) -> Result<()> {
    let bytes = source.as_bytes();
    let mut outer = Vec::new();
    let mut level = Level::default();
    let mut after_block = false;
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if let Some(skipped) = comment(rest) {
            at += skipped;
            continue;
        }
        let length = word(rest).max(1);
        let token = &rest[..length];
        // Behind a block only `else` goes on with the statement.
        if after_block && !token[0].is_ascii_whitespace() {
            after_block = false;
            if token != b"else" {
                level = Level::default();
            }
        }
        match rest[0] {
            b'(' | b'[' | b'{' => outer.push(std::mem::take(&mut level)),
            closing @ (b')' | b']' | b'}') => {
                level = outer.pop().unwrap_or_default();
                after_block = closing == b'}';
            }
            b';' => level = Level::default(),
            b',' => level.operators = 0,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'!' | b'~' | b'&' | b'|' | b'^' | b'<' | b'>' | b'=' | b'.' => {
                level.operators += 1;
            }
            _ if token == b"else" => level.elses += 1,
            _ => {}
        }
        if level.operators > OPERATORS {
            let message = format!("the expression has more than {OPERATORS} operators");
            return Err(refuse(source, at, length, message, "split it into several statements, or use a loop"));
        }
        if level.elses > ELSES {
            let message = format!("the chain has more than {ELSES} `else`s");
            return Err(refuse(source, at, length, message, "use a switch or a loop"));
        }
        at += length;
    }
    Ok(())
}

fn refuse(source: &str, at: usize, length: usize, message: String, help: &str) -> crate::Error {
    diagnostic::with_note(source, Span::from(at..at + length), message, "", Some(format!("help: {help}")))
}

/// Bytes of the comment that `text` starts with.
pub(super) fn comment(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"//") {
        return Some(text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len()));
    }
    if !text.starts_with(b"/*") {
        return None;
    }
    let (mut depth, mut at) = (1usize, 2);
    while depth > 0 && at < text.len() {
        match &text[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    Some(at)
}

/// Bytes of the word or number that `text` starts with.
pub(super) fn word(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: String) -> Result<()> {
        check(&format!("@compute @workgroup_size(1) fn main() {{ var y = 1; {text} }}"))
    }

    #[test]
    fn bounds_chains() {
        assert!(body(format!("y = y{};", " + y".repeat(2001))).is_err());
        assert!(body(format!("y = {}y;", "- ".repeat(2001))).is_err());
        assert!(body(format!("y = y{};", " + max(y, 1)".repeat(2001))).is_err());
        assert!(body(format!("if y == 1 {{}} {}", "else if y == 2 { y = 3; }".repeat(128))).is_err());
    }

    #[test]
    fn leaves_long_texts_alone() {
        assert!(body(format!("y = y{};", " + y".repeat(1000))).is_ok());
        assert!(body("y = y + 1;".repeat(10_000)).is_ok());
        assert!(body("if y == 2 { y = 3; } else { y = 4; } ".repeat(1000)).is_ok());
        assert!(body(format!("let t = array({});", "-1.0 * 2.0, ".repeat(10_000))).is_ok());
        assert!(body(format!("// {}\n/* /* {} */ */", "+".repeat(3000), "else ".repeat(3000))).is_ok());
    }
}
