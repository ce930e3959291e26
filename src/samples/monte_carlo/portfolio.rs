//! Portfolios, made or read: risk factors, how they move together, and positions that depend on them.

use std::path::Path;

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::{super::read, FACTORS, MOST_POSITIONS, Position, native::UNITS};
use crate::Result;

/// The part of a year over which losses are counted: ten trading days.
pub(super) const YEARS: f64 = 10.0 / 252.0;

/// A portfolio.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Portfolio {
    /// Of each factor's return, a root year.
    pub volatilities: Vec<f64>,
    /// Of each factor with those up to itself.
    pub correlations: Vec<Vec<f64>>,
    pub holdings: Vec<Holding>,
}

/// A position. Where the factors return f, it returns r, the sum of its sensitivities times f, and gains
/// `value * (r + convexity * r^2 / 2)`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Holding {
    pub value: f64,
    pub convexity: f64,
    pub sensitivities: Vec<f64>,
}

impl Portfolio {
    /// Positions in markets that mostly fall together: most are linear, the others are options or bonds.
    pub fn made(positions: usize, seed: u64) -> Portfolio {
        const COMMON: usize = 3;
        let mut random = SmallRng::seed_from_u64(seed);
        let mut uniform = |low: f64, high: f64| random.random_range(low..high);
        // What all factors share in, and what each has of its own, to a variance of 1.
        let shares: Vec<[f64; COMMON]> = (0..FACTORS)
            .map(|_| {
                let mut shares = [uniform(0.2, 0.9), uniform(-0.6, 0.6), uniform(-0.4, 0.4)];
                let scale = 1.0 / (shares.iter().map(|share| share * share).sum::<f64>() + 0.3).sqrt();
                shares.iter_mut().for_each(|share| *share *= scale);
                shares
            })
            .collect();
        let correlation = |i: usize, j: usize| match i == j {
            true => 1.0,
            false => shares[i].iter().zip(shares[j]).map(|(a, b)| a * b).sum(),
        };
        let correlations = (0..FACTORS).map(|i| (0..=i).map(|j| correlation(i, j)).collect()).collect();
        let volatilities = (0..FACTORS).map(|_| uniform(0.05, 0.4)).collect();
        let holding = |number: usize| {
            let mut sensitivities = vec![0.0; FACTORS];
            sensitivities[number % FACTORS] = uniform(0.6, 1.4);
            for _ in 0..2 {
                sensitivities[uniform(0.0, FACTORS as f64) as usize] += uniform(-0.3, 0.3);
            }
            let convexity = if number.is_multiple_of(3) { uniform(-8.0, 12.0) } else { 0.0 };
            // Some are sold short.
            let value = uniform(-0.4e6, 2.0e6);
            Holding { value, convexity, sensitivities }
        };
        Portfolio { volatilities, correlations, holdings: (0..positions).map(holding).collect() }
    }

    /// Reads two tables in one CSV file: the factors, and after an empty line the positions.
    pub fn read(path: &Path) -> Result<(Portfolio, Vec<Position>)> {
        let text = String::from_utf8(read::bytes(path)?)
            .map_err(|error| read::refuse(path, format!("it is no text: {error}"), FORM))?;
        let parsed = parse(&text).and_then(|portfolio| portfolio.positions().map(|positions| (portfolio, positions)));
        parsed.map_err(|Wrong { line, problem }| read::refuse(path, format!("line {line}: {problem}"), FORM))
    }

