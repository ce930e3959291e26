//! The CPU engine's interpreter beside the machine's GPU device: kernel time on resident data, in one run, turn by turn.
//!
//!     cargo bench --bench interp -- [part of a kernel's name] [--device gpu:1] [--runs 15]
//!
//! On a machine without a GPU the device is a software one (Mesa lavapipe, say), and this is a race on equal terms.
//! Prints the median of each and how many times as fast the interpreter is; ends with status 1 where results differ.

use std::{process::ExitCode, time::Duration};

use bytemuck::Pod;
use swath::{Buffer, Device, Kernel, Report, Result, Runtime};

/// Elements of the one-dimensional kernels.
const N: usize = 4 << 20;
/// Side of the grid of the heat equation.
const SIDE: usize = 2048;

const SAXPY: &str = "
    struct Params { a: f32 }
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(1) var<storage, read> x: array<f32>;
    @group(0) @binding(2) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(64) fn saxpy(@builtin(global_invocation_id) id: vec3u) {
        let i = id.x;
        if (i >= arrayLength(&x)) { return; }
        y[i] = params.a * x[i] + y[i];
    }";

const HEAT: &str = "
    struct Params { width: u32, height: u32, rate: f32 }
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(1) var<storage, read> x: array<f32>;
    @group(0) @binding(2) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(16, 16) fn heat(@builtin(global_invocation_id) id: vec3u) {
        if (id.x >= params.width || id.y >= params.height) { return; }
        let left = select(id.x - 1u, 0u, id.x == 0u);
        let right = min(id.x + 1u, params.width - 1u);
        let up = select(id.y - 1u, 0u, id.y == 0u);
        let down = min(id.y + 1u, params.height - 1u);
        let row = id.y * params.width;
        let centre = x[row + id.x];
        let around = x[row + left] + x[row + right] + x[up * params.width + id.x] + x[down * params.width + id.x];
        y[row + id.x] = centre + params.rate * (around - 4.0 * centre);
    }";

const REDUCE: &str = "
    var<workgroup> tile: array<f32, 256>;
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(256) fn reduce(@builtin(global_invocation_id) id: vec3u,
        @builtin(local_invocation_index) i: u32, @builtin(workgroup_id) group: vec3u) {
        tile[i] = select(0.0, x[min(id.x, arrayLength(&x) - 1u)], id.x < arrayLength(&x));
        workgroupBarrier();
        for (var s = 128u; s > 0u; s /= 2u) {
            if (i < s) { tile[i] += tile[i + s]; }
            workgroupBarrier();
        }
        if (i == 0u) { y[group.x] = tile[0]; }
    }";

const HISTOGRAM: &str = "
    @group(0) @binding(0) var<storage, read> x: array<u32>;
    @group(0) @binding(1) var<storage, read_write> y: array<atomic<u32>>;
    @compute @workgroup_size(256) fn histogram(@builtin(global_invocation_id) id: vec3u) {
        if (id.x >= arrayLength(&x)) { return; }
        atomicAdd(&y[x[id.x] & 255u], 1u);
    }";

/// One kernel to race.
struct Case<T> {
    name: &'static str,
    wgsl: &'static str,
    grid: [usize; 3],
    uniforms: Vec<(&'static str, Value)>,
    input: Vec<T>,
    output: usize,
}

#[derive(Clone, Copy)]
enum Value {
    U32(u32),
    F32(f32),
}

/// A case on one device.
struct Racer<T> {
    runtime: Runtime,
    device: Device,
    kernel: Kernel,
    x: Buffer<T>,
    y: Buffer<T>,
    times: Vec<Duration>,
}

/// What buffers hold, and when two results agree.
trait Element: Pod {
    fn agrees(self, other: Self) -> bool;
}

impl Element for u32 {
    fn agrees(self, other: Self) -> bool {
        self == other
    }
}

impl Element for f32 {
    /// Devices may round differently: sums of a few hundred numbers, relative to the larger.
    fn agrees(self, other: Self) -> bool {
        (self - other).abs() <= 1e-5 * self.abs().max(other.abs())
    }
}

impl<T: Element> Racer<T> {
    fn new(runtime: &Runtime, device: &Device, case: &Case<T>) -> Result<Self> {
        let kernel = runtime.module(case.wgsl)?.only_kernel()?;
        kernel.prepare(runtime, device)?;
        Ok(Racer {
            runtime: runtime.clone(),
            device: device.clone(),
            kernel,
            x: runtime.buffer_on(device, &case.input)?,
            y: runtime.buffer_zeroed_on(device, case.output)?,
            times: Vec::new(),
        })
    }

