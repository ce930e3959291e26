//! Constant expressions that naga gets wrong or does not know, replaced by their values.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Edit,
    token::{Kind as TokenKind, Token, closing, tokens},
};
use crate::kernel::constant::{
    eval::Evaluator,
    names::{Item, Names, name_of_declaration},
    operators::{self, Operator},
    value::{Kind, Value},
};

/// Which expressions are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mends {
    /// Those that naga gets wrong: `atanh` near 1, and shifts of abstract numbers by 64 and more.
    Wrong,
    /// Also the functions that naga does not evaluate, wherever their arguments are constants.
    Functions,
    /// Only `let`s of constants become variables: naga takes them for constant expressions, and refuses what is an error
    /// in those alone, such as an index out of bounds.
    Lets,
}

/// The built-in functions that naga does not evaluate.
const UNKNOWN: &[&str] = &[
    "bitcast",
    "determinant",
    "extractBits",
    "faceForward",
    "frexp",
    "insertBits",
    "ldexp",
    "mix",
    "modf",
    "quantizeToF16",
    "reflect",
    "refract",
    "smoothstep",
    "transpose",
];

fn is_unknown(name: &str) -> bool {
    UNKNOWN.contains(&name) || name.starts_with("pack2x") || name.starts_with("pack4x") || name.starts_with("unpack")
}

/// The changes to `source`.
pub fn mend(source: &str, mends: Mends) -> Vec<Edit> {
    if mends == Mends::Wrong && !["atanh", "<<", ">>"].iter().any(|word| source.contains(word)) {
        return Vec::new();
    }
    let all = tokens(source);
    let assigned = if mends == Mends::Lets { assigned(&all) } else { FxHashSet::default() };
    let mut walker = Walker { names: Names::new(&all), mends, assigned, edits: Vec::new(), declared: None };
    walker.walk(&all);
    walker.edits
}

/// The changes to `source` for functions of constants.
pub fn mend_functions(source: &str) -> Vec<Edit> {
    mend(source, Mends::Functions)
}

/// What the structs of a module say about their members: `@align` and `@size`, by the struct's name and in the order of
/// the members. Only structs that say `@align`; nothing where one says what cannot be evaluated here.
pub fn struct_alignments(source: &str) -> FxHashMap<String, Option<Vec<Member>>> {
    let all = tokens(source);
    if !all.windows(2).any(|pair| pair[0].text == "@" && pair[1].text == "align") {
        return FxHashMap::default();
    }
    let names = Names::new(&all);
    let members = names.structs().map(|(name, at)| (name.to_owned(), struct_members(&names, at)));
    members.collect()
}

/// The attributes of a struct's member that bear on its layout.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Member {
    pub align: Option<u32>,
    pub size: Option<u32>,
}

fn struct_members(names: &Names<'_>, open: usize) -> Option<Vec<Member>> {
    let (mut members, mut member, mut at) = (Vec::new(), Member::default(), open);
    let all = names.tokens;
    loop {
        match all.get(at)?.text {
            "}" => return Some(members),
            "@" => {
                let name = all.get(at + 1)?.text;
                at += 2;
                if all.get(at)?.text != "(" {
                    continue;
                }
                let mut reader = Evaluator::new(names, at + 1, false);
                let value = reader.expression().ok()?;
                while all.get(reader.at)?.text != ")" {
                    reader.at += 1;
                }
                at = reader.at + 1;
                if let "align" | "size" = name {
                    let number = u32::try_from(value?.scalar()?.int()?).ok()?;
                    *(if name == "align" { &mut member.align } else { &mut member.size }) = Some(number);
                }
            }
            _ => {
                members.push(std::mem::take(&mut member));
                at = type_end(all, at + 2)?;
                if all.get(at)?.text == "," {
                    at += 1;
                }
            }
        }
    }
}

/// The token behind the type of a member that starts at token `at`: a comma, or the end of the struct.
fn type_end(all: &[Token<'_>], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    let length = all.get(at..)?.iter().position(|token| {
        match token.text {
            "<" | "(" | "[" => depth += 1,
            ">" | ")" | "]" => depth = depth.saturating_sub(1),
            "," => return depth == 0,
            "}" | "{" | ";" => return true,
            _ => {}
        }
        false
    });
    Some(at + length?)
}

struct Walker<'a> {
    names: Names<'a>,
    mends: Mends,
    /// The names that are assigned to, where that is asked for.
    assigned: FxHashSet<&'a str>,
    edits: Vec<Edit>,
    /// A constant that is in scope from a token on.
    declared: Option<(usize, &'a str, Option<Value>)>,
}

