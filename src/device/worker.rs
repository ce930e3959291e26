//! The thread that runs a device's asynchronous calls.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        mpsc::{Sender, channel},
    },
    thread,
};

type Job = Box<dyn FnOnce() + Send>;

/// A thread that runs jobs in their order, and ends when the worker is dropped and the jobs are done.
pub(crate) struct Worker {
    jobs: Mutex<Option<Sender<Job>>>,
}

impl Worker {
    /// A worker for the device `name`.
    pub fn new(name: &str) -> Worker {
        let (jobs, queue) = channel::<Job>();
        let thread = thread::Builder::new().name(format!("swath-{name}")).spawn(move || {
            for job in queue {
                // A panic in one job is that job's loss: its future finds the channel closed.
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
        });
        Worker { jobs: Mutex::new(thread.is_ok().then_some(jobs)) }
    }

    /// Runs `job` after those before it. Gives it back dropped where the thread did not start.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = jobs.as_ref() {
            let _ = jobs.send(Box::new(job));
        }
    }
}
