//! The header of a case.

use swath::{Device, DeviceKind, Module};

use super::{
    asm::Claim,
    expression::{Expression, Scope, Text},
    values::{self, Entry, Scalar},
};

/// A kernel with its inputs and what it must write.
#[derive(Default)]
pub struct Case {
    /// The stem of the file's name.
    pub name: String,
    pub wgsl: String,
    pub entry: Option<String>,
    pub extent: Option<Extent>,
    pub constants: Vec<(String, f64)>,
    pub settings: Vec<Setting>,
    pub buffers: Vec<Buffer>,
    /// The only kind of device it is for.
    pub device: Option<Only>,
    /// The text of the error it must be refused with, and the line, from 1, where that must stand.
    pub error: Option<(String, Option<u32>)>,
    /// What the CPU engine's machine code must have or lack.
    pub asm: Vec<Claim>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    Cpu,
    Gpu,
}

pub enum Extent {
    Grid([u64; 3]),
    Workgroups([u64; 3]),
}

/// A value for a uniform or one of its fields.
pub struct Setting {
    pub path: String,
    /// Whether it is the uniform's bytes.
    pub whole: bool,
    pub entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    In,
    InOut,
    Out,
}

pub struct Buffer {
    pub name: String,
    pub role: Role,
    /// What it holds before the run.
    pub before: Vec<u8>,
    /// What it must hold after.
    pub after: Vec<Entry>,
    pub tolerance: Tolerance,
}

/// How far a float may be off: within any of these. Expressions may use `i`, the element.
#[derive(Default)]
pub struct Tolerance {
    pub ulp: Option<Vec<f64>>,
    pub abs: Option<Vec<f64>>,
    pub rel: Option<Vec<f64>>,
}

/// What an `out` buffer is filled with.
const POISON: [u8; 4] = 0xdead_beef_u32.to_le_bytes();

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    ///
    /// Says what is wrong, and on which line.
    pub fn parse(name: &str, text: &str) -> Result<Case, String> {
        let mut case = Case { name: name.into(), wgsl: text.into(), ..Case::default() };
        let mut scope = Scope::default();
        for (line, directive) in directives(text) {
            case.directive(&directive, &mut scope)
                .map_err(|error| format!("tests/cases/{name}.wgsl:{line}: `{directive}`: {error}"))?;
        }
        if let Some((_, place)) = &mut case.error {
            *place = text.lines().position(|line| line.contains("// refused here")).map(|at| at as u32 + 1);
        } else if !case.buffers.iter().any(|buffer| buffer.role != Role::In) {
            return Err(format!("tests/cases/{name}.wgsl: nothing is compared: name an `out` or `inout` buffer"));
        }
        if case.error.is_some() && !case.asm.is_empty() {
            return Err(format!("tests/cases/{name}.wgsl: what is refused has no machine code"));
        }
        if case.error.is_none() && case.extent.is_none() {
            return Err(format!("tests/cases/{name}.wgsl: has no `grid:` or `workgroups:`"));
        }
        Ok(case)
    }

    fn directive(&mut self, directive: &str, scope: &mut Scope) -> Result<(), String> {
        let end = directive.find([' ', ':']).unwrap_or(directive.len());
        let (word, rest) = (&directive[..end], directive[end..].trim_start_matches(':').trim());
        match word {
            "entry" => self.entry = Some(rest.into()),
            "grid" => self.extent = Some(Extent::Grid(axes(rest)?)),
            "workgroups" => self.extent = Some(Extent::Workgroups(axes(rest)?)),
            "const" => {
                let (name, value) = rest.split_once('=').ok_or("write `const NAME = value`")?;
                let value = Text::new(value).expression()?.evaluate(scope)?.real();
                self.constants.push((name.trim().into(), value));
            }
            "set" | "uniform" => {
                let (path, scalar, list) = declaration(rest)?;
                let entries = values::list(list, scalar, scope)?;
                self.settings.push(Setting { path: path.into(), whole: word == "uniform", entries });
            }
            "in" | "inout" | "out" => self.buffer(word, rest, scope)?,
            "device" => {
                let kind = rest.split([',', ' ']).next().unwrap_or_default();
                self.device = Some(match kind {
                    "cpu" => Only::Cpu,
                    "gpu" => Only::Gpu,
                    _ => return Err("a case is for `cpu` or for `gpu`".into()),
                });
                if rest.len() < kind.len() + 10 {
                    return Err("say why after the device".into());
                }
            }
            "asm" => self.asm.push(Claim::parse(directive[end..].trim())?),
            "error" => self.error = Some((rest.into(), None)),
            _ => return Err(format!("there is no `{word}` in a header")),
        }
        Ok(())
    }

    fn buffer(&mut self, word: &str, rest: &str, scope: &mut Scope) -> Result<(), String> {
        let (name, scalar, list) = declaration(rest)?;
        let (list, tolerance) = match list.split_once('~') {
            // A `~` inside of parentheses is the operator.
            Some((before, after)) if before.matches('(').count() == before.matches(')').count() => {
                (before, Some(after))
            }
            _ => (list, None),
        };
        let (role, before, after) = match word {
            "in" => (Role::In, values::list(list, scalar, scope)?, Vec::new()),
            "inout" => {
                let (before, after) = list.split_once("->").ok_or("write `inout name: type = before -> after`")?;
                let before = values::list(before, scalar, scope)?;
                scope.buffers.insert(name.into(), numbers(&before)?);
                (Role::InOut, before, values::list(after, scalar, scope)?)
            }
            _ => (Role::Out, Vec::new(), values::list(list, scalar, scope)?),
        };
        let before = if role == Role::Out {
            let bytes = after.iter().map(|entry| entry.scalar.bytes()).sum();
            POISON.iter().copied().cycle().take(bytes).collect()
        } else {
            if role == Role::In {
                scope.buffers.insert(name.into(), numbers(&before)?);
            }
            bytes(&before)?
        };
        let length: usize = after.iter().map(|entry| entry.scalar.bytes()).sum();
        if role != Role::In && length != before.len() {
            return Err(format!("holds {} bytes before and {length} after", before.len()));
        }
        let tolerance = match tolerance {
            Some(text) => Tolerance::parse(text, after.len(), scope)?,
            None => Tolerance::default(),
        };
        self.buffers.push(Buffer { name: name.into(), role, before, after, tolerance });
        Ok(())
    }

    /// Whether the case is for this kind of device.
    pub fn is_for(&self, device: &Device) -> bool {
        match self.device {
            None => true,
            Some(Only::Cpu) => device.kind() == DeviceKind::Cpu,
            Some(Only::Gpu) => device.kind() != DeviceKind::Cpu,
        }
    }

    /// The features that the kernel needs and the device lacks.
    pub fn missing_features(&self, device: &Device) -> Vec<&'static str> {
        let Ok(module) = Module::parse(&self.wgsl) else { return Vec::new() };
        let kernel = match &self.entry {
            Some(entry) => module.kernel(entry),
            None => module.only_kernel(),
        };
        let Ok(kernel) = kernel else { return Vec::new() };
        let needed = kernel.required_features().iter().copied();
        needed.filter(|feature| !device.info().features.contains(feature)).collect()
    }
}

