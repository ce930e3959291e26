//! Kernels that come to many operations: right values on both executors of the CPU engine, and compilation that takes time in
//! proportion to their length.

#![cfg(feature = "cpu")]

#[path = "support/large.rs"]
mod large;

use std::time::{Duration, Instant};

use swath::{Module, Runtime};

/// The limbs of a number in hexadecimal digits.
fn limbs(number: &str) -> Vec<u32> {
    let digits: Vec<u32> = number.chars().map(|digit| digit.to_digit(16).expect("hexadecimal digits")).collect();
    digits.chunks(4).rev().map(|limb| limb.iter().fold(0, |sum, digit| 16 * sum + digit)).collect()
}

fn numbers(numbers: &[&str]) -> Vec<u32> {
    numbers.iter().flat_map(|number| limbs(number)).collect()
}

/// What a kernel makes of `a`, in `length` words.
fn run(runtime: &Runtime, wgsl: &str, a: &[u32], length: usize, invocations: usize) -> swath::Result<Vec<u32>> {
    let kernel = Module::parse(wgsl)?.only_kernel()?;
    let mut r = vec![0; length];
    let report = runtime.call(&kernel).read("a", a).write("r", &mut r).grid(invocations).run()?;
    assert!(!report.interpreted() || runtime.device("cpu")?.info().driver.starts_with("interp"), "it was not compiled");
    Ok(r)
}

/// Both executors give what exact arithmetic gives: `expected` are the numbers of some invocations, each with the numbers that
/// the invocation is given.
fn check(wgsl: &str, expected: &[(&[&str], &[&str])]) -> swath::Result<()> {
    let a: Vec<u32> = expected.iter().flat_map(|(given, _)| numbers(given)).collect();
    let wanted: Vec<u32> = expected.iter().flat_map(|(_, wanted)| numbers(wanted)).collect();
    for runtime in [Runtime::cpu()?, Runtime::cpu_interpreter()?] {
        let driver = runtime.device("cpu")?.info().driver.clone();
        let r = run(&runtime, wgsl, &a, wanted.len(), expected.len())?;
        assert_eq!(r, wanted, "{driver}");
    }
    Ok(())
}

#[test]
fn multiplications_are_exact() -> swath::Result<()> {
    check(
        &large::multiplications(4),
        &[
            (
                &[
                    "0123456789abcdeffedcba98765432100f1e2d3c4b5a69788796a5b4c3d2e1f0",
                    "1029384756abcdef0f1e2d3c4b5a69781122334455667788deadbeefcafebabe",
                ],
                &["2d0cd1f680f914be77ade6b1b34dfd09f237fce8bc6f2ab1b08051a936d0f736"],
            ),
            (
                &[
                    "0b60b60b60b60b5ff49f49f49f49f4a0972dc45af1881eb54be2790fa63cd360",
                    "106f4770bf212ad96e3cf3376d041597e4d1c0f71cab4bb0fe67d119647c5397",
                ],
                &["159658a21e75cb663990250c1bed05aafce3d0479ad145ac14c31d601703b975"],
            ),
        ],
    )?;
    check(
        &large::multiplications(8),
        &[
            (
                &[
                    "0123456789abcdeffedcba98765432100f1e2d3c4b5a69788796a5b4c3d2e1f0",
                    "1029384756abcdef0f1e2d3c4b5a69781122334455667788deadbeefcafebabe",
                ],
                &["1dd2278b21af63137d0c86d5d9ae831f714960a037554db3b1d72ebde9acdaa8"],
            ),
            (
                &[
                    "0b60b60b60b60b5ff49f49f49f49f4a0972dc45af1881eb54be2790fa63cd360",
                    "106f4770bf212ad96e3cf3376d041597e4d1c0f71cab4bb0fe67d119647c5397",
                ],
                &["19643c3c94847dc10e0b629e7b19044e522e17fa2957d445291649839756e056"],
            ),
        ],
    )
}

