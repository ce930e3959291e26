//! Devices that get something wrong: no call gives a wrong result because of it.
//!
//! What a kernel gives here is known, so that any device may be asked for it by name: one that gets the kernel wrong has to find
//! out, or not to be trusted with it. Mesa's lavapipe ends loops early and loses its way in deep branches.

use std::time::Duration;

use crate::wgsl::kernel;
use swath::{Device, Error, Kernel, Report, Runtime};

/// The GPUs of this machine.
fn gpus() -> Vec<(&'static Runtime, Device)> {
    let Some((runtime, _)) = crate::first_gpu() else { return Vec::new() };
    let gpus = runtime.devices().iter().filter(|device| device.alias() != "cpu");
    gpus.map(|device| (runtime, device.clone())).collect()
}

/// Whether a probe has found that a device gets this wrong. Some call has asked for the device.
fn gets_wrong(runtime: &Runtime, device: &Device, what: &str) -> bool {
    let failed = runtime.failed_probes(device).expect("it was probed");
    failed.iter().any(|probe| probe.name == what)
}

/// Whether the device ran all of a call itself, and nothing was wrong with that.
fn ran_there(report: &Report, device: &Device) -> bool {
    report.device() == device.name()
        && report.faults().is_empty()
        && report.plan().is_none_or(|plan| plan.detour.is_none())
}

/// A kernel with a loop that goes round `n[i]` times in invocation `i`, said in many ways.
fn counting(body: &str) -> Kernel {
    kernel(&format!(
        "@group(0) @binding(0) var<storage, read> n: array<u32>;
         @group(0) @binding(1) var<storage, read_write> y: array<u32>;
         fn count(n: u32) -> u32 {{ var c = 0u; loop {{ if c >= n {{ return c; }} c += 1u; }} return 7u; }}
         fn find(n: u32) -> vec2u {{
             for (var i = 0u; i < 1000u; i++) {{
                 switch i % 3u {{
                     case 0u: {{ for (var k = 0u; ; k++) {{ if 1000u * i + k == n {{ return vec2u(i, k); }} if k == 999u {{ break; }} }} }}
                     case 1u, 2u: {{ var k = 0u; loop {{ if 1000u * i + k == n {{ return vec2u(i, k); }} continuing {{ k++; break if k == 1000u; }} }} }}
                     default: {{ break; }}
                 }}
             }}
             return vec2u(0, 7);
         }}
         @compute @workgroup_size(64) fn k(@builtin(global_invocation_id) id: vec3u) {{
             let i = id.x;
             if i >= arrayLength(&y) {{ return; }}
             var c = 0u;
             {body}
             y[i] += c;
         }}"
    ))
}

/// Each counts to `n[i]`.
const COUNTS: [&str; 7] = [
    "for (var k = 0u; k < n[i]; k++) { c += 1u; }",
    "while c < n[i] { c += 1u; }",
    "for (var k = 0u; k < n[i] / 300u; k++) { for (var m = 0u; m < 300u; m++) { c += 1u; } } c += n[i] % 300u;",
    "for (var k = 0u; k < n[i] / 2u; k++) { c += 1u; } for (var k = n[i] / 2u; k < n[i]; k++) { c += 1u; }",
    "c = count(n[i]);",
    "let found = find(n[i]); c = 1000u * found.x + found.y;",
    "if n[i] > 0u { loop { c += 1u; continuing { break if c == n[i]; } } }",
];

/// Long for some lanes of some groups, short for all others.
fn uneven(len: u32) -> Vec<u32> {
    (0..len).map(|i| if i % 97 == 41 { 90_000 + i } else { i % 50 }).collect()
}

fn run(runtime: &Runtime, device: &str, kernel: &Kernel, n: &[u32], y: &mut [u32]) -> swath::Result<Report> {
    runtime.call(kernel).read("n", n).read_write("y", y).device(device).run()
}

#[test]
fn loops_of_any_length_come_out_right() {
    for (runtime, device) in gpus() {
        for body in COUNTS {
            let kernel = counting(body);
            // The short ones first: a kernel that was seen to be cut short is not tried again.
            for (n, is_long) in [((0..500).map(|i| i % 700).collect(), false), (uneven(500), true)] {
                let mut y = vec![5; n.len()];
                let report =
                    run(runtime, device.alias(), &kernel, &n, &mut y).unwrap_or_else(|e| panic!("{body}: {e}"));
                assert!(y.iter().zip(&n).all(|(y, n)| *y == 5 + n), "{body} on {}: {report}", device.name());
                let is_cut_short = is_long && gets_wrong(runtime, &device, "long loops");
                assert_eq!(ran_there(&report, &device), !is_cut_short, "{body}: {report}");
                if is_cut_short {
                    let [fault] = report.faults() else { panic!("{body}: {report}") };
                    assert!(matches!(fault.error(), Error::WrongResult(_)), "{report}");
                    // From now on nobody tries.
                    let mut y = vec![5; n.len()];
                    let again =
                        runtime.call(&kernel).read("n", &n).read_write("y", &mut y).device(device.alias()).plan();
                    let again = again.expect("it is planned");
                    let detour = again.plan().detour.clone().expect("it runs elsewhere");
                    assert!(detour.reason.contains("65,535 times"), "{}", detour.reason);
                    assert!(again.run().expect("it runs").faults().is_empty());
                    assert_eq!(y[41], 5 + n[41]);
                }
                if !is_long {
                    continue;
                }
                // A kernel of its own, for nobody has seen that one fail.
                let kernel = counting(&format!("{body} c -= 0u * {}u;", n.len()));
                let mut y = vec![5; n.len()];
                let tiles = |call: swath::Call<'_>| call.tiles(8).device(device.alias()).run();
                let report = tiles(runtime.call(&kernel).read("n", &n).read_write("y", &mut y));
                let report = report.unwrap_or_else(|error| panic!("{body} in tiles: {error}"));
                assert!(y.iter().zip(&n).all(|(y, n)| *y == 5 + n), "{body} in tiles: {report}");
                assert_eq!(report.faults().is_empty(), !is_cut_short, "{report}");
            }
        }
    }
}

