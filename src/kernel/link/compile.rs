//! Has the crate `wesl` put files together, and finds in its result what came from where.

use std::{
    borrow::Cow,
    cell::RefCell,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use naga::Span;
use rustc_hash::{FxHashMap, FxHashSet};
use wesl::{
    CompileOptions, CompileResult, Diagnostic, EscapeMangler, Feature, Features, Mangler, ModulePath, ResolveError,
    Resolver,
    syntax::{GlobalDeclaration, PathOrigin},
};

use super::{
    Sources, align, directives,
    files::{self, Files, Found},
};
use crate::{
    error::{Error, Message, Result},
    kernel::{
        Module,
        constant::names::name_of_declaration,
        diagnostic,
        module::{ModuleInner, without_mark},
        nesting, read as parse,
        source::Source,
        text::{
            Edited,
            token::{Token, tokens},
        },
    },
};

/// Brackets inside each other that a file may have, as naga's parser has it.
const DEEPEST: usize = 127;

/// The module of the file `root`.
pub fn module(sources: &Sources, root: &str) -> Result<Module> {
    link(sources, root, |files| files.named(root))
}

/// The module of the file at `path`.
pub fn file(sources: &Sources, path: &Path) -> Result<Module> {
    let within = sources.folder.as_ref().and_then(|folder| path.strip_prefix(folder).ok());
    let root = within.or(path.file_name().map(Path::new)).unwrap_or(path);
    link(sources, &root.to_string_lossy(), |_| files::read(path))
}

fn link(sources: &Sources, root: &str, read: impl FnOnce(&Files<'_>) -> Result<Found, String>) -> Result<Module> {
    let files = Files::of(sources);
    let found = read(&files).map_err(|problem| {
        Error::Io(Message::new(problem).subject(root).help("check the path, and that the file is UTF-8 text"))
    })?;
    let loader =
        Loader { sources, files, loaded: RefCell::default(), quoted: RefCell::default(), failed: RefCell::default() };
    let path = ModulePath::new(PathOrigin::Absolute, root_path(root));
    let name = found.name.clone();
    loader.load(&path, found)?;
    let names = Names { loader: &loader, given: RefCell::default() };
    let result = catch_unwind(AssertUnwindSafe(|| wesl::compile(&path, &loader, &names, &options(sources))));
    let failed = loader.failed.borrow_mut().take();
    let result = match (result, failed) {
        (_, Some(error)) => return Err(error),
        (Ok(Ok(result)), None) => result,
        (Ok(Err(error)), None) => return Err(loader.error(error)),
        (Err(_), None) => {
            let message = Message::new("the crate that puts files together failed at it").subject(name);
            return Err(Error::Kernel(
                message.help("this is a defect of the crate `wesl`; put the files together by hand"),
            ));
        }
    };
    let names = names.given.into_inner();
    let loaded = loader.loaded.into_inner();
    let parts: Vec<(String, &str)> = loaded.iter().map(|file| (file.name.clone(), &file.author[..])).collect();
    let text = put_together(&result, &loaded, &names);
    let source = Source::of_files(&parts, &text.text);
    let module = parse::edited(source.view(), text)?;
    Ok(Module { inner: Arc::new(ModuleInner { source, file: None, module }) })
}

/// The path of the module in the file `root`.
fn root_path(root: &str) -> Vec<String> {
    let stem = root.rsplit_once('.').map_or(root, |(stem, _)| stem);
    stem.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
}

fn options(sources: &Sources) -> CompileOptions {
    let flags = sources.defines.iter().map(|(name, value)| (name.clone(), Feature::from(value.holds()))).collect();
    CompileOptions {
        // naga says what is wrong with the result, and knows more.
        validate: false,
        features: Features { default: Feature::Disable, flags },
        ..CompileOptions::default()
    }
}

/// A file that the module is made from.
struct Loaded {
    path: ModulePath,
    name: String,
    author: String,
    /// The same in WESL.
    wesl: Edited,
}

impl Loaded {
    fn error(&self, range: Range<usize>, message: impl Into<String>, help: Option<String>) -> Error {
        let error = diagnostic::with_note(&self.author[..], Span::from(range), message, "", help);
        diagnostic::in_file(Some(&self.name), error)
    }
}

/// Reads files when something is imported from them.
struct Loader<'s> {
    sources: &'s Sources,
    files: Files<'s>,
    loaded: RefCell<Vec<Loaded>>,
    /// The names of files that are imported by their names, by the modules that they became.
    quoted: RefCell<FxHashMap<Vec<String>, String>>,
    /// What went wrong here, in our words.
    failed: RefCell<Option<Error>>,
}

impl Loader<'_> {
    /// Takes in a file; gives its text in WESL.
    fn load(&self, path: &ModulePath, found: Found) -> Result<String> {
        let Found { name, text } = found;
        let author = without_mark(&text).to_owned();
        let mut file = Loaded { path: path.clone(), name, author, wesl: Edited::new("") };
        nesting::check(&file.author).map_err(|error| diagnostic::in_file(Some(&file.name), error))?;
        if let Some(place) = too_deep(&tokens(&file.author)) {
            let message = format!("more than {DEEPEST} brackets are open here");
            return Err(file.error(place, message, None));
        }
        let translated = directives::translate(&file.author, &self.sources.defines)
            .map_err(|wrong| file.error(wrong.range, wrong.message, None))?;
        self.quoted.borrow_mut().extend(translated.quoted);
        file.wesl = Edited::new(file.author.clone()).edit(translated.edits);
        let text = file.wesl.text.clone();
        self.loaded.borrow_mut().push(file);
        Ok(text)
    }

    fn find(&self, path: &ModulePath) -> Result<String> {
        if let Some(file) = self.loaded.borrow().iter().find(|file| file.path == *path) {
            return Ok(file.wesl.text.clone());
        }
        let missing = |problem: String| self.missing(path, problem);
        if path.origin != PathOrigin::Absolute {
            let problem = format!("`{path}` is in another package, and there are none here");
            return Err(missing(problem));
        }
        let quoted = self.quoted.borrow().get(&path.components).cloned();
        let found = match quoted {
            Some(name) => self.files.named(&name).map(Some),
            None => self.files.module(&path.components),
        };
        match found {
            Ok(Some(found)) => self.load(path, found),
            Ok(None) => Err(missing(format!("there is no module `{}`", path.components.join("::")))),
            Err(problem) => Err(missing(problem)),
        }
    }

    /// The error for a module that is not there, at the first place that names it.
    fn missing(&self, path: &ModulePath, problem: String) -> Error {
        let last = path.components.last().map_or("", String::as_str);
        let place = self.sources.folder.as_ref().map_or(String::new(), |folder| format!(" in {}", folder.display()));
        let stem = path.components.join("/");
        let help = format!(
            "help: a module is a file: `{stem}.wesl` or `{stem}.wgsl`{place}, or one that says `#define_import_path {}`",
            path.components.join("::")
        );
        let loaded = self.loaded.borrow();
        let named = loaded.iter().find_map(|file| Some((file, named_in(&file.author, last)?)));
        match (named, loaded.first()) {
            (Some((file, range)), _) => file.error(range, problem, Some(help)),
            (None, Some(file)) => file.error(0..0, problem, Some(help)),
            (None, None) => Error::Io(Message::new(problem)),
        }
    }

    /// What the crate says, in the author's file.
    fn error(&self, error: wesl::Error) -> Error {
        let diagnostic = Diagnostic::from(error);
        let message = match &*diagnostic.error {
            wesl::Error::ParseError(error) => error.error.to_string(),
            other => other.to_string(),
        };
        let loaded = self.loaded.borrow();
        let path = diagnostic.detail.module_path.as_ref();
        let file = loaded.iter().find(|file| Some(&file.path) == path).or(loaded.first());
        let Some(file) = file else { return Error::Kernel(Message::new(message)) };
        let mut range = diagnostic.detail.span.and_then(|span| file.wesl.place(Span::from(span.range())).to_range());
        if let wesl::Error::ImportError(wesl::ImportError::MissingDecl(_, name)) = &*diagnostic.error {
            let named = loaded.iter().find_map(|file| Some((file, named_in(&file.author, name)?)));
            if let Some((file, range)) = named {
                return file.error(range, message, None);
            }
        }
        // An error at the end of a text.
        range = range.filter(|range| file.author.get(range.clone()).is_some());
        file.error(range.unwrap_or(0..0), message, None)
    }
}

