//! Samples: on inputs that they make, and on files of the user's own, good and broken.

use std::{fs, path::Path};

use sha2::{Digest, Sha256};

use super::{Bench, devices, json};

/// A file in the repository to try a sample with.
fn data(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(name)).expect("a file in examples/data")
}

fn text(name: &str) -> String {
    String::from_utf8(data(name)).expect("text")
}

#[test]
fn samples_run_and_are_verified() {
    for device in devices() {
        let bench = Bench::new();
        let text = bench.runs(&format!("run all --size small --device {device}"));
        assert_eq!(text.lines().filter(|line| line.contains("yes: ")).count(), swath::samples::all().len(), "{text}");
        let document =
            json(&bench.runs(&format!("run saxpy --size 1001 --seed 3 --json --out y.npy --device {device}")));
        assert_eq!(document["verified"], true);
        assert!(document["size"].as_str().is_some_and(|size| size.contains("1001")), "{document}");
        assert_eq!(bench.read::<f32>("y.npy").0, [1001]);
        let document = json(&bench.runs(&format!("run all --size small --json --device {device}")));
        assert_eq!(document["failed"], 0);
        let sentence = bench.fails(&format!("run saxpy --size small --out y.jpeg --device {device}"), 2);
        assert!(sentence.contains(".npy"), "{sentence}");
    }
}

