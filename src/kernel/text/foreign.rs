//! Says what lines are that no WGSL has, but that texts for other tools have.

use std::ops::Range;

use naga::Span;

use super::token::{Kind, tokens};
use crate::{error::Error, kernel::diagnostic};

/// The error for the first line of `source` that is for another tool, if there is one.
pub fn explain(source: &str) -> Option<Error> {
    let (range, what, whose) = find(source)?;
    let message = format!("{what} is no WGSL: it is {whose}");
    let help = if cfg!(feature = "imports") {
        "help: give the files to `Sources`, or the path of this one to `Module::parse_file`, which looks for the others beside it"
    } else {
        "help: modules are read as they stand: enable the feature `imports`, or have that tool put the files together and give its \
         result"
    };
    Some(diagnostic::with_note(source, Span::from(range), message, "", Some(help.to_owned())))
}

/// Whether a text is for another tool.
#[cfg(feature = "imports")]
pub fn is_foreign(source: &str) -> bool {
    ["#", "import", "@"].iter().any(|word| source.contains(word)) && find(source).is_some()
}

/// What no WGSL has: where it stands, what it is, and whose.
fn find(source: &str) -> Option<(Range<usize>, String, &'static str)> {
    let all = tokens(source);
    let starts_line = |at: usize| source[..at].rsplit('\n').next().is_some_and(|before| before.trim().is_empty());
    let mut depth = 0usize;
    for (i, token) in all.iter().enumerate() {
        let next = all.get(i + 1);
        let (what, whose) = match (token.text, next) {
            ("#", Some(word)) if word.kind == Kind::Word || word.text == "{" => {
                (format!("`#{}`", word.text), "a directive of a preprocessor, such as that of naga_oil and Bevy")
            }
            ("@", Some(word)) if matches!(word.text, "if" | "elif" | "else") => {
                (format!("`@{}`", word.text), "a condition of WESL, which extends WGSL")
            }
            ("import", Some(word))
                if depth == 0 && (word.kind == Kind::Word || word.text == "{") && starts_line(token.at) =>
            {
                ("`import`".to_owned(), "an import of WESL, which extends WGSL")
            }
            ("{" | "(", _) => {
                depth += 1;
                continue;
            }
            ("}" | ")", _) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            _ => continue,
        };
        let end = next.map_or(token.end(), |next| next.end());
        return Some((token.at..end, what, whose));
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::Module;

    #[test]
    fn names_what_is_no_wgsl() {
        let parse = |text: &str| Module::parse(text).expect_err("no WGSL").to_string();
        let error = parse("#import bevy_pbr::utils\n@compute @workgroup_size(1) fn main() {}");
        assert!(error.contains("`#import` is no WGSL") && error.contains("naga_oil"), "{error}");
        let error = parse("@compute @workgroup_size(1) fn main() {\n  #ifdef FAST\n  #endif\n}");
        assert!(error.contains("`#ifdef` is no WGSL") && error.contains(":2:"), "{error}");
        let error = parse("import package::noise::simplex;\n@compute @workgroup_size(1) fn main() {}");
        assert!(error.contains("`import` is no WGSL") && error.contains("WESL"), "{error}");
        // A plain mistake stays what it is.
        let error = parse("@compute @workgroup_size(1) fn main() { let import = 3 }");
        assert!(!error.contains("no WGSL"), "{error}");
    }
}