impl Resolver for Loader<'_> {
    fn resolve_source<'a>(&'a self, path: &ModulePath) -> Result<Cow<'a, str>, ResolveError> {
        self.find(path).map(Cow::Owned).map_err(|error| {
            self.failed.borrow_mut().get_or_insert(error);
            ResolveError::ModuleNotFound(path.clone(), String::new())
        })
    }
}

/// The first place behind an import or within a path where `name` stands.
fn named_in(author: &str, name: &str) -> Option<Range<usize>> {
    let all = tokens(author);
    let mut in_import = false;
    all.iter().enumerate().find_map(|(at, token)| {
        in_import = token.text == "import" || in_import && token.text != ";";
        let in_path = directives::is_path_mark(&all, at + 1) || at > 1 && directives::is_path_mark(&all, at - 2);
        (token.text == name && (in_import || in_path)).then(|| token.at..token.end())
    })
}

/// The bracket with which more are open than may be.
fn too_deep(all: &[Token<'_>]) -> Option<Range<usize>> {
    let mut depth = 0usize;
    all.iter().find_map(|token| {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth > DEEPEST).then(|| token.at..token.end())
    })
}

/// The names that declarations of imported modules get.
struct Names<'l> {
    loader: &'l Loader<'l>,
    given: RefCell<FxHashMap<String, ModulePath>>,
}