#[test]
fn loops_that_are_bounded_run_as_ever() {
    let wgsl = "
        @group(0) @binding(0) var<uniform> rounds: u32;
        @group(0) @binding(1) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(64) fn k(@builtin(global_invocation_id) id: vec3u) {
            for (var k = 0u; k < rounds; k++) { for (var m = 0u; m < arrayLength(&y); m++) { y[id.x] += 1u; } }
        }";
    let kernel = kernel(wgsl);
    for (runtime, device) in gpus() {
        // At first as many iterations as any device does, and then more.
        for rounds in [10, 900, 1100] {
            let mut y = vec![0u32; 64];
            let call = runtime.call(&kernel).set("rounds", rounds).read_write("y", &mut y).workgroups([1]);
            let report = call.device(&device).run().expect("it runs");
            assert_eq!(y, [64 * rounds; 64]);
            let is_cut_short = rounds == 1100 && gets_wrong(runtime, &device, "long loops");
            assert_eq!(ran_there(&report, &device), !is_cut_short, "{rounds}: {report}");
        }
    }
}

#[test]
fn devices_share_calls_that_one_gets_wrong() {
    for (runtime, device) in gpus() {
        let kernel = counting("for (var k = 0u; k < n[i]; k++) { c += 1u; } c -= 0u;");
        let n = uneven(5000);
        let mut y = vec![5; n.len()];
        let names = format!("{},cpu", device.alias());
        let report = run(runtime, &names, &kernel, &n, &mut y).expect("the engine does it");
        assert!(y.iter().zip(&n).all(|(y, n)| *y == 5 + n), "{report}");
        let wrong = report.faults().iter().filter(|fault| matches!(fault.error(), Error::WrongResult(_)));
        assert!(wrong.clone().all(|fault| fault.is_out()), "{report}");
        if gets_wrong(runtime, &device, "long loops") {
            // Those who have seen it fail, and those who only think so, leave it out.
            let mut y = vec![5; n.len()];
            let report = run(runtime, "all", &kernel, &n, &mut y).expect("the engine does it");
            let members = report.members().iter().filter(|member| member.units() > 0);
            assert!(members.into_iter().all(|member| member.device() != &device), "{report}");
            assert!(y.iter().zip(&n).all(|(y, n)| *y == 5 + n), "{report}");
        }
    }
}

/// Counts are merged from copies, and a copy in which a loop was cut short is of no use.
#[test]
fn merged_results_come_out_right() {
    let wgsl = "
        @group(0) @binding(0) var<storage, read> n: array<u32>;
        @group(0) @binding(1) var<storage, read_write> y: array<atomic<u32>, 7>;
        @compute @workgroup_size(64) fn k(@builtin(global_invocation_id) id: vec3u) {
            if id.x >= arrayLength(&n) { return; }
            var c = 0u;
            for (var k = 0u; k < n[id.x]; k++) { c += k % 2u; }
            atomicAdd(&y[id.x % 7u], c);
        }";
    let kernel = kernel(wgsl);
    let n = uneven(3000);
    let mut expected = [3u32; 7];
    n.iter().enumerate().for_each(|(i, n)| expected[i % 7] += n / 2);
    for (runtime, device) in gpus() {
        for tiles in [1, 9] {
            let mut y = [3u32; 7];
            let call = runtime.call(&kernel).read("n", &n).read_write("y", &mut y).grid([n.len()]);
            let report = call.tiles(tiles).device(&device).run().expect("it runs");
            assert_eq!(y, expected, "{tiles}: {report}");
        }
    }
}

