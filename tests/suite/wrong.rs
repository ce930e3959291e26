//! Drawn wrong calls: each ends in an error that names what is wrong, and writes nothing.
//!
//! A right call is drawn, and then something about it is made wrong, or up to three things. `SWATH_WRONG` says how many
//! calls, `SWATH_SEED` which ones.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytemuck::{Pod, Zeroable};
use swath::{Buffer, Call, Error, Kernel, Module, Report, Result, Runtime, Untyped};

use crate::{drawn::drawn, random::Random};

const WGSL: &str = "
struct Params { scale: f32, count: u32, offset: vec2i, weights: array<vec4f, 3> }
struct Body { position: vec3f, charge: i32 }
struct Log { total: u32, entries: array<vec2u> }

override STEP: u32 = 2u;
override GAIN: f32;
override WIDE: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> bodies: array<Body>;
@group(0) @binding(4) var<storage, read_write> moved: array<vec4f>;
@group(0) @binding(5) var<storage, read> levels: array<u32>;
@group(0) @binding(6) var<storage, read_write> bins: array<atomic<u32>, 16>;
@group(0) @binding(7) var<storage, read_write> log: Log;

@compute @workgroup_size(64) fn blend(@builtin(global_invocation_id) id: vec3u) {
    if id.x < params.count { y[id.x] += params.scale * x[id.x]; }
}

@compute @workgroup_size(64) fn push(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&moved) { return; }
    let body = bodies[id.x];
    let offset = vec3f(vec2f(params.offset), 0.0);
    moved[id.x] = vec4f(body.position + offset, f32(body.charge)) * params.weights[1];
}

@compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&levels) { atomicAdd(&bins[levels[id.x] % 16u], 1u); }
}

@compute @workgroup_size(64) fn note(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&log.entries) { return; }
    log.entries[id.x] += vec2u(id.x, STEP * log.total);
}

@compute @workgroup_size(64) fn amplify(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&y) { y[id.x] *= select(GAIN, 2.0 * GAIN, WIDE); }
}
";

/// What the module's storage is called.
const STORAGE: [&str; 7] = ["x", "y", "bodies", "moved", "levels", "bins", "log"];

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Body {
    position: [f32; 3],
    charge: i32,
}

/// Host data of a type.
#[derive(Clone, Debug)]
enum Data {
    F32(Vec<f32>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    U8(Vec<u8>),
    F64(Vec<f64>),
    I64(Vec<i64>),
    Four(Vec<[f32; 4]>),
    Bodies(Vec<Body>),
}

impl Data {
    fn bytes(&self) -> &[u8] {
        match self {
            Data::F32(values) => bytemuck::cast_slice(values),
            Data::U32(values) => bytemuck::cast_slice(values),
            Data::I32(values) => bytemuck::cast_slice(values),
            Data::U8(values) => values,
            Data::F64(values) => bytemuck::cast_slice(values),
            Data::I64(values) => bytemuck::cast_slice(values),
            Data::Four(values) => bytemuck::cast_slice(values),
            Data::Bodies(values) => bytemuck::cast_slice(values),
        }
    }

    /// Words as another type.
    fn of(words: &[u32], kind: usize) -> Data {
        let bytes: &[u8] = bytemuck::cast_slice(words);
        let whole = &bytes[..bytes.len() / 8 * 8];
        match kind {
            0 => Data::F32(bytemuck::pod_collect_to_vec(bytes)),
            1 => Data::U32(words.to_vec()),
            2 => Data::I32(bytemuck::pod_collect_to_vec(bytes)),
            3 => Data::U8(bytes.to_vec()),
            4 => Data::F64(bytemuck::pod_collect_to_vec(whole)),
            _ => Data::I64(bytemuck::pod_collect_to_vec(whole)),
        }
    }

    fn words(&self) -> Vec<u32> {
        bytemuck::pod_collect_to_vec(self.bytes())
    }
}

/// How an argument is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    ReadWrite,
}

#[derive(Clone, Debug)]
struct Arg {
    name: String,
    access: Access,
    data: Data,
}