    /// The positions as the WGSL wants them: their loadings on independent factors.
    ///
    /// # Errors
    ///
    /// When the correlations contradict each other.
    pub fn positions(&self) -> Result<Vec<Position>, Wrong> {
        let problem = "its correlations with the factors before it contradict theirs with each other, or leave it nothing \
                       of its own";
        let root = cholesky(&self.correlations).map_err(|factor| Wrong::at(factor + 2, problem))?;
        let position = |holding: &Holding| {
            let mut loadings = [0.0; FACTORS];
            for (i, row) in root.iter().enumerate() {
                let scale = holding.sensitivities[i] * self.volatilities[i] * YEARS.sqrt() / UNITS;
                row.iter().zip(&mut loadings).for_each(|(share, loading)| *loading += scale * share);
            }
            let mut rows = [[0.0; 4]; FACTORS / 4];
            rows.as_flattened_mut().iter_mut().zip(loadings).for_each(|(a, b)| *a = b as f32);
            let curvature = 0.5 * holding.value * holding.convexity;
            Position { loadings: rows, value: holding.value as f32, curvature: curvature as f32, pad: [0.0; 2] }
        };
        Ok(self.holdings.iter().map(position).collect())
    }
}

/// The lower triangle L for which L Lᵀ are the correlations; or the factor at which there is none.
fn cholesky(correlations: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, usize> {
    let mut root: Vec<Vec<f64>> = Vec::new();
    for (i, row) in correlations.iter().enumerate() {
        let mut own = vec![0.0; i + 1];
        for j in 0..=i {
            let above = if j < i { &root[j] } else { &own };
            let rest = row[j] - (0..j).map(|k| own[k] * above[k]).sum::<f64>();
            if j == i && rest < 1e-9 {
                return Err(i);
            }
            own[j] = if j == i { rest.sqrt() } else { rest / root[j][j] };
        }
        root.push(own);
    }
    Ok(root)
}

/// What is wrong in a file, and where.
#[derive(Debug)]
pub(super) struct Wrong {
    pub line: usize,
    pub problem: String,
}

impl Wrong {
    fn at(line: usize, problem: impl Into<String>) -> Self {
        Wrong { line, problem: problem.into() }
    }
}

/// What is wanted of a file.
const FORM: &str = "give CSV: a line `factor,volatility,NAME,NAME,...` and one for each factor with its volatility a year and its \
                    correlations up to its own, 1; an empty line; a line `position,value,convexity,NAME,NAME,...` and one for \
                    each position with its sensitivities to the factors";

/// The cells of a title, without empty ones at its end, as spreadsheets leave them.
fn title_cells(line: &str) -> Vec<&str> {
    line.trim_end_matches([',', ' ']).split(',').map(str::trim).collect()
}

/// As many cells of a line as its title has. Those at the end may be missing where they may be empty.
fn cells(line: &str, count: usize) -> Result<Vec<&str>, String> {
    let mut cells: Vec<&str> = line.split(',').map(str::trim).collect();
    if cells.iter().skip(count).any(|cell| !cell.is_empty()) {
        return Err(format!("it has {} cells, and the title has {count}", cells.len()));
    }
    cells.resize(count, "");
    Ok(cells)
}

/// The lines of a file with their numbers; one of nothing but commas is empty.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    (1..).zip(text.lines().map(|line| if line.contains(|c| c != ',' && c != ' ') { line.trim() } else { "" }))
}

fn parse(text: &str) -> Result<Portfolio, Wrong> {
    let mut lines = lines(text);
    let (_, title) = lines.next().ok_or_else(|| Wrong::at(1, "the file is empty"))?;
    let title = title_cells(title);
    let names = match &title[..] {
        ["factor", "volatility", names @ ..] => names,
        _ => return Err(Wrong::at(1, "the table of factors does not begin with its title")),
    };
    if !(1..=FACTORS).contains(&names.len()) {
        let problem = format!("it names {} factors, where 1 to {FACTORS} can be simulated", names.len());
        return Err(Wrong::at(1, problem));
    }
    let (volatilities, correlations) = factors(names, &mut lines)?;

    let end = names.len() + 2;
    let title = lines.find(|(_, text)| !text.is_empty());
    let (line, title) = title.ok_or_else(|| Wrong::at(end, "there is no table of positions"))?;
    let title = title_cells(title);
    let is_title = matches!(&title[..], ["position", "value", "convexity", rest @ ..] if rest == names);
    if !is_title {
        let problem = "the title of the positions is none, or names other factors than those above";
        return Err(Wrong::at(line, problem));
    }
    let mut holdings = Vec::new();
    for (line, text) in lines.filter(|(_, text)| !text.is_empty()) {
        let found = cells(text, title.len()).map_err(|problem| Wrong::at(line, problem))?;
        let number = |place: usize, what: &str, most: f64| {
            let cell = if found[place].is_empty() && place > 1 { "0" } else { found[place] };
            number(cell, what, -most, most).map_err(|problem| Wrong::at(line, problem))
        };
        let sensitivities = (3..title.len()).map(|place| number(place, "a sensitivity", 1e3));
        holdings.push(Holding {
            value: number(1, "a value", 1e12)?,
            convexity: number(2, "a convexity", 1e4)?,
            sensitivities: sensitivities.collect::<Result<_, _>>()?,
        });
        if holdings.len() > MOST_POSITIONS {
            return Err(Wrong::at(line, format!("it is one more than the {MOST_POSITIONS} that can be simulated")));
        }
    }
    if holdings.is_empty() {
        return Err(Wrong::at(line, "the table of positions is empty"));
    }
    Ok(Portfolio { volatilities, correlations, holdings })
}

