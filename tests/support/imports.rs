//! Which modules of a crate name which others, read from the tokens of its files.
//!
//! Paths count that start at a crate's root or leave a module by `super`, in `use` and anywhere else; comments, strings
//! and documentation do not. What the root exports again counts as the module that it comes from. A method that a module
//! adds to a type of an earlier one counts where it is called by its name, if no module that the caller may know has one
//! of that name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// One module names another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    pub file: String,
    pub line: usize,
    /// The path of the module that the name stands in.
    pub from: Vec<String>,
    /// The path that is named, as far as it is written.
    pub to: Vec<String>,
}

impl fmt::Display for Arrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: {} -> {}", self.file, self.line, self.from.join("::"), self.to.join("::"))
    }
}

/// The files of a crate, as tokens.
pub struct Sources {
    /// By their paths inside `src`.
    files: BTreeMap<String, TokenStream>,
    /// The names that the root exports again, and the paths they come from.
    exports: BTreeMap<String, Vec<String>>,
}

impl Sources {
    /// Of the library `name`: pairs of a path inside `src` and a text. `lib.rs` is the root.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Sources {
        let tokens = |(path, text): (&str, &str)| {
            let tokens = text.parse().unwrap_or_else(|error| panic!("src/{path} is no Rust: {error}"));
            (path.to_owned(), tokens)
        };
        let files: BTreeMap<String, TokenStream> = files.into_iter().map(tokens).collect();
        let mut exports = BTreeMap::new();
        let root: Vec<TokenTree> = files["lib.rs"].clone().into_iter().collect();
        for at in 0..root.len() {
            if word(root.get(at)) == Some("use".to_owned()) {
                each_path(&root, at + 1, &[], &mut |path, name, _| {
                    exports.insert(name.to_owned(), path.to_vec());
                });
            }
        }
        Sources { files, exports }
    }

    /// The modules at the top: those of the library, and the program's.
    pub fn modules(&self) -> BTreeSet<String> {
        self.files.keys().filter(|file| *file != "lib.rs").map(|file| place(file).swap_remove(0)).collect()
    }

    /// Every arrow from one module to another, as far as the first two names of their paths tell them apart.
    pub fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = Vec::new();
        for (file, tokens) in self.files.iter().filter(|(file, _)| *file != "lib.rs") {
            self.walk(file, tokens.clone(), &place(file), &mut arrows);
        }
        arrows.sort();
        arrows.dedup();
        arrows
    }

    fn walk(&self, file: &str, tokens: TokenStream, module: &[String], arrows: &mut Vec<Arrow>) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Ident(ident) if !is_colons(&tokens, at.wrapping_sub(2)) => {
                    let start: &[String] = match ident.to_string().as_str() {
                        "crate" | "swath" => &[],
                        "self" | "super" => module,
                        _ => continue,
                    };
                    if !is_colons(&tokens, at + 1) && word(tokens.get(at + 1)) != Some("as".to_owned()) {
                        continue;
                    }
                    each_path(&tokens, at, start, &mut |path, _, line| {
                        let to = self.resolve(path);
                        if !to.iter().take(2).eq(module.iter().take(2)) {
                            arrows.push(Arrow { file: file.to_owned(), line, from: module.to_vec(), to });
                        }
                    });
                }
                TokenTree::Group(group) if !is_visibility(&tokens, at, group) => {
                    let name = word(at.checked_sub(1).and_then(|at| tokens.get(at)));
                    let is_module = at >= 2 && word(tokens.get(at - 2)) == Some("mod".to_owned());
                    let inner = [module, name.filter(|_| is_module).as_slice()].concat();
                    self.walk(file, group.stream(), &inner, arrows);
                }
                _ => {}
            }
        }
    }

    /// Each call by name of a method that a module adds to a type of an earlier one in `order`, from a module that comes
    /// before it and before all that have a function of that name.
    pub fn late_methods(&self, order: &[&str]) -> Vec<Arrow> {
        let rank = |module: &str| order.iter().position(|each| *each == module);
        let mut names = Names::default();
        for (file, tokens) in &self.files {
            names.collect(&place(file)[0], tokens.clone());
        }
        let mut late: BTreeMap<&str, [&str; 3]> = BTreeMap::new();
        for (module, ty, method) in &names.methods {
            let homes = names.types.get(ty).filter(|homes| !homes.contains(module));
            let home = homes.and_then(|homes| homes.iter().filter_map(|home| rank(home)).min());
            let first = names.functions[method].iter().filter_map(|module| rank(module)).min();
            if home < rank(module) && home.is_some() && first == rank(module) {
                late.insert(method, [module, ty, method]);
            }
        }
        let mut arrows = Vec::new();
        for (file, tokens) in self.files.iter().filter(|(file, _)| *file != "lib.rs") {
            let from = place(file);
            each_call(tokens.clone(), &mut |method, line| {
                if let Some(to) = late.get(method).filter(|to| rank(to[0]) > rank(&from[0])) {
                    let to = to.map(str::to_owned).to_vec();
                    arrows.push(Arrow { file: file.clone(), line, from: from.clone(), to });
                }
            });
        }
        arrows
    }

    /// The path without the root's exports in front.
    fn resolve(&self, path: &[String]) -> Vec<String> {
        match path.first().and_then(|first| self.exports.get(first)) {
            Some(export) => [export, &path[1..]].concat(),
            None => path.to_vec(),
        }
    }
}