/// A value of a uniform's field.
#[derive(Clone, Debug)]
enum Value {
    F32(f32),
    U32(u32),
    I32(i32),
    Usize(usize),
    Pair([i32; 2]),
    Four([f32; 4]),
    /// All of the uniform, in so many bytes.
    Bytes(usize),
}

/// The value of a constant.
#[derive(Clone, Copy, Debug)]
enum Constant {
    Number(f64),
    Truth(bool),
}

/// A call as it is to be made.
#[derive(Clone, Debug)]
struct Draft {
    text: Option<String>,
    entry: String,
    constants: Vec<(String, Constant)>,
    sets: Vec<(String, Value)>,
    args: Vec<Arg>,
    grid: Option<usize>,
    device: String,
    /// Whether `x` and `y` are one buffer.
    shares_buffer: bool,
}

fn arg(name: &str, access: Access, data: Data) -> Arg {
    Arg { name: name.to_owned(), access, data }
}

/// A right call.
fn draft(random: &mut Random) -> Draft {
    let n = 1 + random.below(200);
    let floats = |random: &mut Random, n: usize| (0..n).map(|_| random.below(1000) as f32).collect::<Vec<f32>>();
    let numbers = |random: &mut Random, n: usize| (0..n).map(|_| random.below(1000) as u32).collect::<Vec<u32>>();
    let scale = ("params.scale", Value::F32(0.5));
    let (entry, sets, constants, args, grid) = match random.below(5) {
        0 => {
            let count = match random.below(3) {
                0 => Value::U32(n as u32),
                1 => Value::I32(n as i32),
                _ => Value::Usize(n),
            };
            let (x, y) = (Data::F32(floats(random, n)), Data::F32(floats(random, n)));
            let args = vec![arg("x", Access::Read, x), arg("y", Access::ReadWrite, y)];
            ("blend", vec![scale, ("params.count", count)], vec![], args, Some(n))
        }
        1 => {
            let bodies = (0..n).map(|i| Body { position: [i as f32; 3], charge: random.below(9) as i32 }).collect();
            let weights = ("params.weights[1]", Value::Four([1.0, 2.0, 3.0, 4.0]));
            let moved = match random.below(2) {
                0 => Data::F32(floats(random, 4 * n)),
                _ => Data::Four(vec![[7.0; 4]; n]),
            };
            let args = vec![arg("bodies", Access::Read, Data::Bodies(bodies)), arg("moved", Access::Write, moved)];
            // An invocation for each element that is written is what it infers.
            let grid = if random.chance(50) { Some(n) } else { None };
            ("push", vec![("params.offset", Value::Pair([1, -1])), weights], vec![], args, grid)
        }
        2 => {
            let (levels, bins) = (Data::U32(numbers(random, n)), Data::U32(vec![3; 16]));
            let args = vec![arg("levels", Access::Read, levels), arg("bins", Access::ReadWrite, bins)];
            ("count", vec![], vec![], args, Some(n))
        }
        3 => {
            let log = Data::U32(numbers(random, 2 + 2 * n));
            let step = ("STEP", Constant::Number(3.0));
            let constants = if random.chance(50) { vec![step] } else { vec![] };
            ("note", vec![], constants, vec![arg("log", Access::ReadWrite, log)], Some(n))
        }
        _ => {
            let constants = vec![("GAIN", Constant::Number(1.5)), ("WIDE", Constant::Truth(random.chance(50)))];
            ("amplify", vec![], constants, vec![arg("y", Access::ReadWrite, Data::F32(floats(random, n)))], Some(n))
        }
    };
    let mut args = args;
    if random.chance(50) {
        args.reverse();
    }
    Draft {
        text: None,
        entry: entry.to_owned(),
        constants: constants.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        sets: sets.into_iter().map(|(path, value)| (path.to_owned(), value)).collect(),
        args,
        grid,
        device: random.pick(&["cpu", "auto", "all"]).to_owned(),
        shares_buffer: false,
    }
}