impl<'a> Walker<'a> {
    fn walk(&mut self, all: &'a [Token<'a>]) {
        let mut at = 0;
        while let Some(token) = all.get(at) {
            if let Some((from, name, value)) = self.declared.take_if(|declared| declared.0 <= at) {
                debug_assert!(from <= at);
                self.names.declare(name, value);
            }
            at = match token.text {
                "{" => {
                    self.names.open(false);
                    at + 1
                }
                "}" => {
                    self.names.close();
                    at + 1
                }
                "fn" => self.parameters(at),
                "for" => {
                    self.names.open(true);
                    at + 1
                }
                "let" | "var" | "override" | "const" => self.declaration(at),
                "<" | ">" if self.mends != Mends::Lets => self.shift(at),
                _ if token.kind == TokenKind::Word && self.mends != Mends::Lets => self.word(at),
                _ => at + 1,
            };
        }
    }

    /// A function's parameters, from `fn` on; gives the token behind them.
    fn parameters(&mut self, start: usize) -> usize {
        let all = self.names.tokens;
        self.names.open(true);
        let (mut depth, mut at) = (0usize, start + 1);
        while let Some(token) = all.get(at) {
            match token.text {
                "(" | "<" => depth += 1,
                ")" | ">" => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        break;
                    }
                }
                "{" => return at,
                _ if depth == 1 && token.kind == TokenKind::Word && all.get(at + 1).is_some_and(|t| t.text == ":") => {
                    self.names.declare(token.text, None);
                }
                _ => {}
            }
            at += 1;
        }
        at + 1
    }

    /// A declaration; gives the token to go on from.
    fn declaration(&mut self, at: usize) -> usize {
        let all = self.names.tokens;
        let Some(name) = name_of_declaration(all, at) else { return at + 1 };
        let (keyword, text) = (all[at], all[name].text);
        let local = self.names.is_local();
        let evaluated = keyword.text == "const" || keyword.text == "let" && self.mends == Mends::Lets;
        if evaluated {
            let mut reader = Evaluator::new(&self.names, name + 1, local);
            let value = reader.declaration().ok().flatten();
            let end = reader.at;
            if keyword.text == "let" {
                if value.is_some() && !self.assigned.contains(text) {
                    self.edits.push(Edit::new(keyword.at..keyword.end(), "var"));
                }
                self.names.declare(text, None);
                return name + 1;
            }
            if self.mends == Mends::Functions && matches!(value, Some(Value::Struct(None, _))) {
                // Of a type without a name: its fields are replaced where they are used.
                self.edits.push(Edit::new(keyword.at..all[end - 1].end(), ""));
                self.names.declare(text, value);
                return end;
            }
            if local {
                // What the constant is made from may have the same name.
                self.declared = Some((if value.is_some() { end } else { name + 1 }, text, value));
            }
            return name + 1;
        }
        self.names.declare(text, None);
        name + 1
    }

    /// A word that may begin an expression to be replaced; gives the token to go on from.
    fn word(&mut self, at: usize) -> usize {
        let all = self.names.tokens;
        let name = all[at].text;
        let behind_point = at > 0 && all[at - 1].text == ".";
        let is_call = all.get(at + 1).is_some_and(|next| next.text == "(" || name == "bitcast" && next.text == "<");
        let predeclared = self.names.local(name).is_none() && self.names.item(name).is_none();
        let wanted = match self.mends {
            Mends::Functions => is_unknown(name) || name == "atanh",
            _ => name == "atanh",
        };
        if behind_point || !(is_call && predeclared && wanted || self.is_nameless(name)) {
            return at + 1;
        }
        let mut reader = Evaluator::new(&self.names, at, self.names.is_local());
        let value = reader.postfix().ok().flatten();
        match value.and_then(|value| value.print()) {
            Some(text) => {
                let end = reader.at;
                self.replace(all[at].at..all[end - 1].end(), text);
                end
            }
            None => at + 1,
        }
    }

    /// Whether `name` is a constant of a type that has no name.
    fn is_nameless(&self, name: &'a str) -> bool {
        if self.mends != Mends::Functions {
            return false;
        }
        match (self.names.local(name), self.names.item(name)) {
            (Some(value), _) => matches!(value, Some(Value::Struct(None, _))),
            (None, Some(Item::Constant(at))) => {
                matches!(self.names.constant(name, at), Some(Value::Struct(None, _)))
            }
            _ => false,
        }
    }

    /// A shift of an abstract number by 64 or more; gives the token to go on from.
    fn shift(&mut self, at: usize) -> usize {
        let all = self.names.tokens;
        let local = self.names.is_local();
        let Some((op @ (Operator::ShiftLeft | Operator::ShiftRight), ..)) =
            Evaluator::new(&self.names, at, local).operator()
        else {
            return at + 1;
        };
        let mut right = Evaluator::new(&self.names, at + 2, local);
        let amount = right.unary().ok().flatten();
        let large = |value: &Value| {
            value.components().is_some_and(|parts| parts.iter().any(|part| part.int().is_some_and(|n| n >= 64)))
        };
        let Some(amount) = amount.filter(large) else { return at + 2 };
        let Some(start) = operand_before(all, at) else { return at + 2 };
        let mut left = Evaluator::new(&self.names, start, local);
        let value = left.unary().ok().flatten().filter(|value| left.at == at && value.kind() == Some(Kind::Int));
        let result = value.and_then(|value| operators::binary(op, &value, &amount)).and_then(|value| value.print());
        let Some(text) = result else { return at + 2 };
        let end = right.at;
        self.replace(all[start].at..all[end - 1].end(), text);
        end
    }

    /// Replaces a part of the text that ends where the walk has come to, and with it what was replaced in it before.
    fn replace(&mut self, range: std::ops::Range<usize>, text: String) {
        while self.edits.last().is_some_and(|last| last.range.end > range.start) {
            self.edits.pop();
        }
        self.edits.push(Edit { range, text });
    }
}

