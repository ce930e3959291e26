//! Numbers that are not known, what answers depend on, and kernels that are too much. What is predicted about memory is
//! tested with the interpreter, and by the snapshots of `tests/suite/access.rs`.

use super::{
    facts::{Knowledge, MAX_WORK},
    form::{Form, Range},
    *,
};
use crate::kernel::{Module, testing::kernel};

const BLUR: &str = "
    struct Params { width: u32, height: u32, gain: f32, radius: i32 }
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(1) var<storage, read> src: array<f32>;
    @group(0) @binding(2) var<storage, read_write> dst: array<f32>;
    @compute @workgroup_size(8, 8) fn blur(@builtin(global_invocation_id) id: vec3u) {
        if (id.x >= params.width || id.y >= params.height) { return; }
        var sum = 0.0;
        for (var dy = -params.radius; dy <= params.radius; dy++) {
            let y = clamp(i32(id.y) + dy, 0, i32(params.height) - 1);
            sum += src[u32(y) * params.width + id.x];
        }
        dst[id.y * params.width + id.x] = sum * params.gain;
    }";

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn sliced(analysis: &Analysis, binding: usize) -> bool {
    matches!(analysis.bindings[binding].verdict, Verdict::Sliced { .. })
}

#[test]
fn names_the_words_that_an_answer_depends_on() {
    let params = words(&[64, 48, 0x3f80_0000, 2]);
    let numbers = Numbers::new()
        .with_workgroups([8, 6, 1])
        .with_uniform(0, 0, &params)
        .with_bytes(1, 64 * 48 * 4)
        .with_bytes(2, 64 * 48 * 4);
    let analysis = kernel(BLUR).access(&numbers).unwrap();
    let names: Vec<&str> = analysis.uniform_words.iter().map(|word| word.name.as_str()).collect();
    assert_eq!(names, ["params.width", "params.height", "params.radius"]);
    assert_eq!((analysis.axis, analysis.units), (1, Some(6)));
    assert_eq!(analysis.bindings[1].verdict, Verdict::Sliced { stride: 2048, start: 0, halo: [512, 512] });
    assert!(analysis.bindings.iter().all(|binding| binding.condition.is_none()));
    assert!(analysis.is_divisible());
}

/// A word that an answer does not depend on changes nothing, one that it depends on may.
#[test]
fn other_words_change_nothing() {
    let analysis = |params: &[u32]| {
        let params = words(params);
        let numbers = Numbers::new()
            .with_workgroups([8, 7, 1])
            .with_uniform(0, 0, &params)
            .with_bytes(1, 12_288)
            .with_bytes(2, 12_288);
        kernel(BLUR).access(&numbers).unwrap()
    };
    let verdicts = |params: &[u32]| analysis(params).bindings.iter().map(|b| b.verdict).collect::<Vec<_>>();
    assert_eq!(verdicts(&[64, 48, 0, 2]), verdicts(&[64, 48, 12345, 2]));
    assert_ne!(verdicts(&[64, 48, 0, 2]), verdicts(&[64, 48, 0, 3]));
    // A picture that is taller than the buffer.
    let tall = analysis(&[64, 50, 0, 2]);
    assert_eq!((tall.bindings[1].verdict, tall.bindings[2].verdict), (Verdict::Whole, Verdict::Pinned));
    assert_eq!(tall.bindings[2].reason, "the index may be 3199, and there are 3072 elements");
}

#[test]
fn unknown_lengths_are_taken_for_granted_and_said_so() {
    let params = words(&[64, 48, 0, 2]);
    let numbers = Numbers::new().with_workgroups([8, 6, 1]).with_uniform(0, 0, &params);
    let analysis = kernel(BLUR).access(&numbers).unwrap();
    assert!(sliced(&analysis, 1) && sliced(&analysis, 2));
    let condition = analysis.bindings[2].condition.as_deref().unwrap();
    assert!(condition.contains("long enough"), "{condition}");
}

#[test]
fn unknown_words_are_named() {
    let width = words(&[64]);
    let numbers = Numbers::new().with_workgroups([8, 6, 1]).with_uniform(0, 0, &width);
    let analysis = kernel(BLUR).access(&numbers).unwrap();
    // The height is not needed where the length is not known either; the radius is.
    let numbers = Numbers::new().with_workgroups([8, 6, 1]);
    let unknown = kernel(BLUR).access(&numbers).unwrap();
    assert!(sliced(&analysis, 2));
    assert_eq!(unknown.bindings[2].verdict, Verdict::Pinned);
    assert!(unknown.bindings[2].reason.contains("params.width"), "{}", unknown.bindings[2].reason);
}

