//! Branches of a chain on several devices at the same time: the same as on one, whoever runs which.

use std::{sync::OnceLock, time::Duration};

use swath::{
    CancelToken, Chain, ChainBuilder, Error, Kernel, Module, Result, Runtime,
    chain::{Slot, Value},
};

use super::kernel;
use crate::random::Random;

/// Two CPU engines, and all devices where there is a GPU.
fn runtimes() -> Vec<&'static Runtime> {
    static ENGINES: OnceLock<Runtime> = OnceLock::new();
    let engines = ENGINES.get_or_init(|| Runtime::cpu_engines(&[1, 1]).expect("the engine is always there"));
    #[cfg(feature = "gpu")]
    if let Some((runtime, _)) = crate::first_gpu() {
        return vec![engines, runtime];
    }
    vec![engines]
}

/// The names of all devices of a runtime, as a list.
fn list(runtime: &Runtime) -> String {
    runtime.devices().iter().map(|device| device.alias()).collect::<Vec<_>>().join(",")
}

/// What a slot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Input,
    InOut,
    Output,
    Scratch,
}

const ROLES: [Role; 9] = [
    Role::Input,
    Role::Input,
    Role::InOut,
    Role::InOut,
    Role::Output,
    Role::Output,
    Role::Scratch,
    Role::Scratch,
    Role::Scratch,
];

#[derive(Clone, Copy, Debug)]
enum Step {
    /// `dst = factor * src + 3`
    Scale {
        src: usize,
        dst: usize,
        factor: u32,
    },
    /// The same, where the run says the factor.
    ScaleByValue {
        src: usize,
        dst: usize,
    },
    /// Sums of neighbours.
    Spread {
        src: usize,
        dst: usize,
    },
    /// `dst += src`
    Add {
        src: usize,
        dst: usize,
    },
    Zero(usize),
    Swap(usize, usize),
}

/// Steps that a chain can have: nothing reads scratch that nothing wrote, all inputs are used, all outputs written.
fn draw(random: &mut Random) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut filled: Vec<bool> = ROLES.iter().map(|role| *role != Role::Scratch).collect();
    let full = |filled: &[bool], random: &mut Random| {
        let full: Vec<usize> = (0..ROLES.len()).filter(|&slot| filled[slot]).collect();
        random.pick(&full)
    };
    for _ in 0..2 + random.below(14) {
        let (src, dst) = (full(&filled, random), random.below(ROLES.len()));
        if src == dst {
            continue;
        }
        steps.push(match random.below(8) {
            0 | 1 => Step::Scale { src, dst, factor: 1 + random.below(9) as u32 },
            2 => Step::ScaleByValue { src, dst },
            3 => Step::Spread { src, dst },
            4 | 5 if filled[dst] => Step::Add { src, dst },
            6 => Step::Zero(dst),
            // What was used may end as something else: only those that stay what they are for.
            7 if ROLES[dst] == ROLES[src] && filled[dst] && ROLES[dst] != Role::Output => Step::Swap(src, dst),
            _ => Step::Scale { src, dst, factor: 2 },
        });
        filled[dst] = true;
    }
    for (slot, role) in ROLES.iter().enumerate() {
        // The first use of an input is of what it is given.
        match role {
            Role::Input | Role::InOut => steps.insert(0, Step::Scale { src: slot, dst: 6, factor: slot as u32 }),
            Role::Output => steps.push(Step::Add { src: 2, dst: slot }),
            Role::Scratch => {}
        }
        if *role == Role::InOut {
            steps.push(Step::Add { src: 0, dst: slot });
        }
    }
    steps
}

/// What the steps leave in each slot, by plain arithmetic.
fn expected(steps: &[Step], given: &[Vec<u32>], value: u32) -> Vec<Vec<u32>> {
    let mut slots = given.to_vec();
    for step in steps {
        let scaled = |src: &[u32], factor: u32| src.iter().map(|x| factor.wrapping_mul(*x).wrapping_add(3)).collect();
        match *step {
            Step::Scale { src, dst, factor } => slots[dst] = scaled(&slots[src], factor),
            Step::ScaleByValue { src, dst } => slots[dst] = scaled(&slots[src], value),
            Step::Spread { src, dst } => {
                let from = slots[src].clone();
                let n = from.len();
                let sum = |i: usize| from[(i + n - 1) % n].wrapping_add(from[i]).wrapping_add(from[(i + 1) % n]);
                slots[dst] = (0..n).map(sum).collect();
            }
            Step::Add { src, dst } => {
                let from = slots[src].clone();
                slots[dst].iter_mut().zip(from).for_each(|(to, from)| *to = to.wrapping_add(from));
            }
            Step::Zero(slot) => slots[slot].fill(0),
            Step::Swap(a, b) => slots.swap(a, b),
        }
    }
    slots
}

