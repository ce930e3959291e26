//! Every sample, at sizes with and without ragged edges, on every kind of device: verified, and its
//! verification verified.
//!
//! Without a GPU the tests on one are skipped, and say so; with `SWATH_REQUIRE_GPU=1` they fail.
#![cfg(feature = "cli")]

use std::sync::OnceLock;

#[cfg(feature = "gpu")]
use crate::first_gpu;
use swath::{
    Device, Runtime,
    samples::{self, Problem, Size, Tally, fft::Direction, monte_carlo::Draws},
};

/// The sizes of a sample: one, edges of workgroups and tiles, and a large and crooked one.
fn counts(name: &str) -> &'static [usize] {
    match name {
        "saxpy" => &[1, 255, 256, 257, 1_000_003],
        "scan" => &[1, 255, 2047, 2048, 2049, 1_000_003],
        "reduce" => &[1, 255, 4095, 4096, 4097, 1_000_003],
        "histogram" => &[1, 255, 4095, 4096, 4097, 1_000_003],
        "radix_sort" => &[1, 255, 2047, 2048, 2049, 100_003],
        "matmul" => &[1, 15, 64, 65, 131],
        "nbody" => &[1, 2, 63, 64, 65, 300],
        "mandelbrot" => &[1, 15, 16, 17, 131],
        "black_scholes" => &[1, 255, 256, 257, 10_007],
        "shallow_water" => &[1, 2, 15, 16, 17, 100],
        "fft" => &[1, 2, 33],
        "conv2d" => &[1, 2, 31, 32, 33, 100],
        "merkle" => &[1, 2, 3, 64, 65, 1000],
        "smith_waterman" => &[1, 2, 17],
        "monte_carlo" => &[1, 255, 4095, 4096, 4097, 30_011],
        "quantum" => &[1, 2, 8, 9, 10, 15],
        "knn" => &[1, 9, 10, 11, 64, 65, 130],
        "path_tracer" => &[1, 8, 9, 70],
        other => panic!("no sizes are listed for the sample `{other}`"),
    }
}

/// Runs a problem in all ways on a device, and damages what comes out.
fn exercise(problem: &mut dyn Problem, runtime: &Runtime, device: &Device, name: &str) {
    let context = |what: &str| format!("{name} on {}, {what}", device.name());
    let report = |tally: Tally| {
        assert!(tally.dispatches > 0, "{}", context("without a dispatch"));
        assert!(tally.kernel <= tally.total, "{}: {tally:?}", context("its times"));
    };

    report(
        problem.run(runtime, &device.into()).unwrap_or_else(|error| panic!("{}: {error}", context("from host slices"))),
    );
    let verdict = problem.verify();
    assert!(verdict.passed(), "{}: {verdict}", context("from host slices"));
    let work = problem.work();
    assert!(work.operations > 0 && work.bytes > 0);

    for seed in 0..6 {
        problem.run(runtime, &device.into()).unwrap();
        problem.corrupt(seed);
        assert!(!problem.verify().passed(), "{}", context("damaged"));
    }

    let mut resident = problem.resident(runtime, device).unwrap();
    for _ in 0..2 {
        // Twice, because a step must not start from what the last one left.
        match resident.step() {
            Ok(tally) => report(tally),
            // What lavapipe cuts short on buffers nobody could do again.
            Err(error) if error.to_string().contains("is not trusted with it") => {
                let failed = runtime.failed_probes(device).expect("it was probed");
                assert!(failed.iter().any(|probe| probe.name == "long loops"), "{}: {error}", context("refused"));
                return;
            }
            Err(error) => panic!("{}: {error}", context("on resident data")),
        }
    }
    resident.fetch().unwrap();
    drop(resident);
    let verdict = problem.verify();
    assert!(verdict.passed(), "{}: {verdict}", context("on resident data"));
}

/// One sample on one device, at all its sizes.
fn check(sample: &str, place: Option<&(Runtime, Device)>) {
    let Some((runtime, device)) = place else { return };
    let found = samples::find(sample).unwrap();
    let counts = counts(sample).iter().map(|&count| Size::Count(count));
    for size in [Size::Small].into_iter().chain(counts) {
        let mut problem = found.prepare(size, 11).unwrap();
        exercise(&mut *problem, runtime, device, &format!("{sample} {size}"));
    }
}

