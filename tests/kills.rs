//! Commands with a checkpoint that are killed at drawn instants, and go on: the results are those of one that nothing disturbed,
//! bit for bit.
//!
//! `SWATH_KILLS=1000 cargo test --release --test kills -- --nocapture` for many; what is killed is the command itself, which
//! loses nothing that the system has in its caches. What a failure of power loses is tested on a simulated disk
//! (`src/journal/histories.rs`).
#![cfg(target_os = "linux")]

#[path = "kills/chain.rs"]
mod chain;
#[path = "support/folder.rs"]
mod folder;
#[cfg(feature = "gpu")]
#[path = "support/missing_gpu.rs"]
mod missing_gpu;
#[path = "support/random.rs"]
#[allow(dead_code, reason = "other tests make choices in other ways")]
mod random;

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use folder::Folder;
use random::Random;

/// One result of each element, of nothing but its number.
const WRITE_ONLY: &str = "
@group(0) @binding(0) var<uniform> turns: u32;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64) fn fill(@builtin(global_invocation_id) id: vec3u) {
    var x = id.x;
    for (var i = 0u; i < turns; i++) { x = x * 1664525u + 1013904223u; }
    if id.x < arrayLength(&y) { y[id.x] = x; }
}";

/// What it reads it replaces: done twice, it is wrong.
const IN_PLACE: &str = "
@group(0) @binding(0) var<uniform> turns: u32;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64) fn update(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&y) { return; }
    var x = y[id.x];
    for (var i = 0u; i < turns; i++) { x = x * 1664525u + 1013904223u; }
    y[id.x] = x;
}";

/// Counts what all units find, and writes what each does.
const MERGED: &str = "
@group(0) @binding(0) var<uniform> turns: u32;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> bins: array<atomic<u32>, 256>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&x) { return; }
    var value = x[id.x];
    for (var i = 0u; i < turns; i++) { value = value * 1664525u + 1013904223u; }
    atomicAdd(&bins[value >> 24u], 1u);
    if id.x < arrayLength(&y) { y[id.x] = value; }
}";

/// A kind of call.
struct Kind {
    name: &'static str,
    kernel: &'static str,
    /// Elements of its arrays.
    elements: u32,
    /// The command without its kernel and its checkpoint. `{turns}` is how often each invocation goes round.
    words: &'static str,
    turns: u32,
    outputs: &'static [&'static str],
    needs_gpu: bool,
}

const KINDS: [Kind; 6] = [
    Kind {
        name: "write-only, small",
        kernel: WRITE_ONLY,
        elements: 500_000,
        words: "--device cpu --grid 500000 --out y=o.npy:u32",
        turns: 4000,
        outputs: &["o.npy"],
        needs_gpu: false,
    },
    Kind {
        name: "write-only, mapped",
        kernel: WRITE_ONLY,
        elements: 4_250_000,
        words: "--device cpu --grid 4250000 --out y=o.npy:u32",
        turns: 400,
        outputs: &["o.npy"],
        needs_gpu: false,
    },
    Kind {
        name: "in place",
        kernel: IN_PLACE,
        elements: 4_250_000,
        words: "--device cpu --grid 4250000 --inout y=x.npy",
        turns: 400,
        outputs: &["x.npy"],
        needs_gpu: false,
    },
    Kind {
        name: "merged",
        kernel: MERGED,
        elements: 500_000,
        words: "--device cpu --grid 500000 --in x=x.npy --out bins=b.npy:u32 --out y=o.npy:u32",
        turns: 3000,
        outputs: &["b.npy", "o.npy"],
        needs_gpu: false,
    },
    Kind {
        name: "tiles of a GPU",
        kernel: IN_PLACE,
        elements: 1_000_000,
        words: "--device gpu --tiles 20 --memory 1MiB --grid 1000000 --inout y=x.npy:o.npy",
        turns: 1000,
        outputs: &["o.npy"],
        needs_gpu: true,
    },
    Kind {
        name: "split",
        kernel: MERGED,
        elements: 1_000_000,
        words: "--device cpu,gpu:0 --grid 1000000 --in x=x.npy --out bins=b.npy:u32 --out y=o.npy:u32",
        turns: 1000,
        outputs: &["b.npy", "o.npy"],
        needs_gpu: true,
    },
];

/// A kind with its inputs, and what comes of it undisturbed.
struct Case<'k> {
    kind: &'k Kind,
    folder: Folder,
    input: Vec<u8>,
    expected: Vec<Vec<u8>>,
    took: Duration,
}

