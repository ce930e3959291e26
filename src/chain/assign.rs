//! Which device runs which branch of a chain: an earliest-finish list schedule over predicted times.

use super::graph::Graph;

/// What running a chain on some devices costs.
pub(super) struct Costs {
    /// Seconds that each branch takes on each device, without copies.
    pub seconds: Vec<Vec<f64>>,
    /// Bytes a second to each device, and back.
    pub up: Vec<f64>,
    pub down: Vec<f64>,
    /// Bytes of each memory.
    pub bytes: Vec<f64>,
    /// Whether each memory starts with what a run gives.
    pub is_given: Vec<bool>,
    /// Whether each memory's last contents are a result.
    pub is_result: Vec<bool>,
}

impl Costs {
    fn devices(&self) -> usize {
        self.up.len()
    }
}

/// Who runs what.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Assignment {
    /// The device of each branch.
    pub device_of: Vec<usize>,
    /// The branches in the order in which they begin, each behind those that it waits for.
    pub order: Vec<usize>,
    /// Seconds that it takes.
    pub seconds: f64,
}

/// Branches beyond which single ones are not moved to see whether that is better.
const MOST_MOVED: usize = 64;

/// The best that is found. With `uses_all`, each device gets a branch if there are enough of them.
pub(super) fn assign(graph: &Graph, costs: &Costs, uses_all: bool) -> Assignment {
    let alone = (0..costs.devices()).map(|device| alone(graph, costs, device));
    let all = alone.chain([soonest(graph, costs)]).map(|start| improved(graph, costs, start));
    let mut found = all.min_by(|a, b| a.seconds.total_cmp(&b.seconds)).unwrap_or_else(|| soonest(graph, costs));
    if uses_all {
        (0..costs.devices()).for_each(|device| found = with(graph, costs, &found, device).unwrap_or(found.clone()));
    }
    found
}

/// An assignment in which no single branch would do better on another device. Who goes by what is soonest does not see that a
/// result may have to come back.
fn improved(graph: &Graph, costs: &Costs, start: Assignment) -> Assignment {
    let mut found = start;
    if graph.branches.len() > MOST_MOVED {
        return found;
    }
    loop {
        let before = found.seconds;
        for branch in 0..graph.branches.len() {
            for device in 0..costs.devices() {
                let mut device_of = found.device_of.clone();
                device_of[branch] = device;
                let moved = timed(graph, costs, device_of, found.order.clone());
                if moved.seconds < found.seconds {
                    found = moved;
                }
            }
        }
        if found.seconds >= before {
            return found;
        }
    }
}

/// Branches go, those first that most time depends on, each to the device that has done it soonest, copies included (Topcuoglu,
/// Hariri and Wu, "Performance-Effective and Low-Complexity Task Scheduling for Heterogeneous Computing", 2002).
fn soonest(graph: &Graph, costs: &Costs) -> Assignment {
    let order = order(graph, costs);
    let mut clock = Clock::new(graph, costs);
    let mut device_of = vec![0; graph.branches.len()];
    for &branch in &order {
        let soonest = |&device: &usize| clock.after(branch, device);
        let best = (0..costs.devices()).min_by(|a, b| soonest(a).total_cmp(&soonest(b))).unwrap_or(0);
        device_of[branch] = best;
        clock.run(branch, best);
    }
    timed(graph, costs, device_of, order)
}

/// All of it on one device.
pub(super) fn alone(graph: &Graph, costs: &Costs, device: usize) -> Assignment {
    timed(graph, costs, vec![device; graph.branches.len()], order(graph, costs))
}

/// The same with a branch on a device that has none, taken from one that has several: the one that costs least. Nothing where that
/// cannot be.
fn with(graph: &Graph, costs: &Costs, found: &Assignment, device: usize) -> Option<Assignment> {
    if found.device_of.contains(&device) {
        return None;
    }
    let has_several = |&branch: &usize| {
        let own = found.device_of[branch];
        found.device_of.iter().filter(|&&other| other == own).count() > 1
    };
    let moved = (0..graph.branches.len()).filter(has_several).map(|branch| {
        let mut device_of = found.device_of.clone();
        device_of[branch] = device;
        timed(graph, costs, device_of, found.order.clone())
    });
    moved.min_by(|a, b| a.seconds.total_cmp(&b.seconds))
}

