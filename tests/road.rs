//! Imports point one way: no module names one that comes after it on the road, anywhere in the library or the program.

#[path = "support/imports.rs"]
mod imports;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use imports::{Arrow, Sources};

/// The modules at the top of `src`, each after those that it may name: the list of `ARCHITECTURE.md`. The root, `lib.rs`,
/// names all.
const ROAD: [&str; 26] = [
    "error",
    "bytes",
    "environment",
    "digest",
    "file",
    "device_info",
    "kernel",
    "layout",
    "ir",
    "access",
    "trust",
    "plan",
    "schedule",
    "cost",
    "journal",
    "exec",
    "trace",
    "device",
    "report",
    "buffer",
    "call",
    "chain",
    "runtime",
    "samples",
    "cli",
    "main",
];

/// Modules of `exec` that know nothing of each other.
const BACKENDS: [&str; 3] = ["cpu", "gpu", "null"];

/// Whether an arrow is against the road.
fn is_wrong(arrow: &Arrow) -> bool {
    let rank = |path: &[String]| ROAD.iter().position(|module| path.first().is_some_and(|first| first == module));
    let backend = |path: &[String]| match path {
        [exec, backend, ..] if exec == "exec" => BACKENDS.iter().position(|each| each == backend),
        _ => None,
    };
    let strangers = backend(&arrow.from).zip(backend(&arrow.to)).is_some_and(|(from, to)| from != to);
    strangers || rank(&arrow.to).is_none() || rank(&arrow.to) > rank(&arrow.from)
}

fn wrong(sources: &Sources) -> Vec<String> {
    let mut arrows = sources.arrows();
    arrows.extend(sources.late_methods(&ROAD));
    arrows.iter().filter(|arrow| is_wrong(arrow)).map(Arrow::to_string).collect()
}

/// The files below a folder, by their paths from there.
fn read(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a folder's entry").path();
        if path.is_dir() {
            read(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inside = path.strip_prefix(root).expect("it lies inside").to_str().expect("the name is UTF-8");
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            files.push((inside.replace('\\', "/"), text));
        }
    }
}

fn sources() -> Sources {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    read(&root, &root, &mut files);
    Sources::new(files.iter().map(|(file, text)| (file.as_str(), text.as_str())))
}

/// Run with `--nocapture` to see the graph.
#[test]
fn no_import_is_against_the_road() {
    let sources = sources();
    let modules: BTreeSet<String> = ROAD.iter().map(|module| (*module).to_owned()).collect();
    assert_eq!(sources.modules(), modules, "each module at the top of src has its place on the road");

    let mut graph: BTreeMap<&str, BTreeSet<&str>> = ROAD.iter().map(|module| (*module, BTreeSet::new())).collect();
    let arrows = sources.arrows();
    assert!(arrows.len() > 500, "only {} arrows were found", arrows.len());
    for arrow in &arrows {
        if let (Some(from), Some(to)) = (arrow.from.first(), arrow.to.first())
            && from != to
        {
            graph.entry(from).or_default().insert(to);
        }
    }
    for module in ROAD {
        println!("{module} -> {}", graph[module].iter().copied().collect::<Vec<_>>().join(", "));
    }
    let wrong = wrong(&sources);
    assert!(wrong.is_empty(), "against the road:\n{}", wrong.join("\n"));

    // What names nobody is taken away, again and again: a cycle would be left.
    while !graph.is_empty() {
        let count = graph.len();
        let left: BTreeSet<&str> = graph.keys().copied().collect();
        graph.retain(|_, names| names.iter().any(|name| left.contains(name)));
        assert!(graph.len() < count, "a cycle: {graph:?}");
    }
}

#[test]
fn architecture_says_the_same() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (_, behind) = text.split_once("\nImports point one way").expect("the sentence in front of the list");
    let block = behind.lines().skip_while(|line| !line.starts_with("    ")).take_while(|line| line.starts_with("    "));
    let words: String = block.collect::<Vec<_>>().join(" ");
    let listed: Vec<&str> =
        words.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()).collect();
    assert_eq!(listed, ROAD);
}

/// What is wrong in a library with this text in `src/FILE`.
fn wrong_in(file: &str, text: &str) -> Vec<String> {
    let lib = "mod kernel; pub use kernel::{Kernel, names::nearest as nearest_name}; pub use exec::{CancelToken, stop};
               pub use runtime::Runtime; pub use wgpu;";
    let runtime =
        "use crate::Kernel; impl Kernel { pub fn prepare(&self) {} pub fn same(&self) {} } pub struct Runtime;";
    let kernel = "pub struct Kernel; impl Kernel { pub fn same(&self) {} }";
    let files = [("lib.rs", lib), ("runtime.rs", runtime), ("kernel/mod.rs", kernel), (file, text)];
    wrong(&Sources::new(files))
}