impl<'k> Case<'k> {
    fn new(kind: &'k Kind) -> Case<'k> {
        let folder = Folder::new();
        folder.write("k.wgsl", kind.kernel);
        let input = folder::array(&(0..kind.elements).map(|i| i.wrapping_mul(2_654_435_761)).collect::<Vec<_>>());
        let mut case = Case { kind, folder, input, expected: Vec::new(), took: Duration::ZERO };
        case.start_over();
        case.folder.runs(&case.words(""));
        case.expected = kind.outputs.iter().map(|name| case.folder.read(name)).collect();
        assert!(case.expected.iter().all(|bytes| *bytes != case.input));
        // Undisturbed, a checkpoint changes nothing.
        case.start_over();
        let start = Instant::now();
        case.folder.runs(&case.words("--checkpoint c"));
        case.took = start.elapsed();
        case.check("undisturbed");
        case
    }

    fn words(&self, more: &str) -> String {
        format!("exec k.wgsl --set turns={} {} {more}", self.kind.turns, self.kind.words)
    }

    /// The folder as it was before the first run.
    fn start_over(&self) {
        for name in self.folder.names(".") {
            if name != "k.wgsl" {
                fs::remove_file(self.folder.path(&name)).expect("removed");
            }
        }
        if self.kind.words.contains("x.npy") {
            self.folder.write("x.npy", &self.input);
        }
    }

    fn start(&self) -> Child {
        self.folder.start(&self.words("--checkpoint c"))
    }

    /// All is done, and nothing is left but the results and the small record.
    fn check(&self, history: &str) {
        for (name, expected) in self.kind.outputs.iter().zip(&self.expected) {
            let found = self.folder.read(name);
            assert!(found == *expected, "{}: {history}: `{name}` is wrong", self.kind.name);
        }
        let mut names = vec!["c", "k.wgsl"];
        names.extend(self.kind.outputs);
        if self.kind.words.contains("x.npy") && !self.kind.outputs.contains(&"x.npy") {
            names.push("x.npy");
        }
        names.sort_unstable();
        assert_eq!(self.folder.names("."), names, "{}: {history}", self.kind.name);
        let length = fs::metadata(self.folder.path("c")).expect("it stays").len();
        assert!(length < 100_000, "the record has {length} bytes");
    }

    /// Until all is done, what was there is as it was.
    fn check_untouched(&self, history: &str) {
        if self.kind.words.contains("x.npy") {
            let found = self.folder.read("x.npy");
            let is_done = self.kind.outputs.contains(&"x.npy") && found == self.expected[0];
            assert!(found == self.input || is_done, "{}: {history}: the input was touched", self.kind.name);
        }
    }

    /// Kills it once or more, lets it go on, and compares. How many units had been done before, in the last run.
    fn kill(&self, random: &mut Random) -> u64 {
        self.start_over();
        let mut history = String::new();
        let kills = [1, 1, 2, 3][random.below(4)];
        for _ in 0..kills {
            let after = self.took.mul_f64(1.05 * random.below(1000) as f64 / 1000.0);
            history += &format!("killed after {after:?}, ");
            let mut child = self.start();
            thread::sleep(after);
            child.kill().expect("it is ours");
            let output = child.wait_with_output().expect("it ends");
            // It may have been done before.
            let is_killed = output.status.signal() == Some(9);
            assert!(is_killed || output.status.success(), "{history}{}", String::from_utf8_lossy(&output.stderr));
            self.check_untouched(&history);
        }
        let output = self.folder.swath(&self.words("--checkpoint c --json"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {history}{said}", self.kind.name);
        self.check(&history);
        if random.below(3) == 0 {
            let said = self.folder.runs(&self.words("--checkpoint c"));
            assert!(said.contains("nothing is left to do"), "{}: {history}{said}", self.kind.name);
            self.check(&history);
        }
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a document");
        document["resumed"].as_u64().expect("a number")
    }
}

fn has_gpu() -> bool {
    let listed = Folder::new().swath("devices --json");
    let has_gpu = String::from_utf8_lossy(&listed.stdout).contains("\"gpu:0\"");
    #[cfg(feature = "gpu")]
    if !has_gpu {
        missing_gpu::skip("`swath devices` lists none");
    }
    has_gpu
}

#[test]
fn whoever_is_killed_goes_on_to_the_same_bits() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let kills = number("SWATH_KILLS").unwrap_or(24_u64) as usize;
    let seed = number("SWATH_SEED").unwrap_or(1_u64);
    let has_gpu = has_gpu();
    let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| has_gpu || !kind.needs_gpu).collect();
    for (number, kind) in kinds.iter().enumerate() {
        let case = Case::new(kind);
        let count = kills / kinds.len() + usize::from(number < kills % kinds.len());
        let mut random = Random::new(seed + number as u64);
        let resumed = (0..count).filter(|_| case.kill(&mut random) > 0).count();
        println!("{}: {count} killed, {resumed} of them in the middle ({:?} undisturbed)", kind.name, case.took);
        assert!(count < 20 || resumed * 4 > count, "{}: only {resumed} of {count} had done anything", kind.name);
    }
}

#[test]
fn a_signal_ends_it_with_a_good_record() {
    let kind = Kind { turns: 20_000, ..KINDS[0] };
    let folder = Folder::new();
    folder.write("k.wgsl", kind.kernel);
    let words = |turns: u32| format!("exec k.wgsl --set turns={turns} {} --checkpoint c", kind.words);
    folder.runs(&words(kind.turns).replace("--checkpoint c", ""));
    let expected = folder.read("o.npy");
    fs::remove_file(folder.path("o.npy")).expect("removed");
    let mut child = folder.start(&words(kind.turns));
    let start = Instant::now();
    // Once something is recorded.
    while fs::metadata(folder.path("c")).map_or(0, |meta| meta.len()) < 400 {
        assert!(start.elapsed() < Duration::from_secs(60), "it records nothing");
        assert!(child.try_wait().expect("it is ours").is_none(), "it was done too soon");
        thread::sleep(Duration::from_millis(5));
    }
    // SAFETY: sends a signal to a child of ours that was not waited for, so that its number is still its own.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) }, 0);
    // Meanwhile another cannot have it.
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.signal(), Some(libc::SIGINT));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("units are done, and recorded in `c`") && said.contains("the same command goes on"),
        "{said}"
    );
    assert_eq!(folder.names("."), ["c", "c.data", "k.wgsl"]);
    // Another kernel, other uniforms, another grid: refused, and nothing is lost.
    let refused = folder.fails(&words(7), 2);
    assert!(refused.contains("another grid, other uniforms"), "{refused}");
    folder.write("k.wgsl", kind.kernel.replace("+ 1013904223u", "+ 1u"));
    let refused = folder.fails(&words(kind.turns), 2);
    assert!(refused.contains("another kernel"), "{refused}");
    folder.write("k.wgsl", kind.kernel);
    let said = folder.runs(&words(kind.turns));
    assert!(said.contains("units had been done before"), "{said}");
    assert!(folder.read("o.npy") == expected);
    let said = folder.runs(&words(kind.turns));
    assert!(said.contains("is done") && said.contains("nothing is left to do"), "{said}");
    // The result was changed: it is not said to be done.
    folder.write("o.npy", "else");
    let refused = folder.fails(&words(kind.turns), 2);
    assert!(refused.contains("o.npy` as its result, which was changed or removed"), "{refused}");
}