/// How long an assignment takes.
pub(super) fn timed(graph: &Graph, costs: &Costs, device_of: Vec<usize>, order: Vec<usize>) -> Assignment {
    let mut clock = Clock::new(graph, costs);
    order.iter().for_each(|&branch| clock.run(branch, device_of[branch]));
    Assignment { seconds: clock.end(), device_of, order }
}

/// The branches, those first from whose begin on most time passes to the end, with all that waits for them.
pub(super) fn order(graph: &Graph, costs: &Costs) -> Vec<usize> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let pace = |rates: &[f64]| rates.iter().map(|rate| 1.0 / rate).sum::<f64>() / rates.len() as f64;
    // Between two of them at random, a copy is needed in all cases but that they are one.
    let copied = (1.0 - 1.0 / costs.devices() as f64) * (pace(&costs.up) + pace(&costs.down));
    let mut left: Vec<f64> = vec![0.0; graph.branches.len()];
    // Those that wait stand behind those that they wait for.
    for branch in (0..graph.branches.len()).rev() {
        left[branch] += mean(&costs.seconds[branch]).max(f64::MIN_POSITIVE);
        for need in &graph.branches[branch].needs {
            if let Some(before) = need.by {
                left[before] = left[before].max(left[branch] + copied * costs.bytes[need.memory]);
            }
        }
    }
    let mut order: Vec<usize> = (0..graph.branches.len()).collect();
    order.sort_by(|&a, &b| left[b].total_cmp(&left[a]).then(a.cmp(&b)));
    order
}

/// When devices have done what they were given.
struct Clock<'c> {
    graph: &'c Graph,
    costs: &'c Costs,
    free: Vec<f64>,
    /// When each branch is done, and where.
    done: Vec<Option<(f64, usize)>>,
    /// For each device, what each memory holds there.
    holds: Vec<Vec<Option<Option<usize>>>>,
}

