//! What a device must have to run a kernel, and the comparison with what it has.

use naga::{AddressSpace, Module, Scalar, Statement, TypeInner, valid::ModuleInfo};

use super::{layout, unsupported};
use crate::{
    device_info::DeviceInfo,
    error::{Error, Message, Result},
};

/// What a device must have to run a kernel, as data.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Requirements {
    /// Features by their WebGPU names.
    pub features: Vec<&'static str>,
    /// Limits by their WebGPU names, with the value the kernel needs and words for it.
    pub limits: Vec<Need>,
}

/// A limit that a kernel needs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Need {
    /// The limit's name in WebGPU.
    pub limit: &'static str,
    /// The value the kernel needs.
    pub value: u64,
    /// What it is for.
    pub what: &'static str,
}

impl Requirements {
    /// What the entry point `entry` of `module` needs; the module holds nothing that it does not reach.
    pub fn of(module: &Module, info: &ModuleInfo, entry: usize) -> Requirements {
        let point = &module.entry_points[entry];
        let used = |handle: naga::Handle<naga::GlobalVariable>| !info.get_entry_point(entry)[handle].is_empty();
        let mut workgroup_bytes = 0u64;
        let mut storage = 0u64;
        let mut uniforms = 0u64;
        let mut uniform_bytes = 0u64;
        for (handle, variable) in module.global_variables.iter() {
            match variable.space {
                // Each variable is aligned by itself; 16 is the most that WGSL asks for.
                AddressSpace::WorkGroup if used(handle) => {
                    workgroup_bytes =
                        workgroup_bytes.next_multiple_of(16) + u64::from(layout::size(module, variable.ty));
                }
                AddressSpace::Storage { .. } if used(handle) => storage += 1,
                AddressSpace::Uniform if used(handle) => {
                    uniforms += 1;
                    uniform_bytes = uniform_bytes.max(u64::from(layout::size(module, variable.ty)));
                }
                _ => {}
            }
        }
        let [x, y, z] = point.workgroup_size.map(u64::from);
        let needs = [
            ("maxComputeWorkgroupSizeX", x, "invocations of a workgroup along x"),
            ("maxComputeWorkgroupSizeY", y, "invocations of a workgroup along y"),
            ("maxComputeWorkgroupSizeZ", z, "invocations of a workgroup along z"),
            ("maxComputeInvocationsPerWorkgroup", x.saturating_mul(y).saturating_mul(z), "invocations of a workgroup"),
            ("maxComputeWorkgroupStorageSize", workgroup_bytes, "bytes of workgroup memory"),
            ("maxStorageBuffersPerShaderStage", storage, "storage bindings"),
            ("maxUniformBuffersPerShaderStage", uniforms, "uniform bindings"),
            ("maxUniformBufferBindingSize", uniform_bytes, "bytes in a uniform binding"),
        ];
        let limits = needs
            .into_iter()
            .filter(|&(_, value, _)| value > 0)
            .map(|(limit, value, what)| Need { limit, value, what })
            .collect();
        Requirements { features: features(module, info), limits }
    }

    /// Refuses `kernel` for the device, by the name of what is missing. A limit that the device
    /// does not state is not compared.
    pub fn check(&self, kernel: &str, device: &DeviceInfo) -> Result<()> {
        let refuse = |problem: String, help: String| {
            Err(Error::Unsupported(Message::new(problem).kernel(kernel).subject(&device.name).help(help)))
        };
        for &feature in &self.features {
            if !device.features.contains(&feature) {
                return refuse(
                    format!("the kernel needs the feature `{feature}`, which this device does not have"),
                    "choose another device, or write the kernel without it".to_owned(),
                );
            }
        }
        for need in &self.limits {
            if let Some(has) = device.limit(need.limit).filter(|&has| has < need.value) {
                return refuse(
                    format!(
                        "the kernel needs {} {}, and this device allows {has} ({})",
                        need.value, need.what, need.limit
                    ),
                    "choose another device, or use less in the kernel".to_owned(),
                );
            }
        }
        Ok(())
    }
}

