//! Values of constant expressions.

use half::f16;

/// The type of a scalar. `Int` and `Float` are WGSL's abstract ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Bool,
    Int,
    Float,
    I32,
    U32,
    F32,
    F16,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    Bool(bool),
    Int(i64),
    Float(f64),
    I32(i32),
    U32(u32),
    F32(f32),
    F16(f16),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Scalar(Scalar),
    Vector(Vec<Scalar>),
    /// By columns.
    Matrix(Vec<Vec<Scalar>>),
    Array(Vec<Value>),
    /// A struct, or what `frexp` and `modf` give, which has no name.
    Struct(Option<String>, Vec<(String, Value)>),
}

/// A type as a text names it. What is not said is inferred.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Scalar(Kind),
    Vector(usize, Option<Kind>),
    Matrix(usize, usize, Option<Kind>),
    Array(Option<(Box<Type>, usize)>),
    Struct(String, Vec<(String, Type)>),
}

impl Kind {
    pub fn is_float(self) -> bool {
        matches!(self, Kind::Float | Kind::F32 | Kind::F16)
    }

    /// The type's name in WGSL; none for abstract ones.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Kind::Bool => "bool",
            Kind::I32 => "i32",
            Kind::U32 => "u32",
            Kind::F32 => "f32",
            Kind::F16 => "f16",
            Kind::Int | Kind::Float => return None,
        })
    }

    /// The kind to which both convert by themselves.
    pub fn common(self, other: Kind) -> Option<Kind> {
        match (self, other) {
            (a, b) if a == b => Some(a),
            (Kind::Int, b) if b != Kind::Bool => Some(b),
            (a, Kind::Int) if a != Kind::Bool => Some(a),
            (Kind::Float, b) if b.is_float() => Some(b),
            (a, Kind::Float) if a.is_float() => Some(a),
            _ => None,
        }
    }
}

impl Scalar {
    pub fn kind(self) -> Kind {
        match self {
            Scalar::Bool(_) => Kind::Bool,
            Scalar::Int(_) => Kind::Int,
            Scalar::Float(_) => Kind::Float,
            Scalar::I32(_) => Kind::I32,
            Scalar::U32(_) => Kind::U32,
            Scalar::F32(_) => Kind::F32,
            Scalar::F16(_) => Kind::F16,
        }
    }

    /// The number as a float, which holds it exactly save for large abstract integers.
    pub fn float(self) -> f64 {
        match self {
            Scalar::Bool(x) => f64::from(u8::from(x)),
            Scalar::Int(x) => x as f64,
            Scalar::Float(x) => x,
            Scalar::I32(x) => x.into(),
            Scalar::U32(x) => x.into(),
            Scalar::F32(x) => x.into(),
            Scalar::F16(x) => x.into(),
        }
    }

    /// The number as an integer; none for floats and conditions.
    pub fn int(self) -> Option<i64> {
        match self {
            Scalar::Int(x) => Some(x),
            Scalar::I32(x) => Some(x.into()),
            Scalar::U32(x) => Some(x.into()),
            _ => None,
        }
    }

    /// `x` rounded to a kind of float; nothing where that is infinite or not a number, which constants are not.
    pub fn from_float(kind: Kind, x: f64) -> Option<Scalar> {
        let value = match kind {
            Kind::Float => Scalar::Float(x),
            Kind::F32 => Scalar::F32(x as f32),
            Kind::F16 => Scalar::F16(f16::from_f64(x)),
            _ => return None,
        };
        value.float().is_finite().then_some(value)
    }

    /// `x` as a kind of integer, modulo its range; abstract ones must fit.
    pub fn from_int(kind: Kind, x: i128) -> Option<Scalar> {
        Some(match kind {
            Kind::Int => Scalar::Int(x.try_into().ok()?),
            Kind::I32 => Scalar::I32(x as i32),
            Kind::U32 => Scalar::U32(x as u32),
            _ => return None,
        })
    }

    /// Converts as WGSL does by itself: abstract numbers to others that hold them.
    pub fn coerce(self, kind: Kind) -> Option<Scalar> {
        match (self, kind) {
            (value, kind) if value.kind() == kind => Some(value),
            (Scalar::Int(x), Kind::I32) => Some(Scalar::I32(x.try_into().ok()?)),
            (Scalar::Int(x), Kind::U32) => Some(Scalar::U32(x.try_into().ok()?)),
            (Scalar::Int(_) | Scalar::Float(_), kind) if kind.is_float() => Scalar::from_float(kind, self.float()),
            _ => None,
        }
    }

