//! `bitcast` between vectors of halves and types of 32 bits, which naga parses as if it kept the width.
//!
//! They become calls of functions that are put behind the text. Whether an argument is a vector of halves is not known
//! here: each is taken for one, until the parsed text shows what it is (`learn`).

use std::fmt::Write as _;

use naga::{
    Block, Expression, Function, Handle, Module, Scalar, Statement, TypeInner, front::Typifier, proc::ResolveContext,
};

use super::{
    Edit,
    token::{Kind as TokenKind, Token, closing, tokens},
};
use crate::kernel::constant::{
    eval::Evaluator,
    names::Names,
    value::{Kind, Type},
};

/// A `bitcast` whose argument may be a vector of halves.
#[derive(Debug)]
struct Site {
    /// Before the argument and behind it.
    argument: (usize, usize),
    /// How many words there are: one for two halves.
    words: usize,
    /// What it is cast to, if that is a vector of halves, with where `bitcast<...>` stands.
    to_halves: Option<std::ops::Range<usize>>,
    /// Whether the argument is taken for a vector of halves.
    from_halves: bool,
}

/// The casts of a text that naga gets wrong.
#[derive(Debug, Default)]
pub struct Bitcasts {
    sites: Vec<Site>,
    /// What the names of the functions begin with.
    prefix: String,
    end: usize,
}

impl Bitcasts {
    pub fn find(source: &str) -> Self {
        if !(source.contains("bitcast") && source.contains("f16")) {
            return Bitcasts::default();
        }
        let all = tokens(source);
        let names = Names::new(&all);
        let mut prefix = "bitcast_".to_owned();
        while all.iter().any(|token| token.text.starts_with(&prefix)) {
            prefix.push('n');
        }
        let closing = closing(&all);
        let sites = (0..all.len()).filter_map(|at| site(&all, &closing, &names, at)).collect();
        Bitcasts { sites, prefix, end: source.len() }
    }

    /// The changes to the text, as far as is known.
    pub fn edits(&self) -> Vec<Edit> {
        let (mut edits, mut functions) = (Vec::new(), String::new());
        for (i, site) in self.sites.iter().enumerate() {
            let (open, close) = site.argument;
            let (mut before, mut behind) = (String::new(), "");
            let words = if site.words == 1 { "u32" } else { "vec2<u32>" };
            if site.from_halves {
                before = format!("{}{i}(", self.prefix);
                behind = ")";
                let _ = write!(functions, "\nfn {}{i}(h: vec{}<f16>) -> {words} {{ ", self.prefix, 2 * site.words);
                functions += match site.words {
                    1 => "return pack2x16float(vec2<f32>(h)); }",
                    _ => "return vec2<u32>(pack2x16float(vec2<f32>(h.xy)), pack2x16float(vec2<f32>(h.zw))); }",
                };
            }
            if let Some(cast) = &site.to_halves {
                edits.push(Edit::new(cast.clone(), format!("{}to{i}", self.prefix)));
                before = format!("bitcast<{words}>({before}");
                behind = if site.from_halves { "))" } else { ")" };
                let _ = write!(functions, "\nfn {}to{i}(w: {words}) -> vec{}<f16> {{ ", self.prefix, 2 * site.words);
                functions += match site.words {
                    1 => "return vec2<f16>(unpack2x16float(w)); }",
                    _ => "return vec4<f16>(vec4<f32>(unpack2x16float(w.x), unpack2x16float(w.y))); }",
                };
            }
            if !before.is_empty() {
                edits.push(Edit::new(open..open, before));
                edits.push(Edit::new(close..close, behind));
            }
        }
        if !functions.is_empty() {
            edits.push(Edit::new(self.end..self.end, functions));
        }
        edits
    }

    /// Takes note of the casts whose arguments are no vectors of halves after all, as the parsed text has them. Says
    /// whether there are any.
    pub fn learn(&mut self, module: &Module) -> bool {
        if !self.sites.iter().any(|site| site.from_halves) {
            return false;
        }
        let mut wrong = Vec::new();
        let functions = module.functions.iter().map(|(_, function)| function);
        for function in functions.chain(module.entry_points.iter().map(|entry| &entry.function)) {
            let mut types = Typifier::new();
            each_call(&function.body, &mut |callee, arguments| {
                let name = module.functions[callee].name.as_deref().unwrap_or("");
                let site = name.strip_prefix(&self.prefix).and_then(|number| number.parse::<usize>().ok());
                let (Some(site), Some(&argument)) = (site, arguments.first()) else { return };
                let context = ResolveContext::with_locals(module, &function.local_variables, &function.arguments);
                if types.grow(argument, &function.expressions, &context).is_err() {
                    return;
                }
                let words = self.sites.get(site).map_or(0, |site| site.words);
                let fits = match types[argument].inner_with(&module.types) {
                    TypeInner::Vector { size, scalar: Scalar::F16 } => *size as usize == 2 * words,
                    _ => false,
                };
                if !fits {
                    wrong.push(site);
                }
            });
        }
        for &site in &wrong {
            if let Some(site) = self.sites.get_mut(site) {
                site.from_halves = false;
            }
        }
        !wrong.is_empty()
    }
}

/// Is told of a call: the function, and its arguments.
type VisitCall<'v> = dyn FnMut(Handle<Function>, &[Handle<Expression>]) + 'v;

/// Calls `visit` for each call in a block, with its arguments.
fn each_call(block: &Block, visit: &mut VisitCall<'_>) {
    for statement in block {
        match statement {
            Statement::Call { function, arguments, .. } => visit(*function, arguments),
            Statement::Block(inner) => each_call(inner, visit),
            Statement::If { accept, reject, .. } => {
                each_call(accept, visit);
                each_call(reject, visit);
            }
            Statement::Switch { cases, .. } => cases.iter().for_each(|case| each_call(&case.body, visit)),
            Statement::Loop { body, continuing, .. } => {
                each_call(body, visit);
                each_call(continuing, visit);
            }
            _ => {}
        }
    }
}

/// The cast at token `at`, if halves may take part in it.
fn site(all: &[Token<'_>], closing: &[usize], names: &Names<'_>, at: usize) -> Option<Site> {
    if all[at].text != "bitcast" || all.get(at + 1)?.text != "<" || names.item("bitcast").is_some() {
        return None;
    }
    let mut reader = Evaluator::new(names, at + 2, false);
    let ty = reader.ty().ok()??;
    let words = match ty {
        Type::Vector(size @ (2 | 4), Some(Kind::F16)) => size / 2,
        Type::Scalar(Kind::I32 | Kind::U32 | Kind::F32) => 1,
        Type::Vector(2, Some(Kind::I32 | Kind::U32 | Kind::F32)) => 2,
        _ => return None,
    };
    let open = reader.at + 1;
    if all.get(reader.at)?.text != ">" || all.get(open)?.text != "(" {
        return None;
    }
    let close = closing[open];
    let argument = all.get(open + 1..close)?;
    all.get(close)?;
    let to_halves = matches!(ty, Type::Vector(_, Some(Kind::F16))).then(|| all[at].at..all[reader.at].end());
    Some(Site { argument: (all[open].end(), all[close].at), words, to_halves, from_halves: may_be_halves(argument) })
}

/// Whether an argument may be a vector of halves: literals show what they are, and naga would convert them.
fn may_be_halves(argument: &[Token<'_>]) -> bool {
    let is_literal = |token: &Token<'_>| match token.kind {
        TokenKind::Word => matches!(token.text, "true" | "false"),
        TokenKind::Number | TokenKind::Mark => true,
    };
    !argument.iter().all(is_literal)
}