impl Tolerance {
    fn parse(text: &str, count: usize, scope: &mut Scope) -> Result<Tolerance, String> {
        let mut text = Text::new(text);
        let mut tolerance = Tolerance::default();
        while !text.is_empty() {
            let word = text.word().ok_or("a tolerance is `ulp`, `abs` or `rel` and an expression")?;
            let expression = text.expression()?;
            let limits = Some(limits(&expression, count, scope)?);
            match word {
                "ulp" => tolerance.ulp = limits,
                "abs" => tolerance.abs = limits,
                "rel" => tolerance.rel = limits,
                _ => return Err(format!("`{word}` is no tolerance: there are `ulp`, `abs` and `rel`")),
            }
        }
        Ok(tolerance)
    }
}

/// The value of a tolerance for each element.
fn limits(expression: &Expression, count: usize, scope: &mut Scope) -> Result<Vec<f64>, String> {
    let mut limits = Vec::with_capacity(count);
    for i in 0..count {
        scope.variables.push(("i".into(), i as i128));
        let limit = expression.evaluate(scope);
        scope.variables.pop();
        limits.push(limit?.real());
    }
    Ok(limits)
}

/// The directives of a header with the lines they start on, continuations joined.
fn directives(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some(line) = line.strip_prefix("//!") else { continue };
        match (line.starts_with("  "), found.last_mut()) {
            (true, Some((_, last))) => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => found.push((at + 1, line.trim().to_owned())),
        }
    }
    found
}

/// Splits `name: type = values`.
fn declaration(text: &str) -> Result<(&str, Scalar, &str), String> {
    let usage = "write `name: type = values`";
    let (head, list) = text.split_once('=').ok_or(usage)?;
    let (name, scalar) = head.split_once(':').ok_or(usage)?;
    let scalar = Scalar::named(scalar.trim()).ok_or("the types are f32, f16, i32, u32 and bool")?;
    Ok((name.trim(), scalar, list.trim()))
}

fn axes(text: &str) -> Result<[u64; 3], String> {
    let mut axes = [1; 3];
    for (at, word) in text.split_whitespace().enumerate() {
        *axes.get_mut(at).ok_or("a grid has at most three axes")? =
            word.parse().map_err(|_| format!("`{word}` is no length"))?;
    }
    Ok(axes)
}

fn numbers(entries: &[Entry]) -> Result<Vec<super::expression::Number>, String> {
    entries.iter().map(|entry| Ok(entry.scalar.number(entry.bits()?))).collect()
}

/// The bytes of a list, one after the other.
pub fn bytes(entries: &[Entry]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(&entry.bits()?.to_le_bytes()[..entry.scalar.bytes()]);
    }
    Ok(bytes)
}
