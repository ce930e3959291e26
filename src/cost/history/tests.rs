use std::process::Command;

use proptest::prelude::*;

use super::{
    super::{Ceilings, DeviceId, Fingerprint, Model, Record, Seen, Task, Work},
    *,
};
use crate::device_info::DeviceKind;

fn device(number: u128) -> Record {
    let ceilings = Ceilings { memory: 1.5e9 + number as f64, ..Ceilings::usual(DeviceKind::Cpu) };
    Record::Device { id: DeviceId(Fingerprint(number)), name: format!("device {number}"), ceilings }
}

fn runs(kernel: u128, last: &[f32]) -> Record {
    let seen = Seen { device: DeviceId(Fingerprint(1)), kernel: Fingerprint(kernel), class: 20 };
    Record::Runs { seen, name: format!("kernel {kernel}"), last: last.to_vec(), count: last.len() as u64 }
}

fn tuned(kernel: u128, constants: &[(&str, f64)]) -> Record {
    let seen = Seen { device: DeviceId(Fingerprint(1)), kernel: Fingerprint(kernel), class: 20 };
    let constants = constants.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    Record::Tuned { seen, name: format!("kernel {kernel}"), on: "device 1".to_owned(), constants }
}

/// The number of observations in a file.
fn observations(file: &HistoryFile) -> u64 {
    file.read().expect("read").listed().1.iter().map(|kernel| kernel.observations).sum()
}

fn folder() -> (tempfile::TempDir, HistoryFile) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = HistoryFile::new(&folder.path().join("deep").join("swath"));
    (folder, file)
}

#[test]
fn what_is_written_is_read_again() {
    let (_folder, file) = folder();
    assert!(file.read().expect("nothing is there").all().is_empty());
    assert!(file.clear().is_ok(), "there is nothing to clear");
    let records = [
        device(1),
        runs(7, &[0.5, -0.25]),
        device(2),
        runs(8, &[1e-7]),
        tuned(7, &[("WG", 128.0), ("7", -0.1)]),
        tuned(8, &[]),
    ];
    file.append(&records[..2]).expect("written");
    file.append(&records[2..]).expect("written");
    let read = file.read().expect("read").all();
    assert_eq!(read.len(), 6);
    assert!(records.iter().all(|record| read.contains(record)), "{read:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&file.path), mode(&file.folder)), (0o600, 0o700), "only the user can read it");
    }
    file.clear().expect("cleared");
    assert!(!file.path.exists() && file.read().expect("nothing is there").all().is_empty());
}

#[test]
fn runs_of_a_kernel_add_up_and_end_where_the_device_is_measured_anew() {
    let (_folder, file) = folder();
    file.append(&[device(1), runs(7, &[0.5]), runs(7, &[0.75, 0.25])]).expect("written");
    let (devices, kernels) = file.read().expect("read").listed();
    assert_eq!((devices.len(), kernels.len(), kernels[0].observations), (1, 1, 3));
    assert!((kernels[0].factor - 0.5f64.exp()).abs() < 1e-6, "{kernels:?}");
    let Record::Device { id, name, ceilings } = device(1) else { unreachable!() };
    let again = Record::Device { id, name, ceilings: Ceilings { memory: 9e9, ..ceilings } };
    file.append(&[again]).expect("written");
    assert!(file.read().expect("read").listed().1.is_empty());
}

#[test]
fn constants_that_were_tuned_anew_replace_those_before() {
    let (_folder, file) = folder();
    let mut model = Model::default();
    let work = |operations: f64| Work { operations, ..Work::default() };
    let task = |doublings: i32| Task { kernel: Fingerprint(7), work: work(2f64.powi(doublings)) };
    file.append(&[device(1), tuned(7, &[("WG", 64.0)]), tuned(7, &[("WG", 128.0)])]).expect("written");
    let contents = file.read().expect("read");
    assert_eq!(contents.tuned().len(), 1);
    assert_eq!((contents.tuned()[0].device.as_str(), contents.tuned()[0].size), ("device 1", 20));
    contents.all().iter().for_each(|record| model.absorb(record));
    let own = DeviceId(Fingerprint(1));
    assert_eq!(model.tuned(own, &task(20)), Some(&vec![("WG".to_owned(), 128.0)]));
    assert_eq!(model.tuned(own, &task(24)), Some(&vec![("WG".to_owned(), 128.0)]), "about that size");
    assert_eq!(model.tuned(own, &task(40)), None, "nobody tuned calls like that");
    assert_eq!(model.tuned(DeviceId(Fingerprint(2)), &task(20)), None);
    assert!(model.has_tuned());
    model.absorb(&tuned(7, &[]));
    assert_eq!(model.tuned(own, &task(20)), None, "what is written is the fastest");
    assert!(!model.has_tuned());
}

