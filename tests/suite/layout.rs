//! Structs that derive `Layout`: what fits is taken, and what differs in a name, a place or a type is refused.

use bytemuck::{Pod, Zeroable};
use swath::{Error, Runtime, Untyped};

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable, swath::Layout)]
#[repr(C)]
struct Bond {
    ends: [u32; 2],
    #[layout(name = "restLength")]
    rest_length: f32,
    _pad: [u8; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable, swath::Layout)]
#[repr(C)]
struct Atom {
    pos: [f32; 3],
    mass: f32,
    turn: [[f32; 4]; 3],
    charge: i32,
    _pad: [i32; 1],
    bonds: [Bond; 2],
    weights: [f32; 4],
    r#type: u32,
    padding: [f32; 1],
}

/// Four numbers: a vector.
#[derive(Clone, Copy, Pod, Zeroable, swath::Layout)]
#[repr(C)]
struct Color {
    r: f32,
    g: f32,
    b: f32,
    a: f32,
}

const BOND: &str = "struct Bond { ends: vec2u, restLength: f32 }";
const ATOM: &str = "struct Atom {
    pos: vec3f, mass: f32, turn: mat3x3f, charge: i32, @align(8) bonds: array<Bond, 2>, weights: array<f32, 4>, type_: u32
}";

fn kernel(structs: &str, declared: &str, body: &str) -> String {
    format!(
        "{structs}
        @group(0) @binding(0) var<storage, read_write> data: {declared};
        @compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {{ let i = id.x; {body} }}"
    )
}

/// What a call says that binds these.
fn refusal<T: Pod>(wgsl: &str, data: &mut [T]) -> Option<String> {
    let rt = Runtime::cpu().expect("the engine is always there");
    let kernel = rt.module(wgsl).and_then(|module| module.only_kernel()).unwrap_or_else(|error| panic!("{error}"));
    match rt.call(&kernel).read_write("data", data).grid(1).run() {
        Ok(_) => None,
        Err(error @ Error::Call(_)) => Some(error.to_string()),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn what_fits_is_what_the_kernel_sees() {
    let body = "data[i].pos += vec3f(1, 2, 3); data[i].bonds[1].restLength = 7.5; data[i].weights[2] = data[i].mass;
        data[i].turn[2].y = 9.0; data[i].charge -= 1; data[i].bonds[0].ends.y = 4u; data[i].type_ = 3u;";
    let text =
        kernel(&format!("{BOND} {}", ATOM.replace("type_", "kind")), "array<Atom>", &body.replace("type_", "kind"));
    #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable, swath::Layout)]
    #[repr(C)]
    struct Named {
        pos: [f32; 3],
        mass: f32,
        turn: [[f32; 4]; 3],
        charge: i32,
        _pad: [i32; 1],
        bonds: [Bond; 2],
        weights: [f32; 4],
        kind: u32,
        padding: [f32; 1],
    }
    let rt = Runtime::cpu().expect("the engine is always there");
    let kernel = rt.module(&text).and_then(|module| module.only_kernel()).expect("a kernel");
    let mut atoms = [Named { mass: 2.5, ..Zeroable::zeroed() }; 3];
    rt.call(&kernel).read_write("data", &mut atoms).grid(3).run().expect("it fits");
    let mut wanted = Named { mass: 2.5, pos: [1.0, 2.0, 3.0], charge: -1, kind: 3, ..Zeroable::zeroed() };
    (wanted.bonds[1].rest_length, wanted.weights[2], wanted.turn[2][1], wanted.bonds[0].ends[1]) = (7.5, 2.5, 9.0, 4);
    assert_eq!(atoms, [wanted; 3]);
}

#[test]
fn what_differs_is_named() {
    let structs = |atom: &str| format!("{BOND} {atom}");
    let mut atoms = [Atom::zeroed(); 2];
    let mut says = |atom: &str| refusal(&kernel(&structs(atom), "array<Atom>", "data[i].mass = 1.0;"), &mut atoms);
    // A word of Rust that is a name in WGSL is not a field of another name.
    let good = ATOM.replace("type_", "padding_");
    let missing = says(&good).expect("`type` is not there");
    assert!(missing.contains("`Atom` has a field `type`, which the WGSL struct `Atom` does not have"), "{missing}");
    let other = says(ATOM).expect("it has another name");
    assert!(other.contains("`Atom` has no field `type_`") && other.contains("#[layout(name = \"type_\")]"), "{other}");

    let mut colors = [Color::zeroed(); 4];
    for (declared, body) in [
        ("array<vec4f>", "data[i].x = 1.0;"),
        ("array<array<f32, 4>>", "data[i][0] = 1.0;"),
        ("array<mat2x2f>", "data[i][0].x = 1.0;"),
        ("array<vec4f, 4>", "data[i].x = 1.0;"),
    ] {
        assert_eq!(refusal(&kernel("", declared, body), &mut colors), None, "{declared}");
    }
    for (structs, declared, body, words) in [
        ("", "array<vec4u>", "data[i].x = 1u;", "Color is Color, and in the WGSL vec4u"),
        (
            "struct C { r: f32, g: f32, a: f32, b: f32 }",
            "array<C>",
            "data[i].r = 1.0;",
            "`a` of `Color` is at byte 12, and in the WGSL at byte 8",
        ),
        (
            "struct C { r: f32, g: u32, b: f32, a: f32 }",
            "array<C>",
            "data[i].r = 1.0;",
            "`g` is f32, and in the WGSL u32",
        ),
        ("struct C { r: f32, g: f32, b: f32 }", "array<C>", "data[i].r = 1.0;", "takes 12 bytes"),
    ] {
        let text = refusal(&kernel(structs, declared, body), &mut colors).unwrap_or_default();
        assert!(text.contains(words), "{declared}: {text}");
    }
    // Who answers for the bytes is not asked.
    let rt = Runtime::cpu().expect("the engine is always there");
    let text = kernel("struct C { r: f32, g: u32, b: f32, a: f32 }", "array<C>", "data[i].r = 1.0;");
    let kernel = rt.module(&text).and_then(|module| module.only_kernel()).expect("a kernel");
    rt.call(&kernel).read_write("data", Untyped(&mut colors)).grid(1).run().expect("nobody asks");
}

#[test]
fn fields_within_fields_have_paths() {
    #[derive(Clone, Copy, Pod, Zeroable, swath::Layout)]
    #[repr(C)]
    struct Pair {
        bonds: [Bond; 2],
    }
    let pair = "struct Pair { bonds: array<Bond, 2> }";
    let says = |bond: &str| {
        let text = kernel(&format!("{bond} {pair}"), "array<Pair>", "data[i].bonds[0].ends.x = bitcast<u32>(0u);");
        refusal(&text, &mut [Pair::zeroed(); 2])
    };
    assert_eq!(says(BOND), None);
    let wrong = says("struct Bond { ends: vec2u, restLength: i32 }").expect("it is a float");
    assert!(wrong.contains("`bonds[].restLength` is f32, and in the WGSL i32"), "{wrong}");
    let wrong = says("struct Bond { ends: vec2u, @align(4) spare: f32, restLength: f32 }").expect("it moves");
    assert!(wrong.contains("`Bond` has no field `spare`"), "{wrong}");
}
