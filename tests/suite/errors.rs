//! Every error about a kernel or a call, exactly as the user reads it.
//!
//! Each test collects its cases into one snapshot in `snapshots`. All errors here come
//! before anything runs, so a device that computes nothing is enough.

use std::fmt::{Debug, Write as _};

use crate::wgsl::kernel;
use bytemuck::{Pod, Zeroable};
use half::f16;
use swath::{Call, Device, DeviceInfo, DeviceKind, Error, Kernel, Module, Result, Runtime, Untyped};

/// Errors with the titles of their cases, as one text.
#[derive(Default)]
struct Errors {
    text: String,
}

impl Errors {
    /// Notes the error of `result`, which must be one.
    fn case<T: Debug>(&mut self, title: &str, result: Result<T>) -> &mut Self {
        let error = match result {
            Err(error) => error,
            Ok(value) => panic!("{title}: no error, but {value:?}"),
        };
        writeln!(self.text, "# {title}\n{error}\n").expect("strings take any text");
        self
    }

    /// Compares with the snapshot `name`.
    fn check(&self, name: &str) {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, self.text.trim_end());
        });
    }
}

fn null() -> Runtime {
    Runtime::null(vec![DeviceInfo::null("Null", DeviceKind::Cpu)]).expect("a device is given")
}

/// The only kernel of a module, or why there is none.
fn only(wgsl: &str) -> Result<Kernel> {
    Module::parse(wgsl)?.only_kernel()
}

