//! The element types of host data, and whether they fit a binding.

use std::any::{TypeId, type_name};

use bytemuck::Pod;
use half::f16;
use naga::Scalar;

#[cfg(feature = "derive")]
use crate::kernel::Type;
use crate::{
    buffer::short_name,
    error::Message,
    kernel::{Binding, Kernel, layout},
};

/// The element type of a host slice or buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element {
    /// `None` for bytes that the caller answers for.
    id: Option<TypeId>,
    /// Bytes of an element.
    size: usize,
    name: fn() -> &'static str,
    /// Finds the scalar it is an array of; asked only where the quick comparison fails.
    scalar: fn() -> Option<Scalar>,
}

impl Element {
    pub fn of<T: Pod>() -> Element {
        Element::of_value::<T>()
    }

    /// The type of a whole uniform.
    pub fn of_value<T: 'static>() -> Element {
        Element { id: Some(TypeId::of::<T>()), size: size_of::<T>(), name: type_name::<T>, scalar: scalar_of::<T> }
    }

    /// The same bytes, unchecked.
    pub fn untyped(self) -> Element {
        Element { id: None, ..self }
    }

    fn name(&self) -> String {
        short_name((self.name)())
    }

    /// Whether elements of this type can be what `binding` holds.
    pub fn check(&self, kernel: &Kernel, binding: &Binding) -> Result<(), Message> {
        let Some(id) = self.id else { return Ok(()) };
        let shape = &binding.shape;
        if shape.dense && shape.scalar.is_some_and(|scalar| id == scalar_id(scalar)) {
            return Ok(());
        }
        self.check_slowly(kernel, binding)
    }

    /// Whether a value of this type can be all that `binding` holds.
    pub fn check_whole(&self, kernel: &Kernel, binding: &Binding) -> Result<(), Message> {
        if self.size == binding.shape.fixed_bytes as usize {
            self.check(kernel, binding)
        } else {
            Err(self.misfit(kernel, binding))
        }
    }

    fn check_slowly(&self, kernel: &Kernel, binding: &Binding) -> Result<(), Message> {
        let shape = &binding.shape;
        let own = (self.scalar)();
        let unit = shape.unit.as_ref();
        let stride = unit.map(|unit| unit.stride as usize);
        let name = &binding.name;
        let message = |problem: String| kernel.message(problem).subject(name);

        if self.size == 0 {
            return Err(message(format!("elements of type {} have no size", self.name()))
                .help("use a type that holds something"));
        }
        #[cfg(feature = "derive")]
        if let Some(host) = self.id.and_then(crate::layout::known) {
            return self.check_fields(host, kernel, binding);
        }
        // Types of 64 bits are WGSL's own only where the kernel has them.
        let is_wide = |scalar: Option<Scalar>| scalar.is_some_and(|scalar| scalar.width == 8);
        let strange = own.is_none() || is_wide(own) && !is_wide(shape.scalar);
        if let (true, Some(help)) = (strange, foreign(self.name().as_str())) {
            return Err(message(format!(
                "`{name}` holds {}, and was given {}, which WGSL does not have",
                shape.name,
                self.name()
            ))
            .help(help));
        }
        if let (Some(own), Some(wanted)) = (own, shape.scalar)
            && own != wanted
        {
            let (own, wanted) = (layout::scalar_name(own), layout::scalar_name(wanted));
            return Err(message(format!("`{name}` holds {}, and was given {}", shape.name, self.name()))
                .help(format!("give {wanted} elements, or change the WGSL type to {own}")));
        }
        let fits = match (own, stride) {
            // Numbers without gaps: any grouping of them that lines up with the elements.
            (Some(_), Some(stride)) if shape.dense && shape.scalar.is_some() => {
                stride.is_multiple_of(self.size) || self.size.is_multiple_of(stride)
            }
            (_, Some(stride)) => self.size == stride || self.size == shape.fixed_bytes as usize,
            (own, None) => own.is_some() && shape.scalar.is_some() && shape.dense,
        };
        if fits { Ok(()) } else { Err(self.misfit(kernel, binding)) }
    }

    /// Of a type that is known field by field: whether each stands where the WGSL has it.
    #[cfg(feature = "derive")]
    fn check_fields(&self, host: &crate::layout::HostType, kernel: &Kernel, binding: &Binding) -> Result<(), Message> {
        let whole = binding.ty();
        let element = match whole {
            Type::Array { element, stride, .. } if *stride as usize == self.size => Some(&**element),
            _ => None,
        };
        let is_whole = self.size == binding.shape.fixed_bytes as usize && whole.runtime_array().is_none();
        let Some(wgsl) = element.or(is_whole.then_some(whole)) else { return Err(self.misfit(kernel, binding)) };
        host.compare(wgsl, "").map_err(|problem| {
            let help = "order, pad and name the struct's fields as the WGSL does, or the other way round";
            kernel.message(problem + &table(binding)).subject(&binding.name).help(help)
        })
    }

    /// The error where sizes disagree: both of them, and the WGSL layout.
    fn misfit(&self, kernel: &Kernel, binding: &Binding) -> Message {
        let (shape, name) = (&binding.shape, &binding.name);
        let table = table(binding);
        let Some(unit) = &shape.unit else {
            let problem = format!(
                "`{name}` is {}, which ends in a runtime-sized array, and was given {}{table}",
                shape.name,
                self.name()
            );
            return kernel
                .message(problem)
                .subject(name)
                .help("lay the data out as the table says and give it as Untyped(&data), or bind the array by itself");
        };
        let what = if unit.element { format!("an element of {}", shape.name) } else { shape.name.clone() };
        let given = format!("{} has {} bytes", self.name(), self.size);
        let help = match (self.scalar)() {
            Some(_) if unit.vec3 && unit.element => {
                "a vec3f takes 16 bytes in an array: give [f32; 4] with one number unused, or declare array<f32> and \
                 index it by 3 * i"
                    .to_owned()
            }
            Some(scalar) if shape.scalar == Some(scalar) => {
                let scalar = layout::scalar_name(scalar);
                format!("give {scalar} elements in groups that line up with {} bytes, padding included", unit.stride)
            }
            // A vector of some library, or a struct of them.
            None if shape.dense && self.size.is_multiple_of(unit.stride as usize) && shape.scalar.is_some() => {
                let scalar = shape.scalar.map(layout::scalar_name).unwrap_or_default();
                let name = self.name();
                format!(
                    "if {name} is made of {scalar} alone, give its numbers: bytemuck::cast_slice::<{name}, {scalar}>(&data)"
                )
            }
            _ => format!("give a #[repr(C)] struct with this layout, padding written out: {} bytes", unit.stride),
        };
        kernel
            .message(format!("in `{name}`, {what} takes {} bytes, and {given}{table}", unit.stride))
            .subject(name)
            .help(help)
    }
}

