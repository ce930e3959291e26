//! Files that the command writes are complete or untouched, whatever ends it.
#![cfg(target_os = "linux")]

#[path = "support/folder.rs"]
mod folder;

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use folder::Folder;

/// Writes each element; for as long as `params.turns` says.
const WORK: &str = "
@group(0) @binding(0) var<uniform> turns: u32;
@group(0) @binding(1) var<storage, read_write> v: array<u32>;
@compute @workgroup_size(64) fn work(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&v) { return; }
    var x = v[id.x] + id.x;
    for (var i = 0u; i < turns; i++) { x = x * 1664525u + 1013904223u; }
    v[id.x] = x;
}";

/// Elements of a result that is mapped: 17 MB.
const LARGE: u32 = 4_250_000;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("k.wgsl", WORK);
    fs::create_dir(folder.path("d")).expect("made");
    folder
}

/// A shell with a small disk of its own in the folder `d`; nothing where the system does not let us have one.
fn with_small_disk(folder: &Folder, script: &str) -> Option<String> {
    let mount = "mount -t tmpfs -o size=1m tmpfs d || exit 77";
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", &format!("{mount}; {script}")])
        .current_dir(folder.root())
        .env("SWATH", env!("CARGO_BIN_EXE_swath"))
        .output();
    match output {
        Ok(output) if output.status.success() => {
            Some(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
        }
        refused => {
            eprintln!("skipped: no disk can be mounted here: {refused:?}");
            None
        }
    }
}

#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    let folder = folder();
    folder.array("big.npy", 0..LARGE);
    let exec = "\"$SWATH\" exec k.wgsl --device cpu --set turns=1 --grid 50000000";
    for result in ["--inout v=big.npy:d/o.npy", "--out v=d/o.npy:u32:4250000", "--out v=d/o.npy:u32:300000"] {
        let script = format!("{exec} {result}; echo status $?; ls -A d; echo end");
        let Some(said) = with_small_disk(&folder, &script) else { continue };
        assert!(said.contains("status 1\nend"), "{result}: {said}");
        assert!(said.contains("o.npy` cannot be written: No space left on device"), "{result}: {said}");
    }
}

#[test]
fn a_disk_without_room_for_a_checkpoint_is_an_error_and_leaves_nothing() {
    let folder = folder();
    folder.array("big.npy", 0..LARGE);
    let exec = "\"$SWATH\" exec k.wgsl --device cpu --set turns=1 --grid 5000000";
    for (result, file) in [
        ("--inout v=big.npy:d/o.npy --checkpoint c", "d/o.npy"),
        ("--out v=d/o.npy:u32:4250000 --checkpoint d/c", "d/o.npy"),
        ("--out v=o.npy:u32:400000 --checkpoint d/c", "d/c"),
    ] {
        let script = format!("{exec} {result}; echo status $?; ls -A d; echo end");
        let Some(said) = with_small_disk(&folder, &script) else { continue };
        assert!(said.contains("status 1\nend"), "{result}: {said}");
        assert!(said.contains(file) && said.contains("No space left on device"), "{result}: {said}");
    }
}

/// The same without a disk of our own.
#[test]
fn a_file_that_grows_too_large_is_an_error_and_leaves_nothing() {
    let folder = folder();
    folder.array("big.npy", 0..LARGE);
    folder.write("d/o.npy", "precious");
    for result in ["--inout v=big.npy:d/o.npy", "--out v=d/o.npy:u32:4250000", "--out v=d/o.npy:u32:900000"] {
        let script =
            format!("ulimit -f 2000; exec \"$SWATH\" exec k.wgsl --device cpu --set turns=1 --grid 1 {result}");
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(folder.root())
            .env("SWATH", env!("CARGO_BIN_EXE_swath"))
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{result}: {said}");
        assert!(said.contains("cannot be written: File too large"), "{result}: {said}");
        assert_eq!(folder.read("d/o.npy"), b"precious", "{result}");
        assert_eq!(folder.names("d"), ["o.npy"], "{result}");
    }
}

#[test]
fn a_full_device_is_an_error() {
    let said = folder().fails("exec k.wgsl --device cpu --set turns=1 --grid 64 --out v=/dev/full:u32", 1);
    assert!(said.contains("`/dev/full` cannot be written: No space left on device"), "{said}");
}

/// Far longer than a test takes.
const LONG: &str = "exec k.wgsl --device cpu --set turns=4000000000 --grid 4250000 --out v=d/o.npy:u32";
const SHORT: &str = "exec k.wgsl --device cpu --set turns=1 --grid 4250000 --out v=d/o.npy:u32";

/// A command that has begun to write its result.
fn at_work(folder: &Folder) -> Child {
    at_work_on(folder, folder.start(LONG))
}

fn at_work_on(folder: &Folder, child: Child) -> Child {
    let start = Instant::now();
    while !folder.names("d").iter().any(|name| name.ends_with(".tmp")) {
        assert!(start.elapsed() < Duration::from_secs(60), "it begins no file");
        thread::sleep(Duration::from_millis(5));
    }
    // It makes a file to see whether it can, and then the real one.
    thread::sleep(Duration::from_millis(300));
    child
}

