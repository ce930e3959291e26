//! The scalars inside a uniform, by paths such as `params.lights[2].pos.x`.

use naga::{Handle, Module, Scalar, Type, TypeInner, VectorSize};

use super::{layout, names};

/// Scalars in rows and columns: one, a vector (a column), a matrix, or an array of scalars or vectors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slot {
    /// Where the first one stands, in bytes.
    pub offset: u32,
    pub scalar: Scalar,
    pub rows: usize,
    pub columns: usize,
    row_stride: u32,
    column_stride: u32,
}

impl Slot {
    /// Where the scalar in `row` of `column` stands, in bytes.
    pub fn place(&self, column: usize, row: usize) -> usize {
        self.offset as usize + column * self.column_stride as usize + row * self.row_stride as usize
    }

    /// The places of all scalars.
    pub fn places(self) -> impl Iterator<Item = usize> {
        (0..self.columns).flat_map(move |column| (0..self.rows).map(move |row| self.place(column, row)))
    }

    /// The Rust type that fits, for a message.
    pub fn rust_type(&self) -> String {
        let scalar = layout::scalar_name(self.scalar);
        match (self.rows, self.columns) {
            (1, 1) => scalar,
            (rows, 1) => format!("[{scalar}; {rows}]"),
            (rows, columns) => format!("[[{scalar}; {rows}]; {columns}]"),
        }
    }
}

/// What is wrong with a path, and what to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PathError {
    pub problem: String,
    pub help: String,
}

/// The scalars that `path` leads to from a variable of type `ty`. The path starts with the
/// variable's name.
pub(crate) fn find(module: &Module, ty: Handle<Type>, path: &str) -> Result<Slot, PathError> {
    let start = path.find(['.', '[']).unwrap_or(path.len());
    let mut at = TypedOffset { inner: &module.types[ty].inner, offset: 0 };
    let mut single = None;
    let mut rest = &path[start..];
    while !rest.is_empty() {
        let so_far = &path[..path.len() - rest.len()];
        if single.is_some() {
            return Err(error(format!("`{so_far}` is a scalar and has no parts"), format!("set `{so_far}` itself")));
        }
        let (step, after) = next_step(rest, path)?;
        rest = after;
        match descend(module, at, step, so_far)? {
            Descent::TypedOffset(place) => at = place,
            Descent::Scalar(slot) => single = Some(slot),
        }
    }
    match single {
        Some(slot) => Ok(slot),
        None => slot(module, at).ok_or_else(|| struct_error(module, at.inner, path)),
    }
}

/// Calls `visit` with the path and the scalars of every field of `ty`.
pub(crate) fn each(module: &Module, ty: Handle<Type>, name: &str, visit: &mut dyn FnMut(&str, Slot)) {
    walk(module, TypedOffset { inner: &module.types[ty].inner, offset: 0 }, name, visit);
}

/// Whether the last name of `path` is that of a padding field: it starts with an underscore or with `pad`.
pub(crate) fn is_padding(path: &str) -> bool {
    let name = path.rsplit('.').next().unwrap_or(path);
    path.contains('.') && is_padding_name(name)
}

/// The same of the name of a field.
pub(crate) fn is_padding_name(name: &str) -> bool {
    name.starts_with('_') || name.to_lowercase().starts_with("pad")
}

fn walk(module: &Module, at: TypedOffset<'_>, path: &str, visit: &mut dyn FnMut(&str, Slot)) {
    if let Some(slot) = slot(module, at) {
        return visit(path, slot);
    }
    match *at.inner {
        TypeInner::Struct { ref members, .. } => {
            for member in members {
                let place = TypedOffset { inner: &module.types[member.ty].inner, offset: at.offset + member.offset };
                walk(module, place, &format!("{path}.{}", member.name.as_deref().unwrap_or("_")), visit);
            }
        }
        TypeInner::Array { base, size, stride } => {
            for index in 0..layout::array_length(module, size).unwrap_or(0) {
                let place = TypedOffset { inner: &module.types[base].inner, offset: at.offset + index * stride };
                walk(module, place, &format!("{path}[{index}]"), visit);
            }
        }
        _ => {}
    }
}

/// A value inside a variable.
#[derive(Clone, Copy)]
struct TypedOffset<'m> {
    inner: &'m TypeInner,
    offset: u32,
}

enum Descent<'m> {
    TypedOffset(TypedOffset<'m>),
    /// A part of a vector or matrix.
    Scalar(Slot),
}

enum Step<'p> {
    Field(&'p str),
    Index(u32),
}