#[test]
fn the_scanner_finds_what_it_should() {
    let found = |file: &str, text: &str| wrong_in(file, text).join("; ");
    for (file, text, expected) in [
        ("plan/explain.rs", "use crate::report::Bytes;", "src/plan/explain.rs:1: plan::explain -> report::Bytes"),
        ("ir/mod.rs", "\n\nuse crate::{error::Result,\n plan};", "src/ir/mod.rs:4: ir -> plan"),
        (
            "kernel/a.rs",
            "use crate::{error::{self, Result}, exec::{Backend, cpu::{jit::*, pool as threads}}};",
            "src/kernel/a.rs:1: kernel::a -> exec::Backend; src/kernel/a.rs:1: kernel::a -> exec::cpu::jit::*; \
             src/kernel/a.rs:1: kernel::a -> exec::cpu::pool",
        ),
        // In the middle of code, and in macros.
        ("kernel/a.rs", "fn f(x: crate::ir::Op) {}", "src/kernel/a.rs:1: kernel::a -> ir::Op"),
        ("kernel/a.rs", "fn f() { for x in crate::ir::all() {} }", "src/kernel/a.rs:1: kernel::a -> ir::all"),
        ("kernel/a.rs", "fn f() { assert!(x, \"{}\", crate::ir::all()); }", "src/kernel/a.rs:1: kernel::a -> ir::all"),
        ("kernel/a.rs", "macro_rules! m { () => { $crate::ir::all() } }", "src/kernel/a.rs:1: kernel::a -> ir::all"),
        ("kernel/a.rs", "impl From<crate::ir::Op> for X {}", "src/kernel/a.rs:1: kernel::a -> ir::Op"),
        (
            "kernel/a.rs",
            "#[cfg(test)] mod tests { use crate::exec::cpu; }",
            "src/kernel/a.rs:1: kernel::a::tests -> exec::cpu",
        ),
        ("kernel/a.rs", "pub(in crate::kernel) use crate::ir::Op;", "src/kernel/a.rs:1: kernel::a -> ir::Op"),
        // Up and out of a folder.
        ("plan/a/b.rs", "use super::super::super::exec;", "src/plan/a/b.rs:1: plan::a::b -> exec"),
        ("plan/mod.rs", "mod tests { use super::super::exec::Stop; }", "src/plan/mod.rs:1: plan::tests -> exec::Stop"),
        ("buffer.rs", "use self::super::{call::Arg, error};", "src/buffer.rs:1: buffer -> call::Arg"),
        // What the root exports again.
        ("plan/a.rs", "use crate::CancelToken;", "src/plan/a.rs:1: plan::a -> exec::CancelToken"),
        ("plan/mod.rs", "use super::{Kernel, stop::Stop};", "src/plan/mod.rs:1: plan -> exec::stop::Stop"),
        ("plan/a.rs", "use crate::Runtime as Way;", "src/plan/a.rs:1: plan::a -> runtime::Runtime"),
        ("plan/a.rs", "use swath::Runtime;", "src/plan/a.rs:1: plan::a -> runtime::Runtime"),
        // All of the root, and what is no module of the crate.
        ("plan/mod.rs", "use super::*;", "src/plan/mod.rs:1: plan -> *"),
        ("plan/a.rs", "use crate as all;", "src/plan/a.rs:1: plan::a -> "),
        ("plan/a.rs", "use crate::{self as all};", "src/plan/a.rs:1: plan::a -> "),
        ("plan/a.rs", "use crate::wgpu::Device;", "src/plan/a.rs:1: plan::a -> wgpu::Device"),
        // One backend names another.
        ("exec/cpu/a.rs", "use crate::exec::gpu::Gpu;", "src/exec/cpu/a.rs:1: exec::cpu::a -> exec::gpu::Gpu"),
        ("exec/gpu/a.rs", "use super::super::null::Null;", "src/exec/gpu/a.rs:1: exec::gpu::a -> exec::null::Null"),
        // A method that comes later.
        (
            "kernel/a.rs",
            "fn f(k: &Kernel) {\n k.prepare() }",
            "src/kernel/a.rs:2: kernel::a -> runtime::Kernel::prepare",
        ),
        ("exec/mod.rs", "fn f() { g(Kernel::prepare) }", "src/exec/mod.rs:1: exec -> runtime::Kernel::prepare"),
    ] {
        assert_eq!(found(file, text), expected, "{file}: {text}");
    }
}

#[test]
fn the_scanner_leaves_the_rest_alone() {
    for (file, text) in [
        ("plan/a.rs", "//! See [`exec`](crate::exec).\n/// And [`Runtime`](crate::Runtime).\nfn f() {}"),
        ("plan/a.rs", "// use crate::exec;\n/* use crate::exec; /* crate::exec::x */ */ fn f<'a>() -> char { 'c' }"),
        ("plan/a.rs", "const TEXT: &str = \"use crate::exec;\"; const RAW: &str = r#\"crate::exec::x \" \"#;"),
        ("plan/a.rs", "use super::{Plan, exec}; use super::super::kernel::Kernel; use crate::{Kernel, nearest_name};"),
        ("plan/a.rs", "mod tests { use super::*; use super::super::*; mod deep { use super::super::super::exec; } }"),
        ("exec/cpu/a.rs", "pub(in crate::exec) fn f() {} pub(crate) struct X(pub(super) u32); use super::super::stop;"),
        ("exec/cpu/a.rs", "fn f(&self, crate_: u32) { self.call::<u32>(); other::crate_::exec(); my::runtime::f(); }"),
        ("runtime.rs", "use crate::{buffer, exec::cpu, exec::gpu}; fn f(k: &Kernel) { k.prepare() }"),
        ("main.rs", "mod cli; use swath::{Runtime, samples}; fn main() { crate::cli::run() }"),
        // The kernel has a method of this name itself.
        ("kernel/a.rs", "fn f(k: &Kernel) { k.same() }"),
        ("kernel/a.rs", "fn f(k: &Kernel) { k.prepare; prepare(k) }"),
    ] {
        assert_eq!(wrong_in(file, text), [""; 0], "{file}: {text}");
    }
}