#[test]
fn a_guard_by_the_length_needs_no_numbers() {
    let kernel = kernel(
        "@group(0) @binding(0) var<storage, read> x: array<f32>;
         @group(0) @binding(1) var<storage, read_write> y: array<f32>;
         @compute @workgroup_size(64) fn scale(@builtin(global_invocation_id) id: vec3u) {
             if (id.x < min(arrayLength(&x), arrayLength(&y))) { y[id.x] = 2.0 * x[id.x]; }
         }",
    );
    let analysis = kernel.access(&Numbers::new()).unwrap();
    assert_eq!((analysis.axis, analysis.units), (0, None));
    assert!(analysis.in_bounds.iter().all(|&proven| proven));
    for binding in &analysis.bindings {
        assert_eq!(binding.verdict, Verdict::Sliced { stride: 256, start: 0, halo: [0, 0] });
        assert_eq!(binding.condition, None);
    }
    assert_eq!(analysis.lengths, [0, 1]);
}

fn example(wgsl: &str) -> Option<Example> {
    let kernel = kernel(wgsl);
    let unknown = kernel.access(&Numbers::new()).unwrap();
    kernel.access_example(&unknown).unwrap()
}

#[test]
fn examples_tell_what_uniforms_have_to_be() {
    let conditions = |wgsl: &str| {
        let example = example(wgsl).expect("there is an example");
        let words = example.conditions.iter().map(|(word, meaning)| format!("{} {meaning:?}", word.name));
        (words.collect::<Vec<_>>(), example.even, example.analysis.axis)
    };
    assert_eq!(conditions(BLUR), (vec!["params.radius Few".to_owned()], false, 1));
    let unguarded = BLUR.replace("if (id.x >= params.width || id.y >= params.height) { return; }", "");
    let (words, even, axis) = conditions(&unguarded);
    assert_eq!(words, ["params.width Extent(0)", "params.height Extent(1)", "params.radius Few"]);
    assert_eq!((even, axis), (true, 1));
    // Nothing would help.
    let scatter = "
        @group(0) @binding(0) var<storage, read_write> y: array<atomic<u32>>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
            atomicExchange(&y[atomicLoad(&y[id.x])], 1u);
        }";
    assert!(example(scatter).is_none());
}

#[test]
fn footprints_are_clipped_and_may_be_empty() {
    let params = words(&[64, 40, 0, 1]);
    let numbers = Numbers::new()
        .with_workgroups([8, 6, 1])
        .with_uniform(0, 0, &params)
        .with_bytes(1, 64 * 40 * 4)
        .with_bytes(2, 64 * 40 * 4);
    let analysis = kernel(BLUR).access(&numbers).unwrap();
    let (reads, writes) = (&analysis.bindings[1].reads, &analysis.bindings[2].writes);
    assert_eq!(reads.bytes(0..1), 0..9 * 256);
    assert_eq!(reads.bytes(2..4), 15 * 256..33 * 256);
    assert_eq!(reads.bytes(4..6), 31 * 256..40 * 256);
    // The sixth row of workgroups is below the picture.
    assert_eq!((writes.bytes(4..6), writes.bytes(5..6)), (32 * 256..40 * 256, 0..0));
    assert_eq!(writes.bytes(3..3), 0..0);
    assert!(analysis.bindings[1].writes.is_empty() && !reads.is_empty());
}

/// Where no invocation comes, everything follows; elsewhere it does not.
#[test]
fn what_follows_where_no_invocation_comes_is_not_kept() {
    let mut known = Knowledge::new();
    let x = Form::symbol(known.fresh(Range::new(0, 9)));
    let less = x.shift(-4);
    known.push();
    known.learn(&x, Range::new(10, 20));
    assert!(known.is_unreachable());
    known.reading(&less, false);
    assert_eq!(known.bound(&less), Range::EMPTY);
    known.pop();
    let reading = known.reading(&less, false);
    assert!(Range::window(false).contains(known.bound(&reading)), "{:?}", known.bound(&reading));
    assert_eq!(known.bound(&less), Range::new(-4, 5));
}