/// The features that the module needs, by their WebGPU names.
fn features(module: &Module, info: &ModuleInfo) -> Vec<&'static str> {
    let mut features = Vec::new();
    let mut halves = false;
    unsupported::each_type(module, info, &mut |inner, _| halves |= inner.scalar() == Some(Scalar::F16));
    if halves {
        features.push("shader-f16");
    }
    let functions = || {
        let entries = module.entry_points.iter().map(|entry| &entry.function);
        module.functions.iter().map(|(_, function)| function).chain(entries)
    };
    let builtin = |function: &naga::Function| {
        function.arguments.iter().any(|argument| match argument.binding {
            Some(naga::Binding::BuiltIn(builtin)) => is_subgroup_builtin(builtin),
            _ => match module.types[argument.ty].inner {
                TypeInner::Struct { ref members, .. } => members.iter().any(
                    |member| matches!(member.binding, Some(naga::Binding::BuiltIn(builtin)) if is_subgroup_builtin(builtin)),
                ),
                _ => false,
            },
        })
    };
    if functions().any(|function| uses_subgroups(&function.body) || builtin(function)) {
        features.push("subgroups");
    }
    if functions().any(|function| uses_subgroup_barrier(&function.body)) {
        features.push("subgroup-barrier");
    }
    if module.types.iter().any(|(_, ty)| ty.inner == TypeInner::Atomic(Scalar::F32)) {
        features.push("shader-float32-atomic");
    }
    features
}

fn is_subgroup_builtin(builtin: naga::BuiltIn) -> bool {
    use naga::BuiltIn::*;
    matches!(builtin, NumSubgroups | SubgroupId | SubgroupSize | SubgroupInvocationId)
}

fn uses_subgroups(block: &naga::Block) -> bool {
    any_statement(block, &|statement| {
        matches!(
            statement,
            Statement::SubgroupBallot { .. }
                | Statement::SubgroupGather { .. }
                | Statement::SubgroupCollectiveOperation { .. }
        )
    })
}

fn uses_subgroup_barrier(block: &naga::Block) -> bool {
    any_statement(
        block,
        &|statement| matches!(statement, Statement::ControlBarrier(barrier) if barrier.contains(naga::Barrier::SUB_GROUP)),
    )
}

/// Whether `wanted` holds for a statement of `block`, nested ones included.
fn any_statement(block: &naga::Block, wanted: &dyn Fn(&Statement) -> bool) -> bool {
    block.iter().any(|statement| {
        wanted(statement)
            || match statement {
                Statement::Block(inner) => any_statement(inner, wanted),
                Statement::If { accept, reject, .. } => any_statement(accept, wanted) || any_statement(reject, wanted),
                Statement::Loop { body, continuing, .. } => {
                    any_statement(body, wanted) || any_statement(continuing, wanted)
                }
                Statement::Switch { cases, .. } => cases.iter().any(|case| any_statement(&case.body, wanted)),
                _ => false,
            }
    })
}

#[cfg(test)]
mod tests {
    use crate::kernel::testing::kernel;

    fn features(body: &str) -> Vec<&'static str> {
        let wgsl = format!(
            "enable f16;
            @group(0) @binding(0) var<storage, read_write> y: array<u32>;
            fn unused() -> f16 {{ return 1h; }}
            @compute @workgroup_size(16) fn main(@builtin(local_invocation_index) i: u32) {{ {body} }}"
        );
        kernel(&wgsl).required_features().to_vec()
    }

    #[test]
    fn finds_features() {
        assert!(features("y[i] = i;").is_empty());
        assert_eq!(features("var x = 1h; y[i] = u32(x);"), ["shader-f16"]);
        assert_eq!(features("y[i] = u32(f16(i) * 2h);"), ["shader-f16"]);
        assert_eq!(features("if i > 3 { loop { y[i] = subgroupAdd(i); break; } }"), ["subgroups"]);
        assert!(features("y[i] = pack2x16float(vec2f(f32(i)));").is_empty());
    }

    #[test]
    fn counts_what_limits_are_for() {
        let wgsl = "
            override N: u32 = 4;
            var<workgroup> tile: array<vec4f, N * 2>;
            var<workgroup> total: atomic<u32>;
            var<workgroup> unused: array<f32, 1000>;
            @group(0) @binding(0) var<uniform> params: array<vec4f, 3>;
            @group(0) @binding(1) var<storage, read_write> y: array<f32>;
            @compute @workgroup_size(8, N) fn main() {
                tile[0] = params[0];
                atomicAdd(&total, 1);
                y[0] = tile[0].x;
            }";
        let kernel = kernel(wgsl).with_const("N", 8).unwrap_or_else(|error| panic!("{error}"));
        let need = |limit| {
            kernel.inner.requirements.limits.iter().find(|need| need.limit == limit).map_or(0, |need| need.value)
        };
        assert_eq!(need("maxComputeInvocationsPerWorkgroup"), 64);
        assert_eq!(need("maxComputeWorkgroupSizeY"), 8);
        assert_eq!(need("maxComputeWorkgroupStorageSize"), 16 * 16 + 4);
        assert_eq!(need("maxStorageBuffersPerShaderStage"), 1);
        assert_eq!(need("maxUniformBufferBindingSize"), 48);
    }
}
