//! Kernels that mean harm: each ends in a result or in an error that says why, in bounded time and memory.
//!
//! They run on the CPU engine, on both of its executors; nothing here needs a GPU.
#![cfg(feature = "cpu")]

#[path = "support/pace.rs"]
mod pace;

use std::{fmt::Write, thread, time::Duration};

use pace::soon;
use swath::{Error, Kernel, Module, Result, Runtime, Untyped};

/// When a kernel is stopped: none here computes for long.
const LONGEST: Duration = Duration::from_secs(60);

fn engines() -> [Runtime; 2] {
    [Runtime::cpu(), Runtime::cpu_interpreter()].map(|engine| engine.expect("the engine is always there"))
}

fn kernel(wgsl: &str) -> Result<Kernel> {
    Module::parse(wgsl)?.only_kernel()
}

/// Runs a kernel on `y`, its only binding, in one workgroup; gives what `y` holds after.
fn run_on(runtime: &Runtime, wgsl: &str, words: usize) -> Result<Vec<u32>> {
    let kernel = kernel(wgsl)?;
    let mut y = vec![0u32; words];
    runtime.call(&kernel).read_write("y", &mut y).workgroups([1, 1, 1]).deadline(LONGEST).run()?;
    Ok(y)
}

/// Runs a kernel on both engines, which have to agree; gives what came of it, and that soon.
fn run(wgsl: &str, words: usize) -> Result<Vec<u32>> {
    run_costly(1.0, wgsl, words)
}

/// The same for a text that stands for `cost` times as much as plain code of its length.
fn run_costly(cost: f64, wgsl: &str, words: usize) -> Result<Vec<u32>> {
    let both = || engines().map(|runtime| run_on(&runtime, wgsl, words));
    let [compiled, interpreted] = soon(wgsl, cost, both);
    match (compiled, interpreted) {
        (Ok(a), Ok(b)) => {
            assert_eq!(a, b, "the executors differ");
            Ok(a)
        }
        (Err(a), Err(b)) => {
            assert_eq!(std::mem::discriminant(&a), std::mem::discriminant(&b), "{a}\n{b}");
            Err(a)
        }
        (a, b) => panic!("one executor ends well, the other does not: {a:?}, {b:?}"),
    }
}

/// That a kernel is refused, soon, with an error that contains `part`.
fn refused(wgsl: &str, part: &str) {
    refused_costly(1.0, wgsl, part);
}

/// The same for a text that stands for `cost` times as much as plain code of its length.
fn refused_costly(cost: f64, wgsl: &str, part: &str) {
    match run_costly(cost, wgsl, 1) {
        Err(error) => assert!(error.to_string().contains(part), "other words than `{part}`: {error}"),
        Ok(_) => panic!("it ran, and was to be refused: {part}"),
    }
}

/// A kernel of one invocation on `y`.
fn single(declarations: &str, body: &str) -> String {
    format!(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
        {declarations}
        @compute @workgroup_size(1) fn main() {{ {body} }}"
    )
}