#[cfg(feature = "cpu")]
fn cpu() -> Option<&'static (Runtime, Device)> {
    static CPU: OnceLock<(Runtime, Device)> = OnceLock::new();
    Some(CPU.get_or_init(|| {
        let runtime = Runtime::cpu().unwrap();
        let device = runtime.device("cpu").unwrap();
        (runtime, device)
    }))
}

/// What is the same on every device: each test is one sample, so that a failure names it.
macro_rules! on_every_device {
    ($($sample:ident),*) => {
        #[cfg(feature = "cpu")]
        mod cpu_engine {
            $(#[test] fn $sample() { super::check(stringify!($sample), super::cpu()); })*
        }
        #[cfg(feature = "gpu")]
        mod on_gpu {
            $(#[test] fn $sample() { super::check(stringify!($sample), crate::first_gpu()); })*
        }
        /// The list above and the samples that there are.
        #[test]
        fn every_sample_is_tested() {
            let listed = [$(stringify!($sample)),*];
            let names: Vec<_> = samples::all().iter().map(|sample| sample.name()).collect();
            assert_eq!(names, listed);
        }
    };
}

on_every_device!(
    saxpy,
    reduce,
    scan,
    histogram,
    radix_sort,
    matmul,
    nbody,
    mandelbrot,
    black_scholes,
    shallow_water,
    fft,
    conv2d,
    merkle,
    smith_waterman,
    monte_carlo,
    quantum,
    knn,
    path_tracer
);

/// Matrices that are not square, with every kind of edge.
fn rectangles(place: Option<&(Runtime, Device)>) {
    let Some((runtime, device)) = place else { return };
    for (m, n, k) in [(1, 1, 1), (1, 200, 3), (130, 7, 65), (64, 65, 17), (5, 3, 300), (65, 129, 16)] {
        let mut problem = samples::matmul::rectangular(m, n, k, 5).unwrap();
        exercise(&mut *problem, runtime, device, &format!("matmul {m} x {k} times {k} x {n}"));
    }
    assert!(samples::matmul::rectangular(3, 0, 3, 5).is_err());
}

#[cfg(feature = "cpu")]
#[test]
fn rectangles_on_the_cpu_engine() {
    rectangles(cpu());
}

#[cfg(feature = "gpu")]
#[test]
fn rectangles_on_a_gpu() {
    rectangles(first_gpu());
}

/// Keys that are all alike, in order, the wrong way round, and as high as what stands for keys past the end.
fn kinds_of_keys(place: Option<&(Runtime, Device)>) {
    let Some((runtime, device)) = place else { return };
    let count = 5003;
    type Kind = (&'static str, fn(u32) -> u32);
    let kinds: [Kind; 5] = [
        ("alike", |_| 7),
        ("the highest", |_| u32::MAX),
        ("in order", |i| i << 12),
        ("the wrong way round", |i| !(i << 12)),
        ("two, in turn", |i| if i % 2 == 0 { u32::MAX } else { 0 }),
    ];
    for (name, key) in kinds {
        let mut problem = samples::radix_sort::of_keys((0..count).map(key).collect()).unwrap();
        exercise(&mut *problem, runtime, device, &format!("keys that are {name}"));
    }
    assert!(samples::radix_sort::of_keys(Vec::new()).is_err());
}

#[cfg(feature = "cpu")]
#[test]
fn kinds_of_keys_on_the_cpu_engine() {
    kinds_of_keys(cpu());
}

#[cfg(feature = "gpu")]
#[test]
fn kinds_of_keys_on_a_gpu() {
    kinds_of_keys(first_gpu());
}

/// Frames of all lengths, there and back.
fn lengths(place: Option<&(Runtime, Device)>) {
    let Some((runtime, device)) = place else { return };
    for length in (2..=10).map(|power| 1 << power) {
        for direction in [Direction::Forward, Direction::Inverse] {
            let mut problem = samples::fft::batch(length, 5, direction, 3).unwrap();
            exercise(&mut *problem, runtime, device, &format!("frames of {length}, {direction:?}"));
        }
    }
}

#[cfg(feature = "cpu")]
#[test]
fn lengths_of_frames_on_the_cpu_engine() {
    lengths(cpu());
}

#[cfg(feature = "gpu")]
#[test]
fn lengths_of_frames_on_a_gpu() {
    lengths(first_gpu());
}

/// Images that are no squares, and weights that are not alike in any way.
fn filters(place: Option<&(Runtime, Device)>) {
    let Some((runtime, device)) = place else { return };
    for (size, radius) in
        [([1, 1], [8, 8]), ([70, 33], [0, 0]), ([33, 65], [1, 8]), ([97, 5], [8, 0]), ([64, 64], [3, 2])]
    {
        let mut problem = samples::conv2d::noise(size, radius, 3).unwrap();
        exercise(&mut *problem, runtime, device, &format!("an image of {size:?} under weights of {radius:?}"));
    }
}

#[cfg(feature = "cpu")]
#[test]
fn filters_on_the_cpu_engine() {
    filters(cpu());
}

#[cfg(feature = "gpu")]
#[test]
fn filters_on_a_gpu() {
    filters(first_gpu());
}

/// SHA-256 of messages whose digests NIST gives: its examples of FIPS 180-4, the first short messages of its validation system;
/// and a message as long as they may be.
fn nist_vectors(place: Option<&(Runtime, Device)>) {
    let Some((runtime, device)) = place else { return };
    let hex = |digest: &[u8; 32]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let long = [b'a'; 131_030];
    let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    let messages = [&b"abc"[..], b"", two_blocks, &long, &[0xd3], &[0x11, 0xaf]];
    let found = samples::merkle::digests(runtime, device, &messages).unwrap();
    let expected = [
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        "b1db537207d840cb824d0afc944df506ffe35be434000d7c1260d114fbf6dc21",
        "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1",
        "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98",
    ];
    assert_eq!(found.iter().map(hex).collect::<Vec<_>>(), expected, "on {}", device.name());
    assert!(samples::merkle::digests(runtime, device, &[&[0; 131_031]]).is_err());
}

#[cfg(feature = "cpu")]
#[test]
fn nist_vectors_on_the_cpu_engine() {
    nist_vectors(cpu());
}

#[cfg(feature = "gpu")]
#[test]
fn nist_vectors_on_a_gpu() {
    nist_vectors(first_gpu());
}

/// Vectors of any number of coordinates, more queries than vectors, and more than one part; and vectors that are all alike, of
/// which the first are the nearest.
fn neighbours(place: Option<&(Runtime, Device)>) {
    let Some((runtime, device)) = place else { return };
    for (vectors, queries, dimension) in
        [(1, 40, 1), (70, 1, 15), (64, 33, 17), (130, 7, 200), (8193, 5, 16), (20_000, 2, 3)]
    {
        let mut problem = samples::knn::made(vectors, queries, dimension, 3).unwrap();
        exercise(&mut *problem, runtime, device, &format!("{queries} among {vectors} vectors of {dimension}"));
    }
    for vectors in [1, 10, 11, 65, 8300] {
        let mut problem = samples::knn::alike(vectors, 20, 3).unwrap();
        exercise(&mut *problem, runtime, device, &format!("{vectors} vectors that are alike"));
    }
}

#[cfg(feature = "cpu")]
#[test]
fn neighbours_on_the_cpu_engine() {
    neighbours(cpu());
}

#[cfg(feature = "gpu")]
#[test]
fn neighbours_on_a_gpu() {
    neighbours(first_gpu());
}

/// Random numbers have the known answers of the Philox4x32-10 in the authors' Random123, and they and the normal variates made
/// of them are the host's, bit for bit.
fn random_numbers(place: Option<&(Runtime, Device)>) {
    let Some((runtime, device)) = place else { return };
    for (counter, key, answer) in [
        ([0; 4], 0, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        ([u32::MAX; 4], u64::MAX, [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            0x299f_31d0_a409_3822,
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        ),
    ] {
        let draws = Draws::on(runtime, device, key, &[counter]).unwrap();
        assert_eq!(draws.randoms, [answer], "on {}", device.name());
    }
    let counters: Vec<[u32; 4]> = (0..100_003u32).map(|i| [i, i / 7, 3, i.wrapping_mul(0x9e37_79b9)]).collect();
    assert!(Draws::on(runtime, device, 5, &counters).unwrap() == Draws::native(5, &counters), "on {}", device.name());
}

#[cfg(feature = "cpu")]
#[test]
fn random_numbers_on_the_cpu_engine() {
    random_numbers(cpu());
}

#[cfg(feature = "gpu")]
#[test]
fn random_numbers_on_a_gpu() {
    random_numbers(first_gpu());
}

/// Portfolios whose losses are normal.
fn linear_portfolios(place: Option<&(Runtime, Device)>) {
    let Some((runtime, device)) = place else { return };
    for scenarios in [1, 20_000] {
        let mut problem = samples::monte_carlo::linear(scenarios, 9).unwrap();
        exercise(&mut *problem, runtime, device, &format!("{scenarios} scenarios of a linear portfolio"));
    }
}

#[cfg(feature = "cpu")]
#[test]
fn linear_portfolios_on_the_cpu_engine() {
    linear_portfolios(cpu());
}

#[cfg(feature = "gpu")]
#[test]
fn linear_portfolios_on_a_gpu() {
    linear_portfolios(first_gpu());
}

/// Gates with targets and controls on either side of those qubits that tell the lanes of a workgroup apart.
fn gates(place: Option<&(Runtime, Device)>) {
    let Some((runtime, device)) = place else { return };
    let mut text = "OPENQASM 2.0; qreg q[12]; h q; t q; ry(0.3) q;".to_owned();
    for (target, controls) in [(0, [1, 2]), (7, [8, 9]), (8, [7, 9]), (9, [8, 10]), (11, [0, 5]), (3, [11, 6])] {
        let [a, b] = controls;
        text += &format!("ccx q[{a}],q[{b}],q[{target}]; cp(0.7) q[{b}],q[{target}]; cry(1.1) q[{a}],q[{target}];");
        text += &format!("swap q[{a}],q[{target}]; rx(0.4) q[{target}]; u1(0.2) q[{target}];");
    }
    let mut problem = samples::quantum::program(&text).unwrap();
    exercise(&mut *problem, runtime, device, "gates on 12 qubits");
}

#[cfg(feature = "cpu")]
#[test]
fn gates_on_the_cpu_engine() {
    gates(cpu());
}

#[cfg(feature = "gpu")]
#[test]
fn gates_on_a_gpu() {
    gates(first_gpu());
}

/// Still water stays as it is, to the bit.
fn still_water(place: Option<&(Runtime, Device)>) {
    let Some((runtime, device)) = place else { return };
    for side in [1, 16, 37] {
        let mut problem = samples::shallow_water::still(side).unwrap();
        exercise(&mut *problem, runtime, device, &format!("still water of {side} x {side} cells"));
    }
}

#[cfg(feature = "cpu")]
#[test]
fn still_water_on_the_cpu_engine() {
    still_water(cpu());
}

#[cfg(feature = "gpu")]
#[test]
fn still_water_on_a_gpu() {
    still_water(first_gpu());
}

/// A white world under a white sky is white.
fn white_furnace(place: Option<&(Runtime, Device)>) {
    let Some((runtime, device)) = place else { return };
    for width in [1, 50] {
        let mut problem = samples::path_tracer::furnace(width, 3).unwrap();
        exercise(&mut *problem, runtime, device, &format!("a white furnace, {width} pixels wide"));
    }
}

#[cfg(feature = "cpu")]
#[test]
fn white_furnace_on_the_cpu_engine() {
    white_furnace(cpu());
}

#[cfg(feature = "gpu")]
#[test]
fn white_furnace_on_a_gpu() {
    white_furnace(first_gpu());
}

/// More than 4,096 partial results: a third pass. And, on a GPU, more workgroups than one dispatch takes.
#[cfg(feature = "gpu")]
#[test]
fn long_vectors_on_a_gpu() {
    let Some((runtime, device)) = first_gpu() else { return };
    for (sample, count) in [("reduce", (1 << 24) + 1), ("saxpy", (1 << 24) + 257), ("scan", (1 << 22) + 2049)] {
        let mut problem = samples::find(sample).unwrap().prepare(Size::Count(count), 3).unwrap();
        problem.run(runtime, &device.into()).unwrap();
        let verdict = problem.verify();
        assert!(verdict.passed(), "{sample}: {verdict}");
    }
}

#[cfg(feature = "cpu")]
#[test]
fn long_vectors_on_the_cpu_engine() {
    let Some((runtime, device)) = cpu() else { return };
    for (sample, count, dispatches) in [("reduce", (1 << 24) + 1, 3), ("scan", (1 << 22) + 2049, 5)] {
        let mut problem = samples::find(sample).unwrap().prepare(Size::Count(count), 3).unwrap();
        let tally = problem.run(runtime, &device.into()).unwrap();
        assert_eq!(tally.dispatches, dispatches);
        let verdict = problem.verify();
        assert!(verdict.passed(), "{sample}: {verdict}");
    }
}