/// The chain, its slots, and the value that runs may change.
fn chain(runtime: &Runtime, steps: &[Step], n: usize) -> (ChainBuilder, Vec<Slot<u32>>, Value<u32>) {
    let mut chain = runtime.chain();
    let slots: Vec<Slot<u32>> = ROLES
        .iter()
        .map(|role| match role {
            Role::Input => chain.input(n),
            Role::InOut => chain.in_out(n),
            Role::Output => chain.output(n),
            Role::Scratch => chain.scratch(n),
        })
        .collect();
    let value = chain.value(7u32);
    for step in steps {
        match *step {
            Step::Scale { src, dst, factor } => {
                let call = chain.call(&kernel("scale")).set("params.factor", factor).set("params.offset", 3u32);
                call.bind("src", slots[src]).bind("dst", slots[dst]).grid([n]);
            }
            Step::ScaleByValue { src, dst } => {
                let call = chain.call(&kernel("scale")).set_value("params.factor", value).set("params.offset", 3u32);
                call.bind("src", slots[src]).bind("dst", slots[dst]).grid([n]);
            }
            Step::Spread { src, dst } => {
                chain.call(&kernel("spread")).bind("src", slots[src]).bind("dst", slots[dst]).grid([n]);
            }
            Step::Add { src, dst } => {
                chain.call(&kernel("add")).bind("src", slots[src]).bind("dst", slots[dst]).grid([n]);
            }
            Step::Zero(slot) => chain.zero(slots[slot]),
            Step::Swap(a, b) => chain.swap(slots[a], slots[b]),
        }
    }
    (chain, slots, value)
}

fn run(
    chain: &Chain,
    slots: &[Slot<u32>],
    given: &[Vec<u32>],
    value: Option<(Value<u32>, u32)>,
    in_place: bool,
) -> Result<Vec<Vec<u32>>> {
    let mut data = given.to_vec();
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for (((slot, role), data), given) in slots.iter().zip(ROLES).zip(&mut data).zip(given) {
        let slot = *slot;
        match role {
            Role::Input => inputs.push(slot.from(given)),
            Role::InOut if in_place => outputs.push(slot.update(data)),
            Role::InOut => {
                data.fill(0xdead_beef);
                inputs.push(slot.from(given));
                outputs.push(slot.into(data));
            }
            Role::Output => {
                data.fill(0xdead_beef);
                outputs.push(slot.into(data));
            }
            Role::Scratch => {}
        }
    }
    match value {
        Some((value, now)) => chain.value(value, now).run(inputs, outputs)?,
        None => chain.run(inputs, outputs)?,
    };
    Ok(data)
}

#[test]
fn drawn_chains_are_the_same_however_they_are_spread() {
    let mut spread = 0;
    for seed in 0..120 {
        let mut random = Random::new(seed);
        let (steps, n) = (draw(&mut random), 1 + random.below(300));
        let given: Vec<Vec<u32>> = ROLES.iter().map(|_| (0..n).map(|_| random.next() as u32).collect()).collect();
        let start = |role: Role, given: &[u32]| match role {
            Role::Input | Role::InOut => given.to_vec(),
            Role::Output | Role::Scratch => vec![0; given.len()],
        };
        let start: Vec<Vec<u32>> = ROLES.iter().zip(&given).map(|(role, given)| start(*role, given)).collect();
        for runtime in runtimes() {
            let (mut chain, slots, value) = chain(runtime, &steps, n);
            chain.device(list(runtime).as_str());
            if random.chance(80) {
                chain.place_branches(move |branch| Random::new(seed ^ (branch as u64) << 32).below(3));
            }
            let chain = chain.build().unwrap_or_else(|error| panic!("{error}\nseed {seed}: {steps:?}"));
            spread += usize::from(chain.devices().len() > 1);
            chain.poison(0xa5).unwrap();
            for (now, in_place) in [(None, true), (Some(random.next() as u32), false), (None, random.chance(50))] {
                let found = run(&chain, &slots, &given, now.map(|now| (value, now)), in_place)
                    .unwrap_or_else(|error| panic!("{error}\nseed {seed}: {steps:?}\n{chain}"));
                let expected = expected(&steps, &start, now.unwrap_or(7));
                for (slot, role) in ROLES.iter().enumerate() {
                    if matches!(role, Role::InOut | Role::Output) {
                        assert_eq!(found[slot], expected[slot], "slot {slot}, seed {seed}: {steps:?}\n{chain}");
                    }
                }
            }
        }
    }
    assert!(spread > 80, "{spread}");
}