/// Every way to index past an end: the memory and how it is declared, the place that `i` is to select, and for which `i`
/// it is in bounds.
const ADDRESSES: &[(&str, &str, u32)] = &[
    ("@group(0) @binding(1) var<storage, read_write> m: array<u32>;", "m[i]", 12),
    ("@group(0) @binding(1) var<storage, read_write> m: array<u32, 5>;", "m[i]", 5),
    ("@group(0) @binding(1) var<storage, read_write> m: array<vec2u>;", "m[i].y", 6),
    ("@group(0) @binding(1) var<storage, read_write> m: array<vec4u>;", "m[1][i]", 4),
    ("@group(0) @binding(1) var<storage, read_write> m: array<array<u32, 3>>;", "m[i][1]", 4),
    ("@group(0) @binding(1) var<storage, read_write> m: array<array<u32, 3>>;", "m[1][i]", 3),
    (
        "struct S { a: u32, l: array<vec2u, 2>, b: u32 }\n@group(0) @binding(1) var<storage, read_write> m: array<S>;",
        "m[0].l[i].x",
        2,
    ),
    ("struct S { a: u32, l: array<u32> }\n@group(0) @binding(1) var<storage, read_write> m: S;", "m.l[i]", 11),
    ("struct S { a: vec3u, l: array<vec4u> }\n@group(0) @binding(1) var<storage, read_write> m: S;", "m.l[1][i]", 4),
    ("@group(0) @binding(1) var<storage, read_write> m: vec4u;", "m[i]", 4),
    ("var<workgroup> m: array<u32, 7>; var<workgroup> n: array<u32, 7>;", "m[i]", 7),
    ("var<workgroup> m: array<vec3u, 3>;", "m[i].z", 3),
    ("var<workgroup> m: array<vec3u, 3>;", "m[1][i]", 3),
    ("var<private> m: array<u32, 7>; var<private> n: array<u32, 7>;", "m[i]", 7),
    ("var<private> m: array<array<u32, 4>, 3>;", "m[2][i]", 4),
    ("var<private> m: vec3u;", "m[i]", 3),
    ("struct S { l: array<u32, 3>, after: array<u32, 3> } var<private> m: S;", "m.l[i]", 3),
];

/// Indices at an end, past it, and where a multiplication by a stride wraps.
const INDICES: [u32; 12] = [
    0,
    1,
    2,
    100,
    0x0fff_ffff,
    0x1000_0000,
    0x3fff_ffff,
    0x4000_0000,
    0x4000_0001,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
];

#[test]
fn out_of_bounds_reads_give_zero_and_writes_nothing() {
    for (declaration, place, bound) in ADDRESSES {
        let is_bound = declaration.contains("@binding(1)");
        let mut indices = INDICES.to_vec();
        indices.extend([bound - 1, *bound, bound + 1]);
        let list = indices.iter().map(|i| format!("{i}u")).collect::<Vec<_>>().join(", ");
        let count = indices.len();
        // Writes, reads back, and reads all that lies around.
        let wgsl = format!(
            "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
            {declaration}
            const INDICES = array<u32, {count}>({list});
            @compute @workgroup_size(1) fn main() {{
                for (var k = 0u; k < {count}u; k++) {{
                    let i = INDICES[k] + y[0];
                    {place} = k + 7u;
                    y[k + 1u] = {place};
                    {place} = 0u;
                }}
            }}"
        );
        let kernel = kernel(&wgsl).unwrap_or_else(|error| panic!("{error}"));
        for runtime in engines() {
            let mut y = vec![0u32; count + 1];
            let mut memory = vec![0u32; if declaration.contains("array<S>") { 16 } else { 12 }];
            let mut call = runtime.call(&kernel).read_write("y", &mut y);
            if is_bound {
                call = call.read_write("m", Untyped(&mut memory));
            }
            call.workgroups([1, 1, 1]).run().unwrap_or_else(|error| panic!("{error}"));
            for (k, &i) in indices.iter().enumerate() {
                let expected = if i < *bound { k as u32 + 7 } else { 0 };
                assert_eq!(y[k + 1], expected, "{place} of {declaration}: i = {i:#x}");
            }
            assert!(memory.iter().all(|&word| word == 0), "{place} of {declaration}: {memory:?}");
        }
    }
}

#[test]
fn atomics_out_of_bounds_do_nothing() {
    let wgsl = "@group(0) @binding(0) var<storage, read_write> y: array<atomic<u32>>;
        var<workgroup> w: array<atomic<u32>, 3>;
        @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {
            let far = lane * 0x10000001u + 4u;
            let sum = atomicAdd(&y[far], 1u) + atomicMax(&w[far], 5u) + atomicExchange(&y[far], 9u);
            let swap = atomicCompareExchangeWeak(&y[far], 0u, 77u);
            if sum + swap.old_value != 0u { atomicStore(&y[0], 1u); }
        }";
    assert_eq!(run(wgsl, 4).expect("it runs"), [0; 4]);
}

