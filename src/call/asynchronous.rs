//! Calls that do not block: owned or resident data, run by the device's own thread.

use std::{
    any::{TypeId, type_name},
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytemuck::Pod;
use futures::channel::oneshot;

use super::{
    Call,
    args::{Data, OwnedData},
};
use crate::{
    buffer::short_name,
    error::{Error, Message, Result},
    exec::stop::{LeftBehind, Stop},
    kernel::{Kernel, names},
    report::Report,
};

/// What an asynchronous call gives back: its report, and the vectors that it was given.
pub struct Outcome {
    report: Report,
    /// One for each of the kernel's bindings that was given a vector.
    vectors: Vec<(usize, Option<Box<dyn OwnedData>>)>,
}

impl Outcome {
    /// What the call did.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Takes back the vector that was bound as `name`, with what the kernel wrote.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] where no vector was bound by that name, its elements are of another type, or
    /// it was taken before.
    pub fn take<T: Pod>(&mut self, name: &str) -> Result<Vec<T>> {
        let kernel = &self.report.kernel;
        let named = |place: usize| kernel.bindings()[place].name.as_str();
        let Some((_, slot)) = self.vectors.iter_mut().find(|(place, _)| named(*place) == name) else {
            let known: Vec<&str> = self.vectors.iter().map(|(place, _)| named(*place)).collect();
            let help = names::suggest(name, "the call was given", known);
            return Err(Error::Call(kernel.message(format!("the call was given no vector as `{name}`")).help(help)));
        };
        let Some(vector) = slot.take() else {
            return Err(Error::Call(
                kernel.message(format!("`{name}` was taken before")).subject(name).help("take each vector once"),
            ));
        };
        let (id, own) = vector.element();
        if id == TypeId::of::<T>() {
            return Ok(vector.into_any().downcast::<Vec<T>>().map(|vector| *vector).unwrap_or_default());
        }
        let (own, asked) = (short_name(own), short_name(type_name::<T>()));
        *slot = Some(vector);
        let message =
            kernel.message(format!("`{name}` is a Vec<{own}>, and was asked for as Vec<{asked}>")).subject(name);
        Err(Error::Call(message.help(format!("take it as {own}: .take::<{own}>(\"{name}\")"))))
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome").field("report", &self.report).finish_non_exhaustive()
    }
}

impl Call<'static> {
    /// Runs the call on the device's own thread; the future gives back the vectors it was given
    /// (see [`Outcome::take`]). Calls on one device run one after the other, in the order of their
    /// `run_async`.
    ///
    /// The work starts at once, polled or not. Dropping the future neither stops it nor does any
    /// harm: the call owns its data. To stop it, give it a [`CancelToken`](crate::CancelToken) or a
    /// [`deadline`](Call::deadline); the time that it waits for calls before it counts.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Call::run).
    ///
    /// ```
    /// let rt = swath::Runtime::new()?;
    /// let module = rt.module(
    ///     "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
    ///      @compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
    ///          if id.x < arrayLength(&y) { y[id.x] = id.x; }
    ///      }",
    /// )?;
    /// let call = rt.call(&module.kernel("count")?).write("y", vec![0u32; 4]).grid([4]);
    /// let mut outcome = pollster::block_on(call.run_async())?;
    /// assert_eq!(outcome.take::<u32>("y")?, [0, 1, 2, 3]);
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn run_async(self) -> impl Future<Output = Result<Outcome>> + Send + 'static {
        let started = self.start();
        async move { started?.await }
    }

    /// Checks the call and hands it to the device's thread.
    fn start(self) -> Result<Answer> {
        let mut checked = self.check()?;
        let (sender, receiver) = oneshot::channel();
        let (kernel, device) = (checked.call.kernel.clone(), checked.device.clone());
        let stop = checked.stop.as_ref().map(|armed| Arc::clone(armed.stop()));
        let start_token = StartToken::default();
        let answer = Answer { kernel, stop, start_token: start_token.clone(), receiver };
        device.worker().run(move || {
            if !start_token.take() {
                return;
            }
            let result = checked.run().map(|report| {
                let owned = checked.into_args().into_iter().enumerate().filter_map(|(place, arg)| match arg?.data {
                    Data::Owned(vector) => Some((place, Some(vector))),
                    _ => None,
                });
                Outcome { report, vectors: owned.collect() }
            });
            // Nobody may be waiting any more.
            let _ = sender.send(result);
        });
        Ok(answer)
    }
}

/// Who decides what becomes of a call that waits for those before it: the device's thread, which runs it, or the future,
/// which gives it up.
#[derive(Clone, Default)]
struct StartToken(Arc<AtomicBool>);

impl StartToken {
    /// Whether the caller is the first to ask, and decides.
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// What the device's thread will say. A call that has to end before its turn comes ends at once.
struct Answer {
    kernel: Kernel,
    stop: Option<Arc<Stop>>,
    start_token: StartToken,
    receiver: oneshot::Receiver<Result<Outcome>>,
}

impl Future for Answer {
    type Output = Result<Outcome>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(answer) = Pin::new(&mut self.receiver).poll(cx) {
            return Poll::Ready(answer.unwrap_or_else(|oneshot::Canceled| Err(lost(&self.kernel))));
        }
        if let Some(stop) = &self.stop {
            stop.wake(cx.waker());
            if stop.is_set() && self.start_token.take() {
                return Poll::Ready(Err(stop.error(LeftBehind::Nothing)));
            }
        }
        Poll::Pending
    }
}

/// The error where the device's thread went away with the call.
fn lost(kernel: &Kernel) -> Error {
    let message: Message = kernel.message("the device's thread failed while it ran the call");
    Error::Device(message.help("this is a defect of swath or of a driver; what the thread printed says more"))
}
