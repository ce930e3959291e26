//! Memory: what shares it, what it starts with, and buffers that are resident.

use super::*;

/// Four stages, each through scratch of its own.
fn stages(runtime: &Runtime, n: usize) -> (swath::ChainBuilder, swath::chain::Slot<u32>, swath::chain::Slot<u32>) {
    let mut chain = runtime.chain();
    let (src, dst) = (chain.input::<u32>(n), chain.output::<u32>(n));
    let scratch: Vec<_> = (0..4).map(|_| chain.scratch::<u32>(n)).collect();
    let mut from = src;
    for to in scratch {
        chain.call(&kernel("spread")).bind("src", from).bind("dst", to).grid([n]);
        from = to;
    }
    chain.call(&kernel("spread")).bind("src", from).bind("dst", dst).grid([n]);
    (chain, src, dst)
}

#[test]
fn scratch_that_is_never_in_use_together_shares_memory() {
    for (runtime, device) in devices() {
        let n = 1000;
        let (mut chain, src, dst) = stages(&runtime, n);
        chain.device(&device);
        let chain = chain.build().unwrap();
        // The output, and two pieces that the input and four stages take by turns.
        assert_eq!(chain.plan().memory_bytes(), 3 * 4 * n as u64, "{chain}");
        assert_eq!(chain.plan().unshared_bytes(), 6 * 4 * n as u64, "{chain}");
        for seed in 0..3 {
            chain.poison(0xff - seed as u8).unwrap();
            let data = numbers(n, seed);
            let mut out = vec![0; n];
            chain.run([src.from(&data)], [dst.into(&mut out)]).unwrap();
            let expected = (0..5).fold(data, |data, _| spread(&data));
            assert_eq!(out, expected, "{}", device.name());
        }
    }
}

#[test]
fn a_small_slot_in_large_memory_has_its_own_length() {
    for (runtime, device) in devices() {
        let mut chain = runtime.chain();
        let (src, small_src) = (chain.input::<u32>(1000), chain.input::<u32>(10));
        let (large, small) = (chain.scratch::<u32>(1000), chain.scratch::<u32>(10));
        let (total, length) = (chain.output::<u32>(1), chain.output::<u32>(1));
        let spread_kernel = kernel("spread");
        chain.call(&spread_kernel).bind("src", src).bind("dst", large).grid(1000);
        chain.call(&kernel("sum")).bind("src", large).bind("total", total).grid(1000);
        chain.call(&spread_kernel).bind("src", small_src).bind("dst", small).grid(10);
        chain.call(&kernel("length")).bind("src", small).bind("dst", length).workgroups(1);
        chain.device(&device);
        let chain = chain.build().unwrap();
        assert!(chain.plan().memory_bytes() < chain.plan().unshared_bytes());
        let (mut sum, mut found) = ([0], [0]);
        let (data, few) = (numbers(1000, 1), [1; 10]);
        chain.run([src.from(&data), small_src.from(&few)], [total.into(&mut sum), length.into(&mut found)]).unwrap();
        let all = data.iter().fold(0u32, |sum, x| sum.wrapping_add(*x));
        assert_eq!((sum[0], found[0]), (all.wrapping_mul(3), 10), "{}", device.name());
    }
}

#[test]
fn outputs_start_as_zeros_and_scratch_does_once_it_is_told_to() {
    for (runtime, device) in devices() {
        let mut chain = runtime.chain();
        let (src, dst, total) = (chain.input::<u32>(100), chain.output::<u32>(100), chain.output::<u32>(1));
        let sums = chain.scratch::<u32>(100);
        for _ in 0..2 {
            // Each time from zero.
            chain.zero(sums);
            chain.call(&kernel("add")).bind("src", src).bind("dst", sums).grid(100);
            chain.call(&kernel("add")).bind("src", sums).bind("dst", dst).grid(100);
        }
        chain.call(&kernel("sum")).bind("src", dst).bind("total", total).grid(100);
        chain.device(&device);
        let chain = chain.build().unwrap();
        for seed in 0..3 {
            chain.poison(0x11 * (seed as u8 + 1)).unwrap();
            let data = numbers(100, seed);
            let (mut out, mut sum) = (vec![77; 100], [77]);
            chain.run([src.from(&data)], [dst.into(&mut out), total.into(&mut sum)]).unwrap();
            let expected: Vec<u32> = data.iter().map(|x| x.wrapping_mul(2)).collect();
            assert_eq!(out, expected, "{}", device.name());
            assert_eq!(sum[0], expected.iter().fold(0u32, |sum, x| sum.wrapping_add(*x)));
        }
    }
}