#[test]
fn endless_loops_end_with_the_deadline() {
    const DEADLINE: Duration = Duration::from_millis(100);
    let bodies = [
        "y[0] = 1u; loop {}",
        "loop { y[0] += 1u; }",
        "while y[1] == 0u { y[0] = 1u; }",
        "for (var k = 0u; ; k++) { if y[1] == 5u { break; } }",
        "y[0] = 1u; loop { continue; }",
        "loop { loop { if y[1] == 1u { break; } } if y[1] == 2u { break; } }",
        "y[0] = 1u; spin();",
        "var k = 0u; loop { k += 2u; if k == 1u { break; } } y[0] = k;",
        "loop { switch y[1] { case 1u: { return; } default: {} } }",
        "y[0] = 1u; loop { workgroupBarrier(); shared_word += 1u; }",
        "y[0] = 1u; loop { atomicAdd(&counter, 1u); }",
        "for (var a = 0u; a < 4000000000u; a++) { for (var b = 0u; b < 4000000000u; b++) { y[0] ^= a * b; } }",
    ];
    let declarations = "var<workgroup> shared_word: u32; var<workgroup> counter: atomic<u32>;
        fn spin() { loop { if y[1] == 3u { return; } } }";
    for body in bodies {
        for (n, runtime) in engines().into_iter().enumerate() {
            let kernel = match kernel(&single(declarations, body)) {
                Ok(kernel) => kernel,
                // naga refuses some by itself, for what stands behind them is not reached.
                Err(Error::Wgsl(_)) => continue,
                Err(error) => panic!("{body}: {error}"),
            };
            let mut y = vec![0u32; 4];
            let call = runtime.call(&kernel).read_write("y", &mut y).workgroups([3, 1, 1]);
            let outcome = soon(body, 1.0, || call.deadline(DEADLINE).run());
            // A loop without an effect may be taken out.
            let may_end = body.ends_with("loop {}") || body.contains("continue;") || body.contains("k == 1u");
            match outcome {
                Err(Error::Deadline(_)) => {}
                Ok(_) if may_end => {}
                other => panic!("{body}: engine {n}: {other:?}"),
            }
        }
    }
}

/// A limit of the engine.
fn limit(name: &str) -> u64 {
    let runtime = Runtime::cpu().expect("the engine is always there");
    let limits = &runtime.devices()[0].info().limits;
    limits.iter().find(|(known, _)| *known == name).map(|&(_, value)| value).expect("the engine has it")
}

#[test]
fn workgroups_at_and_beyond_the_limit() {
    let sized = |size: &str| {
        format!(
            "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
            @compute @workgroup_size({size}) fn main(@builtin(local_invocation_index) i: u32) {{ y[i] = i + 1u; }}"
        )
    };
    for size in ["1024", "1, 1024", "1, 1, 1024", "32, 32", "16, 8, 8"] {
        let y = run(&sized(size), 1024).unwrap_or_else(|error| panic!("{size}: {error}"));
        assert!(y.iter().enumerate().all(|(i, &word)| word == i as u32 + 1), "{size}");
    }
    // The engine takes more than WebGPU promises.
    for size in ["1025", "4096", "2, 4096, 2"] {
        let y = run(&sized(size), 100).unwrap_or_else(|error| panic!("{size}: {error}"));
        assert!(y.iter().enumerate().all(|(i, &word)| word == i as u32 + 1), "{size}");
    }
    let most = limit("maxComputeInvocationsPerWorkgroup");
    for size in [format!("{}", most + 1), "4294967295".into(), "65536, 65536".into(), "65536, 65536, 65536".into()] {
        let error = run(&sized(&size), 1).expect_err("it is too large");
        assert!(!error.to_string().is_empty(), "{size}");
    }
    refused(&sized("0"), "");
}

