//! Directives of naga_oil's preprocessor (`#ifdef`, `#define`, `#import`), which Bevy's shaders use, said in WESL.
//!
//! Conditions are decided here, and what they leave out is cut out. Imports become those of WESL, with the paths that files
//! give themselves (`#define_import_path`) under `package::`.

use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Define;
use crate::kernel::text::{
    Edit,
    token::{Kind, Token, closing, tokens},
};

/// What is wrong with a directive, and where.
#[derive(Debug)]
pub struct Wrong {
    pub range: Range<usize>,
    pub message: String,
}

/// A file said in WESL.
#[derive(Debug, Default)]
pub struct Translated {
    pub edits: Vec<Edit>,
    /// The files that are imported by their names, and the modules that these become.
    pub quoted: Vec<(Vec<String>, String)>,
}

/// The path that a file gives itself: `#define_import_path noise::simplex`.
pub fn own_path(source: &str) -> Option<Vec<String>> {
    if !source.contains("define_import_path") {
        return None;
    }
    let all = tokens(source);
    let at = all.windows(2).position(|pair| pair[0].text == "#" && pair[1].text == "define_import_path")?;
    let (path, _) = path(&all, at + 2);
    (!path.is_empty()).then_some(path)
}

/// Whether a text has directives.
pub fn has_directives(source: &str) -> bool {
    source.contains('#') && tokens(source).iter().any(|token| token.text == "#")
}