const SAXPY: &str = "
struct Params { a: f32, n: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn saxpy(@builtin(global_invocation_id) id: vec3u) {
    if id.x < params.n { y[id.x] = params.a * x[id.x] + y[id.x]; }
}";

#[test]
fn wgsl_that_is_not() {
    let mut errors = Errors::default();
    errors
        .case("a token that does not fit", only("@compute @workgroup_size(64)\nfn main() { let x = ; }"))
        .case("an unknown name", only("@compute @workgroup_size(64)\nfn main() {\n    let x = y + 1;\n}"))
        .case(
            "a type that does not fit",
            only("@compute @workgroup_size(1)\nfn main() {\n    var x: f32 = 1.0;\n    x = 2u;\n}"),
        )
        .case(
            "a uniform whose layout is not allowed",
            only(
                "@group(0) @binding(0) var<uniform> weights: array<f32, 9>;
@compute @workgroup_size(1)
fn main() { _ = weights[0]; }",
            ),
        )
        .case(
            "text that is not ASCII before the error",
            only("// größer\n@compute @workgroup_size(1) fn main() { /*é*/ let a = b; }"),
        )
        .case(
            "a chain of operators that is too long",
            only(&format!(
                "@compute @workgroup_size(1)\nfn main() {{\n    var y = 1;\n    y = y\n{};\n}}",
                "+ y\n".repeat(2001)
            )),
        )
        .check("wgsl");
}

#[test]
fn wgsl_that_kernels_do_not_use() {
    let mut errors = Errors::default();
    errors
        .case(
            "texture",
            only(
                "@group(0) @binding(0) var image: texture_2d<f32>;
@compute @workgroup_size(1)
fn main() { _ = textureLoad(image, vec2u(0), 0); }",
            ),
        )
        .case(
            "storage texture",
            only(
                "@group(0) @binding(0) var picture: texture_storage_2d<rgba8unorm, write>;
@compute @workgroup_size(1)
fn main() { textureStore(picture, vec2u(0), vec4f(1)); }",
            ),
        )
        .case(
            "sampler",
            only(
                "@group(0) @binding(0) var smooth_sampler: sampler;
@group(0) @binding(1) var image: texture_2d<f32>;
@compute @workgroup_size(1)
fn main() { _ = textureSampleLevel(image, smooth_sampler, vec2f(0), 0); }",
            ),
        )
        .case("u16", only("enable wgpu_int16;\n@compute @workgroup_size(1)\nfn main() { var x: u16 = 1; x++; }"))
        .check("unsupported");
}

#[test]
fn entry_points() -> Result<()> {
    let several = "
@compute @workgroup_size(64) fn blur_rows() {}
@compute @workgroup_size(64) fn blur_columns() {}
@vertex fn corner() -> @builtin(position) vec4f { return vec4f(0); }";
    let module = Module::parse(several)?;
    let mut errors = Errors::default();
    errors
        .case("several and none named", module.only_kernel())
        .case("misspelt", module.kernel("blur_row"))
        .case("unlike any", module.kernel("sharpen"))
        .case("of another stage", module.kernel("corner"))
        .case("none at all", only("fn helper() {}"))
        .case("none at all, by name", Module::parse("fn helper() {}")?.kernel("helper"))
        .check("entry_points");
    Ok(())
}

#[test]
fn override_constants() -> Result<()> {
    let tuned = kernel(
        "override WG: u32 = 64;
@id(7) override bias: i32 = 0;
override scale: f32 = 1.0;
override half_scale: f32 = scale / 2;
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(WG) fn tuned() { y[0] = half_scale + f32(bias); }",
    );
    let unset = kernel("override WG: u32; @compute @workgroup_size(WG) fn unset() {}");
    let sized = Module::parse(
        "override N: u32;
var<workgroup> tile: array<f32, N - 1>;
@compute @workgroup_size(1) fn sized() { tile[0] = 1; }",
    )?;
    let mut errors = Errors::default();
    errors
        .case("unknown", tuned.with_const("WGS", 128))
        .case("unlike any", tuned.with_const("unroll", 4))
        .case("unknown number", tuned.with_const("8", 4))
        .case("none declared", kernel(SAXPY).with_const("WG", 128))
        .case("not finite", tuned.with_const("scale", f32::NAN))
        .case("too large", tuned.with_const("scale", 1e300))
        .case("negative", tuned.with_const("WG", -1))
        .case("not whole", tuned.with_const("bias", 0.5))
        .case("a workgroup size of zero", tuned.with_const("WG", 0))
        .case("no value at a call", null().call(&unset).workgroups(1).run())
        .case("no value when prepared", unset.prepare(&null(), "auto"))
        .case("no value where it decides a type", sized.only_kernel())
        .check("override_constants");
    assert_eq!(tuned.with_const("7", -3)?.with_const("WG", 32)?.workgroup_size(), [32, 1, 1]);
    assert_eq!(unset.with_const("WG", 32)?.workgroup_size(), [32, 1, 1]);
    assert_eq!(sized.kernel_with_consts("sized", &[("N", 9.0)])?.name(), "sized");
    Ok(())
}

#[test]
fn devices() -> Result<()> {
    let mut small = DeviceInfo::null("Small GPU", DeviceKind::IntegratedGpu);
    small.limits = vec![
        ("maxComputeInvocationsPerWorkgroup", 256),
        ("maxComputeWorkgroupStorageSize", 16384),
        ("maxStorageBufferBindingSize", 1024),
    ];
    let alone = Runtime::null(vec![small.clone()])?;
    let rt = Runtime::null(vec![small, DeviceInfo::null("Plain engine", DeviceKind::Cpu)])?;
    let halves = kernel(
        "enable f16;
@group(0) @binding(0) var<storage, read_write> y: array<f16>;
@compute @workgroup_size(64) fn halves() { y[0] = 1h; }",
    );
    let sums = kernel(
        "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64) fn sums(@builtin(subgroup_size) size: u32) { y[0] = subgroupAdd(size); }",
    );
    let wide = kernel("@compute @workgroup_size(1024) fn wide() {}");
    let hungry = kernel(
        "var<workgroup> tile: array<vec4f, 2048>;
@compute @workgroup_size(64) fn hungry() { tile[0] = vec4f(1); }",
    );
    let (x, mut y) = (vec![0f32; 512], vec![0f32; 512]);
    let scatter = kernel(
        "@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn scatter(@builtin(global_invocation_id) id: vec3u) { y[u32(x[id.x])] = 1.0; }",
    );
    let large = alone.call(&scatter).read("x", &x).read_write("y", &mut y);
    let mut errors = Errors::default();
    errors
        .case("unknown", rt.device("cuda"))
        .case("a GPU past the last", rt.device("gpu:1"))
        .case("no GPU at all", null().device("gpu"))
        .case("unknown, in a call", rt.call(&wide).workgroups(1).device("cuda").run())
        .case("a feature that is missing", halves.prepare(&rt, "cpu"))
        .case("a feature that every device lacks", halves.prepare(&rt, "auto"))
        .case("subgroups", sums.prepare(&rt, "gpu"))
        .case("too many invocations", rt.call(&wide).workgroups(1).device("gpu").run())
        .case("too much workgroup memory", hungry.prepare(&rt, "gpu"))
        .case("a binding too large for the device", large.grid(512).run())
        .check("devices");
    // Left to choose, a call goes where it can run.
    assert_eq!(rt.call(&wide).workgroups(1).run()?.device(), "Plain engine");
    Ok(())
}

#[test]
fn bindings() -> Result<()> {
    let rt = null();
    let saxpy = kernel(SAXPY);
    let module = Module::parse(
        "@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@compute @workgroup_size(1) fn first() { b[0] = 1; }
@compute @workgroup_size(1) fn second() { b[0] = a[0]; }
@compute @workgroup_size(1) fn nothing() {}",
    )?;
    let first = module.kernel("first")?;
    let nothing = module.kernel("nothing")?;
    let x = vec![1f32; 4];
    let mut y = vec![1f32; 4];
    let mut z = vec![1f32; 4];
    let call = || rt.call(&saxpy).set("params.a", 2f32).set("params.n", 4u32);
    let mut errors = Errors::default();
    errors
        .case("missing", call().read("x", &x).grid(4).run())
        .case("several missing", call().grid(4).run())
        .case("misspelt", call().read("X", &x).grid(4).run())
        .case("unlike any", call().read("positions", &x).grid(4).run())
        .case("not used by this kernel", rt.call(&first).read("a", &x).write("b", &mut y).grid(1).run())
        .case("none", rt.call(&nothing).read("data", &x).grid(1).run())
        .case("twice", call().read("x", &x).read("x", &x).read_write("y", &mut y).grid(4).run())
        .case("read for read_write", call().read("x", &x).read("y", &y).grid(4).run())
        .case("write for read-only", call().write("x", &mut z).read_write("y", &mut y).grid(4).run())
        .case("read_write for read-only", call().read_write("x", &mut z).grid(4).run())
        .case("write where the kernel reads", call().read("x", &x).write("y", &mut y).grid(4).run())
        .case("storage for a uniform", rt.call(&saxpy).read("params", &x).grid(4).run());
    let buffer = rt.buffer(&x)?;
    errors.case("the same buffer read and written", call().read("x", &buffer).read_write("y", &buffer).grid(4).run());
    errors.check("bindings");
    Ok(())
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Body {
    position: [f32; 3],
    mass: f32,
    velocity: [f32; 3],
}

#[test]
fn element_types() {
    let rt = null();
    let reads = |ty: &str| {
        kernel(&format!(
            "struct Body {{ position: vec3f, velocity: vec3f, mass: f32, tag: Tag }}
struct Tag {{ id: u32, at: vec2u }}
struct List {{ count: atomic<u32>, items: array<vec2f> }}
struct Pair {{ a: f32, b: f32 }}
@group(0) @binding(0) var<storage, read_write> data: {ty};
@compute @workgroup_size(1) fn main() {{ _ = &data; }}"
        ))
    };
    fn check<'a, T: Pod>(rt: &Runtime, kernel: &Kernel, data: &'a mut [T]) -> Call<'a> {
        rt.call(kernel).write("data", data).grid(1)
    }
    let bodies = reads("array<Body>");
    let list = reads("List");
    let mut errors = Errors::default();
    errors
        .case("u32 for f32", check(&rt, &reads("array<f32>"), &mut [1u32; 4]).run())
        .case("f32 for atomic<u32>", check(&rt, &reads("array<atomic<u32>>"), &mut [1f32; 4]).run())
        .case("f64", check(&rt, &reads("array<f32>"), &mut [1f64; 4]).run())
        .case("u8", check(&rt, &reads("array<u32>"), &mut [1u8; 16]).run())
        .case("i64", check(&rt, &reads("array<i32>"), &mut [1i64; 4]).run())
        .case("f16 for f32", check(&rt, &reads("array<f32>"), &mut [f16::ONE; 4]).run())
        .case("[u32; 4] for vec4f", check(&rt, &reads("array<vec4f>"), &mut [[1u32; 4]; 4]).run())
        .case("[f32; 3] for vec4f", check(&rt, &reads("array<vec4f>"), &mut [[1f32; 3]; 4]).run())
        .case("[f32; 3] for vec3f", check(&rt, &reads("array<vec3f>"), &mut [[1f32; 3]; 4]).run())
        .case("f32 for vec3f", check(&rt, &reads("array<vec3f>"), &mut [1f32; 12]).run())
        .case("a struct of another size", check(&rt, &bodies, &mut [Body::zeroed(); 4]).run())
        .case("f32 for a mixed struct", check(&rt, &bodies, &mut [0f32; 64]).run())
        .case("a struct that ends in a runtime-sized array", check(&rt, &list, &mut [0u32; 4]).run())
        .case("a matrix with padding", check(&rt, &reads("array<mat3x3f>"), &mut [[[0f32; 3]; 3]; 4]).run())
        .check("element_types");