/// A device that was disturbed when it was measured is taken for what it can do once it was not.
#[test]
fn of_several_measurements_the_best_counts() {
    let (_folder, file) = folder();
    let Record::Device { id, name, ceilings } = device(1) else { unreachable!() };
    let measured = |ceilings| Record::Device { id, name: name.clone(), ceilings };
    let weak = Ceilings { memory: 0.3 * ceilings.memory, launch: 4.0 * ceilings.launch, ..ceilings };
    let (mut model, work) = (Model::default(), Work { operations: 1e6, workgroups: 100.0, ..Work::default() });
    let task = Task { kernel: Fingerprint(7), work };
    for (at, (next, expected)) in [
        (weak, weak),
        // A little more is no other device, and what was learned stays.
        (Ceilings { memory: 1.1 * weak.memory, ..weak }, weak),
        (Ceilings { launch: 9.0 * ceilings.launch, ..ceilings }, Ceilings { launch: weak.launch, ..ceilings }),
        (ceilings, ceilings),
        (weak, ceilings),
    ]
    .into_iter()
    .enumerate()
    {
        file.append(&[measured(next)]).expect("written");
        let (devices, _) = file.read().expect("read").listed();
        assert_eq!(devices.iter().map(|device| device.ceilings).collect::<Vec<_>>(), [expected], "{at}");
        let before = model.ceilings(id);
        model.observe(id, &task, 1.0);
        model.set_ceilings(id, next);
        assert_eq!(model.ceilings(id), Some(expected), "{at}");
        let is_kept = before == Some(expected);
        assert_eq!(model.observations(id, &task) > 0, is_kept, "{at}");
        assert_eq!(model.measurements(id), at as u32 + 1);
    }
}

#[test]
fn files_of_other_versions_are_ignored_and_replaced() {
    for other in [&b"swath learned 0\nx\n"[..], b"#!/bin/sh\n", b"s", b"\0\0\0"] {
        let (_folder, file) = folder();
        file.append(&[device(1)]).expect("written");
        fs::write(&file.path, other).expect("written");
        assert!(file.read().expect("read").all().is_empty());
        file.append(&[device(2)]).expect("written");
        assert_eq!(file.read().expect("read").all(), [device(2)]);
    }
}

#[test]
fn a_line_that_was_cut_short_costs_no_other() {
    let (_folder, file) = folder();
    file.append(&[device(1), runs(7, &[0.5])]).expect("written");
    let whole = fs::read(&file.path).expect("there");
    fs::write(&file.path, &whole[..whole.len() - 5]).expect("written");
    file.append(&[runs(8, &[0.5])]).expect("written");
    assert_eq!(file.read().expect("read").all(), [device(1), runs(8, &[0.5])]);
}

proptest! {
    #[test]
    fn a_damaged_byte_costs_one_line_and_never_panics(at in 0usize..2000, flip in 1u8.., cut in 0usize..2000) {
        let records: Vec<Record> = (1..4).map(device).chain((0..6).map(|kernel| runs(kernel, &[0.5, 0.25]))).chain([tuned(9, &[("WG", 64.0)])]).collect();
        let mut text = format::HEADER.to_vec();
        records.iter().for_each(|record| format::line(record, &mut text));
        let at = at % text.len();
        text[at] ^= flip;
        let parsed = format::parse(&text);
        if at >= format::HEADER.len() {
            // A line's end may have become a letter, or a letter a line's end.
            prop_assert!(parsed.records.len() >= records.len() - 2);
            prop_assert!(parsed.records.iter().all(|record| records.contains(record)));
        } else {
            prop_assert!(parsed.is_other_version);
        }
        let parsed = format::parse(&text[..cut % text.len()]);
        prop_assert!(parsed.records.iter().all(|record| records.contains(record)));
    }

    #[test]
    fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..400), is_ours: bool) {
        let start = if is_ours { &format::HEADER[..] } else { b"" };
        Contents::of(format::parse(&[start, &bytes].concat()).records).listed();
    }

    #[test]
    fn any_record_is_read_as_it_was_written(name in ".{0,60}", last in proptest::collection::vec(-50f32..50f32, 1..9), class in 0i16..200, kernel: u128) {
        let seen = Seen { device: DeviceId(Fingerprint(3)), kernel: Fingerprint(kernel), class };
        let mut text = format::HEADER.to_vec();
        let name: String = name.chars().filter(|letter| !letter.is_control()).collect();
        let drawn = Record::Power { id: seen.device, name: name.clone(), last: last.clone() };
        let record = Record::Runs { seen, name, last, count: u64::MAX };
        format::line(&record, &mut text);
        format::line(&drawn, &mut text);
        prop_assert_eq!(&format::parse(&text).records, &[record, drawn]);
    }
}