/// The work of kernels that are more than most: in an analysis of which nothing is given, in one of a call, and in the search
/// for an example, in thousands: what was measured and about a third more. A search that takes all that it may takes 1500.
const MUCH: [(&str, [u64; 3]); 29] = [
    ("bits", [35, 25, 50]),
    ("boids_grid", [115, 105, 1500]),
    ("bvh_traversal", [70, 60, 1500]),
    ("conv2d", [80, 35, 1500]),
    ("fft", [40, 25, 50]),
    ("image_pyramid", [155, 120, 1]),
    ("knn", [350, 65, 1500]),
    ("marching_cubes", [530, 290, 1]),
    ("matmul", [150, 35, 1500]),
    ("merkle", [175, 135, 370]),
    ("molecular_cutoff", [740, 165, 1500]),
    ("monte_carlo", [1300, 460, 1500]),
    ("neighbours_cells", [80, 50, 1500]),
    ("particle_in_cell", [60, 30, 1]),
    ("path_tracer", [110, 140, 1]),
    ("quantum", [105, 40, 1500]),
    ("radix_sort", [75, 36, 250]),
    ("shallow_water", [75, 40, 1500]),
    // Takes all that an analysis may, and what is not proven by then is checked while it runs.
    ("smith_waterman", [1540, 1540, 1500]),
    ("sparse_rows", [50, 25, 1500]),
    ("sph_forces", [600, 490, 1500]),
    ("stencil_clamped_signed", [85, 25, 35]),
    ("stencil_mirrored", [60, 18, 60]),
    ("stencil_unsigned_compare", [20, 11, 135]),
    ("table_of_offsets", [17, 12, 230]),
    ("transpose", [7, 4, 85]),
    ("unflattened_tensor", [210, 30, 1]),
    ("volume", [75, 12, 35]),
    ("written_out_stencil", [770, 130, 125]),
];

/// What is enough for all others.
const ENOUGH: [u64; 3] = [20, 12, 25];

/// Work is counted, not timed: what makes the analysis slower fails here, on every machine alike.
#[test]
fn kernels_are_analysed_with_little_work() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = ["tests/access", "shaders"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "wgsl"))
        .collect();
    files.sort();
    let mut too_much = String::new();
    for path in files {
        let module = Module::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for name in module.kernel_names() {
            let kernel = module.kernel(name).unwrap();
            let program = kernel.program().unwrap();
            let params = words(&[60, 40, 20, 7, 1000, 3].repeat(8));
            let given = kernel.bindings().iter().enumerate().fold(
                Numbers::new().with_workgroups([8, 5, 3]),
                |numbers, (place, binding)| match binding.kind {
                    BindingKind::Uniform => numbers.with_uniform(place, 0, &params),
                    _ => numbers.with_bytes(place, 192_000),
                },
            );
            let work = |numbers: &Numbers<'_>| analyse_within(&program, numbers, Effort::default()).1;
            let unknown = kernel.access(&Numbers::new()).unwrap();
            let (_, trials) = kernel.example_for(&unknown).unwrap();
            let found = [work(&Numbers::new()), work(&given), trials].map(|work| work.div_ceil(1000));
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let most = MUCH.iter().find(|(file, _)| *file == stem).map_or(ENOUGH, |(_, most)| *most);
            if found.iter().zip(most).any(|(&found, most)| found > most) {
                too_much += &format!("    (\"{stem}\", {found:?}), allowed {most:?}\n");
            }
        }
    }
    assert!(too_much.is_empty(), "thousands of units of work:\n{too_much}");
}

/// Kernels that an analysis could work on for ever: it stops, and what it has not proven by then is not proven.
#[test]
fn work_is_bounded() {
    let repeat = |count: usize, text: &dyn Fn(usize) -> String| (0..count).map(text).collect::<String>();
    let bodies = [
        repeat(12, &|k| format!("for (var k{k} = 0u; k{k} < p.w; k{k}++) {{ s += a[id.x + k{k}];")) + &"}".repeat(12),
        repeat(150, &|k| format!("if (id.x + {k}u < p.w && 2u * id.y < p.h) {{ v = v + {k}u; }} s += a[v % p.n];")),
        repeat(150, &|k| format!("v = select(v + {k}u, v / 2u, id.y % 3u < {k}u); s += a[v];")),
        repeat(200, &|k| format!("v = (v * v + id.y * id.x) % (p.n + {k}u); s += a[v];")),
        repeat(60, &|k| format!("if (v > {k}u * id.y) {{"))
            + "s += a[v];"
            + &"} else { v += id.x / 3u; s += a[v]; }".repeat(60),
    ];
    for body in bodies {
        let wgsl = format!(
            "struct P {{ w: u32, h: u32, n: u32 }}
             @group(0) @binding(0) var<uniform> p: P;
             @group(0) @binding(1) var<storage, read> a: array<u32>;
             @group(0) @binding(2) var<storage, read_write> b: array<u32>;
             @compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3u) {{
                 var s = 0u; var v = id.x;
                 {body}
                 b[id.y * p.w + id.x] = s;
             }}"
        );
        let params = words(&[640, 480, 307_200]);
        let numbers = Numbers::new().with_workgroups([80, 60, 1]).with_uniform(0, 0, &params).with_bytes(1, 1 << 20);
        let program = kernel(&wgsl).program().unwrap();
        let mut analyzer = Analyzer::new(&program, &numbers);
        analyzer.run();
        // The last question may have gone a little beyond.
        let work = analyzer.known.work();
        assert!(work < MAX_WORK + 100_000, "{work}: {body:.200}");
    }
}