/// The table of factors below its title: volatilities, and correlations up to the diagonal.
fn factors<'t>(
    names: &[&str],
    lines: &mut impl Iterator<Item = (usize, &'t str)>,
) -> Result<(Vec<f64>, Vec<Vec<f64>>), Wrong> {
    let (mut volatilities, mut correlations): (_, Vec<Vec<f64>>) = (Vec::new(), Vec::new());
    // Those above the diagonal may be left out; where they stand, they are the same.
    let mut repeated = Vec::new();
    for (row, name) in names.iter().enumerate() {
        let (line, text) = lines.next().unwrap_or((row + 2, ""));
        let found = cells(text, 2 + names.len()).map_err(|problem| Wrong::at(line, problem))?;
        if found[0] != *name {
            let problem = format!("the title's next factor is `{name}`, and this line is for `{}`", found[0]);
            return Err(Wrong::at(line, problem));
        }
        let number = |cell: &str, what: &str, least: f64, most: f64| {
            number(cell, what, least, most).map_err(|problem| Wrong::at(line, problem))
        };
        volatilities.push(number(found[1], "a volatility", 0.0, 10.0)?);
        let correlation = |cell: &&str| number(cell, "a correlation", -1.0, 1.0);
        let own: Vec<f64> = found[2..3 + row].iter().map(correlation).collect::<Result<_, _>>()?;
        if own[row] != 1.0 {
            return Err(Wrong::at(line, format!("the correlation of `{name}` with itself is 1")));
        }
        correlations.push(own);
        for (other, cell) in found[3 + row..].iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            repeated.push((line, row, row + 1 + other, correlation(cell)?));
        }
    }
    match repeated.into_iter().find(|&(_, row, other, value)| correlations[other][row] != value) {
        Some((line, row, other, _)) => {
            let problem = format!("its correlation of `{}` and `{}` is another below", names[row], names[other]);
            Err(Wrong::at(line, problem))
        }
        None => Ok((volatilities, correlations)),
    }
}