    fn run(&self, case: &Case<T>) -> Result<Report> {
        let mut call = self.runtime.call(&self.kernel).read("x", &self.x).read_write("y", &self.y).device(&self.device);
        for (name, value) in &case.uniforms {
            call = match value {
                Value::U32(value) => call.set(name, *value),
                Value::F32(value) => call.set(name, *value),
            };
        }
        call.grid(case.grid).run()
    }

    fn median(&mut self) -> Duration {
        self.times.sort();
        self.times[self.times.len() / 2]
    }
}

/// Runs a case on each of the devices in turn; whether the results agree.
fn race<T: Element>(case: &Case<T>, devices: &[(Runtime, Device)], runs: usize) -> Result<bool> {
    let mut racers =
        devices.iter().map(|(runtime, device)| Racer::new(runtime, device, case)).collect::<Result<Vec<_>>>()?;
    for racer in &racers {
        racer.run(case)?;
    }
    let first: Vec<_> = racers.iter().map(|racer| racer.y.download()).collect::<Result<_>>()?;
    let agree = first.iter().all(|output| output.iter().zip(&first[0]).all(|(a, b)| a.agrees(*b)));
    for _ in 0..runs {
        for racer in &mut racers {
            let report = racer.run(case)?;
            racer.times.push(report.kernel_time());
        }
    }
    let times: Vec<_> = racers.iter_mut().map(Racer::median).collect();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    print!("{:16} interp {:9.3} ms", case.name, ms(times[0]));
    if let [interp, other] = times[..] {
        print!("   device {:9.3} ms   {:6.2} x", ms(other), ms(other) / ms(interp));
    }
    println!("{}", if agree { "" } else { "   RESULTS DIFFER" });
    Ok(agree)
}

/// The cases whose names contain `filter`; whether all results agree.
fn races(filter: &str, devices: &[(Runtime, Device)], runs: usize) -> Result<bool> {
    let mut state = 12345u32;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let numbers: Vec<u32> = (0..N).map(|_| noise()).collect();
    let floats: Vec<f32> = numbers.iter().map(|x| (x >> 8) as f32 / (1 << 24) as f32).collect();
    let case = |name, wgsl, grid, uniforms: &[(&'static str, Value)], output| Case {
        name,
        wgsl,
        grid,
        uniforms: uniforms.to_vec(),
        input: floats.clone(),
        output,
    };
    let side = Value::U32(SIDE as u32);
    let heat = [("params.width", side), ("params.height", side), ("params.rate", Value::F32(0.2))];
    let cases = [
        case("saxpy 4 Mi", SAXPY, [N, 1, 1], &[("params.a", Value::F32(1.5))], N),
        case("heat 2048x2048", HEAT, [SIDE, SIDE, 1], &heat, SIDE * SIDE),
        case("reduce 4 Mi", REDUCE, [N, 1, 1], &[], N / 256),
    ];
    let mut agree = true;
    for case in cases.iter().filter(|case| case.name.contains(filter)) {
        agree &= race(case, devices, runs)?;
    }
    let (name, grid) = ("histogram 4 Mi", [N, 1, 1]);
    if name.contains(filter) {
        let case = Case { name, wgsl: HISTOGRAM, grid, uniforms: Vec::new(), input: numbers, output: 256 };
        agree &= race(&case, devices, runs)?;
    }
    Ok(agree)
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (mut filter, mut device, mut runs) = (String::new(), "gpu".to_owned(), 15);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--bench" => {}
            "--device" => device = args.next().unwrap_or_default(),
            "--runs" => runs = args.next().and_then(|n| n.parse().ok()).unwrap_or(runs).max(1),
            name => filter = name.to_owned(),
        }
    }
    let result = (|| -> Result<bool> {
        let engine = Runtime::cpu_interpreter()?;
        let cpu = engine.device("cpu")?;
        println!("interp: {}", cpu.info().driver);
        let mut devices = vec![(engine, cpu)];
        let runtime = Runtime::new()?;
        match runtime.device(&device) {
            Ok(device) => {
                println!("device: {} ({})", device.name(), device.info().driver);
                devices.push((runtime, device));
            }
            Err(_) => println!("device: none that is called `{device}`"),
        }
        races(&filter, &devices, runs)
    })();
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
