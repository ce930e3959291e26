//! A call on data larger than its device memory, beside the same streaming written by hand against wgpu.
//!
//! ```sh
//! cargo bench --bench streaming
//! ```
//!
//! Swath is given the author's kernel, all of the data and a memory limit of 256 MiB. The hand-written side has what a
//! careful author would write for this one kernel: tiles of the same size, two sets of buffers, staging that stays and
//! is mapped ahead, a kernel that knows about its tile. Both go in turn, within one run, from host memory to host memory;
//! the results are compared bit for bit. Printed are medians, and the throughput of Swath over that by hand, which is to
//! be 0.85 or more.

#[allow(dead_code, reason = "the rest is for benchmarks of pairs of calls")]
mod beside;

use std::{
    error::Error,
    ops::Range,
    sync::mpsc::{Receiver, channel},
    time::Instant,
};

use beside::{median, open};
use swath::{Call, Kernel, Runtime, wgpu};

/// Device memory for a call.
const MEMORY: u64 = 256 << 20;

/// Bytes of a tile, in and out together.
const TILE: u64 = 48 << 20;

const SCALE: &str = "
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(256) fn scale(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&y) { y[id.x] = 2.0 * x[id.x] + 1.0; }
}";

const HEAT: &str = "
struct Params { width: u32, height: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;
fn at(x: i32, y: i32) -> f32 {
    let column = u32(clamp(x, 0, i32(params.width) - 1));
    let row = u32(clamp(y, 0, i32(params.height) - 1));
    return src[row * params.width + column];
}
@compute @workgroup_size(16, 16) fn heat(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= params.width || id.y >= params.height { return; }
    let x = i32(id.x);
    let y = i32(id.y);
    let middle = at(x, y);
    dst[id.y * params.width + id.x] =
        middle + 0.125 * (at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4.0 * middle);
}";

/// The same for a tile: rows `first` to `last` of `height`, of which the buffers hold `src_first` on and `first` on.
const HEAT_BY_HAND: &str = "
struct Params { width: u32, height: u32, first: u32, last: u32, src_first: u32 }
@group(0) @binding(0) var<storage, read> src: array<f32>;
@group(0) @binding(1) var<storage, read_write> dst: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
fn at(x: i32, y: i32) -> f32 {
    let column = u32(clamp(x, 0, i32(params.width) - 1));
    let row = u32(clamp(y, 0, i32(params.height) - 1)) - params.src_first;
    return src[row * params.width + column];
}
@compute @workgroup_size(16, 16) fn heat(@builtin(global_invocation_id) id: vec3u) {
    let row = id.y + params.first;
    if id.x >= params.width || row >= params.last { return; }
    let x = i32(id.x);
    let y = i32(row);
    let middle = at(x, y);
    dst[id.y * params.width + id.x] =
        middle + 0.125 * (at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4.0 * middle);
}";

fn main() -> Result<(), Box<dyn Error>> {
    let Some((device, queue)) = open() else {
        println!("skipped: no GPU, and no driver that plays one");
        return Ok(());
    };
    // `cargo test --benches` only sees whether it works.
    let measure = std::env::args().any(|argument| argument == "--bench");
    let (elements, width, rounds) = if measure { (256 << 20, 20_000, 5) } else { (70_000_000, 5_000, 1) };
    println!("{:<34}  {:>6}  {:>9}  {:>9}  {:>10}", "", "tiles", "by hand", "swath", "throughput");
    let gpu = Gpu { device, queue };
    scale(&gpu, elements, rounds)?;
    heat(&gpu, width, rounds)
}

fn scale(gpu: &Gpu, elements: usize, rounds: usize) -> Result<(), Box<dyn Error>> {
    let x: Vec<f32> = (0..elements).map(|i| (i % 1013) as f32).collect();
    let per_tile = (TILE / 8) as usize / 256 * 256;
    let tiles = (0..elements).step_by(per_tile).map(|start| {
        let range = start..elements.min(start + per_tile);
        Tile {
            read: range.clone(),
            written: range.clone(),
            params: [0; 5],
            groups: [range.len().div_ceil(256) as u32, 1],
        }
    });
    let tiles: Vec<Tile> = tiles.collect();
    let hand = Hand::new(gpu, &SCALE.replace("arrayLength(&y)", "arrayLength(&x)"), "scale", false, &tiles);
    let title = format!("elementwise, {:.2} GiB", elements as f64 * 8.0 / f64::from(1 << 30));
    race(gpu, &title, SCALE, &x, &hand, &tiles, rounds, |call, x, y| call.read("x", x).write("y", y).grid([elements]))
}

fn heat(gpu: &Gpu, width: usize, rounds: usize) -> Result<(), Box<dyn Error>> {
    let src: Vec<f32> = (0..width * width).map(|i| (i % 1013) as f32).collect();
    let rows = (TILE / 8) as usize / (4 * width) * 2 / 16 * 16;
    let tiles = (0..width).step_by(rows.max(16)).map(|first| {
        let last = width.min(first + rows.max(16));
        let from = first.saturating_sub(1);
        let to = width.min(last + 1);
        Tile {
            read: from * width..to * width,
            written: first * width..last * width,
            params: [width, width, first, last, from].map(|n| n as u32),
            groups: [width.div_ceil(16) as u32, (last - first).div_ceil(16) as u32],
        }
    });
    let tiles: Vec<Tile> = tiles.collect();
    let hand = Hand::new(gpu, HEAT_BY_HAND, "heat", true, &tiles);
    let title = format!("5-point stencil, {width} x {width}");
    race(gpu, &title, HEAT, &src, &hand, &tiles, rounds, |call, src, dst| {
        let call = call.set("params.width", width as u32).set("params.height", width as u32);
        call.read("src", src).write("dst", dst).grid([width, width])
    })
}

/// Measures both in turn, compares what they give, and prints a line.
#[expect(clippy::too_many_arguments, reason = "the two sides of a race")]
fn race<'a>(
    gpu: &Gpu,
    title: &str,
    wgsl: &str,
    input: &'a [f32],
    hand: &Hand,
    tiles: &[Tile],
    rounds: usize,
    bind: impl for<'c> Fn(Call<'c>, &'c [f32], &'c mut [f32]) -> Call<'c>,
) -> Result<(), Box<dyn Error>> {
    let rt = Runtime::from_wgpu(gpu.device.clone(), gpu.queue.clone())?;
    let kernel: Kernel = rt.module(wgsl)?.only_kernel()?;
    let mut outputs = [vec![f32::NAN; input.len()], vec![f32::NAN; input.len()]];
    let (mut by_hand, mut swath, mut count) = (Vec::new(), Vec::new(), 0);
    for round in 0..=rounds {
        let start = Instant::now();
        hand.run(gpu, input, &mut outputs[0], tiles);
        let hand_took = start.elapsed();
        let start = Instant::now();
        let report = bind(rt.call(&kernel), input, &mut outputs[1]).memory_limit(MEMORY).run()?;
        let swath_took = start.elapsed();
        count = report.tiles();
        // The first round warms up.
        if round > 0 {
            by_hand.push(hand_took);
            swath.push(swath_took);
        }
    }
    if outputs[0].iter().zip(&outputs[1]).any(|(a, b)| a.to_bits() != b.to_bits()) {
        return Err(format!("{title}: the results differ").into());
    }
    let (by_hand, swath) = (median(by_hand), median(swath));
    println!(
        "{title:<34}  {count:>6}  {:>9}  {:>9}  {:>10.3}",
        format!("{by_hand:.2?}"),
        format!("{swath:.2?}"),
        by_hand.as_secs_f64() / swath.as_secs_f64()
    );
    Ok(())
}

struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
}

/// A part of the work: elements that are read, those that are written.
struct Tile {
    read: Range<usize>,
    written: Range<usize>,
    params: [u32; 5],
    groups: [u32; 2],
}

/// Buffers for one tile; two such sets take turns.
struct Set {
    upload: wgpu::Buffer,
    input: wgpu::Buffer,
    output: wgpu::Buffer,
    download: wgpu::Buffer,
    params: wgpu::Buffer,
    group: wgpu::BindGroup,
}

/// The hand-written side: all that stays from call to call.
struct Hand {
    pipeline: wgpu::ComputePipeline,
    sets: [Set; 2],
}

/// What has been submitted: the staging that can be written again, and the results.
struct Flight {
    index: wgpu::SubmissionIndex,
    written: Receiver<()>,
    read: Receiver<()>,
}

impl Hand {
    fn new(gpu: &Gpu, wgsl: &str, entry: &str, has_params: bool, tiles: &[Tile]) -> Hand {
        let shader = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(wgsl.into()),
        });
        let pipeline = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &shader,
            entry_point: Some(entry),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let most = |of: fn(&Tile) -> usize| tiles.iter().map(of).max().unwrap_or(0) as u64 * 4;
        let (read, written) = (most(|tile| tile.read.len()), most(|tile| tile.written.len()));
        let set = |_| {
            let buffer = |size, usage, mapped_at_creation| {
                gpu.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation })
            };
            use wgpu::BufferUsages as Usage;
            let upload = buffer(read, Usage::MAP_WRITE | Usage::COPY_SRC, true);
            let input = buffer(read, Usage::STORAGE | Usage::COPY_DST, false);
            let output = buffer(written, Usage::STORAGE | Usage::COPY_SRC, false);
            let download = buffer(written, Usage::MAP_READ | Usage::COPY_DST, false);
            let params = buffer(32, Usage::UNIFORM | Usage::COPY_DST, false);
            let entries = [(0, &input), (1, &output), (2, &params)]
                .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() });
            let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &pipeline.get_bind_group_layout(0),
                entries: if has_params { &entries } else { &entries[..2] },
            });
            Set { upload, input, output, download, params, group }
        };
        let sets = [set(0), set(1)];
        Hand { sets, pipeline }
    }

    fn run(&self, gpu: &Gpu, input: &[f32], output: &mut [f32], tiles: &[Tile]) {
        let mut flights: [Option<Flight>; 2] = [None, None];
        let mut rest = output;
        for (number, tile) in tiles.iter().enumerate() {
            let set = &self.sets[number % 2];
            if let Some(flight) = &flights[number % 2] {
                wait(gpu, &flight.index, &flight.written);
            }
            let bytes = tile.read.len() as u64 * 4;
            set.upload
                .get_mapped_range_mut(..bytes)
                .expect("mapped")
                .copy_from_slice(bytemuck::cast_slice(&input[tile.read.clone()]));
            set.upload.unmap();
            if flights[number % 2].is_some() {
                // The results of two tiles ago are in front of this tile's.
                let before = &tiles[number - 2];
                rest = land(gpu, set, flights[number % 2].take(), before, rest);
            }
            flights[number % 2] = Some(self.submit(gpu, set, tile));
        }
        for number in tiles.len().saturating_sub(2)..tiles.len() {
            rest = land(gpu, &self.sets[number % 2], flights[number % 2].take(), &tiles[number], rest);
        }
        // Every staging buffer is mapped again for the next call.
        let _ = gpu.device.poll(wgpu::PollType::wait_indefinitely());
    }

    fn submit(&self, gpu: &Gpu, set: &Set, tile: &Tile) -> Flight {
        gpu.queue.write_buffer(&set.params, 0, bytemuck::cast_slice(&tile.params));
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&set.upload, 0, &set.input, 0, tile.read.len() as u64 * 4);
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &set.group, &[]);
            pass.dispatch_workgroups(tile.groups[0], tile.groups[1], 1);
        }
        encoder.copy_buffer_to_buffer(&set.output, 0, &set.download, 0, tile.written.len() as u64 * 4);
        let index = gpu.queue.submit([encoder.finish()]);
        let mapped = |buffer: &wgpu::Buffer, mode| {
            let (sender, receiver) = channel();
            buffer.map_async(mode, .., move |_| {
                // Nobody may be waiting any more.
                let _ = sender.send(());
            });
            receiver
        };
        let (written, read) = (mapped(&set.upload, wgpu::MapMode::Write), mapped(&set.download, wgpu::MapMode::Read));
        Flight { index, written, read }
    }
}

/// Takes a tile's results out of its staging, into the front of `rest`; gives what is behind them.
fn land<'o>(gpu: &Gpu, set: &Set, flight: Option<Flight>, tile: &Tile, rest: &'o mut [f32]) -> &'o mut [f32] {
    let Some(flight) = flight else { return rest };
    wait(gpu, &flight.index, &flight.read);
    let (own, rest) = rest.split_at_mut(tile.written.len());
    bytemuck::cast_slice_mut(own)
        .copy_from_slice(&set.download.get_mapped_range(..tile.written.len() as u64 * 4).expect("mapped"));
    set.download.unmap();
    rest
}

/// Waits for a callback.
fn wait(gpu: &Gpu, index: &wgpu::SubmissionIndex, mapped: &Receiver<()>) {
    while mapped.try_recv().is_err() {
        let _ = gpu.device.poll(wgpu::PollType::Wait { submission_index: Some(index.clone()), timeout: None });
    }
}
