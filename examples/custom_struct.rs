//! How is a struct of my own passed to a kernel?
//!
//! Give it the layout that WGSL has, with `#[repr(C)]`, and derive `bytemuck::Pod` and `swath::Layout`. The trap is
//! `vec3f`: 12 bytes long, but it starts at a multiple of 16, so that Rust needs a word where WGSL leaves a gap. A
//! call whose struct does not fit is refused, with WGSL's layout as a table; try it by leaving `_gap` out, or, which has
//! the right size, by swapping `position` and `velocity`.
//!
//! `cargo run --example custom_struct`

use bytemuck::{Pod, Zeroable};

const KERNEL: &str = "
    struct Ball {
        position: vec3f,    // at byte 0
        radius: f32,        // at byte 12: a number fits behind a vec3f
        velocity: vec3f,    // at byte 16
                            // a gap at byte 28, so that the next ball starts at byte 32
    }

    struct World {
        gravity: vec3f,     // at byte 0
        step: f32,          // at byte 12
    }

    @group(0) @binding(0) var<uniform> world: World;
    @group(0) @binding(1) var<storage, read_write> balls: array<Ball>;

    @compute @workgroup_size(64)
    fn fall(@builtin(global_invocation_id) id: vec3u) {
        if (id.x >= arrayLength(&balls)) {
            return;
        }
        var ball = balls[id.x];
        ball.velocity += world.gravity * world.step;
        ball.position += ball.velocity * world.step;
        // Bounce off the floor.
        if (ball.position.y < ball.radius) {
            ball.position.y = ball.radius;
            ball.velocity.y = abs(ball.velocity.y);
        }
        balls[id.x] = ball;
    }";

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable, swath::Layout)]
struct Ball {
    position: [f32; 3],
    radius: f32,
    velocity: [f32; 3],
    /// The end of WGSL's `Ball`, which is as long as its strictest member asks: a multiple of 16.
    _gap: f32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, swath::Layout)]
struct World {
    gravity: [f32; 3],
    step: f32,
}

fn main() -> swath::Result<()> {
    let ball = |height: f32| Ball { position: [0.0, height, 0.0], radius: 0.5, velocity: [1.0, 0.0, 0.0], _gap: 0.0 };
    let mut balls = vec![ball(10.0), ball(0.5)];

    let runtime = swath::Runtime::new()?;
    let fall = runtime.module(KERNEL)?.only_kernel()?;
    runtime
        .call(&fall)
        .uniform("world", &World { gravity: [0.0, -8.0, 0.0], step: 0.25 })
        .read_write("balls", &mut balls)
        .grid([2])
        .run()?;

    println!("{balls:#?}");
    assert_eq!(balls[0], Ball { position: [0.25, 9.5, 0.0], velocity: [1.0, -2.0, 0.0], ..ball(0.0) });
    assert_eq!(balls[1], Ball { position: [0.25, 0.5, 0.0], velocity: [1.0, 2.0, 0.0], ..ball(0.0) });
    Ok(())
}
