//! What the passes make is valid, for every kernel that there is, and means what it should.

#[cfg(feature = "cpu")]
mod meaning;
mod shape;

use std::{fs, path::Path, sync::Arc};

use naga::{
    Module, ResourceBinding,
    valid::{Capabilities, ModuleInfo, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator},
};

use crate::kernel::{
    Kernel, Module as WgslModule,
    passes::{Guard, Slice, TileUniform, Variant, adapt, can_be_sliced, write_out_zeros},
    testing::kernel,
};

const PLACE: ResourceBinding = ResourceBinding { group: 3, binding: 7 };

fn validate(module: &Module) -> ModuleInfo {
    Validator::new(ValidationFlags::all(), Capabilities::all())
        .subgroup_stages(ShaderStages::all())
        .subgroup_operations(SubgroupOperationSet::all())
        .validate(module)
        .unwrap_or_else(|error| panic!("{}", error.emit_to_string(&format!("{module:#?}"))))
}

fn adapted(kernel: &Kernel, variant: &Variant) -> Module {
    let inner = &kernel.inner;
    let globals: Vec<_> = kernel.bindings().iter().map(|binding| binding.global).collect();
    let module = adapt(&inner.module, &inner.info, inner.entry, &globals, variant, PLACE)
        .unwrap_or_else(|error| panic!("{}: {error}", kernel.name()));
    validate(&module);
    module
}

/// Every kernel of these folders, with a name for messages.
fn all_kernels() -> Vec<(String, Kernel)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut kernels = Vec::new();
    for folder in ["shaders", "tests/cases", "benches/kernels", "tests/access"] {
        for file in fs::read_dir(root.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}")) {
            let path = file.expect("a folder's entry").path();
            if path.extension().is_none_or(|extension| extension != "wgsl") {
                continue;
            }
            let source = fs::read_to_string(&path).expect("a kernel's text");
            // Cases of errors do not parse; those of missing constants cannot be run.
            let Ok(module) = WgslModule::parse(source.as_str()) else { continue };
            for name in module.kernel_names() {
                if let Ok(kernel) = module.kernel(name)
                    && kernel.check_complete().is_ok()
                {
                    kernels.push((format!("{}: {name}", path.display()), kernel));
                }
            }
        }
    }
    kernels
}

/// Every combination of flags for a kernel.
fn variants(kernel: &Kernel) -> Vec<Variant> {
    let sliceable: Vec<bool> =
        kernel.bindings().iter().map(|binding| can_be_sliced(&kernel.inner.module, binding.global)).collect();
    let runtime: Vec<bool> = kernel.bindings().iter().map(|binding| binding.element_stride().is_some()).collect();
    let none = vec![false; sliceable.len()];
    let mut all = Vec::new();
    for tiled in [false, true] {
        for (sliced, logical_length) in [(&none, &none), (&none, &runtime), (&sliceable, &runtime)] {
            for guard in [Guard::All, Guard::Unproven(Arc::default())] {
                for (fuel, watch) in [(false, false), (true, false), (false, true), (true, true)] {
                    let (sliced, logical_length) = (sliced.clone(), logical_length.clone());
                    all.push(Variant { tiled, rows: 0, sliced, logical_length, guard: guard.clone(), fuel, watch });
                }
            }
        }
    }
    all.push(Variant { rows: 64, ..Variant::default() });
    all.push(Variant { rows: 64, tiled: true, fuel: true, ..Variant::default() });
    all
}

#[test]
fn every_variant_of_every_kernel_is_valid() {
    let kernels = all_kernels();
    assert!(kernels.len() > 100, "only {} kernels were found", kernels.len());
    for (name, kernel) in kernels {
        for variant in variants(&kernel) {
            let outcome = std::panic::catch_unwind(|| {
                let mut module = adapted(&kernel, &variant);
                write_out_zeros(&mut module).expect("a kernel's module");
                validate(&module);
            });
            assert!(outcome.is_ok(), "{name} {variant:?}");
        }
    }
}
