//! The access analysis of every shipped sample and of kernels that are hard to cut, as snapshots in `snapshots`:
//! each line is a verdict that a call depends on. After a change that is meant, look at the difference that
//! `INSTA_UPDATE=always cargo test --test suite access` makes.
//!
//! A kernel's header gives the numbers of its call: `workgroups`, the `words` of a uniform, the `elements` or the `bytes`
//! of a buffer.

use std::{fmt::Write, path::Path};

use crate::wgsl::kernel;
use swath::{
    Binding, BindingKind, DeviceInfo, DeviceKind, Kernel, Module, Runtime, Untyped,
    access::{Numbers, Verdict},
};

/// The numbers of a call.
#[derive(Default)]
struct Call {
    workgroups: [u32; 3],
    words: Vec<(String, Vec<u8>)>,
    bytes: Vec<(String, u64)>,
}

impl Call {
    /// From the header of a kernel.
    fn of(text: &str, kernel: &Kernel) -> Call {
        let mut call = Call { workgroups: [1; 3], ..Call::default() };
        for line in text.lines().filter_map(|line| line.strip_prefix("//! ")) {
            let (key, values) = line.split_once(':').expect("a key and its values");
            let values: Vec<u32> = values.split_whitespace().map(|v| v.parse().expect("a number")).collect();
            match key.split_once(' ') {
                None => call.workgroups[..values.len()].copy_from_slice(&values),
                Some(("words", name)) => call.word(name, &values),
                Some(("elements", name)) => {
                    let binding = kernel.bindings().iter().find(|b| b.name == name).expect("a binding");
                    let stride = binding.element_stride().expect("an array");
                    call.bytes.push((name.to_owned(), u64::from(values[0]) * u64::from(stride)));
                }
                Some(("bytes", name)) => call.bytes.push((name.to_owned(), values[0].into())),
                Some(other) => panic!("no such key: {other:?}"),
            }
        }
        call
    }

    fn word(&mut self, name: &str, values: &[u32]) {
        self.words.push((name.to_owned(), bytemuck::cast_slice(values).to_vec()));
    }
}

fn describe(kernel: &Kernel, call: &Call) -> String {
    let place = |name: &str| kernel.bindings().iter().position(|b| b.name == name).expect("a binding");
    let mut numbers = Numbers::new().with_workgroups(call.workgroups);
    for (name, words) in &call.words {
        numbers = numbers.with_uniform(place(name), 0, words);
    }
    for (name, bytes) in &call.bytes {
        numbers = numbers.with_bytes(place(name), *bytes);
    }
    let analysis = kernel.access(&numbers).unwrap_or_else(|error| panic!("{error}"));
    let axis = ["x", "y", "z"][analysis.axis];
    let proven = analysis.in_bounds.iter().filter(|proven| **proven).count();
    let mut text = format!(
        "kernel {}: {:?} workgroups cut along {axis}, {proven} of {} accesses in bounds\n",
        kernel.name(),
        call.workgroups,
        analysis.in_bounds.len()
    );
    for (binding, access) in kernel.bindings().iter().zip(&analysis.bindings) {
        if binding.kind == BindingKind::Uniform {
            continue;
        }
        let _ = writeln!(text, "  {}: {:?}", binding.name, access.verdict);
        let place = access.place.as_ref().map_or(String::new(), |place| format!("{}: `{}`: ", place.line, place.text));
        let _ = writeln!(text, "    {place}{}", access.reason);
        if let Verdict::Sliced { .. } = access.verdict {
            let unit = call.workgroups[analysis.axis] / 2;
            let (reads, writes) = (access.reads.bytes(unit..unit + 1), access.writes.bytes(unit..unit + 1));
            let _ = writeln!(text, "    unit {unit} reads {reads:?} and writes {writes:?}");
        }
    }
    text + &planned(kernel, call)
}

/// Bytes of an element of a binding's array.
fn unit(binding: &Binding) -> usize {
    binding.element_stride().map_or(4, |stride| stride as usize)
}

