//! `swath check`: what a kernel is, without running it.

use serde::Serialize;
use swath::{Binding, Kernel, Module, OverrideConstant, Type};

use super::{
    access::{self, AccessEntry, Given},
    args::{CallArgs, CheckArgs, Emit},
    bind::{Purpose, bind, check_sets},
    failure::{Failure, Outcome},
    kernel::{check_constants, load_kernel, load_module},
    show,
};

#[derive(Serialize)]
struct Document {
    file: String,
    kernels: Vec<KernelEntry>,
    overrides: Vec<OverrideEntry>,
}

#[derive(Serialize)]
struct KernelEntry {
    name: String,
    /// `null` where an override constant without a value decides it.
    workgroup_size: Option<[u32; 3]>,
    features: Vec<&'static str>,
    bindings: Vec<BindingEntry>,
    /// `null` where an override constant has no value, or the kernel uses what only GPUs can run.
    access: Option<AccessEntry>,
}

#[derive(Serialize)]
struct BindingEntry {
    name: String,
    group: u32,
    binding: u32,
    kind: String,
    #[serde(rename = "type")]
    ty: String,
    /// Of a fixed part.
    bytes: u64,
    /// Bytes from one element of a runtime-sized array to the next.
    stride: Option<u32>,
    fields: Vec<FieldEntry>,
}

#[derive(Serialize)]
struct FieldEntry {
    name: String,
    #[serde(rename = "type")]
    ty: String,
    offset: u32,
}

#[derive(Serialize)]
struct OverrideEntry {
    name: String,
    id: Option<u16>,
    #[serde(rename = "type")]
    ty: String,
    default: Option<f64>,
    required: bool,
}

/// Runs the command.
pub fn check(args: &CheckArgs) -> Outcome {
    if args.run {
        return Err(Failure::wrong("--run: the sanitizer is not in this version", "`swath exec` runs the kernel"));
    }
    let module = load_module(&args.call)?;
    if let Some(emit) = args.emit {
        let kernel = load_kernel(&args.call, &module)?;
        check_constants(&args.call, &module, &kernel)?;
        let text = match emit {
            Emit::Ir => kernel.ir()?,
            Emit::Asm => assembly(&kernel)?,
        };
        return show::line(&text);
    }
    let kernels = kernels(&args.call, &module)?;
    let mut checked = Vec::new();
    if has_files(&args.call) || !args.call.sets.is_empty() {
        let [kernel] = kernels.as_slice() else {
            load_kernel(&args.call, &module)?;
            return Ok(());
        };
        check_constants(&args.call, &module, kernel)?;
        checked.push((kernel.clone(), Some(given(kernel, &args.call)?)));
    } else {
        for kernel in kernels {
            let complete = kernel.missing_constants().is_empty();
            let given = if complete { Some(Given::partial(&kernel, &args.call)?) } else { None };
            checked.push((kernel, given));
        }
    }
    if args.json {
        return show::json(&document(&args.call, &module, &checked)?);
    }
    show::line(&describe(&args.call, &module, &checked)?)
}

/// What is given of a call: all of it where files are, else the grid and fields of uniforms.
fn given(kernel: &Kernel, args: &CallArgs) -> Outcome<Given> {
    if has_files(args) {
        let slots = bind(kernel, args, Purpose::Look)?;
        return Given::bound(kernel, args, &slots);
    }
    check_sets(kernel, args)?;
    Given::partial(kernel, args)
}

/// The kernel that `--entry` names, or all of them.
fn kernels(args: &CallArgs, module: &Module) -> Outcome<Vec<Kernel>> {
    let names: Vec<String> = module.kernel_names().map(str::to_string).collect();
    if args.entry.is_some() || names.len() < 2 {
        return Ok(vec![load_kernel(args, module)?]);
    }
    let constants: Vec<(&str, f64)> = args.consts.iter().map(|c| (c.name.as_str(), c.value)).collect();
    let kernels = names.iter().map(|name| Ok(module.kernel_with_consts(name, &constants)?));
    kernels.collect()
}

/// Whether the data of a call is given, so that the call can be checked as well.
fn has_files(args: &CallArgs) -> bool {
    !(args.inputs.is_empty() && args.inouts.is_empty() && args.outputs.is_empty())
}

/// A kernel, and what is given of a call if the kernel is complete.
type Checked = (Kernel, Option<Given>);

