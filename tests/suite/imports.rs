//! Modules from several files: what is imported runs, and errors name the right file and line.

use std::fs;

use swath::{Error, Module, Runtime, Sources};
use tempfile::TempDir;

const NOISE: &str = "#define_import_path noise::hash

struct Seed { value: u32 }
const FACTOR = 3u;

// Comments and lines that are left out move nothing.
#ifdef SLOW
fn twice(x: u32) -> u32 { return slow(x); }
#else
fn twice(x: u32) -> u32 {
    return x * 2u;
}
#endif
fn hash(s: Seed) -> u32 { return twice(s.value) + FACTOR; }
";

const MAIN: &str = "#import noise::hash
#import noise::hash::{Seed, twice as double}
@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(#{WG}) fn main(@builtin(global_invocation_id) id: vec3u) {
    let FACTOR = 100u;
    if id.x < arrayLength(&y) {
        y[id.x] = hash::hash(Seed(id.x)) + double(FACTOR) + noise::hash::FACTOR;
    }
}
";

fn sources() -> Sources {
    Sources::new().file("noise.wgsl", NOISE).file("main.wgsl", MAIN).define("WG", 64u32)
}

fn run(module: &Module) -> Vec<u32> {
    let rt = Runtime::new().expect("a runtime");
    let kernel = module.only_kernel().unwrap_or_else(|error| panic!("{error}"));
    let mut y = vec![0u32; 4];
    rt.call(&kernel).write("y", &mut y).grid(4).run().unwrap_or_else(|error| panic!("{error}"));
    y
}

#[test]
fn files_come_together() {
    let module = sources().parse("main.wgsl").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(run(&module), [206, 208, 210, 212]);
    assert_eq!(module.only_kernel().expect("one").workgroup_size(), [64, 1, 1]);
    // What is defined makes it another kernel, though the texts are the same.
    let other = sources().define("WG", 32u32).parse("main.wgsl").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(other.only_kernel().expect("one").workgroup_size(), [32, 1, 1]);
}

#[test]
fn wesl_is_read_from_a_folder() {
    let folder = TempDir::new().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write("shapes/area.wesl", "import super::common::Params; fn area(p: Params) -> u32 { return p.a * p.b; }");
    write(
        "shapes/common.wgsl",
        "struct Params { a: u32, b: u32 }
        @group(0) @binding(1) var<uniform> params: Params;",
    );
    write(
        "kernel.wesl",
        "import package::shapes::{area::area, common::params};
        @group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @if(FAST) const STEP = 10u;
        @else const STEP = 1u;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
            y[id.x] = area(params) + STEP * id.x;
        }",
    );
    let run = |module: Module| {
        let kernel = module.only_kernel().unwrap_or_else(|error| panic!("{error}"));
        let mut y = vec![0u32; 3];
        // A binding that is imported is called as its file calls it.
        let call = Runtime::new().expect("a runtime").call(&kernel).set("params.a", 6u32).set("params.b", 7u32);
        call.write("y", &mut y).grid(3).run().unwrap_or_else(|error| panic!("{error}"));
        y
    };
    let path = folder.path().join("kernel.wesl");
    assert_eq!(run(Module::parse_file(&path).unwrap_or_else(|error| panic!("{error}"))), [42, 43, 44]);
    let fast = Sources::new().folder(folder.path()).define("FAST", true);
    assert_eq!(run(fast.parse("kernel.wesl").unwrap_or_else(|error| panic!("{error}"))), [42, 52, 62]);
}

/// The error's text, its line and its column.
fn error(sources: &Sources) -> (String, Option<(u32, u32)>) {
    match sources.parse("main.wgsl").and_then(|module| module.only_kernel()) {
        Err(Error::Wgsl(error)) => (error.to_string(), error.location),
        other => panic!("{other:?}"),
    }
}

#[test]
fn errors_name_file_and_line() {
    // Of naga's validator, in an imported file behind lines that were left out.
    let wrong = NOISE.replace("return x * 2u;", "return x * 2.0;");
    let (text, place) = error(&sources().file("noise.wgsl", wrong));
    assert!(text.contains("noise.wgsl:11:") && text.contains("return x * 2.0;"), "{text}");
    assert_eq!(place.map(|place| place.0), Some(11));
    // In the root.
    let (text, place) = error(&sources().file("main.wgsl", MAIN.replace("double(FACTOR)", "double(missing)")));
    assert!(text.contains("main.wgsl:7:") && text.contains("double(missing)"), "{text}");
    assert_eq!(place.map(|place| place.0), Some(7));
    // Of the directives.
    let (text, _) = error(&sources().file("noise.wgsl", NOISE.replace("#endif", "")));
    assert!(text.contains("noise.wgsl:7:1") && text.contains("no `#endif`"), "{text}");
    // What is not there.
    let (text, _) = error(&Sources::new().file("main.wgsl", MAIN).define("WG", 64u32));
    assert!(text.contains("there is no module `noise::hash`") && text.contains("main.wgsl:1:"), "{text}");
    assert!(text.contains("#define_import_path noise::hash"), "{text}");
    let (text, _) = error(&sources().file("main.wgsl", MAIN.replace("twice as double", "thrice as double")));
    assert!(text.contains("thrice") && text.contains("main.wgsl:2:"), "{text}");
    // Of the grammar.
    let (text, _) = error(&sources().file("noise.wgsl", NOISE.replace("const FACTOR = 3u;", "const FACTOR 3u;")));
    assert!(text.contains("noise.wgsl:4:"), "{text}");
    // Modules that import each other are fine, and brackets without end no danger.
    let (text, _) = error(&sources().file("noise.wgsl", format!("{NOISE} const DEEP = {}1;", "(".repeat(100_000))));
    assert!(text.contains("brackets are open"), "{text}");
}