#[test]
fn data_on_the_device_is_kept_from_loops_that_it_cuts_short() {
    let kernel = counting(COUNTS[0]);
    let n = uneven(300);
    for (runtime, device) in gpus() {
        let lengths = runtime.buffer_on(&device, &n).expect("a buffer");
        let counts = runtime.buffer_on(&device, &vec![5u32; n.len()]).expect("a buffer");
        let result = runtime.call(&kernel).read("n", &lengths).read_write("y", &counts).run();
        let y = counts.download().expect("it can be read");
        let mut chain = runtime.chain();
        chain.device(&device);
        let (input, output) = (chain.input::<u32>(n.len()), chain.output::<u32>(n.len()));
        chain.call(&kernel).bind("n", input).bind("y", output).grid([n.len()]);
        let chain = chain.build();
        if gets_wrong(runtime, &device, "long loops") {
            let error = result.expect_err("it is refused before it starts");
            assert!(matches!(error, Error::Unsupported(_)) && error.to_string().contains("not trusted"), "{error}");
            assert_eq!(y, vec![5; n.len()]);
            let error = chain.expect_err("it is refused before it starts");
            assert!(matches!(error, Error::Unsupported(_)) && error.to_string().contains("not trusted"), "{error}");
        } else {
            result.expect("it runs");
            assert!(y.iter().zip(&n).all(|(y, n)| *y == 5 + n));
            let mut y = vec![0; n.len()];
            chain.expect("it is built").run([input.from(&n)], [output.into(&mut y)]).expect("it runs");
            assert_eq!(y, n);
        }
    }
}

#[test]
fn a_loop_without_end_does_not_end_well() {
    let kernel = counting("loop { if n[i] == 12345u { break; } c += 1u; }");
    for (_, device) in gpus() {
        // Other tests need not wait until the device is free again.
        let runtime = Runtime::new().expect("it was made before");
        let mut y = [5u32; 64];
        let call = runtime.call(&kernel).read("n", &[1u32; 64]).read_write("y", &mut y).device(device.alias());
        let error = call.deadline(Duration::from_millis(700)).run().expect_err("it cannot end");
        assert!(matches!(error, Error::Deadline(_) | Error::WrongResult(_)), "{error}");
    }
}

#[test]
fn many_cases_and_deep_branches_come_out_right() {
    let store: String = (0..300).map(|case| format!("case {case}u: {{ y[i] = n[{case}] * 3u + 1u; }}\n")).collect();
    let returned: String = (0..300).map(|case| format!("case {case}u: {{ return {}u; }}\n", 3 * case + 1)).collect();
    let chosen: String = (0..200).map(|case| format!("case {case}u: {{ r = {}u; }}\n", 3 * case + 1)).collect();
    let open: String = (1..110).map(|depth| format!("if n[i] >= {depth}u {{ y[i] += 3u; ")).collect();
    let chain: Vec<String> = (0..120).map(|v| format!("if n[i] == {v}u {{ y[i] = {}u; }}", 3 * v + 1)).collect();
    let leaves: String =
        (0..120).map(|v| format!("if n[i] == {v}u {{ y[i] = {}u; return; }} y[i] = 0u;\n", 3 * v + 1)).collect();
    let bodies = [
        (300, String::new(), format!("switch n[i] {{ {store} default: {{}} }}")),
        (
            300,
            format!("fn f(v: u32) -> u32 {{ switch v {{ {returned} default: {{ return 0u; }} }} }}"),
            "y[i] = f(n[i]);".into(),
        ),
        (200, String::new(), format!("var r = 0u; switch n[i] {{ {chosen} default: {{}} }} y[i] = r;")),
        (110, String::new(), format!("y[i] = 1u; {open} {}", "}".repeat(109))),
        (120, String::new(), chain.join(" else ")),
        (120, String::new(), leaves),
    ];
    for (runtime, device) in gpus() {
        for (count, functions, body) in &bodies {
            let kernel = kernel(&format!(
                "@group(0) @binding(0) var<storage, read> n: array<u32>;
                 @group(0) @binding(1) var<storage, read_write> y: array<u32>;
                 {functions}
                 @compute @workgroup_size(64) fn k(@builtin(global_invocation_id) id: vec3u) {{
                     let i = id.x;
                     if i >= arrayLength(&y) {{ return; }}
                     {body}
                 }}"
            ));
            let n: Vec<u32> = (0..*count).collect();
            let mut y = vec![0; n.len()];
            let report = run(runtime, device.alias(), &kernel, &n, &mut y).unwrap_or_else(|error| panic!("{error}"));
            assert!(y.iter().zip(&n).all(|(y, n)| *y == 3 * n + 1), "{}: {report}\n{body}", device.name());
        }
    }
}

/// Which drivers are known to fail what; others may be better or worse.
#[test]
fn known_drivers_fail_what_they_are_known_to_fail() {
    for (runtime, device) in gpus() {
        let start = std::time::Instant::now();
        runtime.probe();
        println!("{}: probed in {:.0?}", device.name(), start.elapsed());
        let failed = runtime.failed_probes(&device).expect("it was probed");
        let failed: Vec<&str> = failed.iter().map(|probe| probe.name.as_str()).collect();
        let is_old_mesa = device.info().driver.contains("Mesa 22.");
        match device.name() {
            name if name.contains("llvmpipe") && is_old_mesa => {
                // Its switches of many cases are wrong, too: no device is given such.
                assert_eq!(failed, ["long loops", "deep branches"]);
            }
            name if name.contains("SwiftShader") => assert_eq!(failed, [""; 0]),
            name => println!("{name} fails {failed:?}"),
        }
    }
}
