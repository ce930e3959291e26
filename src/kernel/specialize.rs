//! From a module to one kernel: reduced to an entry point, override constants resolved.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use naga::{
    ArraySize, Handle, Override, Scalar, ScalarKind, ShaderStage, TypeInner,
    back::{PipelineConstants, pipeline_constants},
    compact::{KeepUnused, compact},
    valid::{Capabilities, ModuleInfo, ValidationFlags, Validator},
};

use super::{
    Kernel, KernelInner, Module, accepted::Accepted, diagnostic, guarded, identity::Identity, layout, memo::Memo,
    names, reflect, requirements::Requirements, source::Source, unsupported,
};
use crate::error::{Error, Message, Result};

/// A value for an override constant: `f32`, `f64`, `i32`, `u32`, `i64`, `u64`, `usize` or `bool`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConstValue(f64);

macro_rules! const_value {
    ($($ty:ty),*) => {
        $(impl From<$ty> for ConstValue {
            fn from(value: $ty) -> Self {
                ConstValue(value as f64)
            }
        })*
    };
}

// Integers beyond 2^53 lose digits here, and are out of every constant's range anyway.
const_value!(f32, f64, i32, u32, i64, u64, usize);

impl From<bool> for ConstValue {
    fn from(value: bool) -> Self {
        ConstValue(f64::from(u8::from(value)))
    }
}

impl Kernel {
    /// The kernel with a value for one of its `override` constants, named as in the WGSL or by its
    /// `@id` number.
    ///
    /// # Errors
    ///
    /// [`Error::Kernel`] where there is no such constant, or the value does not fit its type.
    ///
    /// ```
    /// let wgsl = "override WG: u32 = 64; @compute @workgroup_size(WG) fn nothing() {}";
    /// let kernel = swath::Module::parse(wgsl)?.only_kernel()?.with_const("WG", 128)?;
    /// assert_eq!(kernel.workgroup_size(), [128, 1, 1]);
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn with_const(&self, name: &str, value: impl Into<ConstValue>) -> Result<Kernel> {
        let mut constants = self.inner.constants.clone();
        constants.retain(|(given, _)| given != name);
        constants.push((name.to_owned(), value.into().0));
        kernel(&self.inner.parent, &self.inner.name, &constants)
    }
}

impl Kernel {
    /// The kernel with values for several of its constants at once.
    ///
    /// # Errors
    ///
    /// As [`with_const`](Kernel::with_const).
    pub(crate) fn with_constants(&self, values: &[(String, f64)]) -> Result<Kernel> {
        let mut constants = self.inner.constants.clone();
        constants.retain(|(given, _)| values.iter().all(|(name, _)| name != given));
        constants.extend_from_slice(values);
        kernel(&self.inner.parent, &self.inner.name, &constants)
    }
}

/// The kernel `name`, which the module has, with `constants`.
pub(super) fn kernel(parent: &Module, name: &str, constants: &[(String, f64)]) -> Result<Kernel> {
    let kernel = guarded::naga(&parent.inner.source, "resolving constants", || build(parent, name, constants));
    kernel.map_err(|error| diagnostic::in_file(parent.inner.file.as_deref(), error))
}

fn build(parent: &Module, name: &str, constants: &[(String, f64)]) -> Result<Kernel> {
    let source = &parent.inner.source;
    for (constant, value) in constants {
        check_constant(parent, name, constant, *value)?;
    }
    // What the kernel does not reach must ask nothing of a device.
    let mut module = parent.inner.module.clone();
    module.entry_points.retain(|entry| entry.stage == ShaderStage::Compute && entry.name == name);
    compact(&mut module, KeepUnused::No);
    let info = Validator::new(ValidationFlags::all(), Capabilities::all())
        .validate(&module)
        .map_err(|error| diagnostic::validation_error(source, error))?;
    unsupported::check(source, &module, &info)?;

    let given = given(&module, constants);
    let (values, missing) = pipeline_values(&module, &given);
    let (module, info) = resolve(source, name, &module, &info, &values, &missing)?;
    let entry = 0;
    let (bindings, uniform_bytes) = reflect::bindings(&module, &info, entry);
    let requirements = Requirements::of(&module, &info, entry);
    Ok(Kernel {
        inner: Arc::new(KernelInner {
            name: name.to_owned(),
            source: source.clone(),
            workgroup_size: module.entry_points[entry].workgroup_size,
            identity: Identity::new(source.identity(), name, &given),
            uniform_scalars: reflect::uniform_scalars(&module, &bindings, uniform_bytes),
            uniform_bytes,
            module,
            info,
            entry,
            bindings,
            requirements,
            parent: parent.clone(),
            constants: constants.to_vec(),
            missing,
            accepted_on: Accepted::default(),
            memo: Memo::default(),
        }),
    })
}

/// The error for constants that have neither default nor value.
pub(super) fn missing_constants(kernel: &str, missing: &[String]) -> Message {
    let list = names::list(missing.iter().map(String::as_str));
    let first = missing.first().map_or("", String::as_str);
    let (noun, verb) = if missing.len() == 1 { ("constant", "has") } else { ("constants", "have") };
    Message::new(format!("the override {noun} {list} {verb} no default and no value"))
        .kernel(kernel)
        .help(format!("give one with .with_const(\"{first}\", value)"))
}

