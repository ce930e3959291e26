//! The shipped samples on the interpreter, with every launch compared with what the access analysis predicts.

use std::sync::Arc;

use super::{Size, all};
use crate::{Runtime, exec::cpu::tests::recording::Recording};

/// Every sample, at sizes with ragged edges: its footprints hold, and its results are right.
#[test]
fn footprints_of_the_samples() {
    let backend = Arc::new(Recording::new());
    let runtime = Runtime::on(backend.clone()).unwrap();
    let device = runtime.device("cpu").unwrap();
    for sample in all() {
        let before = backend.tally();
        // Qubits double the work.
        let counts = if sample.name() == "quantum" { [1, 2, 3, 8, 9, 10, 12] } else { [1, 2, 63, 65, 130, 300, 5000] };
        for count in counts {
            // Work that grows with the square or the cube of the size.
            let most = match sample.name() {
                "shallow_water" | "fft" | "smith_waterman" => 65,
                "path_tracer" => 63,
                "conv2d" => 130,
                "matmul" | "nbody" | "mandelbrot" | "knn" => 300,
                _ => usize::MAX,
            };
            if count > most {
                continue;
            }
            let mut problem = sample.prepare(Size::Count(count), 5).unwrap();
            problem.run(&runtime, &(&device).into()).unwrap();
            let verdict = problem.verify();
            assert!(verdict.passed(), "{} at {count}: {verdict}", sample.name());
        }
        let tally = backend.tally();
        let is_proven = tally.in_bounds - before.in_bounds == tally.accesses - before.accesses;
        // The analysis of this one ends before it has looked at all accesses.
        assert_eq!(is_proven, sample.name() != "smith_waterman", "{}: {tally:?}", sample.name());
        // One writes where what it reads says; of the other, pairs that lie all over an array are changed in place.
        let is_pinned = tally.pinned > before.pinned;
        assert_eq!(is_pinned, ["radix_sort", "quantum"].contains(&sample.name()), "{}: {tally:?}", sample.name());
    }
}