/// The first step of `rest`, which starts with `.` or `[`, and what follows it.
fn next_step<'p>(rest: &'p str, path: &str) -> Result<(Step<'p>, &'p str), PathError> {
    let malformed =
        || error(format!("`{path}` is not a path"), "write it as `params.field` or `params.items[3].field`".to_owned());
    if let Some(field) = rest.strip_prefix('.') {
        let end = field.find(['.', '[']).unwrap_or(field.len());
        let (name, after) = field.split_at(end);
        return if name.is_empty() { Err(malformed()) } else { Ok((Step::Field(name), after)) };
    }
    let inside = rest.strip_prefix('[').ok_or_else(malformed)?;
    let (number, after) = inside.split_once(']').ok_or_else(malformed)?;
    let index = number.trim().parse().map_err(|_| malformed())?;
    Ok((Step::Index(index), after))
}

fn descend<'m>(module: &'m Module, at: TypedOffset<'m>, step: Step<'_>, path: &str) -> Result<Descent<'m>, PathError> {
    match (at.inner, step) {
        (TypeInner::Struct { members, .. }, Step::Field(name)) => {
            let member = members.iter().find(|member| member.name.as_deref() == Some(name)).ok_or_else(|| {
                let known: Vec<&str> = members.iter().filter_map(|member| member.name.as_deref()).collect();
                error(format!("`{path}` has no field `{name}`"), names::suggest(name, "its fields are", known))
            })?;
            let inner = &module.types[member.ty].inner;
            Ok(Descent::TypedOffset(TypedOffset { inner, offset: at.offset + member.offset }))
        }
        (&TypeInner::Array { base, size, stride }, Step::Index(index)) => {
            let length = layout::array_length(module, size).unwrap_or(u32::MAX);
            check_index(index, length, path)?;
            let inner = &module.types[base].inner;
            Ok(Descent::TypedOffset(TypedOffset { inner, offset: at.offset + index * stride }))
        }
        (&TypeInner::Matrix { columns, rows, scalar }, Step::Index(index)) => {
            check_index(index, columns as u32, path)?;
            let offset = at.offset + index * layout::column_stride(rows, scalar);
            Ok(Descent::Scalar(vector(offset, rows, scalar)))
        }
        (&TypeInner::Vector { size, scalar }, Step::Index(index)) => component(at.offset, size, scalar, index, path),
        (&TypeInner::Vector { size, scalar }, Step::Field(name)) => {
            let index = ["x", "y", "z", "w"].iter().position(|&component| component == name);
            let index = index.ok_or_else(|| {
                error(
                    format!("`{path}` is a vector and has no `{name}`"),
                    "its components are x, y, z and w".to_owned(),
                )
            })?;
            component(at.offset, size, scalar, index as u32, path)
        }
        (TypeInner::Array { .. } | TypeInner::Matrix { .. }, Step::Field(name)) => {
            Err(error(format!("`{path}` is indexed by number, not by `{name}`"), format!("write `{path}[0]`")))
        }
        (TypeInner::Struct { .. }, Step::Index(_)) => Err(struct_error(module, at.inner, path)),
        _ => Err(error(format!("`{path}` is a scalar and has no parts"), format!("set `{path}` itself"))),
    }
}

fn component<'m>(
    offset: u32,
    size: VectorSize,
    scalar: Scalar,
    index: u32,
    path: &str,
) -> Result<Descent<'m>, PathError> {
    check_index(index, size as u32, path)?;
    let offset = offset + index * u32::from(scalar.width);
    Ok(Descent::Scalar(Slot { offset, scalar, rows: 1, columns: 1, row_stride: 0, column_stride: 0 }))
}

fn check_index(index: u32, length: u32, path: &str) -> Result<(), PathError> {
    if index < length {
        return Ok(());
    }
    Err(error(
        format!("`{path}` has {length} elements, and [{index}] is past them"),
        format!("indices go up to {}", length - 1),
    ))
}

