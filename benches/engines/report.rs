//! The numbers: a table for people, a document for programs.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{Outcome, cases::Entry, race::Times, racer::Racer};

/// The column that the others are compared with.
const OURS: &str = "jit";

/// How wide the first column is.
const TITLE: usize = 38;

/// The table, as it is printed line by line.
pub struct Table {
    columns: Vec<String>,
}

impl Table {
    pub fn new(racers: &[Box<dyn Racer>]) -> Self {
        Table { columns: racers.iter().map(|racer| racer.column().to_owned()).collect() }
    }

    /// The columns that are compared with ours.
    fn others(&self) -> impl Iterator<Item = (usize, &str)> {
        let compared = self.columns.iter().any(|column| column == OURS);
        let columns = self.columns.iter().map(String::as_str).enumerate();
        columns.filter(move |(_, column)| compared && *column != OURS)
    }

    pub fn header(&self) -> String {
        let mut line = format!("{:TITLE$}", "median ms");
        for column in &self.columns {
            line += &format!(" {column:>10}");
        }
        for (_, column) in self.others() {
            line += &format!(" {:>14}", format!("{column}/{OURS}"));
        }
        line
    }

    pub fn row(&self, title: &str, times: &[Times]) -> String {
        let mut line = format!("{title:TITLE$}");
        for times in times {
            line += &format!(" {:>10.3}", times.median());
        }
        let ours = self.columns.iter().zip(times).find(|(column, _)| *column == OURS);
        for (other, _) in self.others() {
            let ratio = ours.map_or(f64::NAN, |(_, ours)| times[other].median() / ours.median());
            line += &format!(" {:>14}", digits(ratio));
        }
        let wrong: Vec<_> = self.columns.iter().zip(times).filter(|(_, times)| !times.correct).collect();
        for (column, _) in wrong {
            line += &format!("   {column} IS WRONG");
        }
        line
    }

    /// The geometric means of the ratios.
    pub fn footer(&self, document: &Document) -> String {
        let mut line = format!("{:TITLE$}{}", "geometric mean", " ".repeat(11 * self.columns.len()));
        for (_, column) in self.others() {
            line += &document.mean(column).map_or(format!(" {:>14}", "-"), |mean| format!(" {:>14}", digits(mean)));
        }
        line
    }
}

/// All numbers of a race.
pub struct Document {
    racers: Vec<Value>,
    results: Vec<Results>,
}

/// The numbers of one kernel.
struct Results {
    name: &'static str,
    title: &'static str,
    columns: Vec<(String, Times)>,
}

impl Results {
    fn median(&self, column: &str) -> Option<f64> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, times)| times.median())
    }

    /// How many times as long the column takes as ours.
    fn ratio(&self, column: &str) -> Option<f64> {
        Some(self.median(column)? / self.median(OURS)?)
    }

    fn to_json(&self) -> Value {
        let columns = self.columns.iter().map(|(column, times)| {
            let numbers = json!({
                "median_ms": times.median(),
                "min_ms": times.least(),
                "runs": times.runs(),
                "correct": times.correct,
                "times_jit": self.ratio(column),
            });
            (column.clone(), numbers)
        });
        json!({"kernel": self.name, "title": self.title, "columns": columns.collect::<serde_json::Map<_, _>>()})
    }
}

impl Document {
    pub fn new(racers: &[Box<dyn Racer>]) -> Self {
        let racers = racers.iter().map(|racer| json!({"column": racer.column(), "what": racer.describe()}));
        Document { racers: racers.collect(), results: Vec::new() }
    }

    pub fn add(&mut self, entry: &Entry, racers: &[Box<dyn Racer>], times: Vec<Times>) {
        let columns = racers.iter().map(|racer| racer.column().to_owned()).zip(times).collect();
        self.results.push(Results { name: entry.name, title: entry.title, columns });
    }

    /// The geometric mean of how many times as long the column takes as ours.
    fn mean(&self, column: &str) -> Option<f64> {
        let logarithms = self.results.iter().map(|results| results.ratio(column).map(f64::ln));
        let logarithms: Vec<f64> = logarithms.collect::<Option<_>>()?;
        let mean = logarithms.iter().sum::<f64>() / logarithms.len() as f64;
        mean.is_finite().then(|| mean.exp())
    }

    /// The medians as a table in Markdown, and how many times as long as ours the others take.
    pub fn markdown(&self) -> String {
        let columns: Vec<_> = self.racers.iter().filter_map(|racer| racer["column"].as_str()).collect();
        let others: Vec<_> = columns.iter().copied().filter(|column| *column != OURS).collect();
        let mut text = format!("| kernel, ms | {} |", columns.join(" | "));
        text += &others.iter().map(|column| format!(" {column} / {OURS} |")).collect::<String>();
        text += &format!("\n|---|{}\n", "---:|".repeat(columns.len() + others.len()));
        let ratio = |ratio: Option<f64>| format!(" {} |", ratio.map_or("-".to_owned(), digits));
        for results in &self.results {
            text += &format!("| {} |", results.title);
            for column in &columns {
                text += &format!(" {} |", results.median(column).map_or("-".to_owned(), digits));
            }
            text += &others.iter().map(|column| ratio(results.ratio(column))).collect::<String>();
            text += "\n";
        }
        text += &format!("| geometric mean |{}", " |".repeat(columns.len()));
        text += &others.iter().map(|column| ratio(self.mean(column))).collect::<String>();
        text
    }

    pub fn save(&self, path: &Path) -> Outcome {
        let columns = self.racers.iter().filter_map(|racer| racer["column"].as_str());
        let means = columns.map(|column| (column.to_owned(), json!(self.mean(column))));
        let document = json!({
            "version": 1,
            "swath": env!("CARGO_PKG_VERSION"),
            "racers": self.racers,
            "kernels": self.results.iter().map(Results::to_json).collect::<Vec<_>>(),
            "geometric_mean_times_jit": means.collect::<serde_json::Map<_, _>>(),
        });
        save(path, &document)
    }
}

/// A number to about three digits.
fn digits(number: f64) -> String {
    match number {
        _ if number < 0.1 => format!("{number:.4}"),
        _ if number < 1.0 => format!("{number:.3}"),
        _ if number < 100.0 => format!("{number:.2}"),
        _ => format!("{number:.0}"),
    }
}

/// Writes a document.
pub fn save(path: &Path, document: &Value) -> Outcome {
    fs::write(path, serde_json::to_string_pretty(document)? + "\n")
        .map_err(|error| format!("`{}`: {error}", path.display()).into())
}