    /// Converts as a constructor does: `f32(1u)`.
    pub fn convert(self, kind: Kind) -> Option<Scalar> {
        match (self, kind) {
            (_, Kind::Bool) => Some(Scalar::Bool(self.float() != 0.0)),
            (Scalar::Int(_), Kind::I32 | Kind::U32) => self.coerce(kind),
            (Scalar::I32(_) | Scalar::U32(_) | Scalar::Bool(_), Kind::I32 | Kind::U32) => {
                Scalar::from_int(kind, self.int().unwrap_or(self.float() as i64).into())
            }
            // Towards zero, and to the nearest value in range.
            (_, Kind::I32) => Some(Scalar::I32(self.float() as i32)),
            (_, Kind::U32) => Some(Scalar::U32(self.float() as u32)),
            (_, kind) => Scalar::from_float(kind, self.float()),
        }
    }

    pub fn bits(self) -> Option<u32> {
        Some(match self {
            Scalar::I32(x) => x as u32,
            Scalar::Int(x) => i32::try_from(x).ok()? as u32,
            Scalar::U32(x) => x,
            Scalar::F32(x) => x.to_bits(),
            Scalar::Float(_) => return self.coerce(Kind::F32)?.bits(),
            Scalar::Bool(_) | Scalar::F16(_) => return None,
        })
    }

    pub fn from_bits(kind: Kind, bits: u32) -> Option<Scalar> {
        match kind {
            Kind::I32 => Some(Scalar::I32(bits as i32)),
            Kind::U32 => Some(Scalar::U32(bits)),
            Kind::F32 => Some(Scalar::F32(f32::from_bits(bits))).filter(|x| x.float().is_finite()),
            _ => None,
        }
    }

    fn print(self) -> String {
        match self {
            Scalar::Bool(x) => x.to_string(),
            Scalar::Int(x) if x == i64::MIN => format!("({} - 1)", i64::MIN + 1),
            Scalar::Int(x) if x < 0 => format!("({x})"),
            Scalar::Int(x) => x.to_string(),
            Scalar::Float(x) if x.is_sign_negative() => format!("({x:?})"),
            Scalar::Float(x) => format!("{x:?}"),
            Scalar::I32(x) => format!("i32({x})"),
            Scalar::U32(x) => format!("{x}u"),
            Scalar::F32(x) if x.is_sign_negative() => format!("({x:?}f)"),
            Scalar::F32(x) => format!("{x:?}f"),
            // A float's digits are more than a half needs, and are rounded to the same half.
            Scalar::F16(x) if x.is_sign_negative() => format!("({:?}h)", x.to_f32()),
            Scalar::F16(x) => format!("{:?}h", x.to_f32()),
        }
    }
}

impl Value {
    /// The value as WGSL that gives it; nothing for what has no name there.
    pub fn print(&self) -> Option<String> {
        let list = |values: &[Scalar]| values.iter().map(|value| value.print()).collect::<Vec<_>>().join(", ");
        let vector = |values: &[Scalar]| match values[0].kind().name() {
            Some(name) => format!("vec{}<{name}>({})", values.len(), list(values)),
            None => format!("vec{}({})", values.len(), list(values)),
        };
        Some(match self {
            Value::Scalar(value) => value.print(),
            Value::Vector(values) => vector(values),
            Value::Matrix(columns) => {
                let parts: Vec<_> = columns.iter().map(|column| vector(column)).collect();
                format!("mat{}x{}({})", columns.len(), columns[0].len(), parts.join(", "))
            }
            Value::Array(values) => {
                let parts: Option<Vec<_>> = values.iter().map(Value::print).collect();
                format!("array({})", parts?.join(", "))
            }
            Value::Struct(name, fields) => {
                let parts: Option<Vec<_>> = fields.iter().map(|(_, value)| value.print()).collect();
                format!("{}({})", name.as_ref()?, parts?.join(", "))
            }
        })
    }

    /// The scalars of a scalar or vector.
    pub fn components(&self) -> Option<&[Scalar]> {
        match self {
            Value::Scalar(value) => Some(std::slice::from_ref(value)),
            Value::Vector(values) => Some(values),
            _ => None,
        }
    }

    pub fn scalar(&self) -> Option<Scalar> {
        match self {
            Value::Scalar(value) => Some(*value),
            _ => None,
        }
    }