#[test]
fn workgroup_memory_at_and_beyond_the_limit() {
    let sized = |bytes: u64| {
        format!(
            "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
            var<workgroup> w: array<u32, {}>;
            @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) {{
                w[{}u - i] = i;
                workgroupBarrier();
                y[i] = w[{}u - 63u + i];
            }}",
            bytes / 4,
            bytes / 4 - 1,
            bytes / 4 - 1,
        )
    };
    let most = limit("maxComputeWorkgroupStorageSize");
    let y = run(&sized(most), 64).unwrap_or_else(|error| panic!("{error}"));
    assert!(y.iter().enumerate().all(|(i, &word)| word == 63 - i as u32));
    for bytes in [most + 4, 1 << 30, (1 << 32) - 4] {
        let error = run(&sized(bytes), 64).expect_err("it is too large");
        assert!(!error.to_string().is_empty(), "{bytes}");
    }
}

#[test]
fn ten_thousand_lines() {
    let mut body = String::from("var a = y[0]; var b = 1u;\n");
    for line in 0..10_000 {
        let _ = writeln!(body, "a = a * {}u + b; b ^= a >> {}u;", line % 97 + 2, line % 31);
    }
    let (mut a, mut b) = (0u32, 1u32);
    for line in 0..10_000u32 {
        a = a.wrapping_mul(line % 97 + 2).wrapping_add(b);
        b ^= a >> (line % 31);
    }
    let y = run(&single("", &format!("{body} y[0] = a; y[1] = b;")), 2).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(y, [a, b]);
}

#[test]
fn ten_thousand_branches_and_stores() {
    let mut body = String::new();
    for line in 0..10_000 {
        let _ = writeln!(body, "if y[{}] < {}u {{ y[{}] += 1u; }}", line % 7, line % 5 + 1, line % 11);
    }
    let mut expected = vec![0u32; 11];
    for line in 0..10_000usize {
        if expected[line % 7] < line as u32 % 5 + 1 {
            expected[line % 11] += 1;
        }
    }
    let y = run(&single("", &body), 11).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(y, expected);
}

#[test]
fn ten_thousand_cases_of_a_switch() {
    let mut body = String::from("switch y[0] + 9000u {\n");
    for case in 0..10_000 {
        let _ = writeln!(body, "case {case}u: {{ y[1] = {}u; }}", case * 3);
    }
    match run(&single("", &format!("{body} default: {{}} }}")), 2) {
        Ok(y) => assert_eq!(y[1], 27_000),
        Err(error) => assert!(error.to_string().contains("more than"), "{error}"),
    }
}

/// Runs in a thread with as small a stack as threads usually have.
fn on_a_usual_stack(test: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(2 << 20).spawn(test).expect("a thread starts");
    thread.join().expect("no panic");
}

#[test]
fn deep_nesting_is_run_or_refused() {
    on_a_usual_stack(|| {
        for depth in [10, 100, 126, 1000, 100_000] {
            let shapes = [
                format!("{}y[0] = 1u;{}", "if y[1] == 0u { ".repeat(depth), "}".repeat(depth)),
                format!("{}y[0] = 1u;{}", "{".repeat(depth), "}".repeat(depth)),
                format!("{}y[0] = 1u;{}", "loop { ".repeat(depth), "break; }".repeat(depth)),
                format!("y[0] = {}1u{};", "(".repeat(depth), ")".repeat(depth)),
                format!("y[0] = 1u{};", " + y[1]".repeat(depth)),
                format!("y[0] = {}1u;", "~~".repeat(depth)),
                format!("y[0] = {}1u{};", "max(".repeat(depth), ", 0u)".repeat(depth)),
                format!("y[0] = 1u + {}y[1]{};", "y[".repeat(depth), "]".repeat(depth)),
                format!("if y[1] == 1u {{}} {} else {{ y[0] = 1u; }}", "else if y[1] == 2u {}".repeat(depth)),
                format!("{}y[0] = 1u;{}", "switch y[1] { default: { ".repeat(depth), "}}".repeat(depth)),
            ];
            for body in shapes {
                match run(&single("", &body), 2) {
                    Ok(y) => assert_eq!(y[0], 1, "{depth}: {}", &body[..40]),
                    Err(Error::Wgsl(_)) => assert!(depth > 50, "{depth}: {}", &body[..40]),
                    Err(other) => panic!("{depth}: {other}"),
                }
            }
        }
    });
}