impl<'c> Clock<'c> {
    fn new(graph: &'c Graph, costs: &'c Costs) -> Clock<'c> {
        Clock {
            graph,
            costs,
            free: vec![0.0; costs.devices()],
            done: vec![None; graph.branches.len()],
            holds: vec![vec![None; costs.bytes.len()]; costs.devices()],
        }
    }

    /// When a device has done a branch, if that is what it does next.
    fn after(&self, branch: usize, device: usize) -> f64 {
        let costs = self.costs;
        let (mut begin, mut copies) = (self.free[device], 0.0);
        for need in &self.graph.branches[branch].needs {
            if self.holds[device][need.memory] == Some(need.by) {
                continue;
            }
            let bytes = costs.bytes[need.memory];
            match need.by {
                Some(by) => {
                    let (done, from) = self.done[by].unwrap_or((0.0, device));
                    begin = begin.max(done + bytes / costs.down[from]);
                    copies += bytes / costs.up[device];
                }
                None if costs.is_given[need.memory] => copies += bytes / costs.up[device],
                None => {}
            }
        }
        begin + copies + costs.seconds[branch][device]
    }

    fn run(&mut self, branch: usize, device: usize) {
        let end = self.after(branch, device);
        self.free[device] = end;
        self.done[branch] = Some((end, device));
        let (own, holds) = (&self.graph.branches[branch], &mut self.holds[device]);
        own.needs.iter().for_each(|need| holds[need.memory] = Some(need.by));
        own.writes.iter().for_each(|&memory| holds[memory] = Some(Some(branch)));
    }

    /// When all is done, the results' copies too.
    fn end(&self) -> f64 {
        let mut free = self.free.clone();
        for (memory, last) in self.graph.last.iter().enumerate() {
            if let (true, Some((_, device))) = (self.costs.is_result[memory], last.and_then(|by| self.done[by])) {
                free[device] += self.costs.bytes[memory] / self.costs.down[device];
            }
        }
        free.into_iter().fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::graph::{Branch, Contents},
        *,
    };

    /// Branches that need what others wrote, each writing the memory of its own number.
    fn graph(needs: &[&[usize]]) -> Graph {
        let branch = |(number, needs): (usize, &&[usize])| Branch {
            steps: vec![number],
            needs: needs.iter().map(|&by| Contents { memory: by, by: Some(by) }).collect(),
            writes: vec![number],
        };
        let branches: Vec<Branch> = needs.iter().enumerate().map(branch).collect();
        Graph { last: (0..branches.len()).map(Some).collect(), branches }
    }

    fn costs(seconds: &[[f64; 2]], bytes: f64) -> Costs {
        let count = seconds.len();
        Costs {
            seconds: seconds.iter().map(|each| each.to_vec()).collect(),
            up: vec![f64::INFINITY, 1.0],
            down: vec![f64::INFINITY, 1.0],
            bytes: vec![bytes; count],
            is_given: vec![false; count],
            is_result: vec![false; count],
        }
    }

    #[test]
    fn what_is_independent_is_spread_and_what_waits_is_not() {
        let apart = graph(&[&[], &[]]);
        let found = assign(&apart, &costs(&[[1.0, 1.0]; 2], 0.1), false);
        assert!(found.device_of[0] != found.device_of[1] && found.seconds == 1.0, "{found:?}");
        let line = graph(&[&[], &[0], &[1]]);
        let found = assign(&line, &costs(&[[1.0, 1.1]; 3], 0.1), false);
        assert_eq!((found.device_of, found.seconds), (vec![0, 0, 0], 3.0));
    }

    #[test]
    fn copies_count() {
        // The second device is a little faster for one of the two, and its result has to come back.
        let join = graph(&[&[], &[], &[0, 1]]);
        let with = |bytes| assign(&join, &costs(&[[1.0, 9.0], [1.0, 0.5], [0.1, 9.0]], bytes), false);
        assert_eq!(with(0.1).device_of, [0, 1, 0]);
        assert!((with(0.1).seconds - 1.1).abs() < 1e-12);
        assert_eq!(with(10.0).device_of, [0, 0, 0]);
        assert!((with(10.0).seconds - 2.1).abs() < 1e-12);
    }

    #[test]
    fn devices_that_are_named_get_something() {
        let apart = graph(&[&[], &[], &[]]);
        let costs = costs(&[[1.0, 50.0], [1.0, 60.0], [1.0, 40.0]], 0.0);
        assert_eq!(assign(&apart, &costs, false).device_of, [0, 0, 0]);
        let found = assign(&apart, &costs, true);
        assert_eq!((found.device_of, found.seconds), (vec![0, 0, 1], 40.0));
        // One branch is for one device.
        assert_eq!(assign(&graph(&[&[]]), &super::tests::costs(&[[1.0, 2.0]], 0.0), true).device_of, [0]);
    }

    /// Never worse than the best device alone, and never before the longest path.
    #[test]
    fn drawn_graphs_take_as_long_as_they_must() {
        let mut state = 3_u64;
        let mut random = |most: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % most
        };
        let mut spread = 0;
        for _ in 0..2000 {
            let count = 1 + random(12) as usize;
            let needs: Vec<Vec<usize>> =
                (0..count).map(|number| (0..number).filter(|_| random(4) == 0).collect()).collect();
            let needs: Vec<&[usize]> = needs.iter().map(Vec::as_slice).collect();
            let graph = graph(&needs);
            let seconds: Vec<[f64; 2]> =
                (0..count).map(|_| [1.0 + random(100) as f64, 1.0 + random(100) as f64]).collect();
            let costs = costs(&seconds, random(30) as f64);
            let found = assign(&graph, &costs, false);
            for (place, branch) in found.order.iter().enumerate() {
                assert!(graph.before(*branch).all(|before| found.order[..place].contains(&before)), "{found:?}");
            }
            let mut longest = vec![0.0_f64; count];
            for branch in 0..count {
                let before = graph.before(branch).map(|before| longest[before]).fold(0.0, f64::max);
                longest[branch] = before + seconds[branch][0].min(seconds[branch][1]);
            }
            assert!(found.seconds >= longest.iter().copied().fold(0.0, f64::max) - 1e-9);
            let best = alone(&graph, &costs, 0).seconds.min(alone(&graph, &costs, 1).seconds);
            assert!(found.seconds <= best);
            spread += usize::from(found.seconds < 0.9 * best);
        }
        assert!(spread > 1000, "{spread}");
    }
}
