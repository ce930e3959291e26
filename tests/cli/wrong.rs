//! Drawn wrong commands: each ends in an error that names what is wrong, and leaves every file as it was.
//!
//! A right command is drawn, and then something about it, or about a file of it, is made wrong. `SWATH_WRONG_COMMANDS` says
//! how many, `SWATH_SEED` which ones.

use std::{collections::BTreeMap, fs};

use super::{Bench, HEAT, POINTS, drawn::drawn, random::Random, stderr};

/// Files by name.
type Files = BTreeMap<String, Vec<u8>>;

/// A command as it is to be given.
#[derive(Clone, Debug)]
struct Draft {
    kernel: &'static str,
    /// Flags, each with its value.
    flags: Vec<(String, String)>,
    files: Files,
}

impl Draft {
    fn words(&self) -> String {
        let mut words = format!("exec {}", self.kernel);
        self.flags.iter().for_each(|(flag, value)| words += &format!(" {flag} {value}"));
        words
    }

    /// The place of one of the flags of this name.
    fn find(&self, flag: &str, random: &mut Random) -> Option<usize> {
        let places: Vec<usize> = (0..self.flags.len()).filter(|&at| self.flags[at].0 == flag).collect();
        if places.is_empty() { None } else { Some(random.pick(&places)) }
    }

    /// The value of such a flag, to be replaced.
    fn value(&mut self, flag: &str, random: &mut Random) -> Option<&mut String> {
        let at = self.find(flag, random)?;
        Some(&mut self.flags[at].1)
    }
}

/// A `.npy` file of so many numbers.
fn npy(descr: &str, is_fortran: bool, shape: &[usize]) -> Vec<u8> {
    let order = if is_fortran { "True" } else { "False" };
    let shape_text: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({shape_text}), }}");
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    let width: usize = descr[2..].parse().unwrap_or(4);
    bytes.extend(std::iter::repeat_n(1, shape.iter().product::<usize>() * width));
    bytes
}

/// A right command.
fn draft(random: &mut Random) -> Draft {
    let mut flags = Vec::new();
    let mut files = Files::new();
    let (rows, columns) = (1 + random.below(20), 1 + random.below(20));
    let kernel = if random.chance(60) {
        files.insert("heat.wgsl".to_owned(), HEAT.into());
        files.insert("src.npy".to_owned(), npy("<f4", false, &[rows, columns]));
        flags.push(("--grid", format!("{columns},{rows}")));
        flags.push(("--in", "src=src.npy".to_owned()));
        for set in [format!("width={columns}"), format!("height={rows}"), "alpha=0.5".into(), "offset=1,2,3".into()] {
            flags.push(("--set", format!("params.{set}")));
        }
        if random.chance(40) {
            flags.push(("--const", "SCALE=2".to_owned()));
        }
        match random.below(3) {
            0 => flags.push(("--out", "dst=dst.npy:f32".to_owned())),
            _ => {
                files.insert("old.npy".to_owned(), npy("<f4", false, &[rows, columns]));
                let value = if random.chance(50) { "dst=old.npy" } else { "dst=old.npy:dst.npy" };
                flags.push(("--inout", value.to_owned()));
            }
        }
        "heat.wgsl"
    } else {
        files.insert("points.wgsl".to_owned(), POINTS.into());
        files.insert("p.npy".to_owned(), npy("<f4", false, &[rows, 3]));
        flags.push(("--grid", rows.to_string()));
        flags.push(("--in", "points=p.npy".to_owned()));
        flags.push(("--out", "swapped=q.npy:vec3f".to_owned()));
        flags.push(("--out", "count=c.npy:u32:1".to_owned()));
        "points.wgsl"
    };
    flags.push(("--device", "cpu".to_owned()));
    let mut flags: Vec<(String, String)> = flags.into_iter().map(|(flag, value)| (flag.to_owned(), value)).collect();
    // In any order.
    for at in (1..flags.len()).rev() {
        flags.swap(at, random.below(at + 1));
    }
    Draft { kernel, flags, files }
}