fn document(args: &CallArgs, module: &Module, kernels: &[Checked]) -> Outcome<Document> {
    let entry = |(kernel, given): &Checked| {
        Ok(KernelEntry {
            name: kernel.name().to_string(),
            workgroup_size: kernel.missing_constants().is_empty().then(|| kernel.workgroup_size()),
            features: kernel.required_features().to_vec(),
            bindings: kernel.bindings().iter().map(binding_entry).collect(),
            access: match given {
                Some(given) => access::entry(kernel, given)?,
                None => None,
            },
        })
    };
    Ok(Document {
        file: args.kernel.display().to_string(),
        kernels: kernels.iter().map(entry).collect::<Outcome<_>>()?,
        overrides: module.constants().into_iter().map(override_entry).collect(),
    })
}

fn binding_entry(binding: &Binding) -> BindingEntry {
    let element = binding.ty().runtime_array();
    let fields = match (binding.ty(), element) {
        (Type::Struct { fields, .. }, _) | (_, Some((Type::Struct { fields, .. }, _, _))) => fields
            .iter()
            .map(|field| FieldEntry { name: field.name.clone(), ty: field.ty.to_string(), offset: field.offset })
            .collect(),
        _ => Vec::new(),
    };
    BindingEntry {
        name: binding.name.clone(),
        group: binding.group,
        binding: binding.index,
        kind: binding.kind.to_string(),
        ty: binding.ty().to_string(),
        bytes: binding.ty().size(),
        stride: element.map(|(_, stride, _)| stride),
        fields,
    }
}

fn override_entry(constant: OverrideConstant) -> OverrideEntry {
    OverrideEntry {
        name: constant.name,
        id: constant.id,
        ty: constant.type_name,
        default: constant.default,
        required: !constant.has_default,
    }
}

fn describe(args: &CallArgs, module: &Module, kernels: &[Checked]) -> Outcome<String> {
    let mut text = format!("{}: valid\n", args.kernel.display());
    for (kernel, given) in kernels {
        let [x, y, z] = kernel.workgroup_size();
        let size = match kernel.missing_constants() {
            [] => format!("workgroup {x} x {y} x {z}"),
            missing => {
                format!("needs {}", missing.iter().map(|c| format!("--const {c}=VALUE")).collect::<Vec<_>>().join(" "))
            }
        };
        text += &format!("\nkernel {}: {size}\n", kernel.name());
        if !kernel.required_features().is_empty() {
            text += &format!("  needs {}\n", kernel.required_features().join(", "));
        }
        let mut table = show::table(&["  place", "name", "kind", "type", "bytes"], &[]);
        for binding in kernel.bindings() {
            let bytes = match binding.ty().runtime_array() {
                Some((_, stride, 0)) => format!("{stride} each"),
                Some((_, stride, head)) => format!("{head}, then {stride} each"),
                None => binding.ty().size().to_string(),
            };
            let place = format!("  {}:{}", binding.group, binding.index);
            table.add_row([place, binding.name.clone(), binding.kind.to_string(), binding.ty().to_string(), bytes]);
        }
        if kernel.bindings().is_empty() {
            text += "  no bindings\n";
        } else {
            text += &lines(&table);
        }
        for binding in kernel.bindings().iter().filter(|binding| !binding.layout().is_empty()) {
            text += &format!("\n  {}, ", binding.name);
            text += &binding.layout().replace('\n', "\n  ");
            text.push('\n');
        }
        if let Some(given) = given {
            text += &access::describe(kernel, given)?;
        }
    }
    Ok(text + &overrides(&module.constants()))
}

fn overrides(constants: &[OverrideConstant]) -> String {
    if constants.is_empty() {
        return String::new();
    }
    let mut table = show::table(&["  name", "type", "default", "id"], &[]);
    for constant in constants {
        let default = match (constant.default, constant.has_default, constant.type_name.as_str()) {
            (Some(value), _, "bool") => (value != 0.0).to_string(),
            (Some(value), ..) => value.to_string(),
            (None, true, _) => "an expression".into(),
            (None, false, _) => "none: must be given".into(),
        };
        let id = constant.id.map_or(String::new(), |id| id.to_string());
        table.add_row([format!("  {}", constant.name), constant.type_name.clone(), default, id]);
    }
    format!("\noverride constants (--const NAME=VALUE)\n{}", lines(&table))
}

/// The table's lines without blanks at their ends.
fn lines(table: &comfy_table::Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(feature = "cpu")]
fn assembly(kernel: &swath::Kernel) -> Result<String, Failure> {
    Ok(kernel.asm()?)
}

#[cfg(not(feature = "cpu"))]
fn assembly(_: &swath::Kernel) -> Result<String, Failure> {
    Err(Failure::wrong("--emit asm: this build has no CPU engine", "build with the feature `cpu`"))
}