#[test]
fn deeply_nested_types() {
    on_a_usual_stack(|| {
        for depth in [5, 20, 200, 5000] {
            let ty = format!("{}u32{}", "array<".repeat(depth), ", 1>".repeat(depth));
            let index = "[0]".repeat(depth);
            let outcome = run(&single("", &format!("var a: {ty}; a{index} = 5u; y[0] = a{index};")), 1);
            match outcome {
                Ok(y) => assert_eq!(y, [5]),
                Err(Error::Wgsl(_)) => assert!(depth > 50, "{depth}"),
                Err(other) => panic!("{depth}: {other}"),
            }
            let mut structs = String::from("struct S0 { x: u32 }\n");
            for n in 1..=depth {
                let _ = writeln!(structs, "struct S{n} {{ x: S{} }}", n - 1);
            }
            let path = ".x".repeat(depth + 1);
            let outcome = run(&single(&structs, &format!("var a: S{depth}; a{path} = 5u; y[0] = a{path};")), 1);
            match outcome {
                Ok(y) => assert_eq!(y, [5]),
                Err(Error::Wgsl(_)) => assert!(depth > 50, "{depth}"),
                Err(other) => panic!("{depth}: {other}"),
            }
        }
    });
}

#[test]
fn huge_local_arrays() {
    const COST: f64 = 30.0; // A few lines clear sixteen megabytes.
    let body = |length: u64| {
        single(
            "",
            &format!(
                "var a: array<u32, {length}>; a[y[0] + 3u] = 7u; a[{length}u - 1u] += 1u; y[0] = a[3] + a[{length}u - 1u];"
            ),
        )
    };
    for length in [5, 4096, 4097, 100_000, 1 << 22] {
        let y = run_costly(COST, &body(length), 1).unwrap_or_else(|error| panic!("{length}: {error}"));
        assert_eq!(y, [8], "{length}");
    }
    for length in [1 << 27, 1 << 28, (1 << 30) - 1, (1 << 32) - 1] {
        let error = run(&body(length), 1).expect_err("it is too large");
        assert!(!error.to_string().is_empty(), "{length}");
    }
}

#[test]
fn local_arrays_of_inlined_functions_share_their_memory() {
    let mut functions = String::new();
    let mut body = String::from("var sum = 0u;\n");
    for n in 0..200 {
        let _ = writeln!(
            functions,
            "fn f{n}(x: u32) -> u32 {{ var a: array<u32, 10000>; a[x + {n}u] += {n}u; return a[x + {n}u] + a[9999]; }}"
        );
        let _ = writeln!(body, "sum += f{n}(y[1]) + f{n}(y[1] + 1u);");
    }
    let wgsl = single(&functions, &format!("{body} y[0] = sum;"));
    assert_eq!(run(&wgsl, 2).unwrap_or_else(|error| panic!("{error}"))[0], 2 * 199 * 200 / 2);
}

#[test]
fn thousands_of_functions() {
    let mut functions = String::from("fn f0(x: u32) -> u32 { return x + 1u; }\n");
    for n in 1..3000 {
        let _ = writeln!(functions, "fn f{n}(x: u32) -> u32 {{ return f{}(x) + 1u; }}", n - 1);
    }
    // A chain of calls 3000 deep, and as many functions that nothing calls.
    on_a_usual_stack(move || {
        for called in [0, 200, 2999] {
            match run(&single(&functions, &format!("y[0] = f{called}(y[0]);")), 1) {
                Ok(y) => assert_eq!(y, [called + 1]),
                Err(error @ Error::Wgsl(_)) => assert!(called > 200, "{called}: {error}"),
                Err(other) => panic!("{called}: {other}"),
            }
        }
    });
}

