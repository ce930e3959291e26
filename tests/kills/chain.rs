//! The same of chains: each process builds one, and runs it with a checkpoint.
//!
//! `SWATH_CHAIN_KILLS=200 cargo test --release --test kills -- chain --nocapture` for many.

use std::{
    env, fs,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use swath::{Chain, CheckpointEvery, Runtime, chain::Slot};

use super::{folder::Folder, has_gpu, random::Random};

const WGSL: &str = "
@group(0) @binding(0) var<storage, read> src: array<u32>;
@group(0) @binding(1) var<storage, read_write> dst: array<u32>;
@group(0) @binding(2) var<storage, read_write> total: array<atomic<u32>, 4>;
@compute @workgroup_size(64) fn step(@builtin(global_invocation_id) id: vec3u) {
    let n = arrayLength(&src);
    if id.x >= n { return; }
    var x = 3u * src[id.x] + src[(id.x + 1u) % n];
    for (var i = 0u; i < 30u; i++) { x = x * 1664525u + 1013904223u; }
    dst[id.x] = x;
}
@compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&src) { atomicAdd(&total[src[id.x] & 3u], src[id.x] >> 8u); }
}
";

/// Elements of the state.
const N: usize = 100_000;

/// A kind of chain.
struct Kind {
    name: &'static str,
    device: &'static str,
    rounds: usize,
    every: CheckpointEvery,
    /// Whether the loop looks at its sums every few rounds.
    looks: bool,
}

const KINDS: [Kind; 4] = [
    Kind { name: "by calls", device: "cpu", rounds: 1000, every: CheckpointEvery::Calls(7), looks: false },
    Kind {
        name: "by time",
        device: "cpu",
        rounds: 1000,
        every: CheckpointEvery::Time(Duration::from_millis(30)),
        looks: false,
    },
    Kind { name: "until", device: "cpu", rounds: 600, every: CheckpointEvery::Calls(11), looks: true },
    Kind {
        name: "on a GPU",
        device: "gpu:0",
        rounds: 400,
        every: CheckpointEvery::Time(Duration::from_millis(40)),
        looks: true,
    },
];

/// What a process is told: the number of its kind, and whether it is to have a checkpoint.
const KIND: &str = "SWATH_KILLED_CHAIN";
const CHECKPOINT: &str = "SWATH_KILLED_CHAIN_CHECKPOINT";

impl Kind {
    fn build(&self, runtime: &Runtime) -> (Chain, Slot<u32>, Slot<u32>) {
        let module = runtime.module(WGSL).expect("the WGSL is right");
        let [step, count] = ["step", "count"].map(|name| module.kernel(name).expect("it is a kernel"));
        let mut chain = runtime.chain();
        let (state, next, total) = (chain.in_out::<u32>(N), chain.scratch::<u32>(N), chain.output::<u32>(4));
        let body = |round: usize, chain: &mut swath::ChainBuilder| {
            chain.call(&step).bind("src", state).bind("dst", next).grid(N);
            chain.swap(state, next);
            if round % 4 == 3 {
                chain.call(&count).bind("src", state).bind("total", total).grid(N);
            }
        };
        if self.looks {
            chain.repeat_until(self.rounds, 10, total, |_: &[u32]| false, body);
        } else {
            chain.repeat(self.rounds, body);
        }
        chain.device(self.device);
        (chain.build().expect("the chain is right"), state, total)
    }
}

