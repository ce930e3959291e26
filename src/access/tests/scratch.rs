use crate::{access::*, kernel::Module};

fn show(path: &str, entry: &str, groups: [u32; 3], uniforms: &[(usize, Vec<u8>)], bytes: &[(usize, u64)]) {
    let module = Module::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
    let kernel = module.kernel(entry).unwrap();
    let mut numbers = Numbers::new().with_workgroups(groups);
    for (b, u) in uniforms {
        numbers = numbers.with_uniform(*b, u);
    }
    for (b, n) in bytes {
        numbers = numbers.with_bytes(*b, *n);
    }
    let start = std::time::Instant::now();
    let a = kernel.access(&numbers).unwrap();
    println!(
        "== {entry} axis {} in {:?}, words {:?} lengths {:?}",
        a.axis,
        start.elapsed(),
        a.uniform_words,
        a.lengths
    );
    for (b, k) in a.bindings.iter().zip(kernel.bindings()) {
        println!(
            "  {}: {:?}: {} @ {:?} {:?}\n     r {:?} w {:?}",
            k.name,
            b.verdict,
            b.reason,
            b.place.as_ref().map(|p| (p.line, &p.text)),
            b.condition,
            b.reads.bytes(1..2),
            b.writes.bytes(1..2)
        );
    }
    println!("  in bounds: {:?}", a.in_bounds);
}

#[test]
fn scratch() {
    let words = |w: &[u32]| w.iter().flat_map(|x| x.to_ne_bytes()).collect::<Vec<u8>>();
    show("shaders/saxpy.wgsl", "saxpy", [100, 1, 1], &[], &[(1, 100_000), (2, 100_000)]);
    show(
        "shaders/black_scholes.wgsl",
        "black_scholes",
        [100, 1, 1],
        &[],
        &[(1, 16 * 25_000), (2, 8 * 25_000), (3, 16 * 25_000)],
    );
    show("shaders/histogram.wgsl", "histogram", [10, 1, 1], &[(0, words(&[3]))], &[(1, 160_000), (2, 1024)]);
    show(
        "shaders/mandelbrot.wgsl",
        "mandelbrot",
        [10, 20, 1],
        &[(0, words(&[0, 0, 0, 100, 155, 305]))],
        &[(1, 4 * 155 * 305), (2, 4 * 155 * 305)],
    );
    show(
        "shaders/matmul.wgsl",
        "matmul",
        [3, 5, 1],
        &[(0, words(&[300, 170, 200]))],
        &[(1, 4 * 300 * 200), (2, 4 * 170 * 200), (3, 4 * 300 * 170)],
    );
    show("shaders/nbody.wgsl", "nbody", [50, 1, 1], &[], &[(1, 16 * 3150), (2, 16 * 3150), (3, 16 * 3150)]);
    show("shaders/reduce.wgsl", "reduce", [30, 1, 1], &[], &[(0, 4 * 120_000), (1, 12 * 30)]);
    show("shaders/reduce.wgsl", "combine", [3, 1, 1], &[], &[(0, 12 * 12_000), (1, 12 * 3)]);
}
