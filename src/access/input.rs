//! What is known about a call when its kernel is analysed.

/// The numbers of a call: its grid, its uniforms, the sizes of its buffers. What is left out is not known, and an
/// answer then says what it takes for granted.
#[derive(Clone, Debug, Default)]
pub struct Numbers<'a> {
    workgroups: Option<[u32; 3]>,
    /// By binding.
    uniforms: Vec<Option<&'a [u8]>>,
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

    /// The contents of a uniform, as WGSL lays it out; `binding` is its place in the kernel's list of bindings.
    pub fn with_uniform(mut self, binding: usize, bytes: &'a [u8]) -> Self {
        let len = self.uniforms.len().max(binding + 1);
        self.uniforms.resize(len, None);
        self.uniforms[binding] = Some(bytes);
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

    /// The contents of a uniform, where known.
    pub fn uniform(&self, binding: usize) -> Option<&'a [u8]> {
        self.uniforms.get(binding).copied().flatten()
    }

    /// The size of a buffer, where known.
    pub fn bytes(&self, binding: usize) -> Option<u64> {
        self.bytes.get(binding).copied().flatten()
    }
}
