//! From a file to a kernel, and from `--device` to a runtime.

#[cfg(feature = "imports")]
use std::path::{Path, PathBuf};

#[cfg(feature = "imports")]
use swath::Sources;
use swath::{Error, Kernel, Module, Runtime};

use super::{
    args::CallArgs,
    failure::{Failure, Outcome},
    values::ConstArg,
};

/// Reads and parses the file.
pub fn load_module(args: &CallArgs) -> Outcome<Module> {
    let path = &args.kernel;
    if !path.exists() {
        return Err(Failure::wrong(format!("there is no file `{}`", path.display()), "give a file with WGSL in it"));
    }
    #[cfg(feature = "imports")]
    if args.modules.is_some() || !args.defines.is_empty() {
        let folder = args.modules.clone().or_else(|| path.parent().map(Path::to_owned)).unwrap_or_default();
        let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
        let sources = args
            .defines
            .iter()
            .fold(Sources::new().folder(folder), |sources, define| sources.define(&define.name, define.value));
        return Ok(sources.parse_file(path)?);
    }
    Ok(Module::parse_file(path)?)
}

/// The kernel that `--entry` and `--const` say.
pub fn load_kernel(args: &CallArgs, module: &Module) -> Outcome<Kernel> {
    if let Some(constant) = args.consts.iter().find(|constant| !constant.others.is_empty()) {
        return Err(Failure::wrong(
            format!("--const {} has several values", constant.name),
            "give one, or find the fastest of them with swath tune",
        ));
    }
    kernel_with(args, module, &args.consts.iter().collect::<Vec<_>>())
}

/// The kernel that `--entry` says, with these of its constants.
pub fn kernel_with(args: &CallArgs, module: &Module, given: &[&ConstArg]) -> Outcome<Kernel> {
    let entry = match &args.entry {
        Some(entry) => entry.clone(),
        None => {
            let mut names = module.kernel_names();
            match (names.next(), names.next()) {
                (Some(name), None) => name.to_string(),
                (None, _) => {
                    return Err(Failure::wrong(
                        format!("`{}` has no compute entry point", args.kernel.display()),
                        "mark a function with @compute @workgroup_size(64)",
                    ));
                }
                (Some(first), Some(_)) => {
                    let names: Vec<&str> = module.kernel_names().collect();
                    return Err(Failure::wrong(
                        format!("`{}` has several entry points: {}", args.kernel.display(), names.join(", ")),
                        format!("choose one, like --entry {first}"),
                    ));
                }
            }
        }
    };
    let mut constants: Vec<(&str, f64)> = Vec::new();
    for constant in given {
        // By its name and by its @id.
        if let Some((other, _)) = constants.iter().find(|(name, _)| same_constant(module, name, &constant.name)) {
            let also = if *other == constant.name { String::new() } else { format!(", also as {other}") };
            return Err(Failure::wrong(
                format!("--const {} is given twice{also}", constant.name),
                "keep one of the two",
            ));
        }
        constants.push((&constant.name, constant.value));
    }
    match module.kernel_with_consts(&entry, &constants) {
        // The kernel makes no sense without a constant that has no default (an array's length, say).
        Err(Error::Kernel(_))
            if module.kernel_names().any(|name| name == entry) && !absent(args, module).is_empty() =>
        {
            Err(needs_constants(args, module, &absent(args, module)))
        }
        result => Ok(result?),
    }
}

/// Whether both name one constant of the module.
fn same_constant(module: &Module, one: &str, other: &str) -> bool {
    let constants = module.constants();
    // A name goes before an @id.
    let named = |text: &str| {
        let by_name = constants.iter().find(|constant| constant.name == text);
        let by_id = || constants.iter().find(|constant| constant.id.is_some_and(|id| id.to_string() == text));
        by_name.or_else(by_id).map(|constant| constant.name.as_str())
    };
    one == other || named(one).is_some_and(|name| named(other) == Some(name))
}

/// Override constants of the module that have neither a default nor a value.
fn absent(args: &CallArgs, module: &Module) -> Vec<String> {
    let given = |name: &str, id: Option<u16>| {
        args.consts.iter().any(|c| c.name == name || id.is_some_and(|id| c.name == id.to_string()))
    };
    let constants = module.constants();
    let absent = constants.into_iter().filter(|c| !c.has_default && !given(&c.name, c.id));
    absent.map(|constant| constant.name).collect()
}

/// Refuses a kernel with override constants that have no value.
pub fn check_constants(args: &CallArgs, module: &Module, kernel: &Kernel) -> Outcome {
    match kernel.missing_constants() {
        [] => Ok(()),
        missing => Err(needs_constants(args, module, missing)),
    }
}

fn needs_constants(args: &CallArgs, module: &Module, missing: &[String]) -> Failure {
    let constants = module.constants();
    let ty = |name: &str| constants.iter().find(|c| c.name == name).map_or("?", |c| &c.type_name);
    let list: Vec<String> = missing.iter().map(|name| format!("`{name}` ({})", ty(name))).collect();
    let flags: Vec<String> = missing.iter().map(|name| format!("--const {name}=VALUE")).collect();
    Failure::wrong(
        format!(
            "`{}` has override constants without a default, and they are not given: {}",
            args.kernel.display(),
            list.join(", ")
        ),
        format!("add {}", flags.join(" ")),
    )
}

/// The runtime for `--device`: with `cpu` no driver is touched.
pub fn runtime(device: &str) -> Outcome<Runtime> {
    match device.trim() {
        #[cfg(feature = "cpu")]
        "cpu" => Ok(Runtime::cpu()?),
        _ => Ok(Runtime::new()?),
    }
}

/// The name to look a device up by: an empty SWATH_DEVICE means none was chosen.
pub fn device_name(device: &str) -> &str {
    match device.trim() {
        "" => "auto",
        name => name,
    }
}
