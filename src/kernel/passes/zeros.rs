//! Writes zero values out, component by component, and gives them to variables that have no other value.
//!
//! naga makes `OpConstantNull` of a zero value. An optimizer that takes such a value apart and puts its pieces together
//! again meets vectors of null scalars: SwiftShader (Chromium 156) works integer operations on these out as 0, so that
//! there `~vec4u().yy` and `vec2u(3) / vec4u().yy` are 0.

use naga::{
    AddressSpace, Arena, ArraySize, Constant, Expression, Function, Handle, Literal, Module, Span, Type, TypeInner,
    UniqueArena,
};
use rustc_hash::FxHashMap;

use super::Refused;
use crate::kernel::remap;

/// Values of more scalars than this stay as they are: compilers do not take them apart.
const MOST: u32 = 1024;

/// Leaves no zero value of up to [`MOST`] scalars in `module`.
///
/// # Errors
///
/// If the module has what kernels do not have.
pub(crate) fn write_out(module: &mut Module) -> Result<(), Refused> {
    let mut zeros = Zeros {
        types: &mut module.types,
        expressions: Arena::new(),
        constants: &mut module.constants,
        values: FxHashMap::default(),
        named: FxHashMap::default(),
    };
    let new = zeros.global_expressions(&module.global_expressions)?;
    for (_, constant) in zeros.constants.iter_mut() {
        constant.init = new[constant.init.index()];
    }
    let inits = module.overrides.iter_mut().filter_map(|(_, value)| value.init.as_mut());
    let sizes = module.entry_points.iter_mut().filter_map(|entry| entry.workgroup_size_overrides.as_mut());
    for expression in inits.chain(sizes.flatten().flatten()) {
        *expression = new[expression.index()];
    }
    for (_, variable) in module.global_variables.iter_mut() {
        variable.init = match variable.init {
            Some(init) => Some(new[init.index()]),
            None if variable.space == AddressSpace::Private => zeros.value(variable.ty),
            None => None,
        };
    }
    for (_, function) in module.functions.iter_mut() {
        zeros.function(function);
    }
    for entry in &mut module.entry_points {
        zeros.function(&mut entry.function);
    }
    module.global_expressions = zeros.expressions;
    Ok(())
}

/// The zero values of a module while its global expressions are made anew.
struct Zeros<'a> {
    types: &'a mut UniqueArena<Type>,
    expressions: Arena<Expression>,
    constants: &'a mut Arena<Constant>,
    /// The zero of each type that was asked for.
    values: FxHashMap<Handle<Type>, Handle<Expression>>,
    /// The constants by which functions name them.
    named: FxHashMap<Handle<Type>, Handle<Constant>>,
}

impl Zeros<'_> {
    /// Copies the global expressions; gives the new handle of each.
    fn global_expressions(&mut self, old: &Arena<Expression>) -> Result<Vec<Handle<Expression>>, Refused> {
        let mut new: Vec<Handle<Expression>> = Vec::with_capacity(old.len());
        for (handle, expression) in old.iter() {
            let zero = match *expression {
                Expression::ZeroValue(ty) => self.value(ty),
                _ => None,
            };
            let copied = match zero {
                Some(zero) => zero,
                None => {
                    let copy = remap::expression(expression, &mut |operand| Ok(new[operand.index()]))?;
                    self.expressions.append(copy, old.get_span(handle))
                }
            };
            new.push(copied);
        }
        Ok(new)
    }

    /// Names the zeros of a function, and of its variables.
    fn function(&mut self, function: &mut Function) {
        for (_, expression) in function.expressions.iter_mut() {
            if let Expression::ZeroValue(ty) = *expression
                && let Some(zero) = self.expression(ty)
            {
                *expression = zero;
            }
        }
        for (_, variable) in function.local_variables.iter_mut().filter(|(_, variable)| variable.init.is_none()) {
            let zero = self.expression(variable.ty);
            variable.init = zero.map(|zero| function.expressions.append(zero, Span::UNDEFINED));
        }
    }

    /// What a function has for the zero of a type.
    fn expression(&mut self, ty: Handle<Type>) -> Option<Expression> {
        if let TypeInner::Scalar(scalar) = self.types[ty].inner {
            return Literal::zero(scalar).map(Expression::Literal);
        }
        if !self.named.contains_key(&ty) {
            let init = self.value(ty)?;
            self.named.insert(ty, self.constants.append(Constant { name: None, ty, init }, Span::UNDEFINED));
        }
        self.named.get(&ty).copied().map(Expression::Constant)
    }

    /// The zero of a type as a global expression, unless it is too large or there is none.
    fn value(&mut self, ty: Handle<Type>) -> Option<Handle<Expression>> {
        if let Some(&value) = self.values.get(&ty) {
            return Some(value);
        }
        self.scalars(ty).filter(|&scalars| scalars <= MOST)?;
        let expression = match self.types[ty].inner {
            TypeInner::Scalar(scalar) => Expression::Literal(Literal::zero(scalar)?),
            TypeInner::Vector { size, scalar } => self.compose(ty, TypeInner::Scalar(scalar), size as u32)?,
            TypeInner::Matrix { columns, rows, scalar } => {
                self.compose(ty, TypeInner::Vector { size: rows, scalar }, columns as u32)?
            }
            TypeInner::Array { base, size: ArraySize::Constant(count), .. } => {
                let element = self.value(base)?;
                Expression::Compose { ty, components: vec![element; count.get() as usize] }
            }
            TypeInner::Struct { ref members, .. } => {
                let types: Vec<_> = members.iter().map(|member| member.ty).collect();
                let components = types.into_iter().map(|ty| self.value(ty)).collect::<Option<_>>()?;
                Expression::Compose { ty, components }
            }
            _ => return None,
        };
        let value = self.expressions.append(expression, Span::UNDEFINED);
        self.values.insert(ty, value);
        Some(value)
    }

    /// A value of `count` zeros of a type.
    fn compose(&mut self, ty: Handle<Type>, component: TypeInner, count: u32) -> Option<Expression> {
        let component = self.types.insert(Type { name: None, inner: component }, Span::UNDEFINED);
        let zero = self.value(component)?;
        Some(Expression::Compose { ty, components: vec![zero; count as usize] })
    }

    /// How many scalars a value of a type has, where that is known and it has a zero.
    fn scalars(&self, ty: Handle<Type>) -> Option<u32> {
        match self.types[ty].inner {
            TypeInner::Scalar(_) => Some(1),
            TypeInner::Vector { size, .. } => Some(size as u32),
            TypeInner::Matrix { columns, rows, .. } => Some(columns as u32 * rows as u32),
            TypeInner::Array { base, size: ArraySize::Constant(count), .. } => {
                self.scalars(base)?.checked_mul(count.get())
            }
            TypeInner::Struct { ref members, .. } => {
                members.iter().try_fold(0_u32, |sum, member| sum.checked_add(self.scalars(member.ty)?))
            }
            _ => None,
        }
    }
}