#[test]
fn deep_calls_of_nested_blocks() {
    // Each function returns early, from inside a loop and branches, around the call of the next.
    on_a_usual_stack(|| {
        for depth in [10, 40, 60, 100, 500] {
            let mut functions = String::from("fn f0(x: u32) -> u32 { return x; }\n");
            for n in 1..=depth {
                let _ = writeln!(
                    functions,
                    "fn f{n}(x: u32) -> u32 {{
                        for (var k = 0u; k < 3u; k++) {{
                            if k == x {{ if x < 9u {{ return f{}(x) + 1u; }} }}
                        }}
                        return 0u;
                    }}",
                    n - 1
                );
            }
            match run(&single(&functions, &format!("y[0] = f{depth}(y[1] + 1u);")), 2) {
                Ok(y) => assert_eq!(y[0], depth + 1),
                Err(error @ Error::Wgsl(_)) => assert!(depth > 50, "{depth}: {error}"),
                Err(other) => panic!("{depth}: {other}"),
            }
        }
    });
}

#[test]
fn thousands_of_bindings() {
    for count in [100usize, 1000, 5000] {
        let mut wgsl = String::new();
        let mut body = String::new();
        for n in 0..count {
            let _ = writeln!(wgsl, "@group({}) @binding({}) var<storage, read_write> b{n}: array<u32>;", n % 4, n / 4);
            let _ = writeln!(body, "b{n}[0] = {n}u;");
        }
        let _ = write!(wgsl, "@compute @workgroup_size(1) fn main() {{ {body} }}");
        let kernel = kernel(&wgsl).unwrap_or_else(|error| panic!("{error}"));
        for runtime in engines() {
            let mut data = vec![[0u32]; count];
            let names: Vec<String> = (0..count).map(|n| format!("b{n}")).collect();
            let mut call = runtime.call(&kernel);
            for (name, word) in names.iter().zip(&mut data) {
                call = call.read_write(name, word);
            }
            match call.workgroups([1, 1, 1]).run() {
                Ok(_) => assert!(data.iter().enumerate().all(|(n, word)| word[0] == n as u32)),
                Err(error) => assert!(count > 1000 && error.to_string().contains("1024"), "{count}: {error}"),
            }
        }
    }
}

#[test]
fn exponential_inlining_is_refused() {
    const COST: f64 = 60.0; // Inlining goes on up to a limit, whatever the length of the text.
    // Each function calls the one before it twice: 2^40 calls, with work in them or without.
    for work in ["return x * 3u;", "return x;"] {
        let mut functions = format!("fn f0(x: u32) -> u32 {{ {work} }}\n");
        for n in 1..=40 {
            let _ = writeln!(functions, "fn f{n}(x: u32) -> u32 {{ return f{0}(f{0}(x)); }}", n - 1);
        }
        refused_costly(COST, &single(&functions, "y[0] = f40(y[0]);"), "more than");
    }
    let mut functions = String::from("fn f0() {}\n");
    for n in 1..=40 {
        let _ = writeln!(functions, "fn f{n}() {{ f{0}(); f{0}(); }}", n - 1);
    }
    refused_costly(COST, &single(&functions, "y[0] = 1u; f40();"), "more than");
    // With variables, branches, loops and early returns in each.
    let mut functions = String::from("fn f0(x: u32) -> u32 { return x; }\n");
    for n in 1..=40 {
        let _ = writeln!(
            functions,
            "fn f{n}(x: u32) -> u32 {{
                var a = array<u32, 9>(); var v = vec4u(x);
                if x == {n}u {{ return f{0}(x); }}
                for (var k = 0u; k < 2u; k++) {{ a[x + k] = f{0}(v.x + k); v.y += a[k]; }}
                return v.y;
            }}",
            n - 1
        );
    }
    refused_costly(COST, &single(&functions, "y[0] = f40(y[0]);"), "more than");
}

