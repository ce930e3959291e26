//! Calls that do not block: owned or resident data, run by the device's own thread.

use std::{
    any::{TypeId, type_name},
    fmt,
    panic::{self, AssertUnwindSafe},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytemuck::Pod;
use futures::channel::oneshot;

use super::{
    Call, CallParts,
    args::{Data, OwnedData},
    launch::Checked,
};
use crate::{
    buffer::short_name,
    error::{Error, Message, Result},
    exec::{
        CancelToken,
        stop::{LeftBehind, Stop},
    },
    kernel::{Kernel, names},
    report::Report,
};

/// What an asynchronous call gives back: its report, and the vectors that it was given.
pub struct Outcome {
    report: Report,
    vectors: Vectors,
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
        self.vectors.take(name)
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome").field("report", &self.report).finish_non_exhaustive()
    }
}

/// A call that [failed](Call::run_async_or_give_back): why, and the vectors that it was given.
///
/// ```
/// let rt = swath::Runtime::new()?;
/// let module = rt.module(
///     "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
///      @compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) { y[id.x] = id.x; }",
/// )?;
/// let call = rt.call(&module.kernel("count")?).write("y", vec![7u32; 4]).grid([-1]);
/// let mut failed = pollster::block_on(call.run_async_or_give_back()).expect_err("there are no -1 invocations");
/// assert!(matches!(failed.error(), swath::Error::Call(_)));
/// assert_eq!(failed.take::<u32>("y")?, [7; 4]);
/// # Ok::<(), swath::Error>(())
/// ```
pub struct FailedCall {
    error: Error,
    /// Behind a pointer, for results are moved about.
    vectors: Box<Vectors>,
}

impl FailedCall {
    /// What went wrong.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The same, without the vectors.
    pub fn into_error(self) -> Error {
        self.error
    }

    /// Takes back the vector that was bound as `name`. If the kernel had started, those that were bound for writing are
    /// unspecified.
    ///
    /// # Errors
    ///
    /// As [`Outcome::take`].
    pub fn take<T: Pod>(&mut self, name: &str) -> Result<Vec<T>> {
        self.vectors.take(name)
    }
}

impl fmt::Display for FailedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl fmt::Debug for FailedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl std::error::Error for FailedCall {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.error)
    }
}

/// The vectors that a call was given, by their names.
struct Vectors {
    kernel: Kernel,
    vectors: Vec<(String, Option<Box<dyn OwnedData>>)>,
}

impl Vectors {
    /// Those of a call: what was bound, and what was refused.
    fn of(call: Box<CallParts<'_>>) -> Vectors {
        let CallParts { kernel, args, refused, .. } = *call;
        let bound = kernel.bindings().iter().zip(args).filter_map(|(binding, arg)| match arg?.data {
            Data::Owned(vector) => Some((binding.name.clone(), Some(vector))),
            _ => None,
        });
        let refused = refused.into_iter().map(|(name, vector)| (name, Some(vector)));
        Vectors { vectors: bound.chain(refused).collect(), kernel: kernel.clone() }
    }

    fn none(kernel: &Kernel) -> Vectors {
        Vectors { kernel: kernel.clone(), vectors: Vec::new() }
    }

    fn take<T: Pod>(&mut self, name: &str) -> Result<Vec<T>> {
        let kernel = &self.kernel;
        let Some((_, slot)) = self.vectors.iter_mut().find(|(of, _)| of == name) else {
            let known: Vec<&str> = self.vectors.iter().map(|(of, _)| of.as_str()).collect();
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

impl<'a> Call<'a> {
    /// Has dropping the future of [`run_async`](Call::run_async) end the call, as a [`CancelToken`] would: for programs that
    /// give work up by dropping it, such as by a timeout around the future.
    ///
    /// ```
    /// let rt = swath::Runtime::cpu()?;
    /// let module = rt.module(
    ///     "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
    ///      @compute @workgroup_size(1) fn wait() { while y[0] == 0u { y[1] += 1u; } }",
    /// )?;
    /// let call = rt.call(&module.kernel("wait")?).read_write("y", vec![0u32; 2]).grid([1]);
    /// drop(call.cancel_on_drop().run_async()); // without it, the kernel would go on for ever
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn cancel_on_drop(mut self) -> Self {
        let token = self.parts.on_drop.get_or_insert_with(CancelToken::new).clone();
        self.cancel(&token)
    }
}

impl Call<'static> {
    /// Runs the call on the device's own thread; the future gives back the vectors it was given
    /// (see [`Outcome::take`]). Calls on one device run one after the other, in the order of their
    /// `run_async`.
    ///
    /// The work starts at once, polled or not. Dropping the future neither stops it nor does any
    /// harm: the call owns its data. To stop it, give it a [`CancelToken`](crate::CancelToken), a
    /// [`deadline`](Call::deadline) or [`cancel_on_drop`](Call::cancel_on_drop); the time that it waits for calls before it counts.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Call::run), and [`Error::Callback`].
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
        let outcome = self.run_async_or_give_back();
        async move { outcome.await.map_err(FailedCall::into_error) }
    }

    /// As [`run_async`](Call::run_async), and gives the vectors back where the call fails.
    ///
    /// # Errors
    ///
    /// Those of [`run_async`](Call::run_async), with the vectors.
    pub fn run_async_or_give_back(self) -> impl Future<Output = Result<Outcome, FailedCall>> + Send + 'static {
        let started = self.start();
        async move { started?.await }
    }

