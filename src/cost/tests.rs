//! The choice under simulated machines.

use super::{Candidate, Choice, Model, Task, simulate::Machine};
use crate::schedule::simulate::Dice;

/// Seeds: some that are always the same, and one more that is given at run time.
fn seeds() -> Vec<u64> {
    let given = std::env::var("SWATH_SEED").ok().and_then(|seed| seed.parse().ok());
    (1..=8).chain(given).collect()
}

/// The devices of a machine for one of its kernels.
fn candidates(machine: &Machine, task: Task) -> Vec<Candidate> {
    machine.devices.iter().map(|device| Candidate { device: device.id, task, compile: 0.0 }).collect()
}

fn model(machine: &Machine) -> Model {
    let mut model = Model::default();
    machine.devices.iter().for_each(|device| model.set_ceilings(device.id, device.measured));
    model
}

/// What came of some runs.
#[derive(Default)]
struct Tally {
    /// Seconds of what was chosen as they usually are, and of the best.
    spent: f64,
    best: f64,
}

impl Tally {
    fn regret(&self) -> f64 {
        self.spent / self.best - 1.0
    }
}

/// Runs a kernel where the model says; gives the choice.
fn run(model: &mut Model, machine: &mut Machine, kernel: usize, dice: &mut Dice, tally: &mut Tally) -> Choice {
    let task = machine.kernels[kernel].task;
    let choice = model.choose(&candidates(machine, task), true).expect("all ceilings are known");
    tally.spent += machine.usual(kernel, choice.chosen);
    tally.best += machine.best(kernel);
    let seconds = machine.run(kernel, choice.chosen, dice);
    model.observe(machine.devices[choice.chosen].id, &task, seconds);
    model.account(seconds, choice.instead_of);
    choice
}

/// The device that is predicted to be the best.
fn settled(model: &Model, machine: &Machine, kernel: usize) -> usize {
    let task = machine.kernels[kernel].task;
    let seconds = |device: usize| model.predict(machine.devices[device].id, &task).map_or(f64::INFINITY, |p| p.seconds);
    (0..machine.devices.len()).min_by(|&a, &b| seconds(a).total_cmp(&seconds(b))).expect("there are devices")
}

/// The share of kernels whose choice is within 10 per cent of the best.
fn share_of_good(model: &Model, machine: &Machine) -> f64 {
    let good = |&kernel: &usize| machine.usual(kernel, settled(model, machine, kernel)) <= 1.1 * machine.best(kernel);
    (0..machine.kernels.len()).filter(good).count() as f64 / machine.kernels.len() as f64
}

#[test]
fn choices_are_good_after_five_runs_and_learning_costs_little() {
    let (mut good, mut prior, mut tally, mut machines) = (0.0, 0.0, Tally::default(), 0.0);
    let mut ratios: Vec<f64> = Vec::new();
    for seed in seeds() {
        let mut dice = Dice::new(seed);
        for _ in 0..10 {
            let mut machine = Machine::draw(&mut dice, 100);
            let mut model = model(&machine);
            prior += share_of_good(&model, &machine);
            let mut order: Vec<usize> = (0..500).map(|at| at % 100).collect();
            for at in (1..order.len()).rev() {
                order.swap(at, dice.below(at as u32 + 1) as usize);
            }
            let mut own = Tally::default();
            for kernel in order {
                run(&mut model, &mut machine, kernel, &mut dice, &mut own);
            }
            ratios.push(own.regret());
            tally.spent += own.spent;
            tally.best += own.best;
            good += share_of_good(&model, &machine);
            machines += 1.0;
        }
    }
    let (good, prior) = (good / machines, prior / machines);
    // Of each machine, so that those with long calls count no more than others.
    let regret = ratios.iter().sum::<f64>() / machines;
    let most = ratios.iter().copied().fold(0.0, f64::max);
    println!("good choices: {prior:.3} by the prior, {good:.3} after five runs");
    println!("regret: {regret:.4} of a machine, {most:.3} at most, {:.4} of all seconds", tally.regret());
    assert!(good >= 0.95, "{good}");
    assert!(regret < 0.05, "{regret}");
}

