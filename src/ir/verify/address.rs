//! Rules on memories and on addresses into them.

use super::{Checked, Pass, Verifier};
use crate::ir::{AccessId, Address, AtomicFun, IndexBound, Mem, Memory, Space, Term, Type};

/// What is done at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Load,
    UniformLoad,
    Store,
    Atomic(AtomicFun),
}

impl Verifier<'_> {
    pub fn memory(&self, mem: Mem) -> Checked<&Memory> {
        let memories = &self.program.memories;
        memories
            .get(mem.0 as usize)
            .ok_or_else(|| format!("memory {} does not exist: there are {}", mem.0, memories.len()))
    }

    /// The declarations of memories.
    pub fn memories(&self) -> Checked {
        let mut bindings = Vec::new();
        for memory in &self.program.memories {
            let name = &memory.name;
            match memory.space {
                Space::Storage { binding, .. } | Space::Uniform { binding } if bindings.contains(&binding) => {
                    return Err(format!("`{name}` is a second memory for binding {binding}"));
                }
                Space::Storage { binding, .. } | Space::Uniform { binding } => bindings.push(binding),
                Space::Workgroup { bytes } | Space::Private { bytes } if bytes == 0 || bytes % 4 != 0 => {
                    return Err(format!("`{name}` of {bytes} bytes is not a number of words"));
                }
                Space::Workgroup { .. } | Space::Private { .. } => {}
                Space::Constant if memory.data.is_empty() => return Err(format!("the table `{name}` is empty")),
                Space::Constant => {}
            }
            if memory.space != Space::Constant && !memory.data.is_empty() {
                return Err(format!("`{name}` has data, but is no constant table"));
            }
            match (memory.runtime, memory.space) {
                (None, _) => {}
                (Some(array), Space::Storage { .. }) if array.stride > 0 => {}
                (Some(array), Space::Storage { .. }) => {
                    return Err(format!("the array of `{name}` has a stride of {}", array.stride));
                }
                (Some(_), _) => return Err(format!("`{name}` has a runtime-sized array, but is no storage buffer")),
            }
        }
        Ok(())
    }

    pub fn clear(&self, mem: Mem) -> Checked {
        let memory = self.memory(mem)?;
        match memory.space {
            Space::Private { .. } => Ok(()),
            _ => Err(format!("`{}` is cleared, but is not private", memory.name)),
        }
    }

    /// An access to an element of type `ty`.
    pub fn address(&mut self, address: &Address, ty: Type, access: Access) -> Checked {
        let memory = self.memory(address.mem)?;
        let name = &memory.name;
        let allowed = match access {
            Access::Load => true,
            Access::UniformLoad => matches!(memory.space, Space::Workgroup { .. }),
            Access::Store => !memory.is_immutable(),
            Access::Atomic(_) => {
                matches!(memory.space, Space::Storage { writable: true, .. } | Space::Workgroup { .. })
            }
        };
        if !allowed {
            return Err(format!("{access:?} is not for `{name}`, which is {:?}", memory.space));
        }
        let shared = matches!(memory.space, Space::Storage { .. } | Space::Uniform { .. });
        if shared && ty == Type::Bool {
            return Err(format!("a bool in `{name}`, which the host sees"));
        }
        for term in &address.terms {
            self.term(term)?;
        }
        let size = memory.bytes_of(ty);
        let mut steps = address.terms.iter().map(|term| term.stride).chain([address.offset]);
        if let Some(step) = steps.find(|step| step % size != 0) {
            return Err(format!("{step} bytes into `{name}` is no element of {size} bytes"));
        }
        for pair in address.terms.windows(2) {
            if let IndexBound::Const(count) = pair[1].bound
                && u64::from(count) * u64::from(pair[1].stride) > u64::from(pair[0].stride)
            {
                let (inner, outer) = (pair[1].stride, pair[0].stride);
                return Err(format!("an array of {count} times {inner} bytes in an element of {outer}"));
            }
        }
        self.reach(memory, address, size)?;
        self.number(address.id)
    }

    fn term(&self, term: &Term) -> Checked {
        self.used(term.index)?;
        if !matches!(self.ty(term.index), Type::I32 | Type::U32) {
            return Err(format!("an index is an integer, not {}", self.show(term.index)));
        }
        if term.stride == 0 || term.bound == IndexBound::Const(0) {
            return Err(format!("an index %{} of stride {} and bound {:?}", term.index.0, term.stride, term.bound));
        }
        Ok(())
    }

    /// An access in bounds stays within the memory, or within an element of its runtime-sized array.
    fn reach(&self, memory: &Memory, address: &Address, size: u32) -> Checked {
        let name = &memory.name;
        let (terms, start, end) = match address.terms.split_first() {
            Some((Term { bound: IndexBound::Runtime, stride, .. }, inner)) => {
                let Some(array) = memory.runtime else {
                    return Err(format!("an index is bounded by the length of `{name}`, which has none"));
                };
                if array.stride != *stride {
                    return Err(format!(
                        "a stride of {stride} in the array of `{name}`, whose stride is {}",
                        array.stride
                    ));
                }
                if address.offset < array.offset {
                    let (offset, start) = (address.offset, array.offset);
                    return Err(format!("offset {offset} in front of the array of `{name}`, which is at {start}"));
                }
                (inner, address.offset - array.offset, u64::from(array.stride))
            }
            _ => {
                let end = match memory.space {
                    Space::Workgroup { bytes } | Space::Private { bytes } => bytes.into(),
                    Space::Constant => memory.data.len() as u64 * 4,
                    Space::Storage { .. } => memory.runtime.map_or(1 << 32, |array| array.offset.into()),
                    Space::Uniform { .. } => 1 << 32,
                };
                (&address.terms[..], address.offset, end)
            }
        };
        let mut reach = u64::from(start) + u64::from(size);
        for term in terms {
            match term.bound {
                IndexBound::Const(count) => {
                    reach = reach.saturating_add(u64::from(count - 1) * u64::from(term.stride));
                }
                IndexBound::Runtime => return Err(format!("the runtime-sized array of `{name}` lies in another")),
            }
        }
        if reach > end {
            return Err(format!("an access reaches {reach} bytes into `{name}`, expected at most {end}"));
        }
        Ok(())
    }

    /// Accesses are numbered in the order of the text; before that all are 0.
    fn number(&mut self, id: AccessId) -> Checked {
        let expected = if self.pass >= Pass::NumberAccesses { self.accesses } else { 0 };
        self.accesses += 1;
        if id.0 != expected {
            return Err(format!("access {} is here, expected {expected}", id.0));
        }
        Ok(())
    }
}