/// Makes something wrong. Gives a name for it, and what the error has to say at least; nothing where this draft has nothing
/// that can be wrong in the way that was drawn.
fn spoil(draft: &mut Draft, kind: usize, random: &mut Random) -> Option<(&'static str, Vec<String>)> {
    let at = random.below(draft.args.len());
    let name = draft.args[at].name.clone();
    let quoted = format!("`{name}`");
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<String>>();
    let is_inferred = draft.grid.is_none();
    Some(match kind {
        0 => {
            draft.args.remove(at);
            if draft.args.is_empty() || name == "moved" && is_inferred {
                return None;
            }
            ("left out", words(&[&quoted, "missing"]))
        }
        1 => {
            let mut wrong = name;
            let place = random.below(wrong.len() + 1);
            wrong.insert(place, char::from(b'a' + random.below(26) as u8));
            if STORAGE.contains(&&*wrong) {
                return None;
            }
            draft.args[at].name = wrong.clone();
            ("unknown", words(&["no binding", &format!("`{wrong}`")]))
        }
        2 => {
            let other = STORAGE.into_iter().find(|other| draft.args.iter().all(|arg| arg.name != *other))?;
            draft.args.push(arg(other, Access::Read, Data::U32(vec![1; 16])));
            ("not of this kernel", words(&["does not use it", &format!("`{other}`")]))
        }
        3 => {
            draft.args.push(draft.args[at].clone());
            ("twice", words(&[&quoted, "bound twice"]))
        }
        4 => {
            let (access, why) = match (&*name, random.below(2)) {
                ("x" | "bodies" | "levels", 0) => (Access::Write, "read-only"),
                ("x" | "bodies" | "levels", _) => (Access::ReadWrite, "read-only"),
                ("moved", _) => (Access::Read, "the kernel writes it"),
                (_, 0) => (Access::Read, "the kernel writes it"),
                _ => (Access::Write, "also reads"),
            };
            draft.args[at].access = access;
            ("access", words(&[&quoted, why]))
        }
        5 => {
            let others: &[usize] = match &*name {
                "x" | "y" | "moved" => &[1, 2, 3, 4, 5],
                "levels" | "bins" => &[0, 2, 3, 4, 5],
                "log" => return None,
                // Bytes of whole elements, of several types.
                _ => &[0, 1, 2, 3],
            };
            draft.args[at].data = Data::of(&draft.args[at].data.words(), random.pick(others));
            if draft.args[at].data.bytes().is_empty() {
                return None;
            }
            ("type", words(&[&name]))
        }
        6 => {
            let (kind, front, stride) = match &*name {
                "moved" => (0, 0, 4),
                "log" => (1, 2, 2),
                _ => return None,
            };
            let length = front + stride * (1 + random.below(50)) + 1 + random.below(stride - 1);
            draft.args[at].data = Data::of(&vec![7; length], kind);
            ("ragged", words(&[&name, "leave", &format!("{} bytes", 4 * length)]))
        }
        7 => {
            let most = match &*name {
                "bins" => 16,
                "log" => 2,
                _ => return None,
            };
            let length = 1 + random.below(most - 1);
            draft.args[at].data = Data::U32(vec![7; length]);
            ("short", words(&[&name, "needs", &format!("{} bytes", 4 * length)]))
        }
        8 => {
            if is_inferred || name == "log" {
                return None;
            }
            let Data::Bodies(_) = &draft.args[at].data else {
                draft.args[at].data = Data::of(&[], if matches!(&*name, "levels" | "bins") { 1 } else { 0 });
                return Some(("empty", words(&[&name, "needs"])));
            };
            draft.args[at].data = Data::Bodies(Vec::new());
            ("empty", words(&[&name, "needs"]))
        }
        9 => {
            let (path, _) = pop(&mut draft.sets, random)?;
            // An element of an array that is missing is named with the array.
            ("not set", words(&[path.split('[').next().unwrap_or(&path)]))
        }
        10 => {
            let (path, said): (&str, &[&str]) = random.pick(&[
                ("params.scael", &["`scael`"] as &[&str]),
                ("params.", &["params"]),
                ("params.weights[1].q", &["params.weights[1]", "`q`"]),
                ("parms.scale", &["`parms`"]),
                ("params[0]", &["params"]),
                ("", &["no binding"]),
                ("x.scale", &["`x`"]),
                ("y", &["`y`"]),
                ("params.scale.x", &["params.scale"]),
            ]);
            draft.sets.push((path.to_owned(), Value::F32(1.0)));
            // Of a uniform that the kernel does not use, no field is looked at.
            let uses_it = matches!(&*draft.entry, "blend" | "push");
            ("no such field", words(if uses_it || !path.starts_with("params") { said } else { &["`params`"] }))
        }
        11 => {
            let (path, value) = pop(&mut draft.sets, random)?;
            let wrong = match value {
                Value::F32(_) => [Value::U32(1), Value::Four([1.0; 4]), Value::Pair([1, 2])],
                Value::U32(_) | Value::I32(_) | Value::Usize(_) => {
                    [Value::F32(1.0), Value::Four([1.0; 4]), Value::Pair([1, 2])]
                }
                Value::Pair(_) => [Value::F32(1.0), Value::Four([1.0; 4]), Value::I32(1)],
                _ => [Value::F32(1.0), Value::Pair([1, 2]), Value::U32(1)],
            };
            let wrong = wrong[random.below(3)].clone();
            draft.sets.push((path.clone(), wrong));
            ("field's type", words(&[&path, "was given"]))
        }
        12 => {
            if draft.entry != "blend" {
                return None;
            }
            let (path, value, number) = match random.below(4) {
                0 => ("params.count", Value::I32(-1 - random.below(1000) as i32), "-"),
                1 => ("params.count", Value::Usize((1 << 32) + random.below(1000)), "4294967"),
                2 => ("params.scale", Value::I32((1 << 24) + 1), "16777217"),
                _ => ("params.scale", Value::Usize(usize::MAX - random.below(1000)), "1844674407370955"),
            };
            draft.sets.push((path.to_owned(), value));
            ("number", words(&[path, number]))
        }
        13 => {
            let index = 3 + random.below(100);
            draft.sets.push((format!("params.weights[{index}]"), Value::Four([1.0; 4])));
            if draft.sets.len() == 1 {
                return None;
            }
            ("index", words(&["weights", &index.to_string()]))
        }
        14 => {
            let length = random.below(200);
            // What it has: 16 bytes of numbers, and three vectors of 16.
            if length == 64 || draft.sets.is_empty() {
                return None;
            }
            draft.sets.push(("params".to_owned(), Value::Bytes(length)));
            ("uniform's size", words(&["params", &format!("given {length}"), "64 bytes"]))
        }
        15 => {
            // Its length says nothing of where it writes.
            if !matches!(&*draft.entry, "count" | "note") {
                return None;
            }
            draft.grid = None;
            ("no grid", words(&["grid"]))
        }
        16 => {
            let wrong = ["gpu:77", "tpu", "gpu:x", "cpu:9", "all,cpu", "cpu,", "cpu;gpu", "CPU!"];
            draft.device = random.pick(&wrong).to_owned();
            let shown = draft.device.split(',').next_back().unwrap_or_default();
            ("device", words(&[if shown.is_empty() { "cpu," } else { shown }]))
        }
        17 => {
            let wrong = random.pick(&["STPE", "step", "", "y", "GAIN2"]);
            draft.constants.push((wrong.to_owned(), Constant::Number(1.0)));
            ("no such constant", words(&["constant", wrong]))
        }
        18 => {
            let (constant, value) = match random.below(4) {
                0 => ("STEP", Constant::Number(-1.0)),
                1 => ("STEP", Constant::Number(0.5)),
                2 => ("STEP", Constant::Number(4_294_967_296.0)),
                _ => ("GAIN", Constant::Number(1e39)),
            };
            // Those that no kernel uses are checked as well.
            draft.constants.push((constant.to_owned(), value));
            ("constant", words(&[constant]))
        }
        19 => {
            if draft.entry != "amplify" {
                return None;
            }
            draft.constants.retain(|(name, _)| name != "GAIN");
            ("constant left out", words(&["GAIN"]))
        }
        20 => {
            let wrong = random.pick(&["blnd", "", "Blend", "params", "main"]);
            draft.entry = wrong.to_owned();
            ("kernel", words(&[&format!("`{wrong}`"), "kernel"]))
        }
        _ => {
            if random.chance(40) {
                if draft.entry != "blend" {
                    return None;
                }
                draft.shares_buffer = true;
                draft.device = "auto".to_owned();
                return Some(("one buffer", words(&["`x`", "`y`", "same buffer"])));
            }
            let mut text = WGSL.to_owned();
            let places: Vec<usize> = text.match_indices(['{', '}', '(', ')', ';', '@']).map(|(at, _)| at).collect();
            let place = random.pick(&places);
            match random.below(2) {
                0 => _ = text.remove(place),
                _ => text.insert(place, random.pick(&['$', '"', '\\', '`'])),
            }
            draft.text = Some(text);
            ("text", words(&["wgsl"]))
        }
    })
}

