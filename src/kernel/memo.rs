//! What later stages work out about a kernel, kept with it.

use std::{
    any::Any,
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::OnceLock,
};

/// One value of each type: a kernel knows nothing of those who use it.
#[derive(Default)]
pub(crate) struct Memo {
    first: OnceLock<Box<Node>>,
}

/// What a kernel has to be, so that those who hold one are.
pub(crate) trait Kept: Any + Send + Sync + UnwindSafe + RefUnwindSafe {}

impl<T: Any + Send + Sync + UnwindSafe + RefUnwindSafe> Kept for T {}

struct Node {
    value: Box<dyn Kept>,
    next: OnceLock<Box<Node>>,
}

impl Memo {
    /// The value of type `T`; made by `make` if there is none. Where several threads make one at a time, all get the same.
    pub fn get_or_try_make<T: Kept, E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        let mut made = None;
        let mut make = Some(make);
        let mut slot = &self.first;
        loop {
            let node = match slot.get() {
                Some(node) => node,
                None => {
                    if let Some(make) = make.take() {
                        made = Some(Box::new(make()?) as Box<dyn Kept>);
                    }
                    slot.get_or_init(|| {
                        let value = made.take().expect("it was made, and is put away once");
                        Box::new(Node { value, next: OnceLock::new() })
                    })
                }
            };
            let value: &dyn Any = &*node.value;
            if let Some(value) = value.downcast_ref() {
                return Ok(value);
            }
            slot = &node.next;
        }
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memo")
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicU32, Ordering},
        thread,
    };

    use super::*;

    fn kept<T: Kept>(memo: &Memo, value: T) -> &T {
        memo.get_or_try_make(|| Ok::<T, Infallible>(value)).unwrap_or_else(|never| match never {})
    }

    #[test]
    fn keeps_one_value_of_each_type() {
        let memo = Memo::default();
        assert_eq!(memo.get_or_try_make(|| Err::<u32, _>("no luck")), Err("no luck"));
        assert_eq!(*kept(&memo, 1u32), 1);
        assert_eq!(*kept(&memo, 2.0f32), 2.0);
        assert_eq!(*kept(&memo, 3u32), 1);
        assert_eq!(*kept(&memo, 4.0f32), 2.0);
        assert_eq!(memo.get_or_try_make(|| Err::<u32, _>("not asked")), Ok(&1));
    }

    #[test]
    fn threads_that_come_at_once_get_the_same() {
        for _ in 0..200 {
            let (memo, made) = (Memo::default(), AtomicU32::new(0));
            let count = || made.fetch_add(1, Ordering::Relaxed);
            let found: Vec<(u32, u64)> = thread::scope(|scope| {
                let ask = |turn: u32| {
                    let (memo, count) = (&memo, &count);
                    scope.spawn(move || {
                        if turn.is_multiple_of(2) {
                            (*kept(memo, count()), *kept(memo, u64::from(count())))
                        } else {
                            let wide = *kept(memo, u64::from(count()));
                            (*kept(memo, count()), wide)
                        }
                    })
                };
                let threads: Vec<_> = (0..4).map(ask).collect();
                threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
            });
            assert!(found.iter().all(|each| *each == found[0]), "{found:?}");
        }
    }
}