impl Mangler for Names<'_> {
    fn mangle(&self, path: &ModulePath, item: &str) -> String {
        let name = if self.keeps(path, item) { item.to_owned() } else { EscapeMangler.mangle(path, item) };
        self.given.borrow_mut().insert(name.clone(), path.clone());
        name
    }
}

impl Names<'_> {
    /// Whether a declaration keeps its name: those that callers know, bindings and overrides, where no other file means
    /// something else by it.
    fn keeps(&self, path: &ModulePath, item: &str) -> bool {
        self.loader.loaded.borrow().iter().all(|file| {
            let all = tokens(&file.wesl.text);
            let declared = |keywords: &[&str]| {
                let keyword = |at: &usize| keywords.contains(&all[*at].text);
                (0..all.len())
                    .filter(keyword)
                    .any(|at| name_of_declaration(&all, at).is_some_and(|name| all[name].text == item))
            };
            if file.path == *path {
                return declared(&["var", "override"]);
            }
            let mut in_import = false;
            let imported = all.iter().any(|token| {
                in_import = token.text == "import" || in_import && token.text != ";";
                in_import && token.text == item
            });
            let parameter = all.windows(2).any(|pair| pair[0].text == item && pair[1].text == ":");
            let mentioned = all.iter().any(|token| token.text == item);
            !mentioned
                || imported && !parameter && !declared(&["let", "var", "const", "override", "fn", "struct", "alias"])
        })
    }
}

/// The result as a text, whose words are known to come from the files.
fn put_together(result: &CompileResult, loaded: &[Loaded], names: &FxHashMap<String, ModulePath>) -> Edited {
    let (mut text, mut parts) = (String::new(), Vec::new());
    let mut said = FxHashSet::default();
    for directive in &result.syntax.global_directives {
        let directive = directive.to_string();
        if said.insert(directive.clone()) {
            text += &directive;
            text.push('\n');
        }
    }
    let is_renamed = |word: &str| names.contains_key(word);
    for declaration in &result.syntax.global_declarations {
        let printed = declaration.to_string();
        let start = text.len();
        text += &printed;
        text.push('\n');
        // What has no name could be anybody's.
        let of = |file: &&Loaded| file.wesl.text.get(declaration.span().range()).is_some();
        let file = match name(declaration) {
            Some(name) => match names.get(&name) {
                Some(path) => loaded.iter().find(|file| file.path == *path),
                None => loaded.first(),
            },
            None => loaded.iter().find(|file| {
                let asserts = |text: &str| text.trim_start().starts_with("const_assert");
                file.wesl.text.get(declaration.span().range()).is_some_and(asserts)
            }),
        };
        let Some(file) = file.filter(of) else { continue };
        let offset: usize = loaded.iter().take_while(|other| other.path != file.path).map(|f| f.author.len() + 1).sum();
        let span = declaration.span().range();
        for (new, old) in align::align(&printed, &file.wesl.text[span.clone()], &is_renamed) {
            let old = Span::from(span.start + old.start..span.start + old.end);
            if let Some(old) = file.wesl.place(old).to_range() {
                parts.push((offset + old.start..offset + old.end, start + new.start..start + new.end));
            }
        }
    }
    Edited::put_together(text, parts)
}

fn name(declaration: &GlobalDeclaration) -> Option<String> {
    let ident = match declaration {
        GlobalDeclaration::Declaration(declaration) => &declaration.ident,
        GlobalDeclaration::TypeAlias(alias) => &alias.ident,
        GlobalDeclaration::Struct(structure) => &structure.ident,
        GlobalDeclaration::Function(function) => &function.ident,
        GlobalDeclaration::Void | GlobalDeclaration::ConstAssert(_) => return None,
    };
    Some(ident.name().clone())
}
