//! What is wrong with chains, exactly as the user reads it. Nothing runs, so a device that computes nothing is enough.

use std::fmt::{Debug, Write as _};

use swath::{DeviceInfo, DeviceKind, Result, chain::Slot};

use super::*;

fn null() -> Runtime {
    Runtime::null(vec![DeviceInfo::null("Null", DeviceKind::Cpu)]).unwrap()
}

/// Errors with the titles of their cases, as one text.
#[derive(Default)]
struct Errors(String);

impl Errors {
    fn case<T: Debug>(&mut self, title: &str, result: Result<T>) -> &mut Self {
        let error = match result {
            Err(error) => error,
            Ok(value) => panic!("{title}: no error, but {value:?}"),
        };
        writeln!(self.0, "# {title}\n{error}\n").unwrap();
        self
    }

    /// A chain that `make` is to make wrong.
    fn chain(&mut self, title: &str, make: impl FnOnce(&mut swath::ChainBuilder)) -> &mut Self {
        let mut chain = null().chain();
        make(&mut chain);
        self.case(title, chain.build())
    }

    fn check(&self, name: &str) {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "../snapshots" }, {
            insta::assert_snapshot!(name, self.0.trim_end());
        });
    }
}

/// A slot of another chain, with the number that the first of this one has.
fn foreign() -> Slot<u32> {
    null().chain().input::<u32>(8)
}

#[test]
fn calls() {
    let mut errors = Errors::default();
    errors
        .chain("no calls", |chain| {
            chain.input::<u32>(8);
        })
        .chain("an unknown binding", |chain| {
            let slot = chain.input::<u32>(8);
            chain.call(&kernel("spread")).bind("scr", slot).grid(8);
        })
        .chain("bound twice", |chain| {
            let slot = chain.input::<u32>(8);
            chain.call(&kernel("spread")).bind("src", slot).bind("src", slot).grid(8);
        })
        .chain("a binding is missing", |chain| {
            let slot = chain.input::<u32>(8);
            chain.call(&kernel("spread")).bind("src", slot).grid(8);
        })
        .chain("the wrong element type", |chain| {
            let slot = chain.input::<f32>(8);
            chain.call(&kernel("spread")).bind("src", slot).grid(8);
        })
        .chain("a slot bound as a uniform", |chain| {
            let slot = chain.input::<u32>(8);
            chain.call(&kernel("scale")).bind("params", slot).grid(8);
        })
        .chain("a uniform that is not set", |chain| {
            let (src, dst) = (chain.input::<u32>(8), chain.output::<u32>(8));
            chain.call(&kernel("scale")).set("params.factor", 1u32).bind("src", src).bind("dst", dst).grid(8);
        })
        .chain("a uniform of another type", |chain| {
            chain.call(&kernel("scale")).set("params.factor", 1.0f32);
        })
        .chain("a value of another type", |chain| {
            let value = chain.value(1.0f32);
            chain.call(&kernel("scale")).set_value("params.factor", value);
        })
        .chain("no grid", |chain| {
            let (src, dst) = (chain.input::<u32>(8), chain.output::<u32>(8));
            chain.call(&kernel("spread")).bind("src", src).bind("dst", dst);
        })
        .chain("an empty grid", |chain| {
            let (src, dst) = (chain.input::<u32>(8), chain.output::<u32>(8));
            chain.call(&kernel("spread")).bind("src", src).bind("dst", dst).grid([-1, 1]);
        })
        .chain("one slot read and written", |chain| {
            let slot = chain.in_out::<u32>(8);
            chain.call(&kernel("spread")).bind("src", slot).bind("dst", slot).grid(8);
        })
        .check("chain_calls");
}

#[test]
fn slots() {
    let mut errors = Errors::default();
    errors
        .chain("no elements", |chain| {
            chain.scratch::<u32>(0);
        })
        .chain("half a word", |chain| {
            chain.input::<u8>(7);
        })
        .chain("a foreign slot", |chain| {
            chain.input::<u32>(8);
            chain.call(&kernel("spread")).bind("src", foreign()).grid(8);
        })
        .chain("a foreign value", |chain| {
            chain.value(1u32);
            let value = null().chain().value(1u32);
            chain.call(&kernel("scale")).set_value("params.factor", value);
        })
        .chain("scratch that is read first", |chain| {
            let (scratch, dst) = (chain.scratch::<u32>(8), chain.output::<u32>(8));
            chain.call(&kernel("spread")).bind("src", scratch).bind("dst", dst).grid(8);
        })
        .chain("scratch that is added to first", |chain| {
            let (src, scratch) = (chain.input::<u32>(8), chain.scratch::<u32>(8));
            chain.call(&kernel("add")).bind("src", src).bind("dst", scratch).grid(8);
        })
        .chain("scratch that a loop may leave unwritten", |chain| {
            let (src, state, dst) = (chain.input::<u32>(8), chain.in_out::<u32>(8), chain.output::<u32>(8));
            let scratch = chain.scratch::<u32>(8);
            chain.repeat_until(
                3,
                1,
                state,
                |_: &[u32]| true,
                |i, chain| {
                    let to = if i == 2 { scratch } else { state };
                    chain.call(&kernel("spread")).bind("src", src).bind("dst", to).grid(8);
                },
            );
            chain.call(&kernel("spread")).bind("src", scratch).bind("dst", dst).grid(8);
        })
        .chain("an input that nobody uses", |chain| {
            let (src, dst) = (chain.input::<u32>(8), chain.output::<u32>(8));
            chain.input::<u32>(9);
            chain.call(&kernel("spread")).bind("src", src).bind("dst", dst).grid(8);
        })
        .chain("an output that nobody writes", |chain| {
            let (src, dst) = (chain.input::<u32>(8), chain.scratch::<u32>(8));
            chain.output::<u32>(8);
            chain.call(&kernel("spread")).bind("src", src).bind("dst", dst).grid(8);
        })
        .chain("an output that is swapped away", |chain| {
            let (src, dst, other) = (chain.input::<u32>(8), chain.output::<u32>(8), chain.scratch::<u32>(8));
            chain.call(&kernel("spread")).bind("src", src).bind("dst", dst).grid(8);
            chain.swap(dst, other);
        })
        .chain("a swap of two lengths", |chain| {
            let (a, b) = (chain.input::<u32>(8), chain.scratch::<u32>(9));
            chain.swap(a, b);
        })
        .chain("a check of a loop while slots are swapped", |chain| {
            let (state, next) = (chain.in_out::<u32>(8), chain.scratch::<u32>(8));
            chain.repeat_until(
                9,
                3,
                state,
                |_: &[u32]| true,
                |_, chain| {
                    chain.call(&kernel("spread")).bind("src", state).bind("dst", next).grid(8);
                    chain.swap(state, next);
                },
            );
        })
        .chain("a loop that is never checked", |chain| {
            let state = chain.in_out::<u32>(8);
            chain.repeat_until(9, 0, state, |_: &[u32]| true, |_, _| {});
        })
        .chain("a loop that looks at what nobody wrote", |chain| {
            let scratch = chain.scratch::<u32>(8);
            chain.repeat_until(9, 3, scratch, |_: &[u32]| true, |_, _| {});
        })
        .chain("too many steps", |chain| {
            let state = chain.in_out::<u32>(8);
            chain.repeat(usize::MAX, |_, chain| chain.zero(state));
        })
        .check("chain_slots");
}

