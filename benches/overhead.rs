//! What a call through Swath costs beside the same dispatch written by hand against wgpu.
//!
//! ```sh
//! cargo bench --bench overhead
//! ```
//!
//! Both run on one wgpu device and on the same buffers, in turn, within one run: the machine's moods
//! meet both alike. Each call is complete: recorded, submitted, waited for. Printed are the medians of
//! many calls and their ratio, which is to stay below 1.10.

mod beside;

use std::error::Error;

use beside::{compare, open};
use swath::{Buffer, Kernel, Runtime};

const WGSL: &str = "
struct Params { a: f32, n: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn saxpy(@builtin(global_invocation_id) gid: vec3<u32>) {
    if (gid.x < params.n) {
        y[gid.x] = params.a * x[gid.x] + y[gid.x];
    }
}
";

/// Small enough to keep `y` finite over all the calls.
const A: f32 = 1e-6;

fn main() -> Result<(), Box<dyn Error>> {
    let Some((device, queue)) = open() else {
        println!("skipped: no GPU, and no driver that plays one");
        return Ok(());
    };
    let rt = Runtime::from_wgpu(device.clone(), queue.clone())?;
    let saxpy = rt.module(WGSL)?.kernel("saxpy")?;
    println!("{}", rt.devices()[0].name());
    println!("{:>10}  {:>12}  {:>12}  {:>6}", "elements", "by hand", "swath", "ratio");
    // `cargo test --benches` only sees whether it works.
    let measure = std::env::args().any(|argument| argument == "--bench");
    for (elements, calls) in [(64, 5000), (4 << 20, 300)] {
        let calls = if measure { calls } else { 5 };
        let x = rt.buffer(&vec![1.0_f32; elements])?;
        let y = rt.buffer(&vec![0.0_f32; elements])?;
        let twin = Twin::new(&device, &queue, &x, &y);
        let (by_hand, swath) = compare(calls, WARM_UP, || twin.call(), || call(&rt, &saxpy, &x, &y))?;

        let turns = (2 * (calls + WARM_UP)) as f32 * A;
        let sum = y.download()?;
        if let Some(wrong) = sum.iter().find(|y| (**y - turns).abs() > 1e-3 * turns) {
            return Err(format!("the calls gave {wrong}, not {turns}").into());
        }
        println!(
            "{elements:>10}  {:>12}  {:>12}  {:>6.3}",
            format!("{by_hand:.2?}"),
            format!("{swath:.2?}"),
            swath.as_secs_f64() / by_hand.as_secs_f64()
        );
    }
    Ok(())
}

/// Calls of each kind that are not timed.
const WARM_UP: usize = 50;

/// The call through the framework.
fn call(rt: &Runtime, saxpy: &Kernel, x: &Buffer<f32>, y: &Buffer<f32>) -> Result<(), Box<dyn Error>> {
    rt.call(saxpy)
        .set("params.a", A)
        .set("params.n", x.len() as u32)
        .read("x", x)
        .read_write("y", y)
        .grid([x.len()])
        .run()?;
    Ok(())
}

/// The same, by hand. All that does not change from call to call is made once.
struct Twin {
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
    workgroups: [u32; 3],
}

impl Twin {
    fn new(device: &wgpu::Device, queue: &wgpu::Queue, x: &Buffer<f32>, y: &Buffer<f32>) -> Self {
        let shader = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(WGSL.into()),
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &shader,
            entry_point: Some("saxpy"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let params = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 8,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let contents = [A.to_le_bytes(), (x.len() as u32).to_le_bytes()].concat();
        queue.write_buffer(&params, 0, &contents);
        let (x_buffer, y_buffer) = (x.as_wgpu().expect("on the GPU"), y.as_wgpu().expect("on the GPU"));
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: params.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: x_buffer.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 2, resource: y_buffer.as_entire_binding() },
            ],
        });
        let workgroups = [(x.len() as u32).div_ceil(256), 1, 1];
        Twin { device: device.clone(), queue: queue.clone(), pipeline, group, workgroups }
    }

    fn call(&self) -> Result<(), Box<dyn Error>> {
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &self.group, &[]);
            let [x, y, z] = self.workgroups;
            pass.dispatch_workgroups(x, y, z);
        }
        let index = self.queue.submit([encoder.finish()]);
        self.device.poll(wgpu::PollType::Wait { submission_index: Some(index), timeout: None })?;
        Ok(())
    }
}