/// How a GPU that may take a third of the call's data runs it.
fn planned(kernel: &Kernel, call: &Call) -> String {
    let mut gpu = DeviceInfo::null("test GPU", DeviceKind::DiscreteGpu);
    gpu.features = vec!["shader-f16", "subgroups"];
    let mut cpu = DeviceInfo::null("test CPU", DeviceKind::Cpu);
    cpu.features = gpu.features.clone();
    let runtime = Runtime::null(vec![gpu, cpu]).expect("two devices");
    let mut data: Vec<Vec<u8>> = Vec::new();
    for binding in kernel.bindings() {
        let words = call.words.iter().find(|(name, _)| *name == binding.name).map(|(_, words)| words.clone());
        let bytes = call.bytes.iter().find(|(name, _)| *name == binding.name).map_or(binding.min_bytes(), |(_, n)| *n);
        let mut bytes = words.unwrap_or_else(|| vec![0; bytes as usize]);
        // Whole elements and whole words, as calls want it.
        let fixed = binding.min_bytes() as usize;
        let more = bytes.len().saturating_sub(fixed);
        bytes.resize((fixed + more / unit(binding) * unit(binding)).next_multiple_of(4), 0);
        data.push(bytes);
    }
    let mut planned = runtime.call(kernel).device("gpu").workgroups(call.workgroups);
    let mut total = 0;
    for (binding, bytes) in kernel.bindings().iter().zip(&mut data) {
        total += if binding.kind == BindingKind::Uniform { 0 } else { bytes.len() as u64 };
        planned = match binding.kind {
            BindingKind::Uniform => planned.uniform_bytes(&binding.name, bytes),
            BindingKind::ReadStorage => planned.read(&binding.name, Untyped(&bytes[..])),
            BindingKind::ReadWriteStorage => planned.read_write(&binding.name, Untyped(&mut bytes[..])),
        };
    }
    planned.memory_limit(total / 3).plan().map_or_else(|error| error.to_string(), |job| job.to_string())
}

#[test]
fn hard_kernels() {
    crate::for_each_kernel("tests/access", |path| {
        let text = std::fs::read_to_string(path).expect("a readable file");
        let kernel = kernel(&text);
        insta::assert_snapshot!(describe(&kernel, &Call::of(&text, &kernel)));
    });
}