/// What the modules at the top define, by its name.
#[derive(Default)]
struct Names {
    types: BTreeMap<String, BTreeSet<String>>,
    functions: BTreeMap<String, BTreeSet<String>>,
    /// Functions of blocks `impl Type`: module, type, function.
    methods: BTreeSet<(String, String, String)>,
}

impl Names {
    fn collect(&mut self, module: &str, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            if let TokenTree::Group(group) = token {
                self.collect(module, group.stream());
            }
            let (Some(keyword), name) = (word(Some(token)), word(tokens.get(at + 1))) else { continue };
            match (keyword.as_str(), name) {
                ("struct" | "enum" | "union", Some(name)) => {
                    self.types.entry(name).or_default().insert(module.to_owned());
                }
                ("fn", Some(name)) => {
                    self.functions.entry(name).or_default().insert(module.to_owned());
                }
                ("impl", _) => {
                    if let Some((ty, body)) = inherent(&tokens[at + 1..]) {
                        let body: Vec<TokenTree> = body.into_iter().collect();
                        let functions = body.windows(2).filter(|pair| word(pair.first()) == Some("fn".to_owned()));
                        let names = functions.filter_map(|pair| word(pair.get(1)));
                        self.methods.extend(names.map(|name| (module.to_owned(), ty.clone(), name)));
                    }
                }
                _ => {}
            }
        }
    }
}

/// The type and the body of an `impl` that these tokens follow, unless it is a trait's.
fn inherent(tokens: &[TokenTree]) -> Option<(String, TokenStream)> {
    let (mut depth, mut ty) = (0, None);
    for token in tokens {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' => depth -= 1,
            TokenTree::Ident(ident) if depth == 0 => match ident.to_string().as_str() {
                "for" => return None,
                "where" => depth = i32::MAX / 2,
                name => ty = Some(name.to_owned()),
            },
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return Some((ty?, group.stream())),
            _ => {}
        }
    }
    None
}

/// Tells of each name behind a dot or a `::`, with its line.
fn each_call(tokens: TokenStream, tell: &mut dyn FnMut(&str, usize)) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => each_call(group.stream(), tell),
            TokenTree::Ident(ident) => {
                let dot = is_punct(at.checked_sub(1).and_then(|at| tokens.get(at)), '.');
                let is_called = matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
                    || is_colons(&tokens, at + 1);
                if dot && is_called || is_colons(&tokens, at.wrapping_sub(2)) {
                    tell(&ident.to_string(), ident.span().start().line);
                }
            }
            _ => {}
        }
    }
}

/// The module that a file of `src` is.
fn place(file: &str) -> Vec<String> {
    let stem = file.trim_end_matches(".rs");
    stem.strip_suffix("/mod").unwrap_or(stem).split('/').map(str::to_owned).collect()
}

fn word(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

/// Whether `::` stands at `at`.
fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at.wrapping_add(1)), ':')
}

/// Whether the group at `at` belongs to a `pub(in path)`.
fn is_visibility(tokens: &[TokenTree], at: usize, group: &Group) -> bool {
    word(at.checked_sub(1).and_then(|at| tokens.get(at))) == Some("pub".to_owned())
        && group.delimiter() == Delimiter::Parenthesis
        && word(group.stream().into_iter().next().as_ref()) == Some("in".to_owned())
}

fn is_punct(token: Option<&TokenTree>, char: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

/// Tells of each path that is written at `at`, several where it ends in braces: the whole path from the root on, the name
/// it gets, and its line.
fn each_path(tokens: &[TokenTree], mut at: usize, start: &[String], tell: &mut dyn FnMut(&[String], &str, usize)) {
    let mut path = start.to_vec();
    let mut name = String::new();
    let line = loop {
        let Some(token) = tokens.get(at) else { return };
        match token {
            TokenTree::Ident(ident) => {
                name = ident.to_string();
                match name.as_str() {
                    "crate" | "swath" | "self" => {}
                    "super" => drop(path.pop()),
                    _ => path.push(name.clone()),
                }
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for entry in inner.split(|token| is_punct(Some(token), ',')).filter(|entry| !entry.is_empty()) {
                    each_path(entry, 0, &path, tell);
                }
                return;
            }
            TokenTree::Punct(punct) if punct.as_char() == '*' => path.push("*".to_owned()),
            _ => return,
        }
        at += 1;
        if !is_colons(tokens, at) {
            break token.span().start().line;
        }
        at += 2;
    };
    if word(tokens.get(at)) == Some("as".to_owned()) {
        name = word(tokens.get(at + 1)).unwrap_or(name);
    }
    tell(&path, &name, line);
}