#[test]
fn points_of_a_curve_are_exact() -> swath::Result<()> {
    check(
        &large::points(1),
        &[
            (
                &[
                    "0e0a77c19a07df2f666ea36f7879462c0a78eb28f5c70b3dd35d438dc58f0d9d",
                    "1c14ef83340fbe5eccdd46def0f28c5814f1d651eb8e167ba6ba871b8b1e1b3a",
                    "0e0a77c19a07df2f666ea36f7879462c0a78eb28f5c70b3dd35d438dc58f0d9d",
                ],
                &[
                    "1054727e4ae275dd619645d90502d1509601867bf9fdd0dcf2258f35318d632e",
                    "04e0971d911a3b61d2ede246e9ef35bd0fe4eaaaa24f89993638459dbaea7afe",
                    "07c38f852c45246fe76da5d3dcd1602a8310d616ef226497b53be5077a03a5ea",
                ],
            ),
            (
                &[
                    "13227397098d014dc2822db40c0ac2ecbc0b548b438e5469e10460b6c3e7ea38",
                    "04644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47",
                    "0e0a77c19a07df2f666ea36f7879462c0a78eb28f5c70b3dd35d438dc58f0d9d",
                ],
                &[
                    "043e411a6824c8a563f732eb1628c9bdf403188b982bd15317bfa7ad031f64ea",
                    "051aa7c59e1af5603032d567626e9c08da1a72a9be93819dbc118ddd5c546730",
                    "223a9b189d6f60dae53fc28c4f0b01d16ba8e4d384f5f6230905cd2e365aa9a3",
                ],
            ),
        ],
    )?;
    check(
        &large::points(4),
        &[
            (
                &[
                    "0e0a77c19a07df2f666ea36f7879462c0a78eb28f5c70b3dd35d438dc58f0d9d",
                    "1c14ef83340fbe5eccdd46def0f28c5814f1d651eb8e167ba6ba871b8b1e1b3a",
                    "0e0a77c19a07df2f666ea36f7879462c0a78eb28f5c70b3dd35d438dc58f0d9d",
                ],
                &[
                    "1d499523f7a4de16422ffa43437ad9a8414136cf71edd88d822ea1f6a559ae60",
                    "0b5875f8e72a045160e6d365031040a30c735cb1345d33349400996ddeb65f8c",
                    "0cfee1dee543d39c3994f6dd50802a1827ad595eb5822da6318410880165458e",
                ],
            ),
            (
                &[
                    "13227397098d014dc2822db40c0ac2ecbc0b548b438e5469e10460b6c3e7ea38",
                    "04644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47",
                    "0e0a77c19a07df2f666ea36f7879462c0a78eb28f5c70b3dd35d438dc58f0d9d",
                ],
                &[
                    "067b903e08431cc90be44e5b026b47a282cf34ab6496427df117f17ec38b9d6e",
                    "12ebc5a8bc3961cd4770debf2506a506488840ef474896ad0a0ceff6e514c4a4",
                    "10af49b7496240c7dd249b483207091b4b685430ce933465d91aa9b4aa832822",
                ],
            ),
        ],
    )
}

/// Time that this thread has computed for, whatever else the machine does; where the system does not say, time that has passed.
fn time_computed(start: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split_whitespace().next()?.parse().ok());
    nanoseconds.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// The least time of several to compile each of some kernels in turn, on runtimes that have compiled nothing: what else the
/// machine does can only add to it.
fn compilations(kernels: &[String; 3]) -> swath::Result<[Duration; 3]> {
    let start = Instant::now();
    let mut least = [Duration::MAX; 3];
    for _ in 0..5 {
        for (wgsl, least) in kernels.iter().zip(&mut least) {
            let kernel = Module::parse(wgsl)?.only_kernel()?;
            let before = time_computed(start);
            kernel.prepare(&Runtime::cpu()?, "cpu")?;
            *least = time_computed(start).saturating_sub(before).min(*least);
        }
    }
    Ok(least)
}

/// What grew with the square of the length would take 16 times as long for the largest kernel. `jit/coverage` counts what is
/// made, of kernels with many loops too.
#[test]
fn four_times_the_operations_take_far_less_than_16_times_the_time() -> swath::Result<()> {
    // 5,000, 10,000 and 20,000 operations.
    let times = compilations(&[2, 4, 8].map(large::multiplications))?;
    println!("{times:?}");
    assert!(times[2] < 10 * times[0], "{times:?}");
    Ok(())
}