/// Refuses a constant that the module does not have, or whose value does not fit.
fn check_constant(parent: &Module, kernel: &str, name: &str, value: f64) -> Result<()> {
    let module = &parent.inner.module;
    let refuse = |message: Message| Err(Error::Kernel(message.kernel(kernel).subject(name)));
    let Some(handle) = find(module, name) else {
        let known: Vec<&str> = module.overrides.iter().filter_map(|(_, constant)| constant.name.as_deref()).collect();
        let help = match known.first() {
            Some(_) => names::suggest(name, "its override constants are", known),
            None => "declare it in the WGSL with `override`".to_owned(),
        };
        return refuse(Message::new(format!("the module has no override constant `{name}`")).help(help));
    };
    let ty = module.overrides[handle].ty;
    let TypeInner::Scalar(scalar) = module.types[ty].inner else { return Ok(()) };
    if scalar.kind == ScalarKind::Bool {
        return Ok(());
    }
    let type_name = layout::scalar_name(scalar);
    if !value.is_finite() {
        return refuse(
            Message::new(format!("{value} is no value for an override constant of type {type_name}"))
                .help("give a finite number"),
        );
    }
    let (low, high) = range(scalar);
    if value < low || value > high {
        return refuse(
            Message::new(format!("{} does not fit the constant's type {type_name}", number(value))).help(format!(
                "give a number from {} to {}",
                number(low),
                number(high)
            )),
        );
    }
    let integer = matches!(scalar.kind, ScalarKind::Sint | ScalarKind::Uint);
    if integer && value.fract() != 0.0 {
        return refuse(
            Message::new(format!("{value} is not a whole number, and the constant's type is {type_name}"))
                .help("give a whole number"),
        );
    }
    Ok(())
}

/// The least and the greatest value of a numeric type.
fn range(scalar: Scalar) -> (f64, f64) {
    match scalar {
        Scalar::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        Scalar::U32 => (0.0, f64::from(u32::MAX)),
        Scalar::F16 => (f64::from(half::f16::MIN), f64::from(half::f16::MAX)),
        Scalar::F32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
        _ => (f64::MIN, f64::MAX),
    }
}

/// `value`, with a power of ten where it would be long.
fn number(value: f64) -> String {
    if value.abs() < 1e12 { value.to_string() } else { format!("{value:e}") }
}

/// The override that `name` names: by its name, or by its `@id` number.
fn find(module: &naga::Module, name: &str) -> Option<Handle<Override>> {
    let by_name = module.overrides.iter().find(|(_, constant)| constant.name.as_deref() == Some(name));
    let by_id = || {
        let id: u16 = name.parse().ok()?;
        module.overrides.iter().find(|(_, constant)| constant.id == Some(id))
    };
    by_name.or_else(by_id).map(|(handle, _)| handle)
}

/// The values of the constants that are left in the reduced module, by what [`name_of`] calls each. Of several values for
/// one, by its name and by its `@id`, the last counts.
fn given(module: &naga::Module, constants: &[(String, f64)]) -> BTreeMap<String, f64> {
    let left = constants.iter().filter_map(|(name, value)| Some((find(module, name)?, *value)));
    left.filter_map(|(handle, value)| Some((name_of(&module.overrides[handle])?, value))).collect()
}

/// An override's name, or else its `@id`.
fn name_of(constant: &Override) -> Option<String> {
    constant.name.clone().or_else(|| Some(constant.id?.to_string()))
}

/// The values as naga wants them, and the names of the constants without any. A missing one counts as 1 for the time
/// being, so that it can still be given.
fn pipeline_values(module: &naga::Module, given: &BTreeMap<String, f64>) -> (PipelineConstants, Vec<String>) {
    let mut values = PipelineConstants::default();
    let mut missing = Vec::new();
    for (_, constant) in module.overrides.iter() {
        let Some(name) = name_of(constant) else { continue };
        if let Some(value) = given.get(&name) {
            values.insert(key(constant), *value);
        } else if constant.init.is_none() {
            values.insert(key(constant), 1.0);
            missing.push(name);
        }
    }
    (values, missing)
}

