//! Which memories share a block: those that are never in use at one time.

/// How large a memory is, and the steps from the first to the last that use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime {
    pub bytes: u64,
    pub first: usize,
    pub last: usize,
}

impl Lifetime {
    fn meets(&self, other: &Lifetime) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// The block of each memory, and the bytes of each block.
///
/// The largest memory goes first, and each into the smallest block that is free for its whole life (Pisarchyk and Lee,
/// "Efficient Memory Management for Deep Neural Net Inference", 2020, "greedy by size"): so a block never grows.
pub(super) fn share(lives: &[Lifetime]) -> (Vec<usize>, Vec<u64>) {
    let mut order: Vec<usize> = (0..lives.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(lives[i].bytes), i));
    let mut places = vec![0; lives.len()];
    let mut blocks: Vec<(u64, Vec<Lifetime>)> = Vec::new();
    for i in order {
        let life = lives[i];
        let free = |tenants: &[Lifetime]| !tenants.iter().any(|other| other.meets(&life));
        let candidates = blocks.iter().enumerate().filter(|(_, (_, tenants))| free(tenants));
        let best = candidates.min_by_key(|(_, (bytes, _))| *bytes).map(|(number, _)| number);
        let place = best.unwrap_or_else(|| {
            blocks.push((life.bytes, Vec::new()));
            blocks.len() - 1
        });
        blocks[place].1.push(life);
        places[i] = place;
    }
    (places, blocks.into_iter().map(|(bytes, _)| bytes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(bytes: u64, first: usize, last: usize) -> Lifetime {
        Lifetime { bytes, first, last }
    }

    #[test]
    fn what_is_never_in_use_together_shares() {
        // A pipeline of four stages: each reads what the one before wrote.
        let lives = [life(16, 1, 2), life(16, 2, 3), life(16, 3, 4), life(16, 4, 5)];
        let (places, blocks) = share(&lives);
        assert_eq!(blocks, [16, 16]);
        assert_eq!(places, [0, 1, 0, 1]);
    }

    #[test]
    fn a_block_is_as_large_as_its_largest_tenant() {
        let (places, blocks) = share(&[life(4, 0, 1), life(100, 2, 3), life(8, 3, 9)]);
        assert_eq!(blocks, [100, 8]);
        assert_eq!(places[0], 1, "the smallest block that is free");
        assert_eq!(places[1..], [0, 1]);
    }

    #[test]
    fn no_two_tenants_of_a_block_meet() {
        let mut state = 1u64;
        let mut random = |most: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % most
        };
        for _ in 0..200 {
            let lives: Vec<Lifetime> = (0..30)
                .map(|_| {
                    let first = random(20) as usize;
                    life(4 * (1 + random(50)), first, first + random(6) as usize)
                })
                .collect();
            let (places, blocks) = share(&lives);
            for (i, a) in lives.iter().enumerate() {
                assert!(a.bytes <= blocks[places[i]]);
                for (j, b) in lives.iter().enumerate().skip(i + 1) {
                    assert!(places[i] != places[j] || !a.meets(b), "{a:?} and {b:?}");
                }
            }
            let most = (0..30).map(|t| lives.iter().filter(|l| l.first <= t && t <= l.last).map(|l| l.bytes).sum());
            assert!(blocks.iter().sum::<u64>() >= most.max().unwrap_or(0u64));
        }
    }
}