fn signal(child: &Child, signal: i32) {
    // SAFETY: sends a signal to a child of ours that was not waited for, so that its number is still its own.
    let sent = unsafe { libc::kill(child.id() as libc::pid_t, signal) };
    assert_eq!(sent, 0);
}

#[test]
fn signals_leave_nothing_and_the_usual_status() {
    let folder = folder();
    folder.write("d/o.npy", "precious");
    for number in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let mut child = at_work(&folder);
        signal(&child, number);
        let status = child.wait().expect("it ends");
        assert_eq!(status.signal(), Some(number));
        assert_eq!(folder.names("d"), ["o.npy"]);
        assert_eq!(folder.read("d/o.npy"), b"precious");
    }
}

#[test]
fn signals_that_are_ignored_stay_so() {
    let folder = folder();
    let script = format!("trap '' HUP INT; exec \"$SWATH\" {LONG}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(folder.root()).env("SWATH", env!("CARGO_BIN_EXE_swath"));
    let mut child = at_work_on(&folder, shell.spawn().expect("it runs"));
    signal(&child, libc::SIGHUP);
    signal(&child, libc::SIGINT);
    thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().expect("it is ours").is_none(), "it went on");
    signal(&child, libc::SIGTERM);
    assert_eq!(child.wait().expect("it ends").signal(), Some(libc::SIGTERM));
    assert_eq!(folder.names("d"), [""; 0]);
}

#[test]
fn what_a_dead_process_left_is_removed_and_what_a_living_one_uses_is_not() {
    let folder = folder();
    let mut dead = at_work(&folder);
    signal(&dead, libc::SIGKILL);
    dead.wait().expect("it ends");
    assert_eq!(folder.names("d").len(), 1, "{:?}", folder.names("d"));
    let mut living = at_work(&folder);
    assert_eq!(folder.names("d").len(), 1, "one was removed, one was made: {:?}", folder.names("d"));
    let theirs = folder.names("d");
    // Another target's, and a checkpoint's, are nobody else's business.
    folder.write("d/.p.npy.swath-0.tmp", "another's");
    folder.write("d/.o.npy.swath-0123456789abcdef.part", "a checkpoint's");
    folder.runs(SHORT);
    let mut expected = vec![".o.npy.swath-0123456789abcdef.part".to_owned(), ".p.npy.swath-0.tmp".into()];
    expected.extend(theirs);
    expected.push("o.npy".into());
    expected.sort();
    assert_eq!(folder.names("d"), expected);
    signal(&living, libc::SIGINT);
    living.wait().expect("it ends");
    expected.retain(|name| !name.ends_with("tmp") || name.starts_with(".p"));
    assert_eq!(folder.names("d"), expected);
}

#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    for grid in [1000, LARGE] {
        let folder = folder();
        folder.write("real.npy", "old");
        fs::set_permissions(folder.path("real.npy"), fs::Permissions::from_mode(0o604)).expect("set");
        symlink("../real.npy", folder.path("d/o.npy")).expect("linked");
        folder.runs(&format!("exec k.wgsl --device cpu --set turns=0 --grid {grid} --out v=d/o.npy:u32"));
        assert!(folder.path("d/o.npy").symlink_metadata().expect("there").is_symlink());
        assert_eq!(folder.names("d"), ["o.npy"]);
        let real = fs::metadata(folder.path("real.npy")).expect("there");
        assert_eq!(real.permissions().mode() & 0o777, 0o604);
        let expected: Vec<u8> = (0..grid).flat_map(u32::to_le_bytes).collect();
        assert!(folder.read("real.npy").ends_with(&expected));
    }
}

/// A trace, a picture and a table take their names when they are complete, too.
#[test]
fn other_files_are_complete_or_untouched() {
    let folder = folder();
    for file in ["d/t.json", "d/p.png"] {
        folder.write(file, "precious");
    }
    let script = "ulimit -f 0; \"$SWATH\" run mandelbrot --size small --device cpu --out d/p.png 2>&1; echo $?
                  \"$SWATH\" exec k.wgsl --device cpu --set turns=0 --grid 64 --out v=/dev/null:u32 --trace d/t.json 2>&1; echo $?";
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder.root())
        .env("SWATH", env!("CARGO_BIN_EXE_swath"))
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.matches("File too large").count(), 2, "{said}");
    assert_eq!(said.matches("\n1\n").count(), 2, "{said}");
    assert_eq!(folder.names("d"), ["p.png", "t.json"]);
    assert_eq!([folder.read("d/t.json"), folder.read("d/p.png")], [b"precious", b"precious"]);
    folder.runs("run mandelbrot --size small --device cpu --out d/p.png --trace d/t.json");
    assert!(folder.read("d/p.png").starts_with(b"\x89PNG") && folder.read("d/t.json").starts_with(b"{"));
    assert_eq!(folder.names("d"), ["p.png", "t.json"]);
}