#[test]
fn devices_of_chains() {
    let two = Runtime::null(vec![
        DeviceInfo::null("First", DeviceKind::Cpu),
        DeviceInfo::null("Second", DeviceKind::DiscreteGpu),
    ])
    .unwrap();
    let small = {
        let mut info = DeviceInfo::null("Small", DeviceKind::IntegratedGpu);
        info.limits = vec![("maxStorageBufferBindingSize", 1024), ("maxBufferSize", 4096)];
        Runtime::null(vec![info]).unwrap()
    };
    let buffer = |device: &str| two.buffer_on(&two.device(device).unwrap(), &[1u32; 8]).unwrap();
    let chain = |src: &swath::Buffer<u32>, dst: &swath::Buffer<u32>, device: Option<&str>| {
        let mut chain = two.chain();
        chain.call(&kernel("spread")).bind("src", src).bind("dst", dst).grid(8);
        if let Some(device) = device {
            chain.device(device);
        }
        chain.build()
    };
    let large = |len: usize| {
        let mut chain = small.chain();
        let (src, dst) = (chain.input::<u32>(len), chain.output::<u32>(len));
        chain.call(&kernel("spread")).bind("src", src).bind("dst", dst).grid(len);
        chain.build()
    };
    let same = buffer("cpu");
    Errors::default()
        .case("buffers on two devices", chain(&buffer("cpu"), &buffer("gpu"), None))
        .case("a device other than the buffers'", chain(&buffer("gpu"), &buffer("gpu"), Some("cpu")))
        .case("no such device", chain(&buffer("gpu"), &buffer("gpu"), Some("tpu")))
        .case("one buffer read and written", chain(&same, &same.clone(), None))
        .case("a slot larger than a binding", large(257))
        .check("chain_devices");
    assert!(large(256).is_ok());
}

#[test]
fn runs() {
    let mut chain = null().chain();
    let (src, dst, state) = (chain.input::<u32>(8), chain.output::<u32>(8), chain.in_out::<u32>(8));
    let scratch = chain.scratch::<u32>(8);
    let value = chain.value(1u32);
    chain.call(&kernel("spread")).bind("src", src).bind("dst", scratch).grid(8);
    chain.call(&kernel("add")).bind("src", scratch).bind("dst", state).grid(8);
    let call = chain.call(&kernel("scale")).set_value("params.factor", value).set("params.offset", 1u32);
    call.bind("src", state).bind("dst", dst).grid(8);
    let chain = chain.build().unwrap();
    let (data, mut out, mut now, mut more) = ([1; 8], [0; 8], [0; 8], [0; 8]);
    Errors::default()
        .case("an input is missing", chain.run([state.from(&data)], []))
        .case("an in_out slot is missing", chain.run([src.from(&data)], [dst.into(&mut out)]))
        .case("too few elements", chain.run([src.from(&data[..7]), state.from(&data)], []))
        .case("too many elements", chain.run([src.from(&data), state.from(&data)], [dst.into(&mut [0; 9])]))
        .case("given twice", chain.run([src.from(&data), src.from(&data), state.from(&data)], []))
        .case("given and updated", chain.run([src.from(&data), state.from(&data)], [state.update(&mut now)]))
        .case("taken twice", chain.run([src.from(&data), state.from(&data)], [dst.into(&mut out), dst.into(&mut more)]))
        .case("an output is given", chain.run([dst.from(&data)], []))
        .case("an input is taken", chain.run([], [src.into(&mut out)]))
        .case("an output is updated", chain.run([src.from(&data), state.from(&data)], [dst.update(&mut out)]))
        .case("scratch is given", chain.run([scratch.from(&data)], []))
        .case("a foreign slot is given", chain.run([foreign().from(&data)], []))
        .case("a foreign value", chain.value(null().chain().value(1u32), 2).run([], []))
        .check("chain_runs");
    chain.value(value, 3).run([src.from(&data), state.from(&data)], []).unwrap();
}