/// The words that an expression follows, and that are no operand themselves.
const KEYWORDS: &[&str] = &["break", "case", "const_assert", "default", "else", "if", "return", "switch", "while"];

/// The first token of the unary expression that ends before token `end`.
fn operand_before(all: &[Token<'_>], end: usize) -> Option<usize> {
    let is_name = |token: &Token<'_>| token.kind == TokenKind::Word && !KEYWORDS.contains(&token.text);
    let mut at = end.checked_sub(1)?;
    // What stands in brackets belongs to the name before it, and members and elements to the value before them.
    loop {
        if matches!(all[at].text, ")" | "]") {
            let mut depth = 1usize;
            while depth > 0 {
                at = at.checked_sub(1)?;
                match all[at].text {
                    ")" | "]" => depth += 1,
                    "(" | "[" => depth -= 1,
                    _ => {}
                }
            }
            let goes_on = |token: &Token<'_>| is_name(token) || matches!(token.text, ")" | "]");
            if at > 0 && goes_on(&all[at - 1]) {
                at -= 1;
                continue;
            }
        }
        if at > 1 && all[at - 1].text == "." {
            at -= 2;
            continue;
        }
        break;
    }
    // Signs belong to it where no operand stands before them.
    while let Some(sign) = at.checked_sub(1).filter(|&sign| matches!(all[sign].text, "-" | "~")) {
        if sign.checked_sub(1).is_some_and(|before| ends_operand(&all[before])) {
            break;
        }
        at = sign;
    }
    Some(at)
}

/// The names that are assigned to anywhere, or have their address taken.
fn assigned<'a>(all: &[Token<'a>]) -> FxHashSet<&'a str> {
    let closing = closing(all);
    let mark = |at: usize| all.get(at).map_or("", |token| token.text);
    let is_assigned = |at: usize| {
        let mut start = at;
        while start > 0 && all[start - 1].text == "(" {
            start -= 1;
        }
        let address = start > 0 && all[start - 1].text == "&" && (start < 2 || !ends_operand(&all[start - 2]));
        let mut end = at + 1;
        loop {
            match mark(end) {
                "[" => end = closing[end] + 1,
                "." => end += 2,
                // The left side may stand in brackets.
                ")" => end += 1,
                _ => break,
            }
        }
        let declared = at > 0 && matches!(all[at - 1].text, "let" | "const");
        let assigned = match mark(end) {
            "=" => mark(end + 1) != "=" && !declared,
            "+" | "-" => matches!(mark(end + 1), "=" | "+" | "-"),
            "*" | "/" | "%" | "&" | "|" | "^" => mark(end + 1) == "=",
            "<" | ">" => mark(end + 1) == mark(end) && mark(end + 2) == "=",
            _ => false,
        };
        address || assigned
    };
    let names = (0..all.len()).filter(|&at| all[at].kind == TokenKind::Word && (at == 0 || all[at - 1].text != "."));
    names.filter(|&at| is_assigned(at)).map(|at| all[at].text).collect()
}