/// Takes one out.
fn pop<T>(list: &mut Vec<T>, random: &mut Random) -> Option<T> {
    if list.is_empty() { None } else { Some(list.remove(random.below(list.len()))) }
}

fn set<'a>(call: Call<'a>, path: &str, value: &Value) -> Call<'a> {
    match value {
        Value::F32(value) => call.set(path, *value),
        Value::U32(value) => call.set(path, *value),
        Value::I32(value) => call.set(path, *value),
        Value::Usize(value) => call.set(path, *value),
        Value::Pair(value) => call.set(path, *value),
        Value::Four(value) => call.set(path, *value),
        Value::Bytes(length) => call.uniform_bytes(path, &vec![0; *length]),
    }
}

fn bind<'a>(call: Call<'a>, arg: &'a mut Arg) -> Call<'a> {
    fn with<'a, T: Pod>(call: Call<'a>, name: &str, access: Access, values: &'a mut [T]) -> Call<'a> {
        match access {
            // No type of Rust stands for a struct that ends in an array of any length.
            Access::Read if name == "log" => call.read(name, Untyped(&*values)),
            Access::Write if name == "log" => call.write(name, Untyped(values)),
            Access::ReadWrite if name == "log" => call.read_write(name, Untyped(values)),
            Access::Read => call.read(name, &*values),
            Access::Write => call.write(name, values),
            Access::ReadWrite => call.read_write(name, values),
        }
    }
    let Arg { name, access, data } = arg;
    match data {
        Data::F32(values) => with(call, name, *access, values),
        Data::U32(values) => with(call, name, *access, values),
        Data::I32(values) => with(call, name, *access, values),
        Data::U8(values) => with(call, name, *access, values),
        Data::F64(values) => with(call, name, *access, values),
        Data::I64(values) => with(call, name, *access, values),
        Data::Four(values) => with(call, name, *access, values),
        Data::Bodies(values) => with(call, name, *access, values),
    }
}