/// The kernel of a sample in a call that its host code makes.
fn sample(file: &str, name: &str, workgroups: [u32; 3], words: &[u32], bytes: &[(&str, u64)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders").join(file);
    let kernel = Module::parse_file(path).and_then(|m| m.kernel(name)).unwrap_or_else(|error| panic!("{error}"));
    let mut call = Call { workgroups, ..Call::default() };
    if !words.is_empty() {
        call.word("params", words);
    }
    call.bytes = bytes.iter().map(|&(name, bytes)| (name.to_owned(), bytes)).collect();
    describe(&kernel, &call)
}

#[test]
fn samples() {
    let f32s = |words: &[f32]| words.iter().map(|w| w.to_bits()).collect::<Vec<u32>>();
    let picture = [0, 0, 0, 100, 155, 305];
    let calls = [
        sample("saxpy.wgsl", "saxpy", [98, 1, 1], &f32s(&[2.5]), &[("x", 100_000), ("y", 100_000)]),
        sample("reduce.wgsl", "reduce", [30, 1, 1], &[], &[("values", 480_000), ("results", 360)]),
        sample("reduce.wgsl", "combine", [3, 1, 1], &[], &[("partials", 144_000), ("results", 36)]),
        sample("scan.wgsl", "reduce_blocks", [5, 1, 1], &[], &[("values", 40_000), ("totals", 20)]),
        sample("scan.wgsl", "scan_block", [1, 1, 1], &[], &[("values", 20), ("sums", 20)]),
        sample("scan.wgsl", "scan_blocks", [5, 1, 1], &[], &[("values", 40_000), ("offsets", 20), ("sums", 40_000)]),
        sample("histogram.wgsl", "histogram", [10, 1, 1], &[3], &[("values", 160_000), ("bins", 1024)]),
        sample("matmul.wgsl", "matmul", [3, 5, 1], &[300, 170, 200], &[("a", 240_000), ("b", 136_000), ("c", 204_000)]),
        sample(
            "nbody.wgsl",
            "nbody",
            [50, 1, 1],
            &f32s(&[0.1, 0.1, 0.01]),
            &[("positions", 50_400), ("velocities", 50_400), ("moved", 50_400)],
        ),
        sample("mandelbrot.wgsl", "mandelbrot", [10, 20, 1], &picture, &[("counts", 189_100), ("pixels", 189_100)]),
        sample(
            "black_scholes.wgsl",
            "black_scholes",
            [98, 1, 1],
            &f32s(&[0.02]),
            &[("options", 400_000), ("prices", 200_000), ("greeks", 400_000)],
        ),
        sample(
            "shallow_water.wgsl",
            "shallow_water",
            [7, 13, 1],
            &[100, 100, 0.01f32.to_bits(), 4.9f32.to_bits(), 0.01f32.to_bits()],
            &["depth", "flow_x", "flow_y", "new_depth", "new_flow_x", "new_flow_y"].map(|field| (field, 40_000)),
        ),
    ];
    insta::assert_snapshot!(calls.join("\n"));
}

/// The verdict on `binding` in a kernel of 16 workgroups of 64 invocations over buffers of 1024 elements.
fn verdict(statements: &str, binding: &str) -> Verdict {
    let text = format!(
        "@group(0) @binding(0) var<storage, read> a: array<u32>;
         @group(0) @binding(1) var<storage, read_write> b: array<u32>;
         @group(0) @binding(2) var<storage, read_write> c: array<atomic<u32>>;
         @compute @workgroup_size(64)
         fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u,
                 @builtin(local_invocation_index) lane: u32, @builtin(num_workgroups) groups: vec3u) {{
             let i = id.x;
             {statements}
         }}"
    );
    let kernel = kernel(&text);
    let mut numbers = Numbers::new().with_workgroups([16, 1, 1]);
    for place in 0..kernel.bindings().len() {
        numbers = numbers.with_bytes(place, 4096);
    }
    let analysis = kernel.access(&numbers).unwrap_or_else(|error| panic!("{error}"));
    let place = kernel.bindings().iter().position(|b| b.name == binding).expect("the binding is used");
    analysis.bindings[place].verdict
}