/// Two states that are worked on apart, and then added.
fn fork(runtime: &Runtime, n: usize) -> (ChainBuilder, [Slot<u32>; 3]) {
    let mut chain = runtime.chain();
    let [a, b, sum] = [chain.in_out(n), chain.input(n), chain.output(n)];
    let [next_a, next_b] = [chain.scratch(n), chain.scratch(n)];
    chain.repeat(6, |_, chain| {
        for (state, next) in [(a, next_a), (b, next_b)] {
            chain.call(&kernel("spread")).bind("src", state).bind("dst", next).grid([n]);
            chain.swap(state, next);
        }
    });
    for state in [a, b] {
        chain.call(&kernel("add")).bind("src", state).bind("dst", sum).grid([n]);
    }
    (chain, [a, b, sum])
}

#[test]
fn two_branches_on_two_devices_and_what_is_said_of_them() {
    let n = 500;
    let (x, y): (Vec<u32>, Vec<u32>) = ((0..n as u32).collect(), (0..n as u32).map(|i| i * i).collect());
    for runtime in runtimes() {
        let results = |chain: Chain, [a, b, sum]: [Slot<u32>; 3]| {
            let (mut x, mut total) = (x.clone(), vec![1; n]);
            let report = chain.run([b.from(&y)], [a.update(&mut x), sum.into(&mut total)]).unwrap();
            (x, total, report)
        };
        let (mut alone, slots) = fork(runtime, n);
        alone.device("cpu");
        let alone = alone.build().unwrap();
        assert!(!alone.to_string().contains("branch"), "{alone}");
        let expected = results(alone, slots);
        assert!(expected.2.members().is_empty());

        let (mut spread, slots) = fork(runtime, n);
        spread.device(list(runtime).as_str());
        let spread = spread.build().unwrap();
        let text = spread.to_string();
        let devices = spread.devices();
        // Each that is listed has a branch, and there are three.
        let listed = runtime.devices().len().min(3);
        assert_eq!(devices.len(), listed, "{text}");
        assert!(text.contains("on several devices: ") && text.contains("are predicted, and"), "{text}");
        for device in &devices {
            assert!(text.contains(&format!(" on {}: ", device.alias())), "{text}");
        }
        assert!(text.contains("spread 6 times") && text.contains("is copied over"), "{text}");
        let (state, total, report) = results(spread, slots);
        assert_eq!((state, total), (expected.0, expected.1));
        let dispatches: Vec<u64> = report.members().iter().map(|member| member.dispatches()).collect();
        assert_eq!(
            (dispatches.len(), dispatches.iter().sum::<u64>(), report.dispatches()),
            (listed, 14, 14),
            "{report}"
        );
        assert!(report.members().iter().all(|member| member.branches() > 0), "{report}");
        assert!(report.to_string().contains(" and "), "{report}");
    }
}

/// A branch for each device that is named if there are enough, and `all` only where that is faster: not for a few elements.
#[test]
fn all_leaves_out_who_does_not_help() {
    for runtime in runtimes() {
        let (mut chain, _) = fork(runtime, 64);
        chain.device("all");
        let text = chain.build().unwrap().to_string();
        assert!(text.contains("on one device: "), "{text}");
    }
}

#[test]
fn what_cannot_be_spread_runs_on_one_device_and_says_why() {
    let runtime = runtimes()[0];
    let said = |chain: ChainBuilder| {
        let mut chain = chain;
        chain.device("cpu,cpu:1");
        let chain = chain.build().unwrap();
        assert_eq!(chain.devices().len(), 1);
        chain.to_string()
    };
    let mut line = runtime.chain();
    let [x, y] = [line.input::<u32>(8), line.output::<u32>(8)];
    line.call(&kernel("spread")).bind("src", x).bind("dst", y).grid([8]);
    line.call(&kernel("add")).bind("src", x).bind("dst", y).grid([8]);
    let text = said(line);
    assert!(text.contains("on one device: each of its calls waits for the one before"), "{text}");

    let mut looks = runtime.chain();
    let [x, y] = [looks.in_out::<u32>(8), looks.in_out::<u32>(8)];
    looks.repeat_until(
        10,
        2,
        x,
        |_| true,
        |_, chain| {
            for state in [x, y] {
                let zeros = zeros(chain);
                chain.call(&kernel("add")).bind("src", zeros).bind("dst", state).grid([8]);
            }
        },
    );
    let text = said(looks);
    assert!(text.contains("on one device: its loop looks at data"), "{text}");

    let mut holds = runtime.chain();
    let buffer = runtime.buffer_on(&runtime.devices()[0], &[1u32; 8]).unwrap();
    let [x, y] = [holds.output::<u32>(8), holds.output::<u32>(8)];
    for result in [x, y] {
        holds.call(&kernel("spread")).bind("src", &buffer).bind("dst", result).grid([8]);
    }
    let text = said(holds);
    assert!(text.contains("on one device: it binds buffers"), "{text}");
}