/// Who runs calls, and what they bind.
struct Place {
    runtime: Runtime,
    module: Module,
    buffer: Buffer<f32>,
}

impl Place {
    fn new() -> Result<Place> {
        let runtime = Runtime::new()?;
        Ok(Place {
            module: runtime.module(WGSL)?,
            buffer: runtime.buffer_on(&runtime.device("cpu")?, &[1.0f32; 256])?,
            runtime,
        })
    }

    fn kernel(&self, draft: &Draft) -> Result<Kernel> {
        let module = match &draft.text {
            None => self.module.clone(),
            Some(text) => self.runtime.module(text)?,
        };
        draft.constants.iter().try_fold(module.kernel(&draft.entry)?, |kernel, (name, value)| match value {
            Constant::Number(value) => kernel.with_const(name, *value),
            Constant::Truth(value) => kernel.with_const(name, *value),
        })
    }

    fn run(&self, draft: &mut Draft) -> Result<Report> {
        let kernel = self.kernel(draft)?;
        let mut call = self.runtime.call(&kernel);
        for (path, value) in &draft.sets {
            call = set(call, path, value);
        }
        for arg in &mut draft.args {
            call = match (draft.shares_buffer, &*arg.name) {
                (true, "x") => call.read("x", &self.buffer),
                (true, "y") => call.read_write("y", &self.buffer),
                _ => bind(call, arg),
            };
        }
        if let Some(grid) = draft.grid {
            call = call.grid(grid);
        }
        call.device(&*draft.device).run()
    }
}