/// Writes that must not be divided: between units, out of bounds, wrapping around, or nobody knows where.
#[test]
fn writes_that_stay_together() {
    let statements = [
        "b[a[i] % 1024u] = 1u;",
        "b[i / 128u] = i;",
        "b[i & 63u] = i;",
        "b[i % 100u] = i;",
        "b[i * i] = i;",
        "b[7] = i;",
        "b[i] = b[(i + 1u) % 1024u];",
        "if (i < 1023u) { b[i] = b[i + 1u]; }",
        "b[1023u - i] += b[i];",
        "b[i - 1u] = i;",
        "b[i + 1u] = i;",
        "b[i + 4294967000u] = i;",
        "b[i * 4294967295u] = i;",
        "b[i << 27u] = i;",
        "b[u32(i32(i) - 5)] = i;",
        "b[u32(i32(i) * 100000000)] = i;",
        "b[u32(f32(i))] = i;",
        "b[bitcast<u32>(f32(i)) & 1023u] = i;",
        "b[select(i, 0u, a[i] > 5u)] = i;",
        "b[min(i, 500u)] = i;",
        "b[max(i, 500u)] = i;",
        "b[i ^ 64u] = i;",
        "b[i | 64u] = i;",
        "b[(group.x / 2u) * 64u + lane] = i;",
        "b[(groups.x - 1u - group.x / 2u) * 64u + lane] = i;",
        "if (i == 5u || i == 600u) { b[0] = i; }",
        "if (lane == 0u) { b[group.x / 3u] = i; }",
        "var j = 0u; while (a[j] > i) { j++; } b[min(j, 1023u)] = i;",
        "var j = i; for (var k = 0u; k < 3u; k++) { j = 2u * j + 1u; } b[j] = i;",
        "for (var j = i; j < 1024u; j += 64u) { b[j] = i; }",
        "for (var j = i; j > 0u; j--) { b[j] = i; }",
        "if (i < 10u || a[i] > 5u) { b[i + 1014u] = i; }",
        "var j = i; if (a[i] > 5u) { j = a[i + 1u] & 1023u; } b[j] = i;",
        "switch (a[i]) { case 0u: { b[i] = 1u; } default: { b[0] = 1u; } }",
        "b[countOneBits(i)] = i;",
        "b[reverseBits(i) >> 22u] = i;",
    ];
    for text in statements {
        assert_eq!(verdict(text, "b"), Verdict::Pinned, "{text}");
    }
    let atomics = [
        "atomicAdd(&c[a[i] & 7u], 1u); b[i] = atomicLoad(&c[0]);",
        "b[i] = atomicAdd(&c[0], 1u);",
        "atomicAdd(&c[0], 1u); atomicOr(&c[1], 1u);",
        "atomicStore(&c[a[i]], 1u);",
        "atomicExchange(&c[i / 100u], i);",
        "b[i] = atomicCompareExchangeWeak(&c[3], 0u, i).old_value;",
    ];
    for text in atomics {
        assert_eq!(verdict(text, "c"), Verdict::Pinned, "{text}");
    }
}

/// Reads that every unit needs, or that are not proven to stay inside.
#[test]
fn reads_that_are_whole() {
    let reads = [
        "a[a[i] % 1024u]",
        "a[i - 1u]",
        "a[i + 1u]",
        "a[u32(i32(i) - 1)]",
        "a[select(i - 1u, 5u, i < 1u)] + a[2000u - i]",
        "a[max(i, 1u) - 2u]",
        "a[1023u]",
        "a[lane]",
        "a[i] + a[2u * i % 1024u]",
        "a[i] + a[i / 2u]",
        "a[i * i % 1024u]",
        "a[u32(f32(i))]",
        "a[(i + 1023u) % 1024u]",
    ];
    for text in reads {
        assert_eq!(verdict(&format!("b[i] = {text};"), "a"), Verdict::Whole, "{text}");
    }
}

/// What looks like the above and can be divided all the same.
#[test]
fn writes_that_can_be_divided() {
    let statements = [
        "b[i] = 1u;",
        "b[i / 2u] = i;",
        "b[i & ~1u] = i;",
        "b[i ^ 1u] = i;",
        "b[1023u - i] = i;",
        "b[u32(i32(i) * -1 + 1023)] = i;",
        "if (i > 0u) { b[i - 1u] = i; }",
        "if (i - 10u < 100u) { b[i - 10u] = i; }",
        "if (i < 1000u && a[i] > 5u) { b[i] = b[i] + 1u; }",
        "if (i == 600u) { b[0] = i; }",
        "if (lane == 0u) { b[group.x] = i; }",
        "b[(groups.x - 1u - group.x) * 64u + lane] = i;",
        "b[group.x * 64u + (lane * 7u) % 64u] = i;",
        "b[group.x * 64u + (a[i] & 63u)] = i;",
        "for (var j = 0u; j < 16u; j++) { if (lane < 4u) { b[group.x * 64u + lane * 16u + j] = i; } }",
        "var j = i; if (a[i] > 5u) { j = i & ~63u; } b[j] = i;",
    ];
    for text in statements {
        assert!(matches!(verdict(text, "b"), Verdict::Sliced { .. }), "{text}: {:?}", verdict(text, "b"));
    }
}