fn number(cell: &str, what: &str, least: f64, most: f64) -> Result<f64, String> {
    let value = cell.parse().ok().filter(|value: &f64| (least..=most).contains(value));
    value.ok_or_else(|| format!("`{cell}` is not {what}, a number from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "factor,volatility,shares,oil\nshares,0.2,1,\noil, 0.4, 0.5, 1\n\n\
                        position,value,convexity,shares,oil\nfund,1000,,1,\nwell,-50,3,0.25,1.5\n";

    #[test]
    fn a_portfolio_is_read() {
        let portfolio = parse(TEXT).unwrap();
        // As a spreadsheet writes it, with all correlations.
        let padded = TEXT.replace("0.2,1,", "0.2,1,0.5").replace("\n\n", "\n,,,,\n").replace("oil\nsh", "oil,\nsh");
        assert_eq!(parse(&format!("\u{feff}{padded},,,,\n")).unwrap(), portfolio);
        assert_eq!(portfolio.volatilities, [0.2, 0.4]);
        assert_eq!(portfolio.correlations, [vec![1.0], vec![0.5, 1.0]]);
        let holding = |value, convexity, sensitivities: [f64; 2]| Holding {
            value,
            convexity,
            sensitivities: sensitivities.into(),
        };
        assert_eq!(portfolio.holdings, [holding(1000.0, 0.0, [1.0, 0.0]), holding(-50.0, 3.0, [0.25, 1.5])]);
        let positions = portfolio.positions().unwrap();
        // The well: 0.25 * 0.2 and 1.5 * 0.4 * 0.5 of the first factor, and 1.5 * 0.4 * sqrt(3) / 2 of the second.
        let scale = (YEARS.sqrt() / UNITS) as f32;
        let found = positions[1].loadings[0].map(|loading| loading / scale);
        let expected = [0.35, 0.6 * 0.75f32.sqrt(), 0.0, 0.0];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        assert_eq!((positions[1].value, positions[1].curvature), (-50.0, -75.0));
    }

    #[test]
    fn what_is_none_is_refused_with_the_line() {
        for (from, to, problem) in [
            (TEXT, "", "line 1: the file is empty"),
            ("factor,", "name,", "line 1: the table of factors"),
            (",shares,oil\nshares,0.2,1,\noil, 0.4, 0.5, 1", "", "line 1: it names 0 factors"),
            ("\noil,", "\ngas,", "line 3: the title's next factor is `oil`, and this line is for `gas`"),
            ("0.2,", "-0.2,", "line 2: `-0.2` is not a volatility, a number from 0 to 10"),
            ("0.2,", "NaN,", "line 2: `NaN` is not a volatility"),
            (", 0.5, 1", ", 1.5, 1", "line 3: `1.5` is not a correlation"),
            (", 0.5, 1", ", 0.5, 0.9", "line 3: the correlation of `oil` with itself is 1"),
            (", 0.5, 1", ", 1, 1", "line 3: its correlations with the factors before it"),
            (", 0.5, 1", ", 0.5", "line 3: `` is not a correlation"),
            (", 0.5, 1", ", 0.5, 1, 7", "line 3: it has 5 cells, and the title has 4"),
            ("0.2,1,", "0.2,1,0.6", "line 2: its correlation of `shares` and `oil` is another below"),
            ("convexity,shares,oil", "convexity,oil,shares", "line 5: the title of the positions"),
            (
                "\n\nposition,value,convexity,shares,oil\nfund,1000,,1,\nwell,-50,3,0.25,1.5\n",
                "",
                "no table of positions",
            ),
            ("fund,1000", "fund,1e99", "line 6: `1e99` is not a value"),
            ("fund,1000", "fund,1 000", "line 6: `1 000` is not a value"),
            ("0.25,1.5", "0.25,1.5,,1", "line 7: it has 7 cells, and the title has 5"),
            ("well,-50", "well,", "line 7: `` is not a value"),
            ("fund,1000,,1,\nwell,-50,3,0.25,1.5\n", "", "line 5: the table of positions is empty"),
        ] {
            let text = TEXT.replace(from, to);
            assert_ne!(text, TEXT);
            let Wrong { line, problem: found } =
                parse(&text).and_then(|portfolio| portfolio.positions().map(|_| ())).unwrap_err();
            let found = format!("line {line}: {found}");
            assert!(found.contains(problem), "{found}");
        }
    }

    #[test]
    fn made_portfolios_have_roots() {
        for seed in 0..20 {
            let portfolio = Portfolio::made(32, seed);
            let root = cholesky(&portfolio.correlations).unwrap();
            for (i, row) in portfolio.correlations.iter().enumerate() {
                for (j, correlation) in row.iter().enumerate() {
                    let product: f64 = root[i].iter().zip(&root[j]).map(|(a, b)| a * b).sum();
                    assert!((product - correlation).abs() < 1e-12, "{i} {j}");
                }
            }
        }
    }
}