    /// Checks the call and hands it to the device's thread.
    fn start(self) -> Result<Answer, FailedCall> {
        let mut checked = match self.check_or_give_back(false) {
            Ok(checked) => checked,
            Err((error, call)) => return Err(FailedCall { error, vectors: Box::new(Vectors::of(call)) }),
        };
        let (sender, receiver) = oneshot::channel();
        let (kernel, device) = (checked.call.kernel.clone(), checked.placement.device.clone());
        let stop = checked.stop.as_ref().map(|armed| Arc::clone(armed.stop()));
        let on_drop = checked.call.on_drop.take();
        let waiting = Waiting(Arc::new(Mutex::new(Some(Box::new(checked)))));
        let answer = Answer { kernel, stop, on_drop, waiting: waiting.clone(), receiver };
        device.worker().run(move || {
            let Some(mut checked) = waiting.take() else { return };
            let result = run(&mut checked);
            let vectors = Vectors::of(checked.into_call());
            // Nobody may be waiting any more.
            let _ = sender.send(match result {
                Ok(report) => Ok(Outcome { report, vectors }),
                Err(error) => Err(FailedCall { error, vectors: Box::new(vectors) }),
            });
        });
        Ok(answer)
    }
}

/// Runs a call; a panic is an error.
fn run(checked: &mut Checked<'_>) -> Result<Report> {
    // What a panic leaves behind are the caller's vectors, which are plain data.
    panic::catch_unwind(AssertUnwindSafe(|| checked.run())).unwrap_or_else(|_| {
        let kernel = &checked.call.kernel;
        Err(match checked.call.watchers.take_panic() {
            Some(words) => {
                let problem = format!("a callback that was given with .progress(..) panicked: {words}");
                Error::Callback(
                    kernel.message(problem).help("have it not panic; what was bound for writing is unspecified"),
                )
            }
            None => lost(kernel),
        })
    })
}

/// A call that waits for those before it. Who takes it decides what becomes of it: the device's thread, which runs it, or
/// the future, which gives it up.
#[derive(Clone)]
struct Waiting(Arc<Mutex<Option<Box<Checked<'static>>>>>);

impl Waiting {
    fn take(&self) -> Option<Box<Checked<'static>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What the device's thread will say. A call that has to end before its turn comes ends at once.
struct Answer {
    kernel: Kernel,
    stop: Option<Arc<Stop>>,
    /// What ends the call when nobody waits for it any more.
    on_drop: Option<CancelToken>,
    waiting: Waiting,
    receiver: oneshot::Receiver<Result<Outcome, FailedCall>>,
}

impl Answer {
    /// Gives the call up that has not begun; nothing where it has.
    fn give_up(&self, why: impl FnOnce(&Kernel) -> Error) -> Option<FailedCall> {
        let checked = self.waiting.take()?;
        let error = why(&checked.call.kernel);
        Some(FailedCall { error, vectors: Box::new(Vectors::of(checked.into_call())) })
    }
}

impl Future for Answer {
    type Output = Result<Outcome, FailedCall>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.receiver).poll(cx) {
            Poll::Ready(Ok(answer)) => return Poll::Ready(answer),
            Poll::Ready(Err(oneshot::Canceled)) => {
                // The thread did not start, or is gone.
                let gone = || FailedCall { error: lost(&self.kernel), vectors: Box::new(Vectors::none(&self.kernel)) };
                return Poll::Ready(Err(self.give_up(lost).unwrap_or_else(gone)));
            }
            Poll::Pending => {}
        }
        if let Some(stop) = &self.stop {
            stop.wake(cx.waker());
            if stop.is_set()
                && let Some(failed) = self.give_up(|_| stop.error(LeftBehind::Nothing))
            {
                return Poll::Ready(Err(failed));
            }
        }
        Poll::Pending
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(token) = &self.on_drop {
            token.cancel();
        }
    }
}

/// The error where the device's thread went away with the call.
fn lost(kernel: &Kernel) -> Error {
    let message: Message = kernel.message("the device's thread failed while it ran the call");
    Error::Device(message.help("this is a defect of swath or of a driver; what the thread printed says more"))
}