/// Not a test of its own: what the other one starts, in a folder of its own, and kills.
#[test]
fn a_process_that_is_killed() {
    let Some(kind) = env::var(KIND).ok().and_then(|text| KINDS.get(text.parse::<usize>().ok()?)) else { return };
    let runtime = if kind.device == "cpu" { Runtime::cpu() } else { Runtime::new() }.expect("a device");
    let (chain, state, total) = kind.build(&runtime);
    let mut data: Vec<u32> = (0..N as u32).map(|i| i.wrapping_mul(2_654_435_761)).collect();
    let mut sums = [0u32; 4];
    let outputs = [state.update(&mut data), total.into(&mut sums)];
    let report = match env::var_os(CHECKPOINT) {
        Some(_) => chain.checkpoint("c", kind.every).run([], outputs),
        None => chain.run([], outputs),
    };
    let report = report.unwrap_or_else(|error| panic!("{error}"));
    let bytes = [bytemuck::cast_slice(&data), bytemuck::cast_slice::<u32, u8>(&sums)].concat();
    fs::write("result.tmp", bytes).expect("written");
    fs::rename("result.tmp", "result").expect("renamed");
    fs::write("resumed", report.resumed_calls().to_string()).expect("written");
}

fn start(folder: &Folder, kind: usize, has_checkpoint: bool) -> Child {
    let mut command = Command::new(env::current_exe().expect("it has a path"));
    command
        .args(["--exact", "chain::a_process_that_is_killed"])
        .current_dir(folder.path("."))
        .env(KIND, kind.to_string());
    if has_checkpoint {
        command.env(CHECKPOINT, "1");
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

/// Lets a process come to its end: what it wrote.
fn finish(child: Child, folder: &Folder, history: &str) -> Vec<u8> {
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{history}{}", String::from_utf8_lossy(&said));
    folder.read("result")
}

fn start_over(folder: &Folder) {
    folder.names(".").iter().for_each(|name| fs::remove_file(folder.path(name)).expect("removed"));
}

/// Kills a chain once or more, lets it go on, and compares. How many calls had been made before, in the last run.
fn kill(folder: &Folder, kind: usize, expected: &[u8], took: Duration, random: &mut Random) -> u64 {
    start_over(folder);
    let mut history = format!("{}: ", KINDS[kind].name);
    for _ in 0..[1, 1, 2, 3][random.below(4)] {
        let after = took.mul_f64(1.05 * random.below(1000) as f64 / 1000.0);
        history += &format!("killed after {after:?}, ");
        let mut child = start(folder, kind, true);
        thread::sleep(after);
        child.kill().expect("it is ours");
        let output = child.wait_with_output().expect("it ends");
        // It may have been done before.
        let is_killed = output.status.signal() == Some(9);
        assert!(is_killed || output.status.success(), "{history}{}", String::from_utf8_lossy(&output.stdout));
    }
    for _ in 0..1 + random.below(2) {
        let found = finish(start(folder, kind, true), folder, &history);
        assert!(found == expected, "{history}the result is wrong");
        let names = folder.names(".");
        assert_eq!(names, ["c", "c.data", "result", "resumed"], "{history}");
        fs::remove_file(folder.path("result")).expect("removed");
    }
    String::from_utf8_lossy(&folder.read("resumed")).parse().expect("a number")
}

#[test]
fn chains_that_are_killed_go_on_to_the_same_bits() {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse().ok());
    let kills = number("SWATH_CHAIN_KILLS").unwrap_or(12_u64) as usize;
    let seed = number("SWATH_SEED").unwrap_or(1_u64);
    let has_gpu = has_gpu();
    let kinds: Vec<usize> = (0..KINDS.len()).filter(|&kind| has_gpu || KINDS[kind].device == "cpu").collect();
    for (number, &kind) in kinds.iter().enumerate() {
        let folder = Folder::new();
        let expected = finish(start(&folder, kind, false), &folder, "undisturbed");
        start_over(&folder);
        let begin = Instant::now();
        assert!(finish(start(&folder, kind, true), &folder, "with a checkpoint") == expected);
        let took = begin.elapsed();
        let count = kills / kinds.len() + usize::from(number < kills % kinds.len());
        let mut random = Random::new(seed + number as u64);
        let resumed = (0..count).filter(|_| kill(&folder, kind, &expected, took, &mut random) > 0).count();
        println!("{}: {count} killed, {resumed} of them in the middle ({took:?} undisturbed)", KINDS[kind].name);
        assert!(count < 20 || resumed * 4 > count, "{}: only {resumed} of {count} had done anything", KINDS[kind].name);
    }
}
