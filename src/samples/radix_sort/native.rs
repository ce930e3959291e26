//! The native reference: a radix sort by eight bits at a time on all cores.
//!
//! It takes about a third of the time of rayon's stable `par_sort_by_key` on pairs, and so is the one to compare with; the test
//! below prints both.

use rayon::prelude::*;

const DIGITS: usize = 256;

/// Where the pairs of one part with one digit go, from the first to the last.
trait Places: Iterator + Send {
    fn put(&mut self, key: u32, value: u32);
}

/// A pair in a word, as it is kept between rounds: one store moves both.
impl Places for std::slice::IterMut<'_, u64> {
    fn put(&mut self, key: u32, value: u32) {
        if let Some(place) = self.next() {
            *place = pack((key, value));
        }
    }
}

/// Keys and values, as the result has them.
impl Places for std::iter::Zip<std::slice::IterMut<'_, u32>, std::slice::IterMut<'_, u32>> {
    fn put(&mut self, key: u32, value: u32) {
        if let Some(place) = self.next() {
            (*place.0, *place.1) = (key, value);
        }
    }
}

fn pack((key, value): (u32, u32)) -> u64 {
    u64::from(key) << 32 | u64::from(value)
}

fn unpack(pair: &u64) -> (u32, u32) {
    ((pair >> 32) as u32, *pair as u32)
}

/// Sorts keys, with their values, into the other two.
pub(super) fn sort([keys, values]: [&[u32]; 2], [sorted_keys, sorted_values]: [&mut [u32]; 2]) {
    let count = keys.len();
    let length = count.div_ceil(rayon::current_num_threads()).max(1 << 12);
    let (mut one, mut other) = (vec![0u64; count], vec![0u64; count]);
    let parts = keys.chunks(length).zip(values.chunks(length));
    let parts = parts.map(|(keys, values)| keys.iter().copied().zip(values.iter().copied())).collect();
    round(parts, 0, words(&mut one));
    for (number, shift) in [8, 16].into_iter().enumerate() {
        let (from, to) = if number % 2 == 0 { (&one, &mut other) } else { (&other, &mut one) };
        round(from.chunks(length).map(|part| part.iter().map(unpack)).collect(), shift, words(to));
    }
    let (mut keys, mut values) = (sorted_keys, sorted_values);
    let places = move |count| {
        let keys = keys.split_off_mut(..count).unwrap_or_default();
        keys.iter_mut().zip(values.split_off_mut(..count).unwrap_or_default())
    };
    round(one.chunks(length).map(|part| part.iter().map(unpack)).collect(), 24, places);
}

/// The next so many of these words, again and again.
fn words<'w>(mut rest: &'w mut [u64]) -> impl FnMut(usize) -> std::slice::IterMut<'w, u64> {
    move |count| rest.split_off_mut(..count).unwrap_or_default().iter_mut()
}

/// Puts all pairs of the parts, in order, where their digit goes. `next` gives as many places as it is asked for, in order.
fn round<P, O>(parts: Vec<P>, shift: u32, mut next: impl FnMut(usize) -> O)
where
    P: Iterator<Item = (u32, u32)> + Clone + Send + Sync,
    O: Places,
{
    let digit = |key: u32| usize::from((key >> shift) as u8);
    let count = |part: &P| {
        let mut counts = [0; DIGITS];
        part.clone().for_each(|(key, _)| counts[digit(key)] += 1);
        counts
    };
    let counts: Vec<[usize; DIGITS]> = parts.par_iter().map(count).collect();
    let mut places: Vec<Vec<O>> = parts.iter().map(|_| Vec::with_capacity(DIGITS)).collect();
    for digit in 0..DIGITS {
        places.iter_mut().zip(&counts).for_each(|(places, counts)| places.push(next(counts[digit])));
    }
    parts.into_par_iter().zip(places).for_each(|(part, mut places)| {
        // Of a known length, so that no index has to be checked.
        if let Ok(places) = <&mut [O; DIGITS]>::try_from(places.as_mut_slice()) {
            part.for_each(|(key, value)| places[digit(key)].put(key, value));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says how long both take, and that they agree.
    #[test]
    fn it_agrees_with_rayons_sort() {
        for count in [0, 1, 5000, 1 << 18] {
            let mix = |i: u32| i.wrapping_mul(0x9e37_79b9) ^ i << 7;
            let keys: Vec<u32> = (0..count).map(|i| mix(i) % (count / 2 + 1) * 977).collect();
            let values: Vec<u32> = (0..count).collect();
            let (mut sorted_keys, mut sorted_values) = (vec![0; keys.len()], vec![0; keys.len()]);
            let start = std::time::Instant::now();
            sort([&keys, &values], [&mut sorted_keys, &mut sorted_values]);
            let ours = start.elapsed();
            let start = std::time::Instant::now();
            let mut pairs: Vec<(u32, u32)> = keys.par_iter().copied().zip(values.par_iter().copied()).collect();
            pairs.par_sort_by_key(|pair| pair.0);
            println!("{count} pairs: {ours:?}, rayon's sort {:?}", start.elapsed());
            let found: Vec<(u32, u32)> = sorted_keys.into_iter().zip(sorted_values).collect();
            assert!(found == pairs, "{count} pairs");
        }
    }
}