fn ends_operand(token: &Token<'_>) -> bool {
    matches!(token.text, ")" | "]") || token.kind != TokenKind::Mark && !KEYWORDS.contains(&token.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::text::Edited;

    fn mended(text: &str, mends: Mends) -> String {
        Edited::new(text).edit(mend(text, mends)).text
    }

    #[test]
    fn replaces_what_naga_gets_wrong() {
        let wrong = |text: &str| mended(text, Mends::Wrong);
        assert_eq!(wrong("fn f() { y = -2 >> 64; z = x >> 70u; }"), "fn f() { y = (-1); z = x >> 70u; }");
        assert_eq!(wrong("const N = 100; const a = -1 >> N;"), "const N = 100; const a = (-1);");
        assert_eq!(wrong("fn f() { y = 1 - -(4) >> 64; }"), "fn f() { y = 1 - (-1); }");
        assert_eq!(wrong("fn f(a: f32) { y = atanh(0) + atanh(a); }"), "fn f(a: f32) { y = 0.0 + atanh(a); }");
        // The operand is a unary expression, whatever stands before it.
        assert_eq!(
            wrong("if -2 >> 64 == -1 { switch x { case -2 >> 64: {} } }"),
            "if (-1) == -1 { switch x { case (-1): {} } }"
        );
        assert_eq!(wrong("const y = 5; z = vec2(1, -2).y >> 64;"), "const y = 5; z = (-1);");
        assert_eq!(wrong("const y = 5; z = s.y >> 64; z = a[y] >> 64;"), "const y = 5; z = s.y >> 64; z = a[y] >> 64;");
        // A function of the author's is not the built-in one.
        let own = "fn atanh(x: f32) -> f32 { return x; } fn f() { y = atanh(0.5); }";
        assert_eq!(wrong(own), own);
        assert_eq!(wrong("fn f() { y = mix(1, 2, 0.5); z = 1u << 3; }"), "fn f() { y = mix(1, 2, 0.5); z = 1u << 3; }");
    }

    #[test]
    fn replaces_functions_of_constants() {
        let all = |text: &str| mended(text, Mends::Functions);
        assert_eq!(all("const a = mix(1, B, 0.5) + 1; const B = 3;"), "const a = 2.0 + 1; const B = 3;");
        assert_eq!(
            all("fn f(B: f32) { const C = 2; y = ldexp(1f, C) + ldexp(B, C); { let C = 3; y = ldexp(1f, C); } }"),
            "fn f(B: f32) { const C = 2; y = 4.0f + ldexp(B, C); { let C = 3; y = ldexp(1f, C); } }"
        );
        assert_eq!(
            all("const r = frexp(6.0); fn f() { y = r.fract * f32(r.exp); const s = modf(1.25); z = s.whole; }"),
            " fn f() { y = 0.75 * f32(3);  z = 1.0; }"
        );
        assert_eq!(
            all("fn f() { const x = 1; const y = 2; { const x = mix(x, y, 1); z = x; } }").matches("2.0").count(),
            1
        );
    }

    #[test]
    fn makes_lets_of_constants_variables() {
        let lets = |text: &str| mended(text, Mends::Lets);
        assert_eq!(
            lets("fn f() { let i = (4u); let j = x; y = w[i] + w[j]; }"),
            "fn f() { var i = (4u); let j = x; y = w[i] + w[j]; }"
        );
        for assigns in ["i = 5", "i += 5", "i >>= 1", "(i) = 5", "i++", "i.x = 1", "i[0].x[1] = 1", "g(&i)", "g(&(i))"]
        {
            let text = format!("let i = 4; {assigns};");
            let text = format!("fn f() {{ {text} }}");
            assert_eq!(lets(&text), text);
        }
    }

    #[test]
    fn finds_alignments() {
        let found = struct_alignments(
            "const A = 32; struct S { @align(2 * A) x: u32, @size(16) y: array<vec2<u32>, 4> } struct T { s: S }
            struct U { @align(N) x: u32 } override N: u32;",
        );
        // Structs in structs are not looked into: that would take long.
        let deep: String = (0..60).map(|i| format!("struct D{} {{ @align(64) a: D{i}, b: D{i} }}", i + 1)).collect();
        let deep = struct_alignments(&format!("struct D0 {{ x: u32 }} {deep}"));
        assert!(deep.values().all(Option::is_some));
        let member = |align, size| Member { align, size };
        assert_eq!(found["S"], Some(vec![member(Some(64), None), member(None, Some(16))]));
        assert_eq!(found["T"], Some(vec![member(None, None)]));
        assert_eq!(found["U"], None);
    }
}