/// Makes something wrong. Gives a name for it, and what the error has to say at least; nothing where this draft has nothing
/// that can be wrong in the way that was drawn.
fn spoil(draft: &mut Draft, random: &mut Random) -> Option<(&'static str, Vec<String>)> {
    let arrays: Vec<String> = draft.files.keys().filter(|name| name.ends_with(".npy")).cloned().collect();
    let array = arrays[random.below(arrays.len())].clone();
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<String>>();
    let bytes = draft.files.get_mut(&array)?;
    Some(match random.below(24) {
        0 => {
            let gone = if random.chance(30) { draft.kernel.to_owned() } else { array };
            draft.files.remove(&gone);
            ("no file", words(&[&gone, "no file"]))
        }
        1 => {
            bytes.truncate(random.below(bytes.len()));
            ("cut", words(&[&array]))
        }
        2 => {
            bytes[random.below(8)] ^= 1 << random.below(8);
            ("damaged", words(&[&array]))
        }
        3 => {
            let descr = random.pick(&["<f8", "<i8", "<u8", "|b1", "<c8", "<i2", "|S4", "<U1", "|O8"]);
            let shape = if draft.kernel == "points.wgsl" { [3, 3] } else { [3, 5] };
            *bytes = npy(descr, false, &shape);
            ("type of a file", words(&[&array]))
        }
        4 => {
            *bytes = npy("<f4", true, &[6, 3]);
            ("order of a file", words(&[&array, "Fortran"]))
        }
        5 => {
            if draft.kernel != "points.wgsl" {
                return None;
            }
            *bytes = npy("<f4", false, &[6, random.pick(&[2, 5])]);
            ("shape of a file", words(&[&array, "3"]))
        }
        6 => {
            let twice = draft.find("--in", random)?;
            draft.flags.push(draft.flags[twice].clone());
            ("twice", words(&["twice", "--in"]))
        }
        7 => {
            let flag = random.pick(&["--gird", "--inputs", "--verbos", "-q", "--size"]);
            draft.flags.push((flag.to_owned(), String::new()));
            ("no such flag", words(&[flag]))
        }
        8 => {
            let flag = random.pick(&["--in", "--out", "--inout"]);
            let value = draft.value(flag, random)?;
            value.insert(0, 'z');
            let name = value.split('=').next()?.to_owned();
            ("no such binding", words(&[&format!("`{name}`")]))
        }
        9 => {
            let flag = random.pick(&["--in", "--out", "--inout", "--set", "--grid"]);
            if flag == "--grid" && draft.kernel != "heat.wgsl" {
                return None;
            }
            let at = draft.find(flag, random)?;
            let (flag, value) = draft.flags.remove(at);
            let name = value.split('=').next().filter(|_| flag != "--grid").unwrap_or("--grid");
            ("left out", words(&[name]))
        }
        10 => {
            let value = draft.value("--set", random)?;
            value.insert(value.find('=')?, 'x');
            let path = value.split('=').next()?.to_owned();
            ("no such field", words(&[path.split('.').next_back()?]))
        }
        11 => {
            let value = draft.value("--set", random)?;
            let path = value.split('=').next()?.to_owned();
            let wrong =
                random.pick(&["half", "1,2,3,4", "0x", "1..2", "", "--1", "99999999999999999999999999999999999999999"]);
            *value = format!("{path}={wrong}");
            ("value of a field", words(&[&path]))
        }
        12 => {
            let wrong =
                random.pick(&["1,,2", "a", "-3", "1.5", "1,2,3,4", "99999999999999999999", ",", "0x", "1e", "1;2"]);
            *draft.value("--grid", random)? = wrong.to_owned();
            ("grid", words(&["--grid", wrong]))
        }
        13 => {
            if draft.kernel != "heat.wgsl" || draft.find("--const", random).is_some() {
                return None;
            }
            let wrong = random.pick(&["SCAEL=1", "SCALE=much", "SCALE", "SCALE=1e39", "=1", "scale=2"]);
            draft.flags.push(("--const".to_owned(), wrong.to_owned()));
            ("constant", words(&[if wrong == "=1" { "--const" } else { wrong.split('=').next()? }]))
        }
        14 => {
            let wrong = random.pick(&["gpu:99", "tpu", "cpu:7", "gpu:-1", "cpu;gpu"]);
            *draft.value("--device", random)? = wrong.to_owned();
            ("device", words(&[wrong.split(',').next_back()?]))
        }
        15 => {
            let value = draft.value("--out", random)?;
            *value = value.replacen('=', "=nowhere/", 1);
            ("no such folder", words(&["nowhere/", "folder"]))
        }
        16 => {
            let kernel = draft.kernel;
            let value = draft.value("--out", random)?;
            let (name, rest) = value.split_once('=')?;
            let (_, ty) = rest.split_once(':')?;
            *value = format!("{name}={kernel}:{ty}");
            ("over the kernel", words(&[kernel]))
        }
        17 => {
            if draft.kernel != "points.wgsl" {
                return None;
            }
            let places: Vec<usize> = (0..draft.flags.len()).filter(|&at| draft.flags[at].0 == "--out").collect();
            draft.flags[places[0]].1 =
                draft.flags[places[0]].1.replace("q.npy", "same.npy").replace("c.npy", "same.npy");
            draft.flags[places[1]].1 =
                draft.flags[places[1]].1.replace("q.npy", "same.npy").replace("c.npy", "same.npy");
            ("one file for two", words(&["`swapped`", "`count`", "same.npy"]))
        }
        18 => {
            let (flag, wrong) = random.pick(&[
                ("--memory", "lots"),
                ("--memory", "-5"),
                ("--memory", "1.5"),
                ("--memory", "3QiB"),
                ("--tiles", "0"),
                ("--tiles", "many"),
                ("--repeat", "0"),
                ("--repeat", "-1"),
                ("--timeout", "never"),
                ("--timeout", "-1"),
                ("--entry", "main"),
                ("--trace", "nowhere/t.json"),
                ("--checkpoint", "nowhere/c"),
                ("--prefer", "money"),
            ]);
            draft.flags.push((flag.to_owned(), wrong.to_owned()));
            ("value of a flag", words(&[wrong]))
        }
        19 => {
            let text = draft.files.get_mut(draft.kernel)?;
            let places: Vec<usize> = (0..text.len()).filter(|&at| b"{}();@".contains(&text[at])).collect();
            let place = random.pick(&places);
            match random.below(2) {
                0 => _ = text.remove(place),
                _ => text.insert(place, random.pick(b"$\"\\`")),
            }
            ("text of the kernel", words(&[draft.kernel]))
        }
        20 => {
            let text = draft.files.get_mut(draft.kernel)?;
            let place = random.below(text.len());
            text[place] = 0xff;
            ("bytes of the kernel", words(&[draft.kernel, "UTF-8"]))
        }
        21 => {
            let value = draft.value("--out", random)?;
            let at = value.find(':')? + 1;
            let wrong = random.pick(&["u8", "i32", "vec4h", "float", "vec3", "f64"]);
            *value = format!("{}{wrong}", &value[..at]);
            ("type of a result", words(&[wrong]))
        }
        22 => {
            let value = draft.value("--in", random)?;
            let wrong = random.pick(&["u32", "u8", "f46", "i32"]);
            *value += ":";
            *value += wrong;
            ("conversion", words(&[wrong]))
        }
        _ => {
            draft.flags.insert(random.below(draft.flags.len()), ("extra.wgsl".to_owned(), String::new()));
            ("a word too many", words(&["extra.wgsl"]))
        }
    })
}

