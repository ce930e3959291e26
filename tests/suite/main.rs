//! The tests that can share a process, as modules of one binary, since each binary links everything once more.
//!
//! `cargo test --test suite -- chain::` runs those of one module. A file of its own in `tests` has what needs a process of
//! its own: another harness, another allocator, a machine that is not busy with other tests.

mod access;
#[cfg(all(feature = "gpu", feature = "cpu"))]
mod auto;
mod calls;
mod chain;
#[cfg(feature = "cpu")]
mod checkpoint;
mod differential;
mod energy;
mod errors;
mod face;
mod gpu;
#[cfg(feature = "imports")]
mod imports;
mod ir;
#[cfg(all(feature = "derive", feature = "cpu"))]
mod layout;
mod plan;
mod samples;
#[cfg(feature = "cpu")]
mod shape;
#[cfg(feature = "cpu")]
mod split;
#[cfg(all(feature = "gpu", feature = "cpu"))]
mod trust;
#[cfg(feature = "cpu")]
mod tune;
#[cfg(all(feature = "derive", feature = "cpu", any(feature = "glam", feature = "mint")))]
mod vectors;

#[cfg(feature = "gpu")]
#[path = "../support/missing_gpu.rs"]
mod missing_gpu;
#[allow(dead_code, reason = "programs make choices in other ways, too")]
#[path = "../support/random.rs"]
mod random;
#[cfg(feature = "cpu")]
#[path = "../support/shape_free.rs"]
mod shape_free;
#[cfg(feature = "gpu")]
#[path = "../support/validation.rs"]
mod validation;
#[path = "../support/wgsl.rs"]
mod wgsl;

use std::path::Path;
#[cfg(feature = "gpu")]
use std::sync::OnceLock;

#[cfg(feature = "gpu")]
use swath::{Device, Runtime};

/// Calls `test` for each kernel in a folder of the repository; a snapshot that it makes is named after the file.
fn for_each_kernel(folder: &str, test: impl Fn(&Path)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.map(|file| file.expect("the folder can be listed").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wgsl"));
    files.sort();
    assert!(!files.is_empty(), "{} has no kernels", folder.display());
    for file in files {
        let name = file.file_name().expect("it is a file").to_string_lossy();
        insta::with_settings!({ snapshot_suffix => name }, { test(&file) });
    }
}

/// The best GPU that is there, found once for all tests; without one, says so, or fails if there has to be one.
#[cfg(feature = "gpu")]
fn first_gpu() -> Option<&'static (Runtime, Device)> {
    static GPU: OnceLock<Option<(Runtime, Device)>> = OnceLock::new();
    GPU.get_or_init(|| {
        validation::watch();
        let found = Runtime::new().and_then(|runtime| {
            let device = runtime.device("gpu")?;
            Ok((runtime, device))
        });
        match found {
            Ok(place) => Some(place),
            Err(error) => {
                missing_gpu::skip(error);
                None
            }
        }
    })
    .as_ref()
}