    /// The kind of all its scalars, for scalars, vectors and matrices.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Value::Scalar(value) => Some(value.kind()),
            Value::Vector(values) => values.first().map(|value| value.kind()),
            Value::Matrix(columns) => columns.first()?.first().map(|value| value.kind()),
            _ => None,
        }
    }

    /// The same shape with each scalar changed.
    pub fn map(&self, f: &mut dyn FnMut(Scalar) -> Option<Scalar>) -> Option<Value> {
        let mut all = |values: &[Scalar]| values.iter().map(|&value| f(value)).collect::<Option<Vec<_>>>();
        Some(match self {
            Value::Scalar(value) => Value::Scalar(f(*value)?),
            Value::Vector(values) => Value::Vector(all(values)?),
            Value::Matrix(columns) => Value::Matrix(columns.iter().map(|column| all(column)).collect::<Option<_>>()?),
            Value::Array(_) | Value::Struct(..) => return None,
        })
    }

    /// Converts by itself to a type that is written down, as in `const x: vec2f = vec2(1, 2);`.
    pub fn coerce(&self, ty: &Type) -> Option<Value> {
        match (self, ty) {
            (Value::Scalar(_), Type::Scalar(kind)) => self.map(&mut |value| value.coerce(*kind)),
            (Value::Vector(values), Type::Vector(size, kind)) if values.len() == *size => match kind {
                Some(kind) => self.map(&mut |value| value.coerce(*kind)),
                None => Some(self.clone()),
            },
            (Value::Matrix(columns), Type::Matrix(count, rows, kind))
                if columns.len() == *count && columns[0].len() == *rows =>
            {
                match kind {
                    Some(kind) => self.map(&mut |value| value.coerce(*kind)),
                    None => Some(self.clone()),
                }
            }
            (Value::Array(values), Type::Array(Some((element, length)))) if values.len() == *length => {
                Some(Value::Array(values.iter().map(|value| value.coerce(element)).collect::<Option<_>>()?))
            }
            (Value::Array(_), Type::Array(None)) => Some(self.clone()),
            (Value::Struct(Some(name), _), Type::Struct(other, _)) if name == other => Some(self.clone()),
            _ => None,
        }
    }

    /// `count` scalars of a vector's type made from one, or from as many.
    pub fn spread(values: &[Scalar], count: usize) -> Option<Vec<Scalar>> {
        match values {
            [value] => Some(vec![*value; count]),
            values if values.len() == count => Some(values.to_vec()),
            _ => None,
        }
    }
}

/// A scalar, or a vector of several.
pub fn vector(values: Vec<Scalar>) -> Value {
    match values.as_slice() {
        [value] => Value::Scalar(*value),
        _ => Value::Vector(values),
    }
}

/// Scalars of a value that is made here: no text makes one that takes long or much memory.
pub const MOST_SCALARS: usize = 1 << 16;

impl Value {
    /// How many scalars it has.
    pub fn scalars(&self) -> usize {
        match self {
            Value::Scalar(_) => 1,
            Value::Vector(values) => values.len(),
            Value::Matrix(columns) => columns.iter().map(Vec::len).sum(),
            Value::Array(values) => values.iter().map(Value::scalars).sum(),
            Value::Struct(_, fields) => fields.iter().map(|(_, value)| value.scalars()).sum(),
        }
    }
}

impl Type {
    /// How many scalars a value of it has.
    fn scalars(&self) -> usize {
        match self {
            Type::Scalar(_) => 1,
            Type::Vector(size, _) => *size,
            Type::Matrix(columns, rows, _) => columns * rows,
            Type::Array(None) => 0,
            Type::Array(Some((element, length))) => element.scalars().saturating_mul(*length),
            Type::Struct(_, fields) => fields.iter().fold(0, |sum, (_, ty)| sum.saturating_add(ty.scalars())),
        }
    }

    /// The value without arguments, `vec3f()`.
    pub fn zero(&self) -> Option<Value> {
        (self.scalars() <= MOST_SCALARS).then(|| self.zeros())?
    }

    fn zeros(&self) -> Option<Value> {
        let scalar = |kind: Kind| match kind {
            Kind::Bool => Some(Scalar::Bool(false)),
            Kind::Int | Kind::I32 | Kind::U32 => Scalar::from_int(kind, 0),
            _ => Scalar::from_float(kind, 0.0),
        };
        Some(match self {
            Type::Scalar(kind) => Value::Scalar(scalar(*kind)?),
            Type::Vector(size, kind) => Value::Vector(vec![scalar(kind.unwrap_or(Kind::Int))?; *size]),
            Type::Matrix(columns, rows, kind) => {
                Value::Matrix(vec![vec![scalar(kind.unwrap_or(Kind::Float))?; *rows]; *columns])
            }
            Type::Array(Some((element, length))) => Value::Array(vec![element.zeros()?; *length]),
            Type::Array(None) => return None,
            Type::Struct(name, fields) => {
                let fields = fields.iter().map(|(name, ty)| Some((name.clone(), ty.zeros()?)));
                Value::Struct(Some(name.clone()), fields.collect::<Option<_>>()?)
            }
        })
    }
}
