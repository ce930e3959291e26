//! What the names of a text mean, as far as constants go.

use std::cell::{Cell, RefCell};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{eval::Evaluator, value::Value};
use crate::kernel::text::token::{Kind as TokenKind, Token};

/// A declaration of the module.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item {
    /// The token behind the constant's name.
    Constant(usize),
    /// The token behind `=`.
    Alias(usize),
    /// The token behind the opening brace.
    Struct(usize),
    /// A function, variable or override.
    Other,
}

/// A block's own names.
#[derive(Default)]
struct Scope<'a> {
    names: Vec<&'a str>,
    /// Whether it ends with the block inside it, as that of a function's parameters and of a `for`'s variable.
    around: bool,
}

pub struct Names<'a> {
    pub tokens: &'a [Token<'a>],
    module: FxHashMap<&'a str, Item>,
    scopes: Vec<Scope<'a>>,
    /// What each local name means: by block, the innermost last, with its value where it is a constant. Blocks may be nested by
    /// the thousand, so that nothing looks through all of them.
    locals: FxHashMap<&'a str, Vec<(usize, Option<Value>)>>,
    known: RefCell<FxHashMap<&'a str, Option<Value>>>,
    pending: RefCell<FxHashSet<&'a str>>,
    /// How many steps of evaluation are left: no text takes long.
    pub budget: Cell<usize>,
    /// How many expressions and types are being read, each inside the one before.
    pub depth: Cell<usize>,
}

impl<'a> Names<'a> {
    pub fn new(tokens: &'a [Token<'a>]) -> Self {
        Names {
            tokens,
            module: items(tokens),
            scopes: Vec::new(),
            locals: FxHashMap::default(),
            known: RefCell::default(),
            pending: RefCell::default(),
            budget: Cell::new(100_000 + 50 * tokens.len()),
            depth: Cell::new(0),
        }
    }

    /// What the module declares under `name`.
    pub fn item(&self, name: &str) -> Option<Item> {
        self.module.get(name).copied()
    }

    /// The structs of the module, by name and the token behind the opening brace.
    pub fn structs(&self) -> impl Iterator<Item = (&'a str, usize)> + '_ {
        self.module.iter().filter_map(|(&name, &item)| match item {
            Item::Struct(at) => Some((name, at)),
            _ => None,
        })
    }

    /// A local name: its value, or nothing where it is no constant. `None` where it is not local.
    pub fn local(&self, name: &str) -> Option<Option<&Value>> {
        self.locals.get(name)?.last().map(|(_, value)| value.as_ref())
    }

    /// The value of a constant of the module.
    pub fn constant(&self, name: &'a str, at: usize) -> Option<Value> {
        if let Some(known) = self.known.borrow().get(name) {
            return known.clone();
        }
        if !self.pending.borrow_mut().insert(name) {
            return None;
        }
        let read = Evaluator::new(self, at, false).declaration();
        self.pending.borrow_mut().remove(name);
        // Where reading stopped, it may come further another time, from less deep.
        let value = read.ok()?;
        self.known.borrow_mut().insert(name, value.clone());
        value
    }

    pub fn is_local(&self) -> bool {
        !self.scopes.is_empty()
    }

    pub fn open(&mut self, around: bool) {
        self.scopes.push(Scope { around, ..Scope::default() });
    }

    pub fn close(&mut self) {
        self.leave();
        if self.scopes.last().is_some_and(|scope| scope.around) {
            self.leave();
        }
    }

    fn leave(&mut self) {
        for name in self.scopes.pop().unwrap_or_default().names {
            if let Some(meanings) = self.locals.get_mut(name) {
                meanings.pop();
            }
        }
    }

    pub fn declare(&mut self, name: &'a str, value: Option<Value>) {
        let depth = self.scopes.len();
        let Some(scope) = self.scopes.last_mut() else { return };
        let meanings = self.locals.entry(name).or_default();
        match meanings.last_mut() {
            // Declared again, which is an error that is told elsewhere.
            Some((declared, old)) if *declared == depth => *old = value,
            _ => {
                meanings.push((depth, value));
                scope.names.push(name);
            }
        }
    }
}

/// The module's declarations: those outside of all braces and parentheses.
fn items<'a>(tokens: &[Token<'a>]) -> FxHashMap<&'a str, Item> {
    let mut items = FxHashMap::default();
    let mut depth = 0usize;
    for (i, token) in tokens.iter().enumerate() {
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            "const" | "override" | "fn" | "struct" | "alias" | "var" if depth == 0 => {
                let Some(at) = name_of_declaration(tokens, i) else { continue };
                let item = match token.text {
                    "const" => Item::Constant(at + 1),
                    "alias" => Item::Alias(at + 2),
                    "struct" => Item::Struct(at + 2),
                    _ => Item::Other,
                };
                items.insert(tokens[at].text, item);
            }
            _ => {}
        }
    }
    items
}

/// The token that is the name which the declaration starting at token `i` declares.
pub fn name_of_declaration(tokens: &[Token<'_>], i: usize) -> Option<usize> {
    let mut at = i + 1;
    // `var<storage, read_write> name`, with a comma at the end or not.
    if tokens.get(at)?.text == "<" {
        at += tokens[at..].iter().take(6).position(|token| token.text == ">")? + 1;
    }
    (tokens.get(at)?.kind == TokenKind::Word).then_some(at)
}
