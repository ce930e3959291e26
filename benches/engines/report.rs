//! The numbers: a table for people, a document for programs.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{Outcome, race::Times, racer::Racer};

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
            line += &format!(" {ratio:>14.2}");
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
            line += &document.mean(column).map_or(format!(" {:>14}", "-"), |mean| format!(" {mean:>14.2}"));
        }
        line
    }
}

/// All numbers of a race.
pub struct Document {
    racers: Vec<Value>,
    kernels: Vec<(String, String, Vec<(String, Times)>)>,
}

impl Document {
    pub fn new(racers: &[Box<dyn Racer>]) -> Self {
        let racers = racers.iter().map(|racer| json!({"column": racer.column(), "what": racer.describe()}));
        Document { racers: racers.collect(), kernels: Vec::new() }
    }

    pub fn add(&mut self, name: &str, title: &str, racers: &[Box<dyn Racer>], times: Vec<Times>) {
        let columns = racers.iter().map(|racer| racer.column().to_owned());
        self.kernels.push((name.to_owned(), title.to_owned(), columns.zip(times).collect()));
    }

    /// The geometric mean of how many times as long the column takes as ours.
    fn mean(&self, column: &str) -> Option<f64> {
        let logarithms = self.kernels.iter().map(|(_, _, times)| ratio(times, column).map(f64::ln));
        let logarithms: Vec<f64> = logarithms.collect::<Option<_>>()?;
        let mean = logarithms.iter().sum::<f64>() / logarithms.len() as f64;
        mean.is_finite().then(|| mean.exp())
    }

    pub fn save(&self, path: &Path) -> Outcome {
        let kernels = self.kernels.iter().map(|(name, title, times)| {
            let columns = times.iter().map(|(column, times)| {
                let numbers = json!({
                    "median_ms": times.median(),
                    "min_ms": times.least(),
                    "runs": times.runs(),
                    "correct": times.correct,
                    "times_jit": ratio(times_of(self, name), column),
                });
                (column.clone(), numbers)
            });
            json!({"kernel": name, "title": title, "columns": columns.collect::<serde_json::Map<_, _>>()})
        });
        let columns = self.racers.iter().filter_map(|racer| racer["column"].as_str());
        let means = columns.map(|column| (column.to_owned(), json!(self.mean(column))));
        let document = json!({
            "version": 1,
            "swath": env!("CARGO_PKG_VERSION"),
            "racers": self.racers,
            "kernels": kernels.collect::<Vec<_>>(),
            "geometric_mean_times_jit": means.collect::<serde_json::Map<_, _>>(),
        });
        save(path, &document)
    }
}

/// Writes a document.
pub fn save(path: &Path, document: &Value) -> Outcome {
    fs::write(path, serde_json::to_string_pretty(document)? + "\n")
        .map_err(|error| format!("`{}`: {error}", path.display()).into())
}

fn times_of<'a>(document: &'a Document, kernel: &str) -> &'a [(String, Times)] {
    document.kernels.iter().find(|(name, ..)| name == kernel).map_or(&[], |(_, _, times)| times)
}

/// How many times as long the column takes as ours.
fn ratio(times: &[(String, Times)], column: &str) -> Option<f64> {
    let median = |column: &str| times.iter().find(|(name, _)| name == column).map(|(_, times)| times.median());
    Some(median(column)? / median(OURS)?)
}