/// Replaces the overrides by their values.
fn resolve(
    source: &Source,
    kernel: &str,
    module: &naga::Module,
    info: &ModuleInfo,
    values: &PipelineConstants,
    missing: &[String],
) -> Result<(naga::Module, ModuleInfo)> {
    use pipeline_constants::PipelineConstantError as Failure;
    let entry = Some((ShaderStage::Compute, kernel));
    match pipeline_constants::process_overrides(module, info, entry, values) {
        Ok((module, info)) => {
            let mut module = module.into_owned();
            settle_arrays(&mut module);
            Ok((module, info.into_owned()))
        }
        // The stand-in for a missing value may be what does not fit.
        Err(_) if !missing.is_empty() => Err(Error::Kernel(
            missing_constants(kernel, missing).help("give all of them at once with Module::kernel_with_consts"),
        )),
        Err(Failure::ValidationError(error)) => Err(diagnostic::validation_error(source, error)),
        Err(Failure::NegativeWorkgroupSize) => Err(Error::Kernel(
            Message::new("the override constants give a workgroup size that is not positive")
                .kernel(kernel)
                .help("give a constant of at least 1"),
        )),
        Err(failure) => {
            let message = match failing_override(module, kernel, values) {
                Some(handle) => {
                    let span = module.overrides.get_span(handle);
                    let line = source.view().file_of(span).location(span).map(|(line, _)| format!(" of line {line}"));
                    let line = line.unwrap_or_default();
                    Message::new(format!("the override constant{line} has no value: {failure}"))
                        .subject(name_of(&module.overrides[handle]).unwrap_or_default())
                }
                None => Message::new(format!("the override constants do not resolve: {failure}")),
            };
            let help = "look at the values given and at the expressions that use them";
            Err(Error::Kernel(message.kernel(kernel).help(help)))
        }
    }
}

/// The first override whose own expression has no value. Nothing where it is an expression elsewhere that has none.
fn failing_override(module: &naga::Module, kernel: &str, values: &PipelineConstants) -> Option<Handle<Override>> {
    // As if all that come later were given: what fails then is this one, or in the end what uses them.
    let fails = |count: usize| {
        let (mut module, mut values) = (module.clone(), values.clone());
        let handles: Vec<_> = module.overrides.iter().map(|(handle, _)| handle).skip(count).collect();
        for handle in handles {
            let constant = &mut module.overrides[handle];
            if name_of(constant).is_some() {
                constant.init = None;
                values.entry(key(constant)).or_insert(1.0);
            }
        }
        // What only their expressions used would be evaluated as well.
        compact(&mut module, KeepUnused::Yes);
        let Ok(info) = Validator::new(ValidationFlags::all(), Capabilities::all()).validate(&module) else {
            return false;
        };
        pipeline_constants::process_overrides(&module, &info, Some((ShaderStage::Compute, kernel)), &values).is_err()
    };
    if fails(0) {
        return None;
    }
    let handles = module.overrides.iter().map(|(handle, _)| handle);
    handles.zip(1..).find(|(_, count)| fails(*count)).map(|(handle, _)| handle)
}

/// What naga calls an override.
fn key(constant: &Override) -> String {
    match constant.id {
        Some(id) => id.to_string(),
        None => constant.name.clone().unwrap_or_default(),
    }
}

/// Gives arrays whose length is an override's value that length as a plain number, which is all
/// that the rest of the house knows, and drops the overrides, which nothing refers to any more.
fn settle_arrays(module: &mut naga::Module) {
    let pending: Vec<Handle<naga::Type>> = module
        .types
        .iter()
        .filter(|(_, ty)| matches!(ty.inner, TypeInner::Array { size: ArraySize::Pending(_), .. }))
        .map(|(handle, _)| handle)
        .collect();
    for handle in pending {
        let mut ty = module.types[handle].clone();
        let TypeInner::Array { base, size, stride } = ty.inner else { continue };
        // Resolved overrides have a length: the validator has seen to that.
        let Some(length) = layout::array_length(module, size).and_then(NonZeroU32::new) else { continue };
        ty.inner = TypeInner::Array { base, size: ArraySize::Constant(length), stride };
        // The arena holds no two equal types; a name, which arrays have no use for, tells them apart.
        while module.types.get(&ty).is_some() {
            ty.name = Some(format!("{}_", ty.name.as_deref().unwrap_or("array")));
        }
        module.types.replace(handle, ty);
    }
    let left = |(_, ty): (_, &naga::Type)| matches!(ty.inner, TypeInner::Array { size: ArraySize::Pending(_), .. });
    if !module.types.iter().any(left) {
        module.overrides = naga::Arena::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_of_override_length_become_plain() {
        let wgsl = "
            override N: u32 = 4;
            override M: u32 = N * 2;
            var<workgroup> a: array<f32, N>;
            var<workgroup> b: array<f32, M>;
            var<workgroup> c: array<f32, 8>;
            var<workgroup> d: array<array<f32, 8>, 2>;
            @compute @workgroup_size(N) fn main() { a[0] = 1; b[0] = 2; c[0] = 3; d[0][1] = 4; }";
        let check = |n: u32| {
            let kernel = Module::parse(wgsl)?.only_kernel()?.with_const("N", n)?;
            let module = &kernel.inner.module;
            assert!(module.overrides.is_empty());
            let lengths: Vec<_> = module
                .global_variables
                .iter()
                .map(|(_, variable)| match module.types[variable.ty].inner {
                    TypeInner::Array { size: ArraySize::Constant(length), .. } => length.get(),
                    ref other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(lengths, [n, 2 * n, 8, 2]);
            // The result is a module like any other.
            let mut validator = Validator::new(ValidationFlags::all(), Capabilities::all());
            assert!(validator.validate_resolved_overrides(module).is_ok());
            Ok(())
        };
        for n in [1, 4, 8, 16] {
            check(n).unwrap_or_else(|error: Error| panic!("{error}"));
        }
    }
}