#[test]
fn an_input_that_kernels_overwrite_is_given_anew() {
    for (runtime, device) in devices() {
        let mut chain = runtime.chain();
        let (more, work, dst) = (chain.input::<u32>(50), chain.input::<u32>(50), chain.output::<u32>(50));
        chain.call(&kernel("add")).bind("src", more).bind("dst", work).grid(50);
        chain.call(&kernel("spread")).bind("src", work).bind("dst", dst).grid(50);
        chain.device(&device);
        let chain = chain.build().unwrap();
        let (a, b) = (numbers(50, 1), numbers(50, 2));
        let sums: Vec<u32> = a.iter().zip(&b).map(|(a, b)| a.wrapping_add(*b)).collect();
        for _ in 0..2 {
            let mut out = vec![0; 50];
            chain.run([more.from(&a), work.from(&b)], [dst.into(&mut out)]).unwrap();
            assert_eq!(out, spread(&sums), "{}", device.name());
        }
    }
}

#[test]
fn resident_buffers_are_used_where_they_lie() {
    for (runtime, device) in devices() {
        let data = numbers(300, 6);
        let (src, sums) =
            (runtime.buffer_on(&device, &data).unwrap(), runtime.buffer_zeroed_on::<u32>(&device, 300).unwrap());
        let mut chain = runtime.chain();
        let wide = chain.scratch::<u32>(300);
        chain.call(&kernel("spread")).bind("src", &src).bind("dst", wide).grid(300);
        chain.call(&kernel("add")).bind("src", wide).bind("dst", &sums).grid(300);
        // The buffer decides the device.
        let chain = chain.build().unwrap();
        assert_eq!(chain.device(), &device);
        assert!(chain.to_string().contains("resident"), "{chain}");
        for turn in 1..=3u32 {
            chain.run([], []).unwrap();
            let expected: Vec<u32> = spread(&data).iter().map(|x| x.wrapping_mul(turn)).collect();
            assert_eq!(sums.download().unwrap(), expected, "{}", device.name());
        }
        // The chain keeps the buffer that it reads.
        drop(src);
        chain.run([], []).unwrap();
    }
}

#[test]
fn halves_of_odd_rows_fit() {
    let wgsl = "
        @group(0) @binding(0) var<storage, read> bytes: array<u32>;
        @group(0) @binding(1) var<storage, read_write> sums: array<u32>;
        @compute @workgroup_size(1) fn sum() {
            for (var i = 0u; i < arrayLength(&bytes); i++) { sums[0] += unpack4xU8(bytes[i]).x; }
        }";
    let kernel = crate::wgsl::kernel(wgsl);
    for (runtime, device) in devices() {
        let mut chain = runtime.chain();
        let (bytes, sums) = (chain.input::<u8>(12), chain.output::<u32>(1));
        chain.call(&kernel).bind("bytes", swath::Untyped(bytes)).bind("sums", sums).workgroups(1);
        chain.device(&device);
        let chain = chain.build().unwrap();
        let mut sum = [0];
        chain.run([bytes.from(&[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 9])], [sums.into(&mut sum)]).unwrap();
        assert_eq!(sum, [6]);
    }
}

#[test]
fn the_plan_is_a_few_lines() {
    let runtime = Runtime::null(vec![swath::DeviceInfo::null("Null", swath::DeviceKind::Cpu)]).unwrap();
    let (mut chain, ..) = stages(&runtime, 1 << 18);
    let (steps, next) = (chain.in_out::<u32>(1000), chain.scratch::<u32>(1000));
    let buffer = runtime.buffer(&[0u32; 25]).unwrap();
    chain.repeat_until(
        60,
        20,
        steps,
        |_: &[u32]| true,
        |i, chain| {
            let factor = if i < 10 { 2u32 } else { 3 };
            chain
                .call(&kernel("scale"))
                .set("params.factor", factor)
                .set("params.offset", 0u32)
                .bind("src", steps)
                .bind("dst", next)
                .grid(1000);
            chain.swap(steps, next);
        },
    );
    chain.call(&kernel("sum")).bind("src", &buffer).bind("total", runtime.buffer(&[0u32]).unwrap()).grid(25);
    let plan = chain.build().unwrap().to_string();
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!("chain_plan", plan);
    });
}