#[test]
fn inputs_that_were_changed_are_refused() {
    let folder = Folder::new();
    folder.write("k.wgsl", MERGED);
    folder.array("x.npy", 0..5000);
    let words = "exec k.wgsl --set turns=3 --device cpu --grid 5000 --in x=x.npy --out bins=b.npy:u32 --out y=o.npy:u32
                 --checkpoint c";
    folder.runs(words);
    let results = [folder.read("b.npy"), folder.read("o.npy")];
    folder.array("x.npy", 1..5001);
    let refused = folder.fails(words, 2);
    assert!(refused.contains("`x` was changed"), "{refused}");
    assert_eq!([folder.read("b.npy"), folder.read("o.npy")], results);
    folder.array("x.npy", 0..5000);
    assert!(folder.runs(words).contains("nothing is left to do"));

    // In place, the result is the input now: that is done, and nothing else is.
    folder.write("k.wgsl", IN_PLACE);
    folder.array("p.npy", 0..5000);
    let words = "exec k.wgsl --set turns=3 --device cpu --grid 5000 --inout y=p.npy --checkpoint q";
    folder.runs(words);
    let result = folder.read("p.npy");
    assert!(folder.runs(words).contains("nothing is left to do"));
    assert_eq!(folder.read("p.npy"), result);
    folder.array("p.npy", 0..5000);
    let refused = folder.fails(words, 2);
    assert!(refused.contains("p.npy` as its result, which was changed"), "{refused}");
}

#[test]
fn a_grid_of_nothing_is_done() {
    let folder = Folder::new();
    folder.write("k.wgsl", WRITE_ONLY);
    for _ in 0..2 {
        folder.runs("exec k.wgsl --set turns=3 --device cpu --grid 0 --out y=o.npy:u32:5 --checkpoint c");
        assert!(folder.read("o.npy").ends_with(&[0; 20]));
        assert_eq!(folder.names("."), ["k.wgsl", "o.npy"]);
    }
}

#[test]
fn a_wrong_call_leaves_nothing() {
    let folder = Folder::new();
    folder.write("k.wgsl", WRITE_ONLY);
    folder.write("c", "no checkpoint");
    let words = "exec k.wgsl --set turns=3 --device cpu --grid 4250000 --out y=o.npy:u32 --checkpoint c";
    let refused = folder.fails(words, 2);
    assert!(refused.contains("`c` is no checkpoint") && refused.contains("remove the checkpoint"), "{refused}");
    assert_eq!(folder.read("c"), b"no checkpoint");
    assert_eq!(folder.names("."), ["c", "k.wgsl"]);
    let refused =
        folder.fails(&words.replace("--device cpu", "--device nobody").replace("checkpoint c", "checkpoint d"), 2);
    assert!(refused.contains("nobody"), "{refused}");
    assert_eq!(folder.names("."), ["c", "k.wgsl"]);
    let refused = folder.fails(&(words.to_owned() + " --repeat 2"), 2);
    assert!(refused.contains("--repeat"), "{refused}");
}
