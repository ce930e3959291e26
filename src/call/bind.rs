//! Arguments meet bindings: by name, access, type and length. Calls and chains check alike.

use super::element::Element;
use crate::{
    error::Message,
    kernel::{Binding, BindingKind, Kernel, names},
};

/// How the caller says that the kernel uses an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    ReadWrite,
    /// As the WGSL declares it.
    Declared,
}

/// The place of the storage binding `name`, to which so many bytes of these elements are to be bound.
pub(crate) fn place(
    kernel: &Kernel,
    name: &str,
    access: Access,
    element: Element,
    bytes: u64,
    taken: impl FnOnce(usize) -> bool,
) -> Result<usize, Message> {
    let Some(place) = kernel.bindings().iter().position(|binding| binding.name == name) else {
        return Err(unknown(kernel, name));
    };
    let binding = &kernel.bindings()[place];
    check_access(kernel, binding, access)?;
    if taken(place) {
        return Err(kernel.message(format!("`{name}` is bound twice")).subject(name).help("bind every name once"));
    }
    element.check(kernel, binding)?;
    if !is_empty(binding, bytes) {
        check_length(kernel, binding, bytes)?;
    }
    Ok(place)
}

/// Whether so many bytes are all of the binding but the elements of its runtime-sized array: a batch that may be empty.
pub(crate) fn is_empty(binding: &Binding, bytes: u64) -> bool {
    binding.shape.runtime_stride.is_some() && bytes == u64::from(binding.shape.fixed_bytes)
}

/// Refuses a binding without elements, which WGSL does not have, for a kernel that is to run.
pub(crate) fn check_elements(kernel: &Kernel, binding: &Binding, bytes: u64) -> Result<(), Message> {
    if is_empty(binding, bytes) { check_length(kernel, binding, bytes) } else { Ok(()) }
}

/// Refuses a call that leaves storage bindings out. `how` says what to do, given a binding and the method of
/// [`Call`](crate::Call) that takes it.
pub(crate) fn check_missing(
    kernel: &Kernel,
    given: impl Fn(usize) -> bool,
    how: impl FnOnce(&str, &Binding) -> String,
) -> Result<(), Message> {
    let missing = || {
        let bindings = kernel.bindings().iter().enumerate();
        bindings
            .filter(|&(place, binding)| binding.kind != BindingKind::Uniform && !given(place))
            .map(|(_, binding)| binding)
    };
    let Some(first) = missing().next() else { return Ok(()) };
    let method = match first.kind {
        BindingKind::ReadWriteStorage if first.loads => "read_write",
        BindingKind::ReadWriteStorage => "write",
        _ => "read",
    };
    let list = names::list(missing().map(|binding| binding.name.as_str()));
    let problem = if missing().nth(1).is_some() {
        format!("the bindings {list} are missing from the call")
    } else {
        format!("the binding {list} is missing from the call")
    };
    Err(kernel.message(problem).help(how(method, first)))
}

/// Refuses one memory under two names where the kernel writes under one of them. `same` compares two places that may be
/// given anything.
pub(crate) fn check_aliases(kernel: &Kernel, same: impl Fn(usize, usize) -> bool) -> Result<(), Message> {
    let bindings = kernel.bindings();
    let writes = |place: usize| bindings[place].kind == BindingKind::ReadWriteStorage;
    for i in 0..bindings.len() {
        for j in i + 1..bindings.len() {
            if (writes(i) || writes(j)) && same(i, j) {
                let (first, second) = (&bindings[i].name, &bindings[j].name);
                return Err(kernel
                    .message(format!("`{first}` and `{second}` are the same buffer, and the kernel writes to it"))
                    .help("use two buffers, or one read_write binding in the WGSL"));
            }
        }
    }
    Ok(())
}

/// The error for a name that is no binding of the kernel.
pub(super) fn unknown(kernel: &Kernel, name: &str) -> Message {
    let bindings = kernel.bindings();
    let global = kernel.inner.declares(name);
    let message = if global {
        kernel.message(format!("the module declares `{name}`, but this kernel does not use it"))
    } else {
        kernel.message(format!("there is no binding `{name}`"))
    };
    let known: Vec<&str> = bindings.iter().map(|binding| binding.name.as_str()).collect();
    message.help(match (global, known.is_empty()) {
        (true, _) => "leave it out of the call".to_owned(),
        (false, true) => "this kernel has no bindings".to_owned(),
        (false, false) => names::suggest(name, "its bindings are", known),
    })
}

fn check_access(kernel: &Kernel, binding: &Binding, access: Access) -> Result<(), Message> {
    let name = &binding.name;
    let refuse =
        |problem: &str, help: String| Err(kernel.message(format!("`{name}` {problem}")).subject(name).help(help));
    match (binding.kind, access) {
        (BindingKind::Uniform, _) => refuse(
            "is a uniform, not storage",
            format!("give it with .set(\"{name}\", value) or .uniform(\"{name}\", &value)"),
        ),
        (BindingKind::ReadStorage, Access::Write | Access::ReadWrite) => refuse(
            "is read-only in the WGSL (var<storage, read>), and was bound for writing",
            format!("bind it with .read(\"{name}\", ..), or declare it var<storage, read_write>"),
        ),
        (BindingKind::ReadWriteStorage, Access::Read) if binding.stores => refuse(
            "was bound for reading only, and the kernel writes it",
            format!("bind it with .write or .read_write(\"{name}\", ..)"),
        ),
        (BindingKind::ReadWriteStorage, Access::Write) if binding.loads => refuse(
            "was bound with .write, and the kernel also reads it",
            format!("bind it with .read_write(\"{name}\", ..)"),
        ),
        _ => Ok(()),
    }
}

/// Refuses lengths that are too short, or leave part of an element over.
fn check_length(kernel: &Kernel, binding: &Binding, bytes: u64) -> Result<(), Message> {
    let shape = &binding.shape;
    let refuse = |problem: String, help: &str| Err(kernel.message(problem).subject(&binding.name).help(help));
    let fixed = u64::from(shape.fixed_bytes);
    if bytes < shape.min_bytes() {
        let needed = match shape.runtime_stride {
            None => format!("{fixed} bytes"),
            Some(stride) if fixed == 0 => format!("at least one element of {stride} bytes"),
            Some(stride) => format!("{fixed} bytes and at least one element of {stride}"),
        };
        return refuse(
            format!("{} needs {needed}, and was given {bytes} bytes", shape.name),
            "give more data; a call with a grid of 0, or whose outputs all are empty, has nothing to do",
        );
    }
    if let Some(stride) = shape.runtime_stride.map(u64::from) {
        let (elements, rest) = ((bytes - fixed) / stride, (bytes - fixed) % stride);
        if rest != 0 {
            let front = if fixed == 0 { String::new() } else { format!("after {fixed} bytes in front, ") };
            return refuse(
                format!(
                    "{bytes} bytes do not divide into elements of {}: {front}{elements} of {stride} bytes leave {rest} over",
                    shape.name
                ),
                "give whole elements",
            );
        }
        if elements > u64::from(u32::MAX) {
            return refuse(
                format!("{elements} elements are more than WGSL's u32 indices reach (2^32 - 1)"),
                "go in batches: several calls over parts of the data",
            );
        }
    }
    if !bytes.is_multiple_of(4) {
        return refuse(
            format!("{bytes} bytes are not a multiple of 4, which a binding's size must be"),
            "pad the data to a whole number of 4-byte words",
        );
    }
    Ok(())
}
