//! What the command says beside its results: on terminals, in logs, of what it leaves alone.

use super::{Bench, COUNT_UP, HEAT, HEAT_SETS, devices, stderr};

/// A second of work and more, in 64 workgroups.
const LONG: &str = "
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(8) fn churn(@builtin(global_invocation_id) id: vec3u) {
    var h = id.x + 1u;
    for (var i = 0u; i < 24000000u; i++) { h ^= h << 13u; h ^= h >> 17u; h ^= h << 5u; }
    x[id.x] = h;
}";

/// What a command prints on stderr where that is a terminal.
#[cfg(target_os = "linux")]
fn on_a_terminal(bench: &Bench, words: &str) -> String {
    use std::{
        fs::File,
        io::Read,
        os::fd::{FromRawFd, OwnedFd},
        process::Stdio,
    };

    let (mut ours, mut theirs) = (0, 0);
    let size = libc::winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the pointers are to integers that live through the call, or null; the size is one.
    let opened = unsafe { libc::openpty(&mut ours, &mut theirs, std::ptr::null_mut(), std::ptr::null(), &size) };
    assert_eq!(opened, 0, "there is a terminal");
    // SAFETY: both were opened just now, and nobody else has them.
    let (ours, theirs) = unsafe { (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
    let mut command = bench.command(words);
    command.stdout(Stdio::null()).stderr(Stdio::from(theirs)).env("TERM", "xterm").env_remove("NO_COLOR");
    let mut child = command.spawn().expect("swath starts");
    drop(command);
    let (mut text, mut terminal, mut part) = (Vec::new(), File::from(ours), [0; 4096]);
    // It ends with an error once the other side is closed.
    while let Ok(1..) = terminal.read(&mut part).inspect(|count| text.extend(&part[..*count])) {}
    assert!(child.wait().expect("swath ends").success(), "{}", String::from_utf8_lossy(&text));
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
#[cfg(all(target_os = "linux", feature = "cpu"))]
fn long_work_is_seen_on_a_terminal() {
    let bench = Bench::new().file("k.wgsl", LONG);
    let call = "exec k.wgsl --grid 512 --out x=x.npy:u32 --device cpu";
    // One tile: the time that has passed.
    let text = on_a_terminal(&bench, call);
    let drawn: Vec<&str> =
        text.split(['\r', '\n']).filter(|line| line.contains("churn ") && !line.contains(" on ")).collect();
    assert!(drawn.len() > 2 && drawn.iter().any(|line| line.contains("0s") || line.contains("1s")), "{text:?}");
    // Several: how many units are done.
    let text = on_a_terminal(&bench, &format!("{call} --tiles 16"));
    assert!(text.contains("/64"), "{text:?}");
    // Nothing of it goes anywhere else.
    let plain = stderr(&bench.swath(&format!("{call} --tiles 16")));
    assert!(!plain.contains('\r') && !plain.contains('\u{1b}') && !plain.contains("/64"), "{plain:?}");
}

#[test]
fn a_log_is_of_swath_and_plain() {
    let bench = Bench::new().file("k.wgsl", HEAT).array("src.npy", &[7, 13], &[1f32; 91]);
    let call = format!("exec k.wgsl --grid 13,7 --in src=src.npy --out dst=dst.npy:f32 {HEAT_SETS}");
    for device in devices() {
        let log = |level: &str| {
            let output = bench.command(&format!("{call} --device {device}")).env("SWATH_LOG", level).output();
            stderr(&output.expect("swath starts"))
        };
        let text = log("trace");
        assert!(!text.contains("naga") && !text.contains("wgpu_") && !text.contains('\u{1b}'), "{device}: {text}");
        assert!(log("trace,naga=trace").contains("naga"), "{device}: who asks for it gets it");
    }
}

/// Drivers are quiet, and are not touched by what is done sooner than that takes.
#[test]
#[cfg(feature = "cpu")]
fn gpus_are_opened_where_one_may_be_used() {
    let bench = Bench::new().file("k.wgsl", COUNT_UP).file("long.wgsl", LONG).array("c.npy", &[6], &[10u32; 6]);
    assert_eq!(stderr(&bench.swath("devices --json")), "");
    let opens = |call: &str| {
        let output = bench.command(call).env("SWATH_LOG", "debug").output().expect("swath starts");
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        text.contains(" opened")
    };
    assert!(!opens("exec k.wgsl --grid 6 --inout counts=c.npy:d.npy"));
    assert_eq!(bench.read("d.npy"), (vec![6], vec![10u32, 13, 16, 19, 22, 25]));
    assert!(!opens("exec long.wgsl --grid 512 --out x=x.npy:u32 --reproducible"));
    let has_gpu = devices().contains(&"gpu");
    assert_eq!(opens("exec k.wgsl --grid 6 --inout counts=c.npy:d.npy --device all"), has_gpu);
    assert_eq!(opens("plan long.wgsl --grid 512 --out x=x.npy:u32"), has_gpu);
}

#[test]
fn messages_speak_of_flags() {
    let bench =
        Bench::new().file("k.wgsl", COUNT_UP.replace("counts[id.x]", "counts[id.y]")).array("c.npy", &[6], &[10u32; 6]);
    let sentence = bench.fails("exec k.wgsl --inout counts=c.npy", 2);
    assert!(sentence.contains("with --grid N") && !sentence.contains(".grid("), "{sentence}");
    let sentence = bench.fails("exec k.wgsl --out counts=d.npy:u32", 2);
    assert!(sentence.contains("Without --grid") && !sentence.contains("--workgroups"), "{sentence}");
    let text = stderr(&bench.swath("exec k.wgsl --grid 6 --inout counts=c.npy:d.npy --memory 1MiB --device cpu"));
    assert!(cfg!(not(feature = "cpu")) || text.contains("--memory makes no difference on cpu"), "{text}");
    let sentence = bench.fails("run", 2);
    assert!(
        sentence.contains("which sample?") && sentence.contains("saxpy") && sentence.contains("nbody"),
        "{sentence}"
    );
}

#[test]
fn variables_that_mean_nothing_are_refused() {
    let bench = Bench::new().file("k.wgsl", COUNT_UP).array("c.npy", &[6], &[10u32; 6]);
    for (name, value) in [
        ("SWATH_MEMORY", "much"),
        ("SWATH_THREADS", "0"),
        ("SWATH_CPU", "slow"),
        ("SWATH_TRUST", "of"),
        ("SWATH_HISTORY", "a/folder"),
    ] {
        for device in devices() {
            let call = format!("exec k.wgsl --grid 6 --inout counts=c.npy --device {device}");
            let output = bench.command(&call).env(name, value).output().expect("swath starts");
            let text = stderr(&output);
            assert!(output.status.code() == Some(2) && text.contains(&format!("{name} is `{value}`")), "{text}");
        }
    }
    assert_eq!(bench.read("c.npy"), (vec![6], vec![10u32; 6]));
}

#[test]
fn lists_of_devices_and_constants_are_read_with_care() {
    let text = "@id(3) override a: u32 = 1u;
override n = 5u;
override m: u32 = 100u / (n - 4u);
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(1) fn fill(@builtin(global_invocation_id) id: vec3u) { x[id.x] = a + m; }";
    let bench = Bench::new().file("k.wgsl", text);
    let refused = |flags: &str| bench.fails(&format!("exec k.wgsl --grid 4 --out x=x.npy:u32 {flags}"), 2);
    for (flags, words) in [
        ("--const n=5 --device cpu,", "the list of devices `cpu,` has an empty name"),
        ("--const n=5 --device ,", "the list of devices `,` has an empty name"),
        ("--const n=5 --device all,cpu", "names `all`, which is no single device"),
        ("--const n=5 --const 3=4 --const a=5", "--const a is given twice, also as 3"),
        ("--const n=4 --device cpu", "`m`: the override constant of line 3 has no value"),
    ] {
        let text = refused(flags);
        assert!(text.contains(words), "{flags}: {text}");
    }
    let text = bench.fails("exec k.wgsl --grid 4 --out x=x.npy:4", 2);
    assert!(text.contains("x=x.npy:f32:4"), "{text}");
    let text = bench.fails("tune k.wgsl --grid 0 --out x=x.npy:u32:4 --const n=6,7", 2);
    assert!(text.contains("a grid of 0 has nothing to measure"), "{text}");
}