    // What does fit: any grouping of the binding's own scalars, and structs of the element's size.
    let fits = |result: Result<swath::Report>| assert!(result.is_ok(), "{}", result.unwrap_err());
    fits(check(&rt, &reads("array<vec4f>"), &mut [0f32; 8]).run());
    fits(check(&rt, &reads("array<vec4f>"), &mut [[0f32; 4]; 2]).run());
    fits(check(&rt, &reads("array<f32>"), &mut [[0f32; 4]; 2]).run());
    fits(check(&rt, &reads("array<vec3f>"), &mut [[0f32; 4]; 2]).run());
    fits(check(&rt, &reads("array<atomic<u32>>"), &mut [0u32; 2]).run());
    fits(check(&rt, &reads("array<Pair>"), &mut [0f32; 8]).run());
    fits(check(&rt, &reads("array<mat4x4f>"), &mut [[[0f32; 4]; 4]; 2]).run());
    fits(check(&rt, &reads("array<mat3x3f>"), &mut [[[0f32; 4]; 3]; 2]).run());
    fits(check(&rt, &reads("Pair"), &mut [0f32; 2]).run());
    let mut words = [0u32; 4];
    fits(rt.call(&list).write("data", Untyped(&mut words)).grid(1).run());
}

#[test]
fn lengths() {
    let rt = null();
    let takes = |ty: &str| {
        kernel(&format!(
            "enable f16;
struct List {{ count: u32, pad: u32, items: array<vec2u> }}
@group(0) @binding(0) var<storage, read> data: {ty};
@compute @workgroup_size(1) fn main() {{ _ = &data; }}"
        ))
    };
    let mut halves = DeviceInfo::null("Halves", DeviceKind::Cpu);
    halves.features = vec!["shader-f16"];
    let empty: [f32; 0] = [];
    let mut errors = Errors::default();
    errors
        .case("none", rt.call(&takes("array<f32>")).read("data", &empty).grid(1).run())
        .case("part of an element", rt.call(&takes("array<vec4f>")).read("data", &[1f32; 10]).grid(1).run())
        .case("part of an element after a header", rt.call(&takes("List")).read("data", &[1u32; 5]).grid(1).run())
        .case("a header and nothing more", rt.call(&takes("List")).read("data", &[1u32; 2]).grid(1).run())
        .case("less than a fixed array", rt.call(&takes("array<f32, 16>")).read("data", &[1f32; 15]).grid(1).run())
        .case("half a word", rt.call(&takes("array<f16>")).read("data", &[f16::ONE; 3]).grid(1).run())
        .check("lengths");
}

