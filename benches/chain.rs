//! What a chain costs beside the same time steps written by hand against wgpu: a thousand steps of shallow water over
//! data that stays on the device, in one submission, waited for.
//!
//! Both use one device, run in turn, and make the same commands, so the machine's noise meets both alike. The grids are
//! small: what the framework adds would be lost in large ones. A device that plays a GPU on the CPU will do.
//!
//! A second table puts a chain on the CPU engine beside the same steps as calls on resident buffers.

mod beside;

use std::{error::Error, time::Duration};

use beside::{compare, open};
use swath::{Buffer, Chain, Runtime};

const WGSL: &str = include_str!("../shaders/shallow_water.wgsl");

/// Time steps of a run.
const STEPS: usize = 1000;

/// Runs of each kind that are not timed.
const WARM_UP: usize = 2;

/// `Params` in the WGSL.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    width: u32,
    height: u32,
    ratio: f32,
    half_gravity: f32,
    turn: f32,
}

impl Params {
    fn new(side: usize) -> Self {
        Params { width: side as u32, height: side as u32, ratio: 0.014, half_gravity: 4.905, turn: 1e-3 }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --benches` only sees whether it works.
    let measure = std::env::args().any(|argument| argument == "--bench");
    beside_wgpu(measure)?;
    beside_calls(measure)
}

/// Chains on the CPU engine beside calls.
fn beside_calls(measure: bool) -> Result<(), Box<dyn Error>> {
    let rt = Runtime::cpu()?;
    println!("{}, {STEPS} steps", rt.devices()[0].name());
    print_head("calls");
    for (side, runs) in [(16, 61), (64, 41), (256, 11)] {
        let [own, others] = [States::new(&rt, side)?, States::new(&rt, side)?];
        let kernel = rt.module(WGSL)?.only_kernel()?;
        let params = Params::new(side);
        let chain = chain(&rt, &others, side)?;
        let calls = || {
            for step in 0..STEPS {
                rt.call(&kernel)
                    .uniform("params", &params)
                    .read("depth", own.at(step, 0))
                    .read("flow_x", own.at(step, 1))
                    .read("flow_y", own.at(step, 2))
                    .write("new_depth", own.at(step, 3))
                    .write("new_flow_x", own.at(step, 4))
                    .write("new_flow_y", own.at(step, 5))
                    .grid([side, side])
                    .run()?;
            }
            Ok(())
        };
        let times = compare(if measure { runs } else { 1 }, WARM_UP, calls, || run(&chain))?;
        own.check_equal(&others)?;
        print_line(side, times);
    }
    Ok(())
}

fn print_head(other: &str) {
    println!("{:>10}  {other:>12}  {:>12}  {:>6}", "grid", "chain", "ratio");
}

fn print_line(side: usize, (other, chain): (Duration, Duration)) {
    let ratio = chain.as_secs_f64() / other.as_secs_f64();
    let (grid, other, chain) = (format!("{side} x {side}"), format!("{other:.2?}"), format!("{chain:.2?}"));
    println!("{grid:>10}  {other:>12}  {chain:>12}  {ratio:>6.3}");
}

/// Chains on a GPU beside the same commands by hand.
fn beside_wgpu(measure: bool) -> Result<(), Box<dyn Error>> {
    let Some((device, queue)) = open() else {
        println!("skipped: no GPU, and no driver that plays one");
        return Ok(());
    };
    let rt = Runtime::from_wgpu(device.clone(), queue.clone())?;
    println!("{}, {STEPS} steps", rt.devices()[0].name());
    print_head("by hand");
    for (side, runs) in [(16, 61), (64, 41), (256, 11)] {
        let runs = if measure { runs } else { 1 };
        let [own, others] = [States::new(&rt, side)?, States::new(&rt, side)?];
        let twin = Twin::new(&device, &queue, &own, side);
        let chain = chain(&rt, &others, side)?;
        let times = compare(runs, WARM_UP, || twin.run(), || run(&chain))?;
        own.check_equal(&others)?;
        print_line(side, times);
    }
    Ok(())
}

/// A run of a chain over its own buffers.
fn run(chain: &Chain) -> Result<(), Box<dyn Error>> {
    chain.run([], [])?;
    Ok(())
}

/// Depth and flow along x and y, twice: the states that take turns.
struct States {
    buffers: Vec<Buffer<f32>>,
}

impl States {
    fn new(rt: &Runtime, side: usize) -> swath::Result<Self> {
        let depth: Vec<f32> = (0..side * side)
            .map(|i| {
                let [x, y] = [i % side, i / side].map(|place| (place as f32 + 0.5) / side as f32 - 0.5);
                100.0 + 5.0 * (-40.0 * (x * x + y * y)).exp()
            })
            .collect();
        let mut buffers = vec![rt.buffer(&depth)?];
        for _ in 1..6 {
            buffers.push(rt.buffer_zeroed(side * side)?);
        }
        Ok(States { buffers })
    }

    fn check_equal(&self, other: &States) -> Result<(), Box<dyn Error>> {
        for (own, other) in self.buffers.iter().zip(&other.buffers) {
            if own.download()? != other.download()? {
                return Err("the chain and the other steps gave different water".into());
            }
        }
        Ok(())
    }

    /// The buffer of a binding of step `step`: three to read, three to write.
    fn at(&self, step: usize, binding: usize) -> &Buffer<f32> {
        &self.buffers[(3 * (step % 2) + binding) % 6]
    }
}

const BINDINGS: [&str; 6] = ["depth", "flow_x", "flow_y", "new_depth", "new_flow_x", "new_flow_y"];

/// The steps as a chain.
fn chain(rt: &Runtime, states: &States, side: usize) -> swath::Result<Chain> {
    let kernel = rt.module(WGSL)?.only_kernel()?;
    let params = Params::new(side);
    let mut chain = rt.chain();
    chain.repeat(STEPS, |step, chain| {
        let call = chain.call(&kernel).uniform("params", &params).grid([side, side]);
        let names = BINDINGS.iter().enumerate();
        // The call is complete when the last of its bindings is there.
        drop(names.fold(call, |call, (binding, name)| call.bind(name, states.at(step, binding))));
    });
    chain.build()
}

/// The same, by hand. All that does not change from run to run is made once.
struct Twin {
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipeline: wgpu::ComputePipeline,
    /// For the even steps, and for the odd ones.
    groups: [wgpu::BindGroup; 2],
    workgroups: [u32; 2],
}

impl Twin {
    fn new(device: &wgpu::Device, queue: &wgpu::Queue, states: &States, side: usize) -> Self {
        let shader = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(WGSL.into()),
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &shader,
            entry_point: Some("shallow_water"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let params = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: size_of::<Params>() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        queue.write_buffer(&params, 0, bytemuck::bytes_of(&Params::new(side)));
        let groups = [0, 1].map(|step| {
            let buffers: Vec<_> =
                (0..6).map(|binding| states.at(step, binding).as_wgpu().expect("it is on the GPU")).collect();
            let storage = (1..)
                .zip(&buffers)
                .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() });
            let uniform = wgpu::BindGroupEntry { binding: 0, resource: params.as_entire_binding() };
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &pipeline.get_bind_group_layout(0),
                entries: &std::iter::once(uniform).chain(storage).collect::<Vec<_>>(),
            })
        });
        let workgroups = [(side as u32).div_ceil(16), (side as u32).div_ceil(8)];
        Twin { device: device.clone(), queue: queue.clone(), pipeline, groups, workgroups }
    }

    fn run(&self) -> Result<(), Box<dyn Error>> {
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&self.pipeline);
            let [x, y] = self.workgroups;
            for step in 0..STEPS {
                pass.set_bind_group(0, &self.groups[step % 2], &[]);
                pass.dispatch_workgroups(x, y, 1);
            }
        }
        let index = self.queue.submit([encoder.finish()]);
        self.device.poll(wgpu::PollType::Wait { submission_index: Some(index), timeout: None })?;
        Ok(())
    }
}