/// A draft on one line, data by its length.
fn shown(draft: &Draft) -> String {
    let args: Vec<String> = draft
        .args
        .iter()
        .map(|Arg { name, access, data }| format!("{name}: {access:?} of {} bytes", data.bytes().len()))
        .collect();
    let Draft { entry, constants, sets, grid, device, shares_buffer, .. } = draft;
    format!("{entry:?} {constants:?} {sets:?} [{}] {grid:?} {device:?} {shares_buffer}", args.join(", "))
}

/// Whether an error is about the call, and not about a device that failed.
fn is_of_the_caller(error: &Error) -> bool {
    matches!(error, Error::Wgsl(_) | Error::Kernel(_) | Error::Call(_) | Error::NoDevice(_))
}

#[test]
fn drawn_wrong_calls_are_errors() {
    let place = Place::new().expect("there is a CPU engine");
    let (count, seed) = drawn("SWATH_WRONG", 10_000);
    let mut seen = std::collections::BTreeMap::<&str, usize>::new();
    let mut failures = Vec::new();
    for number in seed..seed + count {
        let mut random = Random::new(number);
        let right = draft(&mut random);
        if number.is_multiple_of(20) {
            let mut draft = right.clone();
            place
                .run(&mut draft)
                .unwrap_or_else(|error| panic!("{error}\nthe right call of seed {number}: {right:#?}"));
            assert!(
                draft.args.iter().zip(&right.args).any(|(now, before)| now.data.bytes() != before.data.bytes()),
                "nothing was written: {right:#?}"
            );
        }
        let mut wrong = right.clone();
        let mut why = Vec::new();
        let wanted = if random.chance(80) { 1 } else { 2 + random.below(2) };
        while why.len() < wanted {
            let before = wrong.clone();
            // Further ones are of what the first has nothing to do with, lest they mend it.
            let kind = if why.is_empty() { random.below(22) } else { 15 + random.below(6) };
            match spoil(&mut wrong, kind, &mut random) {
                Some(reason) => why.push(reason),
                None => wrong = before,
            }
        }
        why.iter().for_each(|(kind, _)| *seen.entry(*kind).or_default() += 1);
        let mut given = wrong.clone();
        let result = catch_unwind(AssertUnwindSafe(|| place.run(&mut given)));
        let touched = given.args.iter().zip(&wrong.args).find(|(now, before)| now.data.bytes() != before.data.bytes());
        let problem = match result {
            Err(_) => "it panicked".to_owned(),
            Ok(Ok(_)) => "it ran".to_owned(),
            Ok(Err(error)) => {
                let said = error.to_string();
                let names_it = why.iter().any(|(_, words)| words.iter().all(|word| said.contains(word)));
                match touched {
                    _ if !names_it => format!("it does not say what is wrong: {said}"),
                    _ if !is_of_the_caller(&error) => format!("it blames the device: {said}"),
                    Some((arg, _)) => format!("`{}` was touched: {said}", arg.name),
                    None => continue,
                }
            }
        };
        failures.push(format!("seed {number}, {why:?}\n{problem}\n{}", shown(&wrong)));
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures[..failures.len().min(8)].join("\n\n"));
    // Each way to be wrong was drawn, or the test says less than it seems to.
    assert!(seen.len() >= 23 || count < 2000, "{seen:?}");
}