#[test]
fn exponential_constants_are_refused() {
    let mut constants = String::from("const c0 = array<u32, 16>(1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8);\n");
    for n in 1..=6 {
        let list = vec![format!("c{}", n - 1); 16].join(", ");
        let _ = writeln!(constants, "const c{n} = array({list});");
    }
    refused(&single(&constants, "let i = y[0]; y[0] = c6[i][i][i][i][i][i][i];"), "more than");
    // The same with values that are known at run time only.
    let mut body = String::from("let v0 = array<u32, 16>(y[0], 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8);\n");
    for n in 1..=6 {
        let list = vec![format!("v{}", n - 1); 16].join(", ");
        let _ = writeln!(body, "let v{n} = array({list});");
    }
    refused(&single("", &format!("{body} let i = y[0]; y[0] = v6[i][i][i][i][i][i][i];")), "of local arrays");
}

#[test]
fn recursion_is_refused() {
    refused(&single("fn f(x: u32) -> u32 { return f(x); }", "y[0] = f(1u);"), "");
    refused(&single("fn f() { g(); } fn g() { h(); } fn h() { f(); }", "f();"), "");
    refused(&single("const A = B; const B = A;", "y[0] = A;"), "");
    refused(&single("struct S { s: S }", "var s: S;"), "");
    refused(&single("alias A = array<A, 3>;", "var a: A;"), "");
}

#[test]
fn what_naga_panics_at_is_an_error() {
    let halves = [
        "u32(f16(1e10f))",
        "u32(i32(f16(1e10f)))",
        "u32(i32(f16(-1e10f)))",
        "vec2u(vec2<f16>(f16(1e10f))).x",
        "u32(f16(1e10f) - f16(1e10f))",
    ];
    for constant in halves {
        let wgsl = format!("enable f16;\n{}", single("", &format!("const C = {constant}; y[0] = C;")));
        match run(&wgsl, 1) {
            Ok(_) | Err(Error::Wgsl(_)) => {}
            Err(other) => panic!("{constant}: {other}"),
        }
    }
    // An override that becomes such a constant when the kernel is made.
    let wgsl =
        format!("enable f16;\noverride BIG: f32 = 1e10;\n{}", single("override C: u32 = u32(f16(BIG));", "y[0] = C;"));
    match run(&wgsl, 1) {
        Ok(_) | Err(Error::Wgsl(_) | Error::Kernel(_)) => {}
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn texts_that_are_no_programs() {
    let bytes: String = (0..2000u32).map(|i| char::from_u32(i * 37 % 0x500 + 1).unwrap_or(' ')).collect();
    let texts = [
        String::new(),
        "\0".repeat(1000),
        "@".repeat(100_000),
        "/*".repeat(100_000),
        "{".repeat(100_000),
        "<".repeat(100_000),
        "a<".repeat(50_000),
        "enable ".repeat(10_000),
        "enable subgroups".to_owned(),
        "enable subgroups,,, f16".to_owned(),
        "fn ".repeat(50_000),
        "é🦀\u{202e}".repeat(10_000),
        "0x".repeat(10_000),
        format!("const a = {};", "9".repeat(100_000)),
        format!("const a = 1{};", "0".repeat(400)),
        format!("const a = 1e{};", "9".repeat(400)),
        format!("fn {}() {{}}", "a".repeat(1_000_000)),
        format!("struct S {{ {} }}", "@size(4) a: u32,".repeat(10_000)),
        format!("var<private> a: array<u32, {}>;", u64::MAX),
        "const_assert 1 / 0 == 1;".to_owned(),
        "const a = array<u32, 0>();".to_owned(),
        "const a = vec4(1)[5];".to_owned(),
        "const a = 1 << 64; const b = -9223372036854775808 / -1; const c = 5 % 0;".to_owned(),
        bytes,
    ];
    on_a_usual_stack(move || {
        for text in texts {
            if let Ok(module) = soon(&text, 1.0, || Module::parse(&text)) {
                assert_eq!(module.kernel_names().count(), 0);
            }
        }
    });
}