#[test]
fn grids() {
    let rt = null();
    let wide = kernel("@compute @workgroup_size(64) fn wide() {}");
    let mut errors = Errors::default();
    errors
        .case("none", rt.call(&wide).run())
        .case("negative", rt.call(&wide).grid([-1]).run())
        .case("negative workgroups", rt.call(&wide).workgroups([3, -2]).run())
        .case("too large", rt.call(&wide).grid([(1u64 << 32) + 1]).run())
        .case("too many workgroups", rt.call(&wide).workgroups([1u64 << 27, 1, 1]).run())
        .check("grids");
    let workgroups = |call: Call<'_>| call.run().expect("the grid is good").workgroups();
    assert_eq!(workgroups(rt.call(&wide).grid([65, 2])), [2, 2, 1]);
    assert_eq!(workgroups(rt.call(&wide).grid([4, 0, 1])), [1, 0, 1]);
    assert_eq!(workgroups(rt.call(&wide).workgroups(0)), [0, 1, 1]);
    assert_eq!(workgroups(rt.call(&wide).grid([1u64 << 32])), [1 << 26, 1, 1]);
    assert_eq!(workgroups(rt.call(&wide).workgroups([70_000usize, 1, 3])), [70_000, 1, 3]);
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Short {
    origin: [f32; 3],
    count: u32,
}

#[test]
fn uniforms() {
    let rt = null();
    let shaded = kernel(
        "struct Light { color: vec3f, power: f32 }
struct Params { origin: vec3f, turn: mat3x3f, count: u32, lights: array<Light, 2>, weights: array<vec4f, 3>, pad: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> gain: f32;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1)
fn shaded() { y[0] = gain * params.origin.x + params.turn[0].x + f32(params.count) + params.lights[0].power + params.weights[0].x; }",
    );
    let call = || rt.call(&shaded);
    let mut y = [0f32; 4];
    let mut z = [0f32; 4];
    let mut errors = Errors::default();
    errors
        .case("nothing set", call().write("y", &mut y).grid(1).run())
        .case("a field left out", complete(call(), &mut z).run_without("params.turn", &rt, &shaded))
        .case("an unknown uniform", call().set("parms.count", 1u32).run())
        .case("a field by its name alone", call().set("count", 1u32).run())
        .case("a misspelt field", call().set("params.cuont", 1u32).run())
        .case("no such field", call().set("params.albedo", 1u32).run())
        .case("of another type", call().set("params.count", 1u64).run())
        .case("a number that does not fit", call().set("params.count", -1).run())
        .case("a length that does not fit", call().set("params.count", 1usize << 32).run())
        .case("a number that would be rounded", call().set("gain", 16_777_217).run())
        .case("f64-like float for u32", call().set("params.count", 1.0f32).run())
        .case("of another length", call().set("params.origin", [1f32; 2]).run())
        .case("a scalar for a vector", call().set("params.origin", 1f32).run())
        .case("rows and columns", call().set("params.turn", [[1f32; 3]; 2]).run())
        .case("a struct", call().set("params.lights[0]", 1f32).run())
        .case("the whole struct", call().set("params", 1f32).run())
        .case("an array of structs", call().set("params.lights", 1f32).run())
        .case("past the end", call().set("params.lights[2].power", 1f32).run())
        .case("a component that is not there", call().set("params.origin.w", 1f32).run())
        .case("a field of a scalar", call().set("gain.x", 1f32).run())
        .case("an array by a field", call().set("params.lights.power", 1f32).run())
        .case("not a path", call().set("params.lights[one]", 1f32).run())
        .case("storage", call().set("y", 1f32).run())
        .case("a whole uniform of another size", call().uniform("params", &Short::zeroed()).run())
        .case("a whole uniform of another type", call().uniform("gain", &1u32).run())
        .check("uniforms");
}

/// A call of `shaded` with everything given but one field.
struct Complete<'a> {
    y: &'a mut [f32],
}

