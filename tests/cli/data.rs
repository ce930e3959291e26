//! What `exec` reads and writes beside plain arrays: records, raw bytes, streams, other types.

use std::{
    fs,
    io::Write,
    process::{Output, Stdio},
};

use super::{Bench, COUNT_UP, devices, stderr};

/// A struct of mixed fields, which takes 32 bytes in an array, 8 of them padding.
const PARTICLES: &str = "
struct P { at: vec3f, id: u32, v: vec2f }
@group(0) @binding(0) var<storage, read> ps: array<P>;
@group(0) @binding(1) var<storage, read_write> qs: array<P>;
@compute @workgroup_size(64) fn step(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&qs) { return; }
    var p = ps[id.x];
    p.at += vec3f(p.v, 1.0);
    p.id += 100u;
    qs[id.x] = p;
}";

const MARK: &str = "
struct P { at: vec3f, id: u32, v: vec2f }
@group(0) @binding(0) var<storage, read_write> qs: array<P>;
@compute @workgroup_size(64) fn mark(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&qs) { qs[id.x].id *= 2u; }
}";

/// A `.npy` file of records.
fn records(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

/// The dtype, the shape and the data of one.
fn read_records(file: &[u8]) -> (String, Vec<u64>, Vec<u8>) {
    let header = npyz::NpyHeader::from_reader(file).expect("a header");
    let bytes = header.dtype().num_bytes().expect("records of one size") * header.len() as usize;
    (header.dtype().descr(), header.shape().to_vec(), file[file.len() - bytes..].to_vec())
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn floats(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Position, number, velocity.
type Particle = ([f32; 3], u32, [f32; 2]);

/// Three particles: their fields, and their bytes in a file that has them in another order and one more.
fn particles() -> (Vec<Particle>, Vec<u8>) {
    let all = [0u32, 1, 2].map(|i| ([i as f32, 0.5, -1.0], 7 + i, [0.25, i as f32]));
    let mut data = Vec::new();
    for (at, id, v) in &all {
        data.extend(words(&[*id]));
        data.extend(b"abc");
        data.extend(floats(v));
        data.extend(floats(at));
    }
    let descr = "[('id', '<u4'), ('name', '|S3'), ('v', '<f4', (2,)), ('at', '<f4', (3,))]";
    (all.to_vec(), records(descr, "(3,)", &data))
}

#[test]
fn structs_are_records_whose_fields_go_by_name() {
    let (all, file) = particles();
    for device in devices() {
        let bench = Bench::new().file("k.wgsl", PARTICLES).file("p.npy", &file);
        bench.runs(&format!("exec k.wgsl --grid 3 --in ps=p.npy --out qs=q.npy:struct --device {device}"));
        let (descr, shape, data) = read_records(&fs::read(bench.path("q.npy")).expect("a result"));
        assert_eq!(descr, "[('at', '<f4', (3,)), ('id', '<u4'), ('v', '<f4', (2,)), ]");
        let step = |(at, id, v): &([f32; 3], u32, [f32; 2])| {
            let at = [at[0] + v[0], at[1] + v[1], at[2] + 1.0];
            [floats(&at), words(&[id + 100]), floats(v)].concat()
        };
        let expected: Vec<u8> = all.iter().flat_map(step).collect();
        assert_eq!((shape, data), (vec![3], expected), "{device}");
    }
}

#[test]
fn what_the_kernel_does_not_know_of_records_stays_as_it_is() {
    let (all, file) = particles();
    let bench = Bench::new().file("k.wgsl", MARK).file("p.npy", &file);
    bench.runs("exec k.wgsl --grid 3 --inout qs=p.npy:q.npy --repeat 2");
    let (descr, shape, before) = read_records(&file);
    let (new_descr, new_shape, after) = read_records(&fs::read(bench.path("q.npy")).expect("a result"));
    assert_eq!((&new_descr, &new_shape), (&descr, &shape));
    let mut expected = before;
    for (record, (_, id, _)) in expected.chunks_exact_mut(27).zip(&all) {
        record[..4].copy_from_slice(&(2 * id).to_le_bytes());
    }
    assert_eq!(after, expected);
    assert_eq!(fs::read(bench.path("p.npy")).expect("the input"), file, "the input is as it was");
}

#[test]
fn records_that_do_not_fit_are_refused_by_name() {
    let (_, file) = particles();
    let descr = "[('at', '<f4', (3,)), ('id', '<i4'), ('v', '<f4', (2,))]";
    let bench = Bench::new()
        .file("k.wgsl", MARK)
        .file("c.wgsl", COUNT_UP)
        .file("p.npy", &file)
        .file("signed.npy", records(descr, "(1,)", &[0; 24]))
        .file("short.npy", records("[('at', '<f4', (3,)), ('id', '<u4')]", "(1,)", &[0; 16]))
        .array("plain.npy", &[8], &[0u32; 8]);
    for (call, said) in [
        ("k.wgsl --inout qs=signed.npy", "has `id` as int32, and the kernel has it as u32"),
        ("k.wgsl --inout qs=short.npy", "has no field `v`"),
        ("k.wgsl --inout qs=short.npy", "np.dtype([('at', '<f4', (3,)), ('id', '<u4'), ('v', '<f4', (2,))])"),
        ("k.wgsl --inout qs=plain.npy", "np.dtype("),
        ("k.wgsl --inout qs=p.npy:q.npy:f32", "is not converted"),
        ("k.wgsl --out qs=q.npy:u32", "write --out qs=q.npy:struct"),
        ("c.wgsl --inout counts=p.npy", "holds no structs"),
        ("c.wgsl --out counts=q.npy:struct", "write --out counts=q.npy:u32"),
        ("k.wgsl --workgroups 1 --out qs=q.npy:struct", "which shape"),
        ("k.wgsl", "--out qs=FILE.npy:struct"),
    ] {
        let grid = if call.contains("workgroups") { "" } else { "--grid 3" };
        let sentence = bench.fails(&format!("exec {call} {grid}"), 2);
        assert!(sentence.contains(said), "{call}: {sentence}");
    }
    assert!(!bench.path("q.npy").exists());
}

#[test]
fn raw_bytes_are_taken_as_wgsl_lays_them_out() {
    for device in devices() {
        // at, id, v and 8 bytes of padding.
        let memory: Vec<u8> = [1u32, 2].iter().flat_map(|i| words(&[0, 0, 0, *i, 0, 0, 99, 99])).collect();
        let bench = Bench::new().file("k.wgsl", MARK).file("copy.wgsl", PARTICLES).file("p.bin", &memory);
        bench.runs(&format!("exec k.wgsl --grid 2 --inout qs=p.bin:q.bin --device {device}"));
        let expected: Vec<u8> = [2u32, 4].iter().flat_map(|i| words(&[0, 0, 0, *i, 0, 0, 99, 99])).collect();
        assert_eq!(fs::read(bench.path("q.bin")).expect("a result"), expected, "{device}");
        let zeros = "exec copy.wgsl --grid 2 --in ps=p.bin --out qs=r.bin";
        bench.runs(&format!("{zeros} --device {device}"));
        let stepped = fs::read(bench.path("r.bin")).expect("a result");
        assert_eq!((stepped.len(), &stepped[12..16]), (64, &101u32.to_le_bytes()[..]), "{device}");
        let bench = bench.file("cut.bin", &memory[..63]).file("odd.bin", &memory[..60]);
        for (call, said) in [
            ("exec k.wgsl --grid 2 --inout qs=cut.bin:q.bin", "63 bytes"),
            ("exec k.wgsl --grid 2 --inout qs=odd.bin:q.bin", "60 bytes"),
            ("exec k.wgsl --grid 2 --inout qs=p.bin:q.npy", "two .bin files"),
            ("exec k.wgsl --grid 2 --out qs=q.bin:f32", "leave it out"),
        ] {
            let sentence = bench.fails(call, 2);
            assert!(sentence.contains(said), "{call}: {sentence}");
        }
    }
}

#[test]
fn raw_uniforms_have_the_size_of_their_type() {
    let wgsl = "
        struct Params { n: u32, at: vec2f }
        @group(0) @binding(0) var<uniform> params: Params;
        @group(0) @binding(1) var<storage, read_write> y: array<f32>;
        @compute @workgroup_size(1) fn main() { y[0] = f32(params.n) + params.at.y; }";
    let bytes = [words(&[3, 0]), floats(&[0.0, 0.5])].concat();
    let bench = Bench::new().file("k.wgsl", wgsl).file("p.bin", &bytes).file("cut.bin", &bytes[..12]);
    let bench = bench.file("long.bin", [&bytes[..], &bytes[..4]].concat());
    bench.runs("exec k.wgsl --grid 1 --in params=p.bin --out y=y.npy:f32");
    assert_eq!(bench.read("y.npy"), (vec![1], vec![3.5f32]));
    for (file, bytes) in [("cut.bin", 12), ("long.bin", 20)] {
        let sentence = bench.fails(&format!("exec k.wgsl --grid 1 --in params={file} --out y=z.npy:f32"), 2);
        assert!(sentence.contains(&format!("takes 16 bytes, and was given {bytes}")), "{sentence}");
    }
}

/// Runs `swath` with something on stdin.
fn with_stdin(bench: &Bench, words: &str, input: &[u8]) -> Output {
    let mut command = bench.command(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("swath starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may be refused before it is read.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("swath ends")
}

#[test]
fn a_dash_is_stdin_and_stdout() {
    let bench = Bench::new().file("k.wgsl", COUNT_UP).array("c.npy", &[4], &[10u32; 4]);
    let file = fs::read(bench.path("c.npy")).expect("the input");
    let output = with_stdin(&bench, "exec k.wgsl --grid 4 --inout counts=-", &file);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let array = npyz::NpyFile::new(&output.stdout[..]).expect("a .npy file");
    assert_eq!(array.shape(), [4]);
    assert_eq!(array.into_vec::<u32>().expect("numbers"), [10, 13, 16, 19]);
    let output = with_stdin(&bench, "exec k.wgsl --grid 4 --inout counts=-:d.npy --json", &file);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(bench.read("d.npy"), (vec![4], vec![10u32, 13, 16, 19]));
    let output = with_stdin(&bench, "exec k.wgsl --grid 4 --out counts=-:u32", b"");
    assert_eq!(
        npyz::NpyFile::new(&output.stdout[..]).expect("a file").into_vec::<u32>().expect("numbers"),
        [0, 3, 6, 9]
    );
    assert!(!bench.path("-").exists());
    for (call, said) in [
        ("--inout counts=c.npy:- --json", "--json"),
        ("--inout counts=- --checkpoint c.swath", "stdin"),
        ("--inout counts=c.npy:- --checkpoint c.swath", "no plain file"),
        ("--inout counts=-", "`-` is not a .npy file"),
    ] {
        let output = with_stdin(&bench, &format!("exec k.wgsl --grid 4 {call}"), b"text, and no array");
        assert_eq!(output.status.code(), Some(2), "{call}: {}", stderr(&output));
        assert!(output.stdout.is_empty() && stderr(&output).contains(said), "{call}: {}", stderr(&output));
    }
}

#[test]
fn what_is_changed_in_place_may_be_converted() {
    let bench = Bench::new().file("k.wgsl", COUNT_UP).array("c.npy", &[3], &[1i64, 2, 3]);
    bench.runs("exec k.wgsl --grid 3 --inout counts=c.npy:d.npy:u32");
    assert_eq!(bench.read("d.npy"), (vec![3], vec![1u32, 5, 9]));
    assert_eq!(bench.read("c.npy"), (vec![3], vec![1i64, 2, 3]));
    let sentence = bench.fails("exec k.wgsl --grid 3 --inout counts=c.npy:u32", 2);
    assert!(sentence.contains("counts=c.npy:OUT.npy:u32"), "{sentence}");
    let sentence = bench.fails("exec k.wgsl --grid 3 --inout counts=c.npy:d.npy:f80", 2);
    assert!(sentence.contains("`f80` is not a type"), "{sentence}");
}

#[test]
fn numbers_may_have_an_exponent_and_files_a_mark() {
    let bench = Bench::new().file("k.wgsl", format!("\u{feff}{COUNT_UP}"));
    bench.runs("exec k.wgsl --grid 1e3 --out counts=c.npy:u32");
    bench.runs("exec k.wgsl --grid 1e3 --out counts=d.npy:u32:1e3");
    let expected: Vec<u32> = (0..1000).map(|i| 3 * i).collect();
    assert_eq!(bench.read("c.npy"), (vec![1000], expected.clone()));
    assert_eq!(bench.read("d.npy"), (vec![1000], expected));
    let sentence = bench.fails("exec k.wgsl --grid 1.5e0 --out counts=c.npy:u32", 2);
    assert!(sentence.contains("is not a whole number"), "{sentence}");
}

#[test]
fn fields_that_the_kernel_does_not_read_may_be_left_out() {
    let wgsl = "
        struct Params { n: u32, unused: vec3f, table: array<vec4u, 2> }
        @group(0) @binding(0) var<uniform> params: Params;
        @group(0) @binding(1) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) {
            y[i] = params.n + params.table[i & 1u].y;
        }";
    let bench = Bench::new().file("k.wgsl", wgsl);
    let call = "exec k.wgsl --grid 4 --out y=y.npy:u32 --set params.n=1e2";
    bench.runs(&format!("{call} --set params.table[0].y=1 --set params.table[1].y=2"));
    assert_eq!(bench.read("y.npy"), (vec![4], vec![101u32, 102, 101, 102]));
    let sentence = bench.fails(&format!("{call} --set params.table[0].y=1"), 2);
    assert!(sentence.contains("`params.table[1]`") && !sentence.contains("unused"), "{sentence}");
}
