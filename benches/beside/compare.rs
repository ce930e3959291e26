//! Two ways to do the same, timed in turn.

use std::{
    error::Error,
    time::{Duration, Instant},
};

/// The median times of two ways to do the same, called in turn; the first `warm_up` calls of each are
/// not timed.
pub fn compare(
    calls: usize,
    warm_up: usize,
    mut first: impl FnMut() -> Result<(), Box<dyn Error>>,
    mut second: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<(Duration, Duration), Box<dyn Error>> {
    let mut times = [Vec::with_capacity(calls), Vec::with_capacity(calls)];
    for turn in 0..warm_up + calls {
        // Who goes first changes, so that neither always runs in the other's wake.
        let order = if turn % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in order {
            let start = Instant::now();
            if which == 0 {
                first()?
            } else {
                second()?
            }
            let took = start.elapsed();
            if turn >= warm_up {
                times[which].push(took);
            }
        }
    }
    let [first, second] = times.map(median);
    Ok((first, second))
}

/// The median of times, of which there is at least one.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