/// A slot with zeros.
fn zeros(chain: &mut ChainBuilder) -> Slot<u32> {
    let zeros = chain.scratch::<u32>(8);
    chain.zero(zeros);
    zeros
}

#[test]
fn a_checkpoint_wants_one_device() {
    let runtime = runtimes()[0];
    let (mut chain, [a, b, sum]) = fork(runtime, 8);
    chain.device("cpu,cpu:1");
    let chain = chain.build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut x, y, mut total) = ([1; 8], [2; 8], [9; 8]);
    let run = chain.checkpoint(folder.path().join("c"), 1);
    match run.run([b.from(&y)], [a.update(&mut x), sum.into(&mut total)]) {
        Err(Error::Call(message)) => assert!(message.to_string().contains("what one device holds"), "{message}"),
        other => panic!("{other:?}"),
    }
    assert_eq!((x, total), ([1; 8], [9; 8]), "nothing was written");
}

/// One branch that takes long, and one that waits for it.
fn endless() -> Kernel {
    let module = Module::parse(
        "@group(0) @binding(0) var<storage, read_write> dst: array<u32>;
         @compute @workgroup_size(1) fn spin() { loop { if dst[0] == 1u { break; } } dst[0] = 1u; }",
    );
    module.unwrap().kernel("spin").unwrap()
}

#[test]
fn a_run_that_has_to_end_leaves_nobody_waiting() {
    let runtime = runtimes()[0];
    let mut chain = runtime.chain();
    let [x, y] = [chain.in_out::<u32>(4), chain.in_out::<u32>(4)];
    chain.call(&endless()).bind("dst", x).grid([1]);
    chain.call(&kernel("add")).bind("src", x).bind("dst", y).grid([4]);
    let other = chain.output::<u32>(4);
    chain.call(&kernel("add")).bind("src", y).bind("dst", other).grid([4]);
    let third = chain.output::<u32>(4);
    chain.zero(third);
    chain.call(&kernel("add")).bind("src", x).bind("dst", third).grid([4]);
    chain.device("cpu,cpu:1").place_branches(|branch| branch);
    let chain = chain.build().unwrap();
    assert_eq!(chain.devices().len(), 2, "{chain}");
    let run = |x_start: u32, token: Option<&CancelToken>| {
        let (mut a, mut b) = ([x_start; 4], [5; 4]);
        let run = chain.deadline(Duration::from_millis(if token.is_some() { 60_000 } else { 300 }));
        let run = match token {
            Some(token) => run.cancel(token),
            None => run,
        };
        run.run([], [x.update(&mut a), y.update(&mut b)]).map(|_| b)
    };
    assert!(matches!(run(0, None), Err(Error::Deadline(_))));
    let token = CancelToken::new();
    let cancelled = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            token.cancel();
        });
        run(0, Some(&token))
    });
    assert!(matches!(cancelled, Err(Error::Cancelled(_))));
    assert_eq!(run(1, None).unwrap(), [6; 4], "the chain can be run again");
}

/// What no call writes is what it started with, also where slots changed places.
#[test]
fn slots_that_nothing_writes_keep_what_they_are_given() {
    let runtime = runtimes()[0];
    let mut chain = runtime.chain();
    let [x, y, z] = [chain.in_out::<u32>(4), chain.in_out::<u32>(4), chain.output::<u32>(4)];
    for (src, dst) in [(x, y), (y, x), (x, z)] {
        chain.call(&kernel("add")).bind("src", src).bind("dst", dst).grid([0]);
    }
    chain.swap(x, y);
    let [a, b] = [chain.in_out::<u32>(4), chain.in_out::<u32>(4)];
    for (src, dst) in [(x, a), (y, b)] {
        chain.call(&kernel("add")).bind("src", src).bind("dst", dst).grid([4]);
    }
    chain.device("cpu,cpu:1").place_branches(|branch| branch);
    let chain = chain.build().unwrap();
    assert_eq!(chain.devices().len(), 2, "{chain}");
    let (mut given, mut nothing, mut sums) = ([[1; 4], [2; 4]], [9; 4], [[10; 4], [20; 4]]);
    let [first, second] = &mut given;
    let [a_data, b_data] = &mut sums;
    let outputs = [x.update(first), y.update(second), z.into(&mut nothing), a.update(a_data), b.update(b_data)];
    chain.run([], outputs).unwrap();
    assert_eq!((given, nothing, sums), ([[2; 4], [1; 4]], [0; 4], [[12; 4], [21; 4]]));
}
