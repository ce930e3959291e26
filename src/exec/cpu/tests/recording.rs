//! The interpreter as a device whose every launch is compared with what the access analysis predicts.

use super::{
    oracle::{Tally, check},
    *,
};
use crate::exec::{ArgData, SequenceArg};

/// The engine, with every launch recorded and compared with the prediction.
pub(crate) struct Recording {
    engine: CpuBackend,
    tally: Mutex<Tally>,
}

impl Recording {
    pub fn new() -> Self {
        Recording { engine: CpuBackend::on(Pool::new(1), false), tally: Mutex::default() }
    }

    /// What all launches came to.
    pub fn tally(&self) -> Tally {
        self.tally.lock().unwrap().clone()
    }
}

impl Backend for Recording {
    fn info(&self) -> &DeviceInfo {
        self.engine.info()
    }

    fn capacity(&self) -> Option<Capacity> {
        self.engine.capacity()
    }

    fn supports(&self, kernel: &Kernel) -> Result<()> {
        self.engine.supports(kernel)
    }

    fn prepare(&self, kernel: &Kernel) -> Result<Duration> {
        self.engine.prepare(kernel)
    }

    fn allocate(&self, bytes: u64, label: &str) -> Result<Arc<dyn Allocation>> {
        self.engine.allocate(bytes, label)
    }

    fn launch(&self, launch: Launch<'_>) -> Result<Metrics> {
        let Launch { kernel, args, workgroups, stop, .. } = launch;
        let uniform = |arg: &ArgData<'_>| if let ArgData::Uniform(bytes) = arg { bytes.to_vec() } else { Vec::new() };
        let uniforms: Vec<Vec<u8>> = args.iter().map(uniform).collect();
        let mut metrics = Metrics { dispatches: 1, ..Metrics::default() };
        LaunchData::new(kernel, args)?.with_memory(&mut metrics, stop, |metrics, memory, _| {
            let mut tally = self.tally.lock().unwrap();
            check(kernel, workgroups, memory, &uniforms, &mut tally).unwrap_or_else(|what| panic!("{what}"));
            metrics.kernel = Duration::from_nanos(1);
            Ok(())
        })?;
        Ok(metrics)
    }

    fn serve(&self, launch: Launch<'_>, plan: &Plan, body: &mut Body<'_>) -> Result<Metrics> {
        self.engine.serve(launch, plan, body)
    }

    fn sequence(&self, sequence: Sequence) -> Result<(Ready, Duration)> {
        self.engine.sequence(sequence)
    }

    fn run_turn(&self, ready: &Ready, turn: SequenceTurn<'_>) -> Result<Metrics> {
        let all: Vec<u8> = bytemuck::cast_slice(turn.uniforms).to_vec();
        prepared(ready)?.run(turn, |bound, memory| {
            let uniform = |arg: &SequenceArg| match *arg {
                SequenceArg::Uniform { offset, bytes } => all[offset..offset + bytes].to_vec(),
                SequenceArg::Buffer { .. } => Vec::new(),
            };
            let uniforms: Vec<Vec<u8>> = bound.args.iter().map(uniform).collect();
            let mut tally = self.tally.lock().unwrap();
            check(&bound.kernel, bound.workgroups, memory, &uniforms, &mut tally)
                .unwrap_or_else(|what| panic!("{what}"));
            Ok(true)
        })
    }
}