#[test]
fn what_devices_draw_is_kept() {
    let (_folder, file) = folder();
    let (one, other) = (DeviceId(Fingerprint(1)), DeviceId(Fingerprint(2)));
    let watts = |watts: f32| vec![watts.ln()];
    let power = |id, last| Record::Power { id, name: "a device".to_owned(), last };
    for seen in [10.0, 11.0, 10.5] {
        file.append(&[power(one, watts(seen)), power(other, watts(20.0 * seen))]).expect("it is ours");
    }
    let contents = file.read().expect("it is ours");
    let again = Contents::of(contents.all());
    for contents in [&contents, &again] {
        let found = [one, other].map(|id| contents.powers().watts(id).expect("it was seen") * 10.0).map(f64::round);
        assert_eq!(found, [105.0, 2100.0], "tenths of the middle ones");
    }
}

#[test]
fn a_file_of_many_calls_stays_small_and_keeps_what_is_new() {
    let (_folder, file) = folder();
    let id = DeviceId(Fingerprint(1));
    let mut model = Model::default();
    let Record::Device { ceilings, .. } = device(1) else { unreachable!() };
    model.set_ceilings(id, ceilings);
    file.append(&[device(1)]).expect("written");
    let (mut largest, mut last, mut compacted) = (0, 0, 0);
    for call in 0..100_000u32 {
        let size = f64::from(1 + call % 97).exp2().min(1e12);
        let work = Work { operations: size, workgroups: 1.0, ..Work::default() };
        let task = Task { kernel: Fingerprint(u128::from(call / 500)), work };
        model.observe(id, &task, ceilings.seconds(&work) * 1.25);
        if call % 100 == 99 {
            let news = model.take_news().into_iter();
            let news: Vec<Record> = news
                .map(|(seen, last, count)| Record::Runs { seen, name: "a kernel of some name".into(), last, count })
                .collect();
            file.append(&news).expect("written");
            let size = fs::metadata(&file.path).expect("there").len();
            compacted += u32::from(size < last);
            (largest, last) = (largest.max(size), size);
        }
    }
    assert!(largest < 1 << 20, "{largest} bytes");
    assert!(compacted > 3, "it was compacted {compacted} times");
    let (devices, kernels) = file.read().expect("read").listed();
    assert_eq!(devices.len(), 1, "devices are kept");
    let last = Fingerprint(100_000 / 500 - 1).to_string();
    assert!(kernels.iter().any(|kernel| kernel.fingerprint == last), "what was seen last is kept");
    assert!(!file.path.with_extension("tmp").exists());
}

/// Set for the processes that this test starts: the folder.
const TASK: &str = "SWATH_TEST_HISTORY";

#[test]
fn processes_that_append_lose_nothing_of_each_other() {
    const EACH: u64 = 200;
    if let Some(folder) = env::var_os(TASK) {
        let file = HistoryFile::new(Path::new(&folder));
        let kernel = u128::from(std::process::id());
        for _ in 0..EACH {
            // The other may hold it for long where the machine is busy.
            let append = || file.append(&[runs(kernel, &[0.5])]);
            assert!((0..100).any(|_| append().is_ok()), "{:?}", append());
        }
        return;
    }
    let (_folder, file) = folder();
    file.append(&[device(1)]).expect("written");
    // Large enough that both come to compact it.
    let ballast: Vec<Record> = (0..3300).map(|kernel| runs(1_000_000 + kernel % 900, &[0.125; 8])).collect();
    file.append(&ballast).expect("written");
    let before = observations(&file);
    let name = "cost::history::tests::processes_that_append_lose_nothing_of_each_other";
    let start = |_| {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args(["--exact", name, "--nocapture"]).env(TASK, &file.folder).spawn().expect("started")
    };
    let children: Vec<_> = (0..3).map(start).collect();
    for mut child in children {
        assert!(child.wait().expect("ended").success());
    }
    assert_eq!(observations(&file), before + 3 * EACH);
}

#[test]
fn a_writer_writes_when_it_is_dropped() {
    let (_folder, file) = folder();
    file.append(&[device(1)]).expect("written");
    let writer = Writer::new(file.clone(), || vec![runs(7, &[0.5])]);
    writer.notify();
    drop(writer);
    assert_eq!(observations(&file), 1);
}

#[test]
fn a_file_that_another_holds_is_not_waited_for() {
    let (_folder, file) = folder();
    file.append(&[device(1)]).expect("written");
    let _lock = file.lock().expect("opened").expect("free");
    let start = Instant::now();
    assert_eq!(file.append(&[device(2)]).map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock));
    assert!(start.elapsed() < 20 * PATIENCE);
    assert_eq!(file.read().expect("read").all(), [device(1)], "it can be read all the same");
}
