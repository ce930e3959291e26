//! Vectors and matrices of other crates: in uniforms by `.set`, and as fields of structs.

use swath::Runtime;

const KERNEL: &str = "
struct Params { shift: vec3f, steps: vec2i, turn: mat3x3f }
struct Ball { at: vec3f, mass: f32, spin: vec4f }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> balls: array<Ball>;
@compute @workgroup_size(1) fn move_(@builtin(global_invocation_id) id: vec3u) {
    balls[id.x].at = params.turn * balls[id.x].at + params.shift * f32(params.steps.x - params.steps.y);
    balls[id.x].spin.w = balls[id.x].mass;
}";

/// What a ball at 1, 2, 3 comes to: the matrix's columns are 1 2 3, 4 5 6, 7 8 9, the shift is 0.5 1 1.5, times 3.
const WANTED: [f32; 3] = [31.5, 39.0, 46.5];

#[test]
#[cfg(feature = "glam")]
fn those_of_glam() {
    use bytemuck::{Pod, Zeroable};
    use glam::{IVec2, Mat3, Vec3, Vec4, vec3};

    #[derive(Clone, Copy, Pod, Zeroable, swath::Layout)]
    #[repr(C)]
    struct Ball {
        at: Vec3,
        mass: f32,
        spin: [f32; 4],
    }
    let rt = Runtime::cpu().expect("the engine is always there");
    let kernel = rt.module(KERNEL).and_then(|module| module.only_kernel()).expect("a kernel");
    let mut balls = [Ball { at: vec3(1.0, 2.0, 3.0), mass: 4.0, spin: Vec4::ZERO.to_array() }; 2];
    rt.call(&kernel)
        .set("params.shift", vec3(0.5, 1.0, 1.5))
        .set("params.steps", IVec2::new(1, -2))
        .set("params.turn", Mat3::from_cols(vec3(1.0, 2.0, 3.0), vec3(4.0, 5.0, 6.0), vec3(7.0, 8.0, 9.0)))
        .read_write("balls", &mut balls)
        .grid(2)
        .run()
        .expect("it fits");
    assert!(balls.iter().all(|ball| ball.at.to_array() == WANTED && ball.spin[3] == 4.0));
    let wrong = rt.call(&kernel).set("params.steps", glam::Vec2::ONE).read_write("balls", &mut balls).grid(2).run();
    let text = wrong.expect_err("they are integers").to_string();
    assert!(text.contains("params.steps") && text.contains("Vec2"), "{text}");
}

#[test]
#[cfg(feature = "mint")]
fn those_of_mint() {
    use mint::{ColumnMatrix3, Vector2, Vector3};

    let rt = Runtime::cpu().expect("the engine is always there");
    let kernel = rt.module(KERNEL).and_then(|module| module.only_kernel()).expect("a kernel");
    let mut balls = [[1.0_f32, 2.0, 3.0, 4.0], [0.0; 4]];
    rt.call(&kernel)
        .set("params.shift", Vector3 { x: 0.5_f32, y: 1.0, z: 1.5 })
        .set("params.steps", Vector2 { x: 1, y: -2 })
        .set("params.turn", ColumnMatrix3::from([[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]))
        .read_write("balls", swath::Untyped(&mut balls[..]))
        .grid(1)
        .run()
        .expect("it fits");
    assert_eq!(balls, [[WANTED[0], WANTED[1], WANTED[2], 4.0], [0.0, 0.0, 0.0, 4.0]]);
}