/// The WGSL layout of a binding as lines below a sentence, where there is one to show.
fn table(binding: &Binding) -> String {
    if binding.shape.table.is_empty() { String::new() } else { format!("\n{}", binding.shape.table) }
}

/// What to do about a primitive type that WGSL does not have.
fn foreign(name: &str) -> Option<&'static str> {
    Some(match name {
        "f64" => "convert the data to f32",
        "i64" | "isize" => "convert the data to i32, or split each number into two words",
        "u64" | "usize" => "convert the data to u32, or split each number into two words",
        "i8" | "i16" => "widen the data to i32, or pack it into u32",
        "u8" | "u16" => "widen the data to u32, or pack it into u32 (bytemuck::cast_slice) and unpack it in the kernel",
        _ => return None,
    })
}

fn scalar_id(scalar: Scalar) -> TypeId {
    match scalar {
        Scalar::F32 => TypeId::of::<f32>(),
        Scalar::I32 => TypeId::of::<i32>(),
        Scalar::U32 => TypeId::of::<u32>(),
        Scalar::F16 => TypeId::of::<f16>(),
        Scalar::F64 => TypeId::of::<f64>(),
        Scalar::I64 => TypeId::of::<i64>(),
        Scalar::U64 => TypeId::of::<u64>(),
        // No host type stands for the others.
        _ => TypeId::of::<()>(),
    }
}

/// The scalar that `T` is, or is a (nested) array of.
fn scalar_of<T: 'static>() -> Option<Scalar> {
    let id = TypeId::of::<T>();
    [
        (Scalar::F32, made_of::<f32>(id)),
        (Scalar::I32, made_of::<i32>(id)),
        (Scalar::U32, made_of::<u32>(id)),
        (Scalar::F16, made_of::<f16>(id)),
        (Scalar::F64, made_of::<f64>(id)),
        (Scalar::I64, made_of::<i64>(id)),
        (Scalar::U64, made_of::<u64>(id)),
    ]
    .into_iter()
    .find_map(|(scalar, is)| is.then_some(scalar))
}

/// Whether `id` is `P`, or a vector or matrix of it. Longer arrays count as structs.
fn made_of<P: 'static>(id: TypeId) -> bool {
    fn rows<P: 'static>(id: TypeId) -> bool {
        id == TypeId::of::<P>()
            || id == TypeId::of::<[P; 1]>()
            || id == TypeId::of::<[P; 2]>()
            || id == TypeId::of::<[P; 3]>()
            || id == TypeId::of::<[P; 4]>()
    }
    rows::<P>(id)
        || rows::<[P; 2]>(id)
        || rows::<[P; 3]>(id)
        || rows::<[P; 4]>(id)
        || rows::<[P; 5]>(id)
        || rows::<[P; 6]>(id)
        || rows::<[P; 7]>(id)
        || rows::<[P; 8]>(id)
        || rows::<[P; 9]>(id)
        || rows::<[P; 16]>(id)
}
