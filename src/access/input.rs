//! What is known about a call when its kernel is analysed.

/// The numbers of a call: its grid, its uniforms, the sizes of its buffers. What is left out is not known, and an
/// answer then says what it takes for granted.
#[derive(Clone, Debug, Default)]
pub struct Numbers<'a> {
    workgroups: Option<[u32; 3]>,
    /// Binding, offset, and what stands there.
    uniforms: Vec<(usize, u32, &'a [u8])>,
    /// By binding.
    bytes: Vec<Option<u64>>,
}

impl<'a> Numbers<'a> {
    /// Nothing is known.
    pub fn new() -> Self {
        Numbers::default()
    }

    /// The number of workgroups along x, y and z.
    pub fn with_workgroups(mut self, workgroups: [u32; 3]) -> Self {
        self.workgroups = Some(workgroups);
        self
    }

    /// The contents of a uniform, as WGSL lays it out, from the byte `offset` on; `binding` is its place in the kernel's
    /// list of bindings. A uniform may be given in parts, and some of it not at all.
    pub fn with_uniform(mut self, binding: usize, offset: u32, bytes: &'a [u8]) -> Self {
        self.uniforms.push((binding, offset, bytes));
        self
    }

    /// The size of a storage buffer in bytes; `binding` is its place in the kernel's list of bindings.
    pub fn with_bytes(mut self, binding: usize, bytes: u64) -> Self {
        let len = self.bytes.len().max(binding + 1);
        self.bytes.resize(len, None);
        self.bytes[binding] = Some(bytes);
        self
    }

    /// The number of workgroups along each axis, where known.
    pub fn workgroups(&self) -> Option<[u32; 3]> {
        self.workgroups
    }

    /// The word at a byte of a uniform, where known.
    pub fn word(&self, binding: usize, offset: u32) -> Option<u32> {
        self.uniforms.iter().filter(|part| part.0 == binding).find_map(|(_, start, bytes)| {
            let bytes = bytes.get(offset.checked_sub(*start)? as usize..)?.first_chunk::<4>()?;
            Some(u32::from_ne_bytes(*bytes))
        })
    }

    /// The size of a buffer, where known.
    pub fn bytes(&self, binding: usize) -> Option<u64> {
        self.bytes.get(binding).copied().flatten()
    }
}