/// The scalars of `at`; `None` for structs, and arrays of anything but scalars and vectors.
fn slot(module: &Module, at: TypedOffset<'_>) -> Option<Slot> {
    match *at.inner {
        TypeInner::Scalar(scalar) => {
            Some(Slot { offset: at.offset, scalar, rows: 1, columns: 1, row_stride: 0, column_stride: 0 })
        }
        TypeInner::Vector { size, scalar } => Some(vector(at.offset, size, scalar)),
        TypeInner::Matrix { columns, rows, scalar } => {
            let column_stride = layout::column_stride(rows, scalar);
            Some(Slot { columns: columns as usize, column_stride, ..vector(at.offset, rows, scalar) })
        }
        TypeInner::Array { base, size, stride } => {
            let length = layout::array_length(module, size)? as usize;
            match module.types[base].inner {
                TypeInner::Scalar(scalar) => Some(Slot {
                    offset: at.offset,
                    scalar,
                    rows: length,
                    columns: 1,
                    row_stride: stride,
                    column_stride: 0,
                }),
                TypeInner::Vector { size, scalar } => {
                    Some(Slot { columns: length, column_stride: stride, ..vector(at.offset, size, scalar) })
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn vector(offset: u32, size: VectorSize, scalar: Scalar) -> Slot {
    Slot { offset, scalar, rows: size as usize, columns: 1, row_stride: u32::from(scalar.width), column_stride: 0 }
}

fn struct_error(module: &Module, inner: &TypeInner, path: &str) -> PathError {
    match inner {
        TypeInner::Struct { members, .. } => {
            let fields: Vec<&str> = members.iter().filter_map(|member| member.name.as_deref()).collect();
            let first = fields.first().copied().unwrap_or("field");
            error(
                format!("`{path}` is a struct with the fields {}", names::list(fields)),
                format!("set one field at a time, such as `{path}.{first}`, or the whole uniform with .uniform(..)"),
            )
        }
        TypeInner::Array { base, .. } => error(
            format!("`{path}` is an array of {}", layout::type_name(module, *base)),
            format!("set one element at a time, such as `{path}[0]`, or the whole uniform with .uniform(..)"),
        ),
        _ => error(format!("`{path}` cannot be set"), "set the whole uniform with .uniform(..)".to_owned()),
    }
}

fn error(problem: String, help: String) -> PathError {
    PathError { problem, help }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Kernel, testing};

    fn kernel() -> Kernel {
        let wgsl = "
            struct Light { color: vec3f, power: f32 }
            struct Params { n: u32, turn: mat3x3f, lights: array<Light, 2>, weights: array<vec4i, 3>, _pad: u32 }
            @group(0) @binding(0) var<uniform> p: Params;
            @compute @workgroup_size(1) fn main() { _ = p.n; }";
        testing::kernel(wgsl)
    }

    fn at(path: &str) -> Result<(Vec<usize>, String), PathError> {
        let kernel = kernel();
        let module = &kernel.inner.module;
        let slot = find(module, module.global_variables[kernel.bindings()[0].global].ty, path)?;
        Ok((slot.places().collect(), slot.rust_type()))
    }

    #[test]
    fn finds_places() {
        let check =
            |path, places: &[usize], ty: &str| assert_eq!(at(path), Ok((places.to_vec(), ty.to_owned())), "{path}");
        check("p.n", &[0], "u32");
        check("p.turn", &[16, 20, 24, 32, 36, 40, 48, 52, 56], "[[f32; 3]; 3]");
        check("p.turn[1]", &[32, 36, 40], "[f32; 3]");
        check("p.lights[1].color", &[80, 84, 88], "[f32; 3]");
        check("p.lights[1].color.y", &[84], "f32");
        check("p.lights[1].color[2]", &[88], "f32");
        check("p.lights[1].power", &[92], "f32");
        check("p.weights[2]", &[128, 132, 136, 140], "[i32; 4]");
        check("p.weights[ 0 ].w", &[108], "i32");
    }

    #[test]
    fn refuses_other_paths() {
        for path in
            ["p", "p.", "p.x", "p.n.x", "p.lights", "p.lights[0]", "p.lights[2].power", "p.lights.power", "p[0]"]
        {
            assert!(at(path).is_err(), "{path}");
        }
        for path in
            ["p.lights[", "p.lights[-1]", "p.lights[0]power", "p..n", "p.turn[1].x.y", "p.turn[3]", "p.lights[1]["]
        {
            assert!(at(path).is_err(), "{path}");
        }
    }

    #[test]
    fn visits_every_field() {
        let kernel = kernel();
        let module = &kernel.inner.module;
        let mut paths = Vec::new();
        let ty = module.global_variables[kernel.bindings()[0].global].ty;
        each(module, ty, "p", &mut |path, _| paths.push(path.to_owned()));
        let expected = [
            "p.n",
            "p.turn",
            "p.lights[0].color",
            "p.lights[0].power",
            "p.lights[1].color",
            "p.lights[1].power",
            "p.weights",
            "p._pad",
        ];
        assert_eq!(paths, expected);
        assert!(is_padding("p._pad") && is_padding("p.padding") && !is_padding("p.n") && !is_padding("pad"));
    }
}
