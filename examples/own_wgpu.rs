//! My program uses wgpu already: how do both share a device and its buffers?
//!
//! `Runtime::from_wgpu` takes a device and its queue, and `Buffer::as_wgpu` gives the buffer, to bind or copy in
//! passes of one's own. Here a call fills a buffer, and a copy recorded by hand moves it to where
//! the program maps it.
//!
//! `cargo run --example own_wgpu`; needs a GPU, or a driver that stands in for one.

use swath::wgpu;

const KERNEL: &str = "
    @group(0) @binding(0) var<storage, read_write> wave: array<f32>;

    @compute @workgroup_size(64)
    fn triangle(@builtin(global_invocation_id) id: vec3u) {
        if (id.x < arrayLength(&wave)) {
            wave[id.x] = abs(f32(id.x % 16u) - 8.0);
        }
    }";

const LENGTH: usize = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = match pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default())) {
        Ok(adapter) => adapter,
        Err(error) if std::env::var_os("SWATH_REQUIRE_GPU").is_none_or(|value| value != "1") => {
            println!("no adapter, so there is nothing to show: {error}");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()))?;

    let runtime = swath::Runtime::from_wgpu(device.clone(), queue.clone())?;
    let triangle = runtime.module(KERNEL)?.only_kernel()?;
    let wave = runtime.buffer_zeroed::<f32>(LENGTH)?;
    println!("{}", runtime.call(&triangle).write("wave", &wave).grid([LENGTH]).run()?);

    let ours = wave.as_wgpu().ok_or("a runtime made from wgpu keeps its buffers there")?;
    let readback = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("readback"),
        size: wave.bytes(),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_buffer_to_buffer(&ours, 0, &readback, 0, wave.bytes());
    queue.submit([encoder.finish()]);
    readback.map_async(wgpu::MapMode::Read, .., |mapped| mapped.expect("a buffer made for reading can be mapped"));
    device.poll(wgpu::PollType::wait_indefinitely())?;

    let mapped = readback.get_mapped_range(..)?;
    let values: &[f32] = bytemuck::cast_slice(&mapped);
    println!("{:?} ...", &values[..16]);
    assert!(values.iter().enumerate().all(|(i, &value)| value == ((i % 16) as f32 - 8.0).abs()));
    Ok(())
}