#[test]
fn a_picture_is_filtered() {
    for device in devices() {
        let bench = Bench::new().array("dot.npy", &[21, 33], &{
            let mut image = [0.0f32; 21 * 33];
            image[10 * 33 + 16] = 1.0;
            image
        });
        bench.runs(&format!("run conv2d --input dot.npy --out disc.npy --device {device}"));
        // The dot becomes a disc of the same light.
        let (shape, disc) = bench.read::<f32>("disc.npy");
        assert_eq!(shape, [21, 33]);
        assert!((disc.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        let [middle, inside, outside] = [(10, 16), (10, 21), (10, 23)].map(|(row, column)| disc[row * 33 + column]);
        assert!(middle > 0.0 && (middle - inside).abs() < 1e-6 && outside == 0.0, "{device}");

        let bench = bench.file("night.png", data("night.png"));
        bench.runs(&format!("run conv2d --input night.png --out blurred.png --device {device}"));
        let png = fs::read(bench.path("blurred.png")).unwrap();
        assert_eq!(png[16..24], data("night.png")[16..24], "its width and height");
    }
}

#[test]
fn records_are_logged_and_each_can_be_shown_alone() {
    let records = text("shipments.csv");
    for device in devices() {
        let bench = Bench::new().file("shipments.csv", &records);
        bench.runs(&format!("run merkle --input shipments.csv --out log.json --device {device}"));
        let log = json(&fs::read_to_string(bench.path("log.json")).unwrap());
        let (size, root) = (log["size"].as_u64().unwrap() as usize, bytes(&log["root"]));
        assert_eq!(size, records.lines().count());
        for (index, (entry, record)) in log["entries"].as_array().unwrap().iter().zip(records.lines()).enumerate() {
            let proof: Vec<_> = entry["proof"].as_array().unwrap().iter().map(bytes).collect();
            let leaf = Sha256::digest([&[0][..], &bytes(&entry["salt"]), record.as_bytes()].concat()).to_vec();
            assert_eq!(leaf, bytes(&entry["leaf"]));
            assert_eq!(above(&leaf, index, size, &proof), root, "record {index} on {device}");
        }
    }
}

/// The digest over `count` leaves, of which number `index` is `leaf`: the recursion that defines the tree (RFC 9162, section
/// 2.1.1), with what is beside the way from the proof.
fn above(leaf: &[u8], index: usize, count: usize, proof: &[Vec<u8>]) -> Vec<u8> {
    let Some((beside, below)) = proof.split_last() else {
        assert_eq!(count, 1, "the proof is too short");
        return leaf.to_vec();
    };
    let middle = count.next_power_of_two() / 2;
    if index < middle {
        let left = above(leaf, index, middle, below);
        Sha256::digest([&[1][..], &left, beside].concat()).to_vec()
    } else {
        let right = above(leaf, index - middle, count - middle, below);
        Sha256::digest([&[1][..], beside, &right].concat()).to_vec()
    }
}

fn bytes(hex: &serde_json::Value) -> Vec<u8> {
    let hex = hex.as_str().expect("hexadecimal digits");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits")).collect()
}

fn reverse_complement(bases: &str) -> String {
    let pair = |base| match base {
        'A' => 'T',
        'C' => 'G',
        'G' => 'C',
        'T' => 'A',
        other => other,
    };
    bases.chars().rev().map(pair).collect()
}

#[test]
fn reads_are_placed_in_their_genome() {
    for device in devices() {
        // The genome and the first reads: an unoptimised reference is slow.
        let text: String = text("phix174_reads.fasta").split_inclusive('>').take(8).collect();
        let text = text.trim_end_matches('>').to_owned();
        let bench = Bench::new().file("reads.fasta", &text);
        bench.runs(&format!("run smith_waterman --input reads.fasta --out hits.tsv --device {device}"));
        let table = fs::read_to_string(bench.path("hits.tsv")).unwrap();
        let mut sequences = text.split('>').skip(1).map(|part| part.split_once('\n').expect("a title"));
        let genome = sequences.next().unwrap().1.replace('\n', "");
        let mut found = 0;
        for ((name, bases), row) in sequences.zip(table.lines().skip(1)) {
            let row: Vec<&str> = row.split('\t').collect();
            assert_eq!(row[0], name);
            let bases = bases.replace('\n', "");
            for (strand, bases) in [("+", bases.clone()), ("-", reverse_complement(&bases))] {
                // A read that the genome has as it is scores 2 for each base, and ends where it ends.
                if let Some(first) = genome.find(&bases) {
                    let end = (first + bases.len()).to_string();
                    assert_eq!(row[1..], ["100", "200", strand, end.as_str()], "{name} on {device}");
                    found += 1;
                }
            }
        }
        assert!(found > 0);
    }
}

#[test]
fn handwritten_digits_are_beside_their_like() {
    let lines = text("digits.txt");
    let labels: Vec<&str> = lines.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
    for device in devices() {
        let bench = Bench::new().file("digits.npy", data("digits.npy"));
        bench.runs(&format!("run knn --input digits.npy --out neighbours.npy --device {device}"));
        let (shape, neighbours) = bench.read::<u32>("neighbours.npy");
        assert_eq!(shape, [160, 10]);
        let is_like = |&(row, neighbours): &(usize, &[u32])| {
            assert_eq!(neighbours[0], row as u32, "the nearest of each is itself");
            labels[row] == labels[neighbours[1] as usize]
        };
        let alike = neighbours.chunks(10).enumerate().filter(is_like).count();
        assert!(alike > 140, "{alike} of 160 are nearest to one of their kind");
        bench.runs(&format!("run knn --input digits.npy --out neighbours.tsv --device {device}"));
        let table = fs::read_to_string(bench.path("neighbours.tsv")).unwrap();
        assert_eq!(table.lines().count(), 1601);
    }
}

/// The risk of a portfolio is near that of its closed form, and the same where it is simulated again.
#[test]
fn a_portfolio_is_simulated() {
    for device in devices() {
        let bench = Bench::new().file("portfolio.csv", text("portfolio.csv"));
        bench.runs(&format!("run monte_carlo --input portfolio.csv --out risk.json --seed 4 --device {device}"));
        let risk = json(&fs::read_to_string(bench.path("risk.json")).unwrap());
        for estimate in ["value_at_risk", "expected_shortfall"] {
            let number = |field: &str| risk[estimate][field].as_f64().unwrap();
            let off = (number("loss") - number("closed_form")).abs();
            assert!(off < 5.0 * number("standard_error") + risk["bin_width"].as_f64().unwrap(), "{device}: {risk}");
        }
        let counts: u64 = risk["bins"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(counts, risk["scenarios"].as_u64().unwrap());
    }
}

/// Phase estimation finds the number that its program says.
#[test]
fn a_circuit_is_simulated() {
    for device in devices() {
        let bench = Bench::new().file("phase.qasm", text("phase_estimation.qasm"));
        bench.runs(&format!("run quantum --input phase.qasm --out states.tsv --device {device}"));
        let table = fs::read_to_string(bench.path("states.tsv")).unwrap();
        assert!(table.lines().nth(1).unwrap().starts_with("1010011\t8.75"), "{device}: {table}");
        bench.runs(&format!("run quantum --input phase.qasm --out states.npy --device {device}"));
        let (shape, amplitudes) = bench.read::<f32>("states.npy");
        assert_eq!(shape, [128, 2]);
        assert!((amplitudes.iter().map(|part| part * part).sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

/// What is wrong is said, with the line where there are lines; nothing is written.
#[test]
fn files_that_are_none_of_theirs_are_refused() {
    let bench = Bench::new()
        .file("text.png", "no picture")
        .file("cut.png", &data("night.png")[..1000])
        .file("empty.csv", "")
        .file("gap.csv", "one\n\nthree\n")
        .file("volatile.csv", "factor,volatility,oil\noil,much,1\n\nposition,value,convexity,oil\nwell,1,0,1\n")
        .file("still.csv", "factor,volatility,oil\noil,0,1\n\nposition,value,convexity,oil\nwell,1,0,1\n")
        .file("none.qasm", "OPENQASM 2.0;\nqreg q[2];\nh q[0];\nfoo q[1];\n")
        .file("dash.fasta", ">genome\nACGT\n>read\nAC-T\n")
        .array("doubles.npy", &[2, 2], &[1.0f64; 4])
        .array("line.npy", &[4], &[1.0f32; 4])
        .array("hole.npy", &[1, 2], &[1.0, f32::NAN])
        .array("zero.npy", &[2, 2], &[1.0, 2.0, 0.0, 0.0f32])
        .array("none.npy", &[0, 2], &[0.0f32; 0]);
    for (arguments, problem) in [
        ("conv2d --input text.png", "it is no PNG that can be read"),
        ("conv2d --input cut.png", "it is no PNG that can be read"),
        ("conv2d --input doubles.npy", "its type is '<f8'"),
        ("conv2d --input line.npy", "(height, width)"),
        ("conv2d --input hole.npy", "row 0, column 1 holds NaN"),
        ("conv2d --input nowhere.png", "there is no such file"),
        ("merkle --input empty.csv", "it has no records"),
        ("merkle --input gap.csv", "line 2 is empty"),
        ("smith_waterman --input dash.fasta", "line 4: `-` is no base"),
        ("monte_carlo --input volatile.csv", "line 2: `much` is not a volatility, a number from 0 to 10"),
        ("monte_carlo --input still.csv", "there is nothing to lose"),
        ("saxpy --input gap.csv", "these take one: conv2d, merkle, smith_waterman, monte_carlo, quantum, knn"),
        ("quantum --input none.qasm", "line 4: `foo` is no gate that is known"),
        ("knn --input text.png", "does not start as one"),
        ("knn --input doubles.npy", "its type is '<f8'"),
        ("knn --input line.npy", "its shape is [4]"),
        ("knn --input hole.npy", "row 0, column 1 holds NaN"),
        ("knn --input zero.npy", "row 1: a vector of length 0e0"),
        ("knn --input none.npy", "it has 0 vectors of 2 coordinates"),
        ("all --input gap.csv", "--input is for one sample"),
        ("merkle --input gap.csv --size 3", "cannot be used with"),
    ] {
        let sentence = bench.fails(&format!("run {arguments} --out out.npy"), 2);
        assert!(sentence.contains(problem), "{arguments}: {sentence}");
        assert!(!bench.path("out.npy").exists());
    }
}
