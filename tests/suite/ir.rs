//! The printed program of every shipped sample and of small kernels, one for each thing that lowering does,
//! as snapshots in `snapshots`. After a change that is meant, look at the difference that
//! `INSTA_UPDATE=always cargo test --test suite ir` makes.

use std::path::Path;

use swath::Module;

use crate::for_each_kernel;

/// The programs of all kernels in a file.
fn programs(path: &Path) -> String {
    let module = Module::parse_file(path).unwrap_or_else(|error| panic!("{error}"));
    let print = |name: &str| {
        let kernel = module.kernel(name).unwrap_or_else(|error| panic!("{error}"));
        kernel.ir().unwrap_or_else(|error| panic!("{error}"))
    };
    let programs: Vec<String> = module.kernel_names().map(print).collect();
    programs.join("\n")
}

#[test]
fn samples() {
    for_each_kernel("shaders", |path| insta::assert_snapshot!(programs(path)));
}

#[test]
fn small_kernels() {
    for_each_kernel("tests/ir", |path| insta::assert_snapshot!(programs(path)));
}

/// Lowering the same text twice gives the same program, to the last name.
#[test]
fn lowering_is_deterministic() {
    for_each_kernel("tests/ir", |path| assert_eq!(programs(path), programs(path)));
}