/// A machine whose kernels ran some times each, in turn.
fn learned(dice: &mut Dice, kernels: usize, rounds: usize) -> (Machine, Model) {
    let mut machine = Machine::draw(dice, kernels);
    let mut model = model(&machine);
    let mut tally = Tally::default();
    for _ in 0..rounds {
        (0..kernels).for_each(|kernel| {
            run(&mut model, &mut machine, kernel, dice, &mut tally);
        });
    }
    (machine, model)
}

#[test]
fn a_spike_changes_no_later_choice() {
    for seed in seeds() {
        let mut dice = Dice::new(seed);
        let (machine, mut model) = learned(&mut dice, 100, 5);
        let before: Vec<usize> = (0..100).map(|kernel| settled(&model, &machine, kernel)).collect();
        for (kernel, &device) in before.iter().enumerate() {
            let task = machine.kernels[kernel].task;
            let id = machine.devices[device].id;
            if model.observations(id, &task) < 2 {
                // It was chosen without having run there: there is no timing to be wrong.
                continue;
            }
            model.observe(id, &task, 10.0 * machine.usual(kernel, device));
            let later: Vec<usize> = (0..100).map(|kernel| settled(&model, &machine, kernel)).collect();
            assert_eq!(before, later, "seed {seed}, kernel {kernel}");
        }
    }
}

/// The share of good choices on machines that change, after so many more runs of each kernel.
fn after_a_change(rounds: usize, change: impl Fn(&mut Machine, &mut Model, &mut Dice)) -> f64 {
    let (mut good, mut machines) = (0.0, 0.0);
    for seed in seeds() {
        let mut dice = Dice::new(seed);
        for _ in 0..4 {
            let (mut machine, mut model) = learned(&mut dice, 100, 5);
            change(&mut machine, &mut model, &mut dice);
            let mut tally = Tally::default();
            for _ in 0..rounds {
                for kernel in 0..100 {
                    run(&mut model, &mut machine, kernel, &mut dice, &mut tally);
                }
            }
            good += share_of_good(&model, &machine);
            machines += 1.0;
        }
    }
    good / machines
}

#[test]
fn a_machine_that_changes_is_learned_anew_within_ten_runs() {
    let slower = after_a_change(10, |machine, _, _| machine.devices[0].speed *= 0.5);
    let throttled = after_a_change(10, |machine, _, _| machine.devices[1].speed *= 0.1);
    let other_driver = after_a_change(10, |machine, model, dice| {
        machine.replace(1, 100, dice);
        model.set_ceilings(machine.devices[1].id, machine.devices[1].measured);
    });
    println!("half the cores taken {slower:.3}, throttled {throttled:.3}, another device {other_driver:.3}");
    assert!(slower >= 0.95 && throttled >= 0.95 && other_driver >= 0.95);
}

#[test]
fn what_is_not_measured_is_not_compared() {
    let mut dice = Dice::new(1);
    let machine = Machine::draw(&mut dice, 1);
    let task = machine.kernels[0].task;
    let mut model = Model::default();
    assert!(model.choose(&candidates(&machine, task), true).is_none());
    model.set_ceilings(machine.devices[0].id, machine.devices[0].measured);
    assert!(model.choose(&candidates(&machine, task), true).is_none(), "only one of them is known");
    assert!(!model.observe(machine.devices[1].id, &task, 1.0), "there is nothing to compare it with");
    assert!(!model.has_news());
    for device in &machine.devices {
        model.set_ceilings(device.id, device.measured);
    }
    assert!(model.choose(&candidates(&machine, task), true).is_some());
    for seconds in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        model.observe(machine.devices[0].id, &task, seconds);
        model.account(seconds, None);
    }
    assert!(!model.has_news());
}

#[test]
fn compilation_counts() {
    let mut dice = Dice::new(3);
    let machine = Machine::draw(&mut dice, 20);
    let model = model(&machine);
    for kernel in &machine.kernels {
        let free = model.choose(&candidates(&machine, kernel.task), true).expect("all is known");
        let mut paid = candidates(&machine, kernel.task);
        paid[free.chosen].compile = 1e6;
        let choice = model.choose(&paid, true).expect("all is known");
        assert_ne!(choice.chosen, free.chosen);
        assert_eq!(choice.predictions, free.predictions, "what is predicted leaves compilation out");
    }
}
