//! A device that has memory and computes nothing: every check of a call runs, with no hardware.

use std::{
    any::Any,
    collections::VecDeque,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Allocation, ArgData, Backend, Download, Launch, Metrics, Ready, Sequence, SequenceArg, SequenceTurn, Step,
    UNIFORM_ALIGNMENT,
    session::{Body, Session},
};
use crate::{
    device_info::{DeviceInfo, DeviceKind},
    error::{Error, Message, Result},
    kernel::Kernel,
    plan::{Plan, request::Capacity},
};

/// The device. Its launches leave all data as it is.
pub(crate) struct NullBackend {
    info: DeviceInfo,
}

impl NullBackend {
    pub fn with_info(info: DeviceInfo) -> Arc<dyn Backend> {
        Arc::new(NullBackend { info })
    }
}

struct NullMemory {
    bytes: Mutex<Vec<u8>>,
}

impl NullMemory {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Allocation for NullMemory {
    fn bytes(&self) -> u64 {
        self.lock().len() as u64
    }

    fn upload(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.lock()[offset as usize..][..data.len()].copy_from_slice(data);
        Ok(())
    }

    fn download(&self, offset: u64, data: &mut [u8]) -> Result<()> {
        data.copy_from_slice(&self.lock()[offset as usize..][..data.len()]);
        Ok(())
    }

    fn fill(&self, pattern: &[u8]) -> Result<()> {
        self.lock().chunks_exact_mut(pattern.len()).for_each(|chunk| chunk.copy_from_slice(pattern));
        Ok(())
    }

