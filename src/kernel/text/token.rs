//! WGSL text as words, numbers and single characters.

use crate::kernel::nesting::comment;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Word,
    Number,
    /// One character of punctuation. Operators of several are recognised by [`Tokens::adjacent`].
    Mark,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub at: usize,
}

impl Token<'_> {
    pub fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// All tokens of a text, comments and spaces left out.
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let bytes = source.as_bytes();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let rest = &bytes[at..];
        if let Some(length) = comment(rest) {
            at += length;
            continue;
        }
        let (kind, length) = match rest[0] {
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b if !b.is_ascii() && blank(rest) > 0 => {
                at += blank(rest);
                continue;
            }
            b'0'..=b'9' => (Kind::Number, number(rest)),
            b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) => (Kind::Number, number(rest)),
            b if is_word(b) => (Kind::Word, word(rest)),
            _ => (Kind::Mark, 1),
        };
        // Words take whole characters, since all bytes of those that are not ASCII count as parts of words.
        if let Some(text) = source.get(at..at + length) {
            tokens.push(Token { kind, text, at });
        }
        at += length;
    }
    tokens
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// Bytes of the word that `text` starts with.
fn word(text: &[u8]) -> usize {
    (0..text.len()).take_while(|&at| is_word(text[at]) && blank(&text[at..]) == 0).count()
}

/// Bytes of the space that `text` starts with, if it is one of those of WGSL that are not ASCII.
fn blank(text: &[u8]) -> usize {
    match text {
        // Next line.
        [0xc2, 0x85, ..] => 2,
        // The marks of direction, and the separators of lines and paragraphs.
        [0xe2, 0x80, 0x8e | 0x8f | 0xa8 | 0xa9, ..] => 3,
        _ => 0,
    }
}

/// Bytes of the number that `text` starts with, exponent and suffix included.
fn number(text: &[u8]) -> usize {
    let hexadecimal = text.len() > 1 && text[0] == b'0' && matches!(text[1], b'x' | b'X');
    let exponent: &[u8] = if hexadecimal { b"pP" } else { b"eE" };
    let mut length = 0;
    while let Some(&byte) = text.get(length) {
        let sign = matches!(byte, b'+' | b'-') && length > 0 && exponent.contains(&text[length - 1]);
        if !(byte.is_ascii_alphanumeric() || byte == b'.' || sign) {
            break;
        }
        length += 1;
    }
    length
}

/// For each token that opens a bracket the token that closes it, `all.len()` where none does; nothing of use for the others.
pub fn closing(all: &[Token<'_>]) -> Vec<usize> {
    let mut closing = vec![all.len(); all.len()];
    let mut open: Vec<(usize, usize)> = Vec::new();
    // How many of each kind are open, so that nobody looks for what is not there.
    let mut counts = [0usize; 3];
    let kind = |text: &str, of: [&str; 3]| of.iter().position(|&bracket| bracket == text);
    for (at, token) in all.iter().enumerate() {
        if let Some(kind) = kind(token.text, ["(", "[", "{"]) {
            open.push((at, kind));
            counts[kind] += 1;
        } else if let Some(kind) = kind(token.text, [")", "]", "}"]).filter(|&kind| counts[kind] > 0) {
            // What is left open inside ends here too.
            while let Some((start, inner)) = open.pop() {
                closing[start] = at;
                counts[inner] -= 1;
                if inner == kind {
                    break;
                }
            }
        }
    }
    closing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        tokens(source).iter().map(|token| token.text).collect()
    }

    #[test]
    fn splits_text() {
        assert_eq!(
            texts("a.b /* x */ 1.5e-3f-2 // y\n0x1.8p+2h>>.5"),
            ["a", ".", "b", "1.5e-3f", "-", "2", "0x1.8p+2h", ">", ">", ".5"]
        );
        assert_eq!(texts("größe_2=1u"), ["größe_2", "=", "1u"]);
        assert_eq!(texts("a\u{2028}b\u{85}\u{200e}ü"), ["a", "b", "ü"]);
        assert_eq!(texts("0xfe-1 1e5-2"), ["0xfe", "-", "1", "1e5", "-", "2"]);
    }
    #[test]
    fn finds_what_closes() {
        let all = tokens("{ ( [ ) } ]");
        assert_eq!(closing(&all)[..3], [4, 3, 3]);
        assert_eq!(closing(&tokens("( { ) }"))[..2], [2, 2]);
        assert_eq!(closing(&tokens("( (")), [2, 2]);
    }
}