/// The words of a path, and the token behind it.
fn path(all: &[Token<'_>], mut at: usize) -> (Vec<String>, usize) {
    let mut words = Vec::new();
    while let Some(word) = all.get(at).filter(|token| token.kind == Kind::Word) {
        words.push(word.text.to_owned());
        at += 1;
        if !is_path_mark(all, at) || all.get(at + 2).is_none_or(|next| next.kind != Kind::Word) {
            break;
        }
        at += 2;
    }
    (words, at)
}

/// Whether `::` stands at token `at`.
pub fn is_path_mark(all: &[Token<'_>], at: usize) -> bool {
    matches!((all.get(at), all.get(at + 1)), (Some(a), Some(b)) if a.text == ":" && b.text == ":" && a.end() == b.at)
}

/// A condition whose `#endif` has not come yet.
struct Open {
    /// Where it stands.
    range: Range<usize>,
    /// Whether what follows is kept.
    active: bool,
    /// Whether one of its branches was kept already.
    decided: bool,
    /// Whether it stands in what is kept.
    outer: bool,
    has_else: bool,
}

struct Translator<'a> {
    source: &'a str,
    all: Vec<Token<'a>>,
    /// For each token that opens a bracket, the one that closes it.
    closing: Vec<usize>,
    /// For each token the first one of the next line.
    line_ends: Vec<usize>,
    defines: FxHashMap<String, Define>,
    open: Vec<Open>,
    /// Where what is left out starts.
    left_out: Option<usize>,
    /// Names that imports bring in.
    imported: FxHashSet<String>,
    result: Translated,
}

/// Says a file in WESL.
pub fn translate(source: &str, defines: &FxHashMap<String, Define>) -> Result<Translated, Wrong> {
    if !has_directives(source) {
        return Ok(Translated::default());
    }
    let all = tokens(source);
    let mut translator = Translator {
        source,
        closing: closing(&all),
        line_ends: line_ends(source, &all),
        all,
        defines: defines.clone(),
        open: Vec::new(),
        left_out: None,
        imported: FxHashSet::default(),
        result: Translated::default(),
    };
    let mut at = 0;
    while at < translator.all.len() {
        at = if translator.all[at].text == "#" { translator.directive(at)? } else { at + 1 };
    }
    if let Some(open) = translator.open.last() {
        return Err(Wrong { range: open.range.clone(), message: "this condition has no `#endif`".to_owned() });
    }
    translator.qualify();
    Ok(translator.result)
}

fn line_ends(source: &str, all: &[Token<'_>]) -> Vec<usize> {
    let mut ends = vec![all.len(); all.len()];
    for at in (1..all.len()).rev() {
        let breaks = source[all[at - 1].end()..all[at].at].contains('\n');
        ends[at - 1] = if breaks { at } else { ends[at] };
    }
    ends
}

impl<'a> Translator<'a> {
    fn is_active(&self) -> bool {
        self.open.last().is_none_or(|open| open.active)
    }

    fn text(&self, at: usize) -> &'a str {
        self.all.get(at).map_or("", |token| token.text)
    }

    /// The first token of the line behind token `at`.
    fn line_end(&self, at: usize) -> usize {
        self.line_ends.get(at).copied().unwrap_or(self.all.len())
    }

    /// Bytes from one token to the end of the one before another.
    fn range(&self, first: usize, behind: usize) -> Range<usize> {
        self.all[first].at..self.all[behind.max(first + 1) - 1].end()
    }

    fn wrong<T>(&self, first: usize, behind: usize, message: impl Into<String>) -> Result<T, Wrong> {
        Err(Wrong { range: self.range(first, behind), message: message.into() })
    }

    /// What `#` at token `at` begins; gives the token to go on from.
    fn directive(&mut self, at: usize) -> Result<usize, Wrong> {
        let word = self.text(at + 1);
        let end = self.line_end(at);
        match word {
            "ifdef" | "ifndef" | "if" => {
                let holds = self.condition(at, at + 1, end)?;
                let outer = self.is_active();
                let active = outer && holds;
                self.open.push(Open { range: self.range(at, end), active, decided: holds, outer, has_else: false });
                self.switch(at, end);
                return Ok(end);
            }
            "else" => {
                let holds = if at + 2 < end { self.condition(at, at + 2, end)? } else { true };
                let plain = at + 2 >= end;
                match self.open.last_mut() {
                    Some(open) if !open.has_else => {
                        open.active = open.outer && !open.decided && holds;
                        open.decided |= holds;
                        open.has_else = plain;
                    }
                    _ => return self.wrong(at, end, "this `#else` belongs to no condition"),
                }
                self.switch(at, end);
                return Ok(end);
            }
            "endif" => {
                if self.open.pop().is_none() {
                    return self.wrong(at, end, "this `#endif` belongs to no condition");
                }
                self.switch(at, end);
                return Ok(end);
            }
            _ if !self.is_active() => return Ok(at + 1),
            "{" => {
                let close = at + 3;
                if self.text(close) != "}" {
                    return self.wrong(at, close, "`#{` names one definition, as `#{NAME}`");
                }
                return self.substitute(at, at + 2, close + 1);
            }
            "define" => {
                let name = self.text(at + 2).to_owned();
                if at + 2 >= end || self.all[at + 2].kind != Kind::Word {
                    return self.wrong(at, end, "`#define` names what it defines");
                }
                let value = self.source[self.all[at + 2].end()..self.all[end - 1].end()].trim();
                let value = if value.is_empty() { Some(Define::Bool(true)) } else { value.parse().ok() };
                let Some(value) = value else {
                    return self.wrong(at, end, "`#define` gives true, false or an integer");
                };
                self.defines.insert(name, value);
            }
            "define_import_path" => {}
            "import" => return self.import(at),
            name if self.defines.contains_key(name) => return self.substitute(at, at + 1, at + 2),
            _ => {
                return self.wrong(
                    at,
                    end,
                    format!("`#{word}` is no directive that is known, and nothing of that name is defined"),
                );
            }
        }
        self.result.edits.push(Edit::new(self.range(at, end), ""));
        Ok(end)
    }

    /// Puts the value of a definition, whose name is token `name`, in the place of what stands from `first` on.
    fn substitute(&mut self, first: usize, name: usize, behind: usize) -> Result<usize, Wrong> {
        match self.defines.get(self.text(name)) {
            Some(value) => {
                let edit = Edit::new(self.range(first, behind), value.to_string());
                self.result.edits.push(edit);
                Ok(behind)
            }
            None => self.wrong(first, behind, format!("`{}` is not defined", self.text(name))),
        }
    }

    /// After a condition's line from token `at` to `end`: starts or ends what is left out.
    fn switch(&mut self, at: usize, end: usize) {
        let line = self.range(at, end);
        match (self.left_out.take(), self.is_active()) {
            // All from the line that began it to this one goes.
            (Some(start), true) => self.result.edits.push(Edit::new(start..line.end, "")),
            (Some(start), false) => self.left_out = Some(start),
            (None, true) => self.result.edits.push(Edit::new(line, "")),
            (None, false) => self.left_out = Some(line.start),
        }
    }

    /// Whether a condition holds, whose word is token `at`.
    fn condition(&self, first: usize, at: usize, end: usize) -> Result<bool, Wrong> {
        let (word, name) = (self.text(at), self.text(at + 1));
        if at + 1 >= end || self.all[at + 1].kind != Kind::Word {
            return self.wrong(first, end, format!("`#{word}` names a definition"));
        }
        let defined = self.defines.get(name);
        match word {
            "ifdef" | "ifndef" if at + 2 == end => Ok(defined.is_some() == (word == "ifdef")),
            "if" if at + 2 < end => {
                let value = end - 1;
                let operator = &self.source[self.all[at + 1].end()..self.all[value].at];
                let operator = operator.trim();
                // A sign belongs to the value.
                let (operator, sign) = match operator.strip_suffix('-') {
                    Some(rest) => (rest.trim(), "-"),
                    None => (operator, ""),
                };
                let Ok(wanted) = format!("{sign}{}", self.text(value)).parse::<Define>() else {
                    return self.wrong(first, end, "a definition is compared with true, false or an integer");
                };
                let Some(defined) = defined else {
                    return self.wrong(first, end, format!("`{name}` is not defined"));
                };
                let Some(order) = defined.compare(&wanted) else {
                    return self.wrong(
                        first,
                        end,
                        format!("`{name}` is {defined}, which is not of the kind of {wanted}"),
                    );
                };
                Ok(match operator {
                    "==" => order.is_eq(),
                    "!=" => order.is_ne(),
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    ">=" => order.is_ge(),
                    _ => return self.wrong(first, end, "definitions are compared by == != < <= > >="),
                })
            }
            _ => self.wrong(
                first,
                end,
                "this is no condition: write `#ifdef NAME`, `#ifndef NAME` or `#if NAME == VALUE`",
            ),
        }
    }

    /// An import, which may go over several lines; gives the token behind it.
    fn import(&mut self, start: usize) -> Result<usize, Wrong> {
        let mut text = String::from("import ");
        let mut at = start + 2;
        loop {
            let first = at;
            at = self.tree(&mut text, at, true)?;
            if at == first {
                return self.wrong(start, self.line_end(start), "`#import` names a module, or what a module has");
            }
            // Several in one line.
            if self.text(at) != "," || at >= self.line_end(start) {
                break;
            }
            text += "; import ";
            at += 1;
        }
        at += usize::from(self.text(at) == ";");
        text.push(';');
        self.result.edits.push(Edit::new(self.range(start, at), text));
        Ok(at)
    }

    /// `a::b`, `a::b as c`, `a::{b, c}` and, as it was written once, `a::b c, d`; gives the token behind it.
    fn tree(&mut self, text: &mut String, start: usize, outermost: bool) -> Result<usize, Wrong> {
        let line = self.line_end(start);
        let (words, mut at) =
            if outermost && self.text(start) == "\"" { self.quoted(start)? } else { path(&self.all, start) };
        let Some(last) = words.last().cloned() else { return Ok(start) };
        if outermost {
            *text += "package::";
        }
        *text += &words.join("::");
        if is_path_mark(&self.all, at) && self.text(at + 2) == "{" {
            let close = self.closing[at + 2];
            *text += "::{";
            at += 3;
            while at < close {
                let first = at;
                at = self.tree(text, at, false)?;
                if self.text(at) == "," {
                    *text += ", ";
                    at += 1;
                }
                if at == first {
                    return self.wrong(start, close, "these are no names to import");
                }
            }
            text.push('}');
            return Ok(close + 1);
        }
        let next = self.all.get(at).filter(|token| token.kind == Kind::Word && (at < line || !outermost));
        match next.map(|token| token.text) {
            Some("as") => {
                let name = self.text(at + 1).to_owned();
                *text += &format!(" as {name}");
                self.imported.insert(name);
                Ok(at + 2)
            }
            Some(_) if outermost => {
                *text += "::{";
                while at < line && self.all[at].kind == Kind::Word {
                    at = self.tree(text, at, false)?;
                    if at < line && self.text(at) == "," {
                        *text += ", ";
                        at += 1;
                    }
                }
                text.push('}');
                Ok(at)
            }
            _ => {
                self.imported.insert(last);
                Ok(at)
            }
        }
    }

    /// A file's name in quotes at token `at`, as the path of a module.
    fn quoted(&mut self, at: usize) -> Result<(Vec<String>, usize), Wrong> {
        let end = (at + 1..self.line_end(at)).find(|&end| self.text(end) == "\"");
        let Some(end) = end else { return self.wrong(at, at + 1, "this file's name has no second quote") };
        let name = &self.source[self.all[at].end()..self.all[end].at];
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let word = |part: &str| {
            let word: String = part.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
            if word.starts_with(|c: char| c.is_ascii_digit()) { format!("file_{word}") } else { word }
        };
        let words: Vec<String> = stem.split('/').filter(|part| !part.is_empty() && *part != ".").map(word).collect();
        if words.is_empty() {
            return self.wrong(at, end + 1, "this is no file's name");
        }
        self.result.quoted.push((words.clone(), name.to_owned()));
        Ok((words, end + 1))
    }

    /// Paths from the root of all modules start with `package` in WESL: those that begin with a name that is imported do not.
    fn qualify(&mut self) {
        let mut at = 0;
        while at < self.all.len() {
            let token = self.all[at];
            let (words, behind) = path(&self.all, at);
            let starts = words.len() > 1 && (at == 0 || !is_path_mark(&self.all, at.wrapping_sub(2)));
            let known = matches!(token.text, "package" | "super" | "self") || self.imported.contains(token.text);
            if starts && !known {
                self.result.edits.push(Edit::new(token.at..token.at, "package::"));
            }
            at = behind.max(at + 1);
        }
        // Within a directive nothing is to be changed twice: of edits that overlap, the first counts.
        self.result.edits.sort_by_key(|edit| (edit.range.start, std::cmp::Reverse(edit.range.end)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::text::Edited;

    fn defines() -> FxHashMap<String, Define> {
        [("ON".to_owned(), Define::Bool(true)), ("N".to_owned(), Define::Int(3))].into_iter().collect()
    }

    fn said(source: &str) -> String {
        match translate(source, &defines()) {
            Ok(translated) => Edited::new(source).edit(translated.edits).text,
            Err(wrong) => format!("{:?}: {}", &source[wrong.range], wrong.message),
        }
    }

    #[test]
    fn conditions_are_decided() {
        assert_eq!(said("a\n#ifdef ON // why\nb\n#else\nc\n#endif\nd"), "a\n // why\nb\n\nd");
        assert_eq!(said("#ifndef ON\nb\n#else\nc\n#endif"), "\nc\n");
        assert_eq!(
            said("#ifdef OFF\n#ifdef ON\nb\n#else\nx\n#endif\n#else ifdef ON\nc\n#else\nd\n#endif\ne"),
            "\nc\n\ne"
        );
        assert_eq!(said("#if N == 3\na\n#else if N >= 4\nb\n#endif"), "\na\n");
        assert_eq!(said("#if N > -4\na\n#endif"), "\na\n");
        assert_eq!(said("#define M 7\nlet x = #{M} + #N; #ifdef M\ny\n#endif"), "\nlet x = 7 + 3; \ny\n");
        assert_eq!(said("/* #ifdef X */ // #endif\na"), "/* #ifdef X */ // #endif\na");
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(said("#ifdef ON\na"), "\"#ifdef ON\": this condition has no `#endif`");
        assert_eq!(said("#endif"), "\"#endif\": this `#endif` belongs to no condition");
        assert_eq!(said("#ifdef ON\n#else\n#else\n#endif"), "\"#else\": this `#else` belongs to no condition");
        assert!(said("#if M == 1\n#endif").contains("`M` is not defined"));
        assert!(said("#if ON == 1\n#endif").contains("`ON` is true, which is not of the kind of 1"));
        assert!(said("#{M}").contains("`M` is not defined"));
        assert!(said("#pragma once").contains("`#pragma` is no directive"));
        assert!(said("#import").contains("names a module"));
    }

    #[test]
    fn imports_become_those_of_wesl() {
        assert_eq!(said("#import a::b"), "import package::a::b;");
        assert_eq!(
            said("#import a::b as c;\nx = c::f() + a::b::g();"),
            "import package::a::b as c;\nx = c::f() + package::a::b::g();"
        );
        assert_eq!(
            said("#import a::{\n  b, c::{d as e, f},\n}\ny = b + c::x;"),
            "import package::a::{b, c::{d as e, f}, };\ny = b + package::c::x;"
        );
        assert_eq!(said("#import a::b c, d\nz"), "import package::a::b::{c, d};\nz");
        assert_eq!(
            said("#import \"util/my-noise.wgsl\" as n\nn::f();"),
            "import package::util::my_noise as n;\nn::f();"
        );
        assert_eq!(own_path("// x\n#define_import_path a::b\nfn f() {}"), Some(vec!["a".into(), "b".into()]));
    }
}
