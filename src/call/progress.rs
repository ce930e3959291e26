//! Who hears how far a call is.

use std::{
    any::Any,
    fmt,
    panic::{self, AssertUnwindSafe},
    pin::Pin,
    task::{Context, Poll},
};

use futures::{Stream, channel::mpsc};

use super::Call;
use crate::{device::call_back, plan::TileEvent};

/// The callbacks of a call.
#[derive(Default)]
pub(super) struct Watchers<'a> {
    callbacks: Vec<Box<dyn FnMut(TileEvent) + Send + 'a>>,
    /// What one of them said as it panicked.
    panic: Option<String>,
}

impl Watchers<'_> {
    pub fn is_empty(&self) -> bool {
        self.callbacks.is_empty()
    }

    /// Tells everybody.
    pub fn tell(&mut self, event: TileEvent) {
        let callbacks = &mut self.callbacks;
        let tell = || call_back(|| callbacks.iter_mut().for_each(|callback| callback(event)));
        if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(tell)) {
            self.panic = Some(words(&*panic));
            panic::resume_unwind(panic);
        }
    }

    /// What a callback said as it panicked, if one did.
    pub fn take_panic(&mut self) -> Option<String> {
        self.panic.take()
    }
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it said nothing").to_owned()
}

/// The tiles of a call as they are done; it ends when the call does.
pub struct TileEvents {
    receiver: mpsc::UnboundedReceiver<TileEvent>,
}

impl Stream for TileEvents {
    type Item = TileEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<TileEvent>> {
        Pin::new(&mut self.receiver).poll_next(cx)
    }
}

impl fmt::Debug for TileEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TileEvents").finish_non_exhaustive()
    }
}

impl<'a> Call<'a> {
    /// Has `callback` told of each tile that is done, on the thread that runs the call: it should be quick. A call that
    /// would be one tile is cut into several for it. Where it panics, the panic goes on out of [`run`](Call::run); that of an
    /// [asynchronous](Call::run_async) call is [`Error::Callback`](crate::Error::Callback).
    ///
    /// ```
    /// let rt = swath::Runtime::cpu()?;
    /// let module = rt.module(
    ///     "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
    ///      @compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
    ///          if id.x < arrayLength(&y) { y[id.x] = id.x; }
    ///      }",
    /// )?;
    /// let mut y = vec![0u32; 100_000];
    /// let mut last = 0.0;
    /// let call = rt.call(&module.kernel("count")?).write("y", &mut y).grid([100_000]);
    /// call.progress(|event| last = event.fraction()).run()?;
    /// assert_eq!(last, 1.0);
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn progress(mut self, callback: impl FnMut(TileEvent) + Send + 'a) -> Self {
        self.parts.watchers.callbacks.push(Box::new(callback));
        self
    }

    /// The tiles of the call as a stream, for programs that do not block: it ends when the call is done.
    ///
    /// ```
    /// use futures::StreamExt;
    ///
    /// let rt = swath::Runtime::cpu()?;
    /// let module = rt.module(
    ///     "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
    ///      @compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
    ///          if id.x < arrayLength(&y) { y[id.x] = id.x; }
    ///      }",
    /// )?;
    /// let call = rt.call(&module.kernel("count")?).write("y", vec![0u32; 100_000]).grid([100_000]).tiles(5);
    /// let (call, events) = call.tile_events();
    /// let outcome = call.run_async();
    /// let tiles: Vec<u32> = pollster::block_on(events.map(|event| event.tile).collect());
    /// assert_eq!(tiles, [0, 1, 2, 3, 4]);
    /// pollster::block_on(outcome)?;
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn tile_events(self) -> (Self, TileEvents) {
        let (sender, receiver) = mpsc::unbounded();
        // Nobody may be listening any more.
        let call = self.progress(move |event| drop(sender.unbounded_send(event)));
        (call, TileEvents { receiver })
    }
}