fn complete<'a>(_: Call<'_>, y: &'a mut [f32]) -> Complete<'a> {
    Complete { y }
}

impl Complete<'_> {
    fn run_without(self, path: &str, rt: &Runtime, kernel: &Kernel) -> Result<swath::Report> {
        let mut call = rt.call(kernel).write("y", self.y).set("gain", 1f32).grid(1);
        if path != "params.turn" {
            call = call.set("params.turn", [[1f32; 3]; 3]);
        }
        call = call.set("params.origin", [1f32; 3]).set("params.count", 3u32).set("params.weights", [[1f32; 4]; 3]);
        call = call.set("params.lights[0].color", [1f32; 3]).set("params.lights[0].power", 1f32);
        call.set("params.lights[1].color", [1f32; 3]).set("params.lights[1].power", 1f32).run()
    }
}

#[test]
fn buffers() -> Result<()> {
    let rt = Runtime::null(vec![
        DeviceInfo::null("One", DeviceKind::DiscreteGpu),
        DeviceInfo::null("Two", DeviceKind::IntegratedGpu),
    ])?;
    let (one, two): (Device, Device) = (rt.device("gpu:0")?, rt.device("gpu:1")?);
    let buffer = rt.buffer_on(&one, &[1f32, 2.0, 3.0, 4.0])?;
    let other = rt.buffer_zeroed_on::<f32>(&two, 4)?;
    let shorter = rt.buffer_zeroed::<f32>(2)?;
    let saxpy = kernel(SAXPY);
    let call = || rt.call(&saxpy).set("params.a", 2f32).set("params.n", 4u32).grid(4);
    let mut tiny = DeviceInfo::null("Tiny", DeviceKind::Cpu);
    tiny.limits = vec![("maxBufferSize", 1024)];
    let mut errors = Errors::default();
    errors
        .case("empty", rt.buffer::<f32>(&[]))
        .case("no whole words", rt.buffer(&[f16::ONE; 3]))
        .case("no size", rt.buffer(&[(); 3]))
        .case("too large", Runtime::null(vec![tiny])?.buffer_zeroed::<u32>(257))
        .case("upload of another length", buffer.upload(&[1.0; 3]))
        .case("upload past the end", buffer.upload_at(3, &[1.0; 2]))
        .case("download of another length", buffer.download_into(&mut [0.0; 5]))
        .case("download past the end", buffer.download_range(2..5))
        .case("download backwards", buffer.download_range(std::ops::Range { start: 3, end: 1 }))
        .case("copy of another length", buffer.copy_from(&shorter))
        .case("two devices in a call", call().read("x", &buffer).read_write("y", &other).run())
        .case(
            "another device than asked for",
            call().read("x", &buffer).read_write("y", buffer.clone()).device("gpu:1").run(),
        );
    let y = rt.buffer_zeroed_on::<f32>(&one, 4)?;
    errors
        .case(
            "another device than asked for, two buffers",
            call().read("x", &buffer).read_write("y", &y).device(&two).run(),
        )
        .check("buffers");
    assert_eq!(call().read("x", &buffer).read_write("y", &y).run()?.device(), "One");
    Ok(())
}