/// All files in a folder.
fn files(bench: &Bench) -> Files {
    let entries = fs::read_dir(bench.0.path()).expect("the folder is there");
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().expect("UTF-8");
        (name, fs::read(entry.path()).expect("a file that can be read"))
    };
    entries.map(|entry| read(entry.expect("an entry"))).collect()
}

#[test]
fn drawn_wrong_commands_are_errors() {
    let (count, seed) = drawn("SWATH_WRONG_COMMANDS", 300);
    let mut seen = BTreeMap::<&str, usize>::new();
    let mut failures = Vec::new();
    for number in seed..seed + count {
        let mut random = Random::new(number);
        let mut draft = draft(&mut random);
        let right = draft.clone();
        let why = loop {
            match spoil(&mut draft, &mut random) {
                Some(why) => break why,
                None => draft = right.clone(),
            }
        };
        *seen.entry(why.0).or_default() += 1;
        let with = |files: &Files| files.iter().fold(Bench::new(), |bench, (name, bytes)| bench.file(name, bytes));
        if number.is_multiple_of(20) {
            let bench = with(&right.files);
            bench.runs(&right.words());
            assert_ne!(files(&bench), right.files, "it writes something");
        }
        let bench = with(&draft.files);
        let output = bench.swath(&draft.words());
        let said = stderr(&output);
        let problem = if !matches!(output.status.code(), Some(1 | 2)) {
            output.status.to_string()
        } else if !said.starts_with("error: ") || !output.stdout.is_empty() {
            "it says something else".to_owned()
        } else if !why.1.iter().all(|word| said.contains(word)) {
            "it does not say what is wrong".to_owned()
        } else if files(&bench) != draft.files {
            format!("it touched a file: {:?}", files(&bench).keys())
        } else {
            continue;
        };
        failures.push(format!("seed {number}, {why:?}: {problem}\n$ swath {}\n{said}", draft.words()));
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures[..failures.len().min(8)].join("\n"));
    // Each way to be wrong was drawn, or the test says less than it seems to.
    assert!(seen.len() >= 23 || count < 300, "{seen:?}");
}