    fn copy_from(&self, offset: u64, source: &dyn Allocation, source_offset: u64, bytes: u64) -> Result<()> {
        let mut data = vec![0; bytes as usize];
        source.download(source_offset, &mut data)?;
        self.upload(offset, &data)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Backend for NullBackend {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn computes(&self) -> bool {
        false
    }

    /// That of the kind of device it stands for.
    fn capacity(&self) -> Option<Capacity> {
        (self.info.kind != DeviceKind::Cpu).then(|| Capacity::of(&self.info))
    }

    fn supports(&self, kernel: &Kernel) -> Result<()> {
        kernel.inner.requirements.check(kernel.name(), &self.info)
    }

    fn prepare(&self, kernel: &Kernel) -> Result<Duration> {
        self.supports(kernel).map(|()| Duration::ZERO)
    }

    fn allocate(&self, bytes: u64, label: &str) -> Result<Arc<dyn Allocation>> {
        if self.info.memory.is_some_and(|memory| bytes > memory) {
            return Err(Error::OutOfMemory(Message::new(format!("{bytes} bytes do not fit")).subject(label)));
        }
        Ok(Arc::new(NullMemory { bytes: Mutex::new(vec![0; bytes as usize]) }))
    }

    /// Checks what the seam promises about a launch, and that its data is there.
    fn launch(&self, launch: Launch<'_>) -> Result<Metrics> {
        assert_eq!(launch.args.len(), launch.kernel.bindings().len());
        assert!(launch.workgroups.iter().all(|&count| count > 0));
        let mut metrics =
            Metrics { dispatches: 1, tiles: launch.plan.map_or(1, |plan| plan.tiles.count()), ..Metrics::default() };
        for (arg, binding) in launch.args.iter().zip(launch.kernel.bindings()) {
            let bytes = match arg {
                ArgData::Uniform(bytes) | ArgData::Read(bytes) => bytes,
                ArgData::Write(bytes) => &**bytes,
                ArgData::Shared(host) | ArgData::Merged(host, _) => {
                    assert!(host.bytes() >= binding.min_bytes(), "`{}` is long enough", binding.name);
                    continue;
                }
                ArgData::ReadSlice(slice) => slice.data,
                ArgData::Resident(memory) => {
                    assert!(memory.as_any().is::<NullMemory>());
                    assert!(memory.bytes() >= binding.min_bytes());
                    continue;
                }
            };
            assert!(arg.bytes() >= binding.min_bytes(), "`{}` is long enough", binding.name);
            metrics.bytes_up += bytes.len() as u64;
            if matches!(arg, ArgData::Write(_)) {
                metrics.bytes_down += bytes.len() as u64;
            }
        }
        Ok(metrics)
    }

    /// Checks what the seam promises about a launch, and runs of units without doing anything.
    fn serve(&self, launch: Launch<'_>, plan: &Plan, body: &mut Body<'_>) -> Result<Metrics> {
        let mut session = NullSession { units: plan.tiles.units(), started: VecDeque::new(), tiles: 0 };
        let metrics = self.launch(Launch { plan: None, watcher: None, ..launch })?;
        body(&mut session)?;
        assert!(session.started.is_empty(), "every run was settled");
        Ok(Metrics { dispatches: session.tiles, tiles: session.tiles, ..metrics })
    }

    /// Checks what the seam promises about a sequence.
    fn sequence(&self, sequence: Sequence) -> Result<(Ready, Duration)> {
        for dispatch in &sequence.dispatches {
            assert_eq!(dispatch.args.len(), dispatch.kernel.bindings().len());
            assert!(dispatch.workgroups.iter().all(|&count| count > 0));
            for (arg, binding) in dispatch.args.iter().zip(dispatch.kernel.bindings()) {
                match *arg {
                    SequenceArg::Buffer { buffer, bytes } => {
                        let memory = &sequence.buffers[buffer];
                        assert!(memory.as_any().is::<NullMemory>());
                        assert!((binding.min_bytes()..=memory.bytes()).contains(&bytes), "`{}` fits", binding.name);
                    }
                    SequenceArg::Uniform { offset, bytes } => {
                        assert!(offset.is_multiple_of(UNIFORM_ALIGNMENT) && bytes as u64 >= binding.min_bytes());
                        assert!(offset + bytes <= 4 * sequence.uniforms.len());
                    }
                }
            }
        }
        Ok((Box::new(sequence), Duration::ZERO))
    }

    /// Moves the data and checks the steps. Zeroing is done, dispatches do nothing.
    fn run_turn(&self, ready: &Ready, turn: SequenceTurn<'_>) -> Result<Metrics> {
        let sequence =
            ready.downcast_ref::<Sequence>().expect("a sequence comes back to the backend that made it ready");
        let mut metrics = Metrics::default();
        assert_eq!(turn.uniforms.len(), sequence.uniforms.len());
        for (buffer, data) in turn.all_uploads() {
            sequence.buffers[buffer].upload(0, data)?;
            metrics.bytes_up += data.len() as u64;
        }
        for step in &sequence.steps[turn.steps] {
            match *step {
                Step::Dispatch(number) => {
                    assert!((number as usize) < sequence.dispatches.len());
                    metrics.dispatches += 1;
                }
                Step::Zero { buffer, bytes } => {
                    sequence.buffers[buffer as usize].upload(0, &vec![0; bytes as usize])?;
                }
            }
        }
        for Download { buffer, data, .. } in turn.downloads {
            sequence.buffers[buffer].download(0, data)?;
            metrics.bytes_down += data.len() as u64;
        }
        Ok(metrics)
    }
}

/// Does nothing, and checks that what is asked of a session can be asked.
struct NullSession {
    units: u32,
    started: VecDeque<Range<u32>>,
    tiles: u32,
}

impl Session for NullSession {
    fn most_units(&self) -> u32 {
        self.units
    }

    fn depth(&self) -> usize {
        2
    }

    fn start(&mut self, units: Range<u32>) -> Result<()> {
        assert!(!units.is_empty() && units.end <= self.units && self.started.len() < self.depth());
        self.started.push_back(units);
        self.tiles += 1;
        Ok(())
    }

    fn land(&mut self, _patience: Option<Duration>) -> Result<()> {
        assert!(!self.started.is_empty());
        Ok(())
    }

    fn settle(&mut self, units: &[Range<u32>]) -> Result<()> {
        let started = self.started.pop_front().expect("a run was started");
        assert!(units.iter().all(|units| started.start <= units.start && units.end <= started.end));
        Ok(())
    }

    fn fold(&mut self) -> Result<()> {
        assert!(self.started.is_empty(), "no run is under way");
        Ok(())
    }
}