#[test]
fn outcomes() -> Result<()> {
    let rt = null();
    let saxpy = kernel(SAXPY);
    let call = rt.call(&saxpy).set("params.a", 2f32).set("params.n", 4u32).grid(4);
    let call = call.read("x", vec![1f32; 4]).read_write("y", vec![2f32; 4]);
    let mut outcome = pollster::block_on(call.run_async())?;
    let mut errors = Errors::default();
    errors.case("of another type", outcome.take::<u32>("y")).case("misspelt", outcome.take::<f32>("Y"));
    assert_eq!(outcome.take::<f32>("y")?, [2.0; 4]);
    errors.case("twice", outcome.take::<f32>("y"));
    let wrong = rt.call(&saxpy).read("x", vec![1f32; 4]).grid(4);
    errors.case("a wrong call", pollster::block_on(wrong.run_async())).check("outcomes");
    Ok(())
}

#[test]
fn files() {
    let missing = null().module_file("no/such/kernel.wgsl");
    assert!(matches!(missing, Err(Error::Io(_))));
    let temporary = tempfile::tempdir().expect("a folder for the test");
    let wrong = temporary.path().join("wrong.wgsl");
    std::fs::write(&wrong, "@compute @workgroup_size(1) fn main() { let x = y; }").expect("a file for the test");
    let folder = temporary.path().display().to_string();
    let parsed = Module::parse_file(&wrong).map_err(|error| match error {
        Error::Wgsl(mut error) => {
            error.rendered = error.rendered.replace(&folder, "FOLDER");
            Error::Wgsl(error)
        }
        other => other,
    });
    let mut errors = Errors::default();
    errors.case("missing", missing).case("with an error in it", parsed).check("files");
}

#[test]
fn places_are_given_as_numbers() {
    let Err(Error::Wgsl(error)) = only("@compute @workgroup_size(64)\nfn main() {\n    let x = y + 1;\n}") else {
        panic!("a WGSL error");
    };
    assert_eq!(error.location, Some((3, 13)));
    let Err(Error::Wgsl(error)) = only("// größer\n@compute @workgroup_size(1) fn main() { /*é*/ let a = b; }")
    else {
        panic!("a WGSL error");
    };
    assert_eq!(error.location, Some((2, 55)));
}
