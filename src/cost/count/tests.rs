use super::*;
use crate::{Module, kernel::Kernel};

fn kernel(text: &str) -> Kernel {
    Module::parse(text).and_then(|module| module.only_kernel()).unwrap_or_else(|error| panic!("{error}"))
}

/// What an invocation of a kernel does; its bindings are arrays of so many bytes, its uniform holds these words.
fn counted(text: &str, groups: [u32; 3], bytes: u64, words: &[u32]) -> Counted {
    let kernel = kernel(text);
    let uniform: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let mut numbers = Numbers::new().with_workgroups(groups);
    for (at, binding) in kernel.bindings().iter().enumerate() {
        numbers = match binding.kind {
            crate::BindingKind::Uniform => numbers.with_uniform(at, 0, &uniform),
            _ => numbers.with_bytes(at, bytes),
        };
    }
    let program = kernel.program().unwrap_or_else(|error| panic!("{error}"));
    count(&program, &numbers)
}

fn about(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 0.05, "{found} and not about {expected}");
}

#[test]
fn accesses_and_bytes_of_straight_code_are_exact() {
    let Counted { each, words, .. } = counted(
        "@group(0) @binding(0) var<storage, read> x: array<vec4f>;
         @group(0) @binding(1) var<storage, read_write> y: array<f32>;
         @compute @workgroup_size(64) fn k(@builtin(global_invocation_id) id: vec3u) {
             if id.x >= arrayLength(&y) { return; }
             y[id.x] = dot(x[id.x], x[id.x + 1u]);
         }",
        [16, 1, 1],
        1 << 20,
        &[],
    );
    assert_eq!((each.accesses, each.bytes), (9.0, vec![32.0, 4.0]));
    assert!(each.operations > 3.0 && each.operations < 12.0, "{}", each.operations);
    assert!(words.is_empty());
}

const LOOPS: &str = "
struct Params { rows: u32, rounds: u32, factor: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn k(@builtin(global_invocation_id) id: vec3u) {
    var sum = 0.0;
    for (var row = 0u; row < p.rows; row += 2u) {
        for (var round = p.rounds; round > 0u; round--) { sum += p.factor * x[row * p.rounds + round + id.x]; }
    }
    y[id.x] = sum;
}";

#[test]
fn loops_have_as_many_iterations_as_their_uniforms_say() {
    for (rows, rounds) in [(2, 3), (10, 100), (1000, 1), (4096, 4096), (1_000_000, 7)] {
        let Counted { each, words, .. } = counted(LOOPS, [100, 1, 1], 1 << 20, &[rows, rounds, 5]);
        about(each.accesses, 1.0 + f64::from(rows) / 2.0 * f64::from(rounds));
        assert_eq!(words, [(0, 0, rows), (0, 4, rounds)], "the factor decides nothing");
    }
}

#[test]
fn counters_that_double_or_halve_are_followed() {
    let Counted { each, .. } = counted(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
         var<workgroup> shared_sum: array<u32, 256>;
         @compute @workgroup_size(256) fn k(@builtin(local_invocation_index) at: u32) {
             for (var step = 128u; step > 0u; step >>= 1u) {
                 if at < step { shared_sum[at] += shared_sum[at + step]; }
                 workgroupBarrier();
             }
             if at == 0u { y[0] = shared_sum[0]; }
         }",
        [1, 1, 1],
        1024,
        &[],
    );
    // Half of the invocations work in the first round, a quarter in the next: 255 of 256 in all, at three accesses.
    assert!((1.0..6.0).contains(&each.accesses), "{}", each.accesses);
    // Eight barriers.
    assert!(each.operations >= 8.0 * BARRIER, "{}", each.operations);
}

#[test]
fn floats_that_decide_are_followed() {
    let text = "struct View { scale: f32, limit: u32 }
         @group(0) @binding(0) var<uniform> view: View;
         @group(0) @binding(1) var<storage, read_write> y: array<u32>;
         @compute @workgroup_size(8, 8) fn k(@builtin(global_invocation_id) id: vec3u) {
             let c = vec2f(id.xy) * view.scale - vec2f(2.0, 1.5);
             var z = vec2f(0.0);
             var n = 0u;
             while n < view.limit && dot(z, z) <= 4.0 {
                 z = vec2f(z.x * z.x - z.y * z.y, 2.0 * z.x * z.y) + c;
                 n++;
             }
             y[id.y * 1024u + id.x] = n;
         }";
    let operations = |scale: f32, limit: u32| {
        let Counted { each, words, .. } = counted(text, [128, 128, 1], 4 << 20, &[scale.to_bits(), limit]);
        assert_eq!(words.len(), 2, "the view decides how long it takes");
        each.operations
    };
    // The whole set and what is around it; a part where all points leave at once.
    let (all, outside) = (operations(3.0 / 1024.0, 1000), operations(10.0, 1000));
    assert!(all > 10.0 * outside, "{all}, {outside}");
    // A fifth of the square belongs to the set.
    about(operations(3.0 / 1024.0, 4000) / all, 4.0);
}

#[test]
fn what_memory_decides_is_taken_by_half() {
    let text = |then: &str| {
        format!(
            "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
             @compute @workgroup_size(64) fn k(@builtin(global_invocation_id) id: vec3u) {{
                 if y[id.x] > 7u {{ {then} }}
             }}"
        )
    };
    let accesses = |then: &str| counted(&text(then), [4, 1, 1], 1024, &[]).each.accesses;
    assert_eq!(accesses(""), accesses("y[id.x] = 1u;") - 0.5);
    // A loop whose end is only seen in memory has some iterations.
    let many = accesses("while y[0] > 3u { y[id.x] += 1u; }");
    assert!((4.0..100.0).contains(&many), "{many}");
    let atomics = counted(
        "@group(0) @binding(0) var<storage, read_write> n: array<atomic<u32>>;
         @compute @workgroup_size(64) fn k(@builtin(global_invocation_id) id: vec3u) {
             atomicAdd(&n[id.x % 8u], 1u);
             if atomicLoad(&n[0]) > 100u { atomicMax(&n[1], 3u); }
         }",
        [4, 1, 1],
        64,
        &[],
    );
    assert_eq!(atomics.each.atomics, 1.5);
}

/// Deep nests and long bodies end soon.
#[test]
fn effort_is_bounded() {
    let nest = |depth: usize| {
        let open: String = (0..depth).map(|at| format!("for (var i{at} = 0u; i{at} < 1000u; i{at}++) {{")).collect();
        format!(
            "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
             @compute @workgroup_size(64) fn k(@builtin(global_invocation_id) id: vec3u) {{ {open} y[id.x] += 1u; {} }}",
            "}".repeat(depth)
        )
    };
    for depth in [1, 2, 3, 5, 6, 7, 8] {
        let start = std::time::Instant::now();
        let Counted { each, .. } = counted(&nest(depth), [4, 1, 1], 1024, &[]);
        let expected = 2.0 * 1000f64.powi(depth as i32);
        assert!(each.accesses > 0.5 * expected && each.accesses < 2.0 * expected, "{depth}: {}", each.accesses);
        assert!(start.elapsed().as_secs() < 10, "{depth}: {:?}", start.elapsed());
    }
}
