//! The distribution of losses as a picture.

use super::{BINS, Losses, RISK_LEVEL};

/// Pixels of the picture.
pub(super) const WIDTH: usize = 1024;
const HEIGHT: usize = 480;

/// Standard deviations to either side of the mean that are drawn.
const DRAWN: f64 = 5.0;

impl Losses {
    /// The distribution of losses, gains on the left: its closed form as a white line over the bins, those beyond the value at
    /// risk in red from a line at it on; a grey line where nothing is lost.
    pub(super) fn picture(&self) -> Vec<u8> {
        let (mean, deviation) = (self.law.mean, self.law.deviation);
        let loss = |column: f64| mean + (2.0 * column / WIDTH as f64 - 1.0) * DRAWN * deviation;
        // Losses for each unit of currency, as a share of all times the standard deviation.
        let found = |column: usize| {
            let place = (loss(column as f64 + 0.5) - self.edge(0.0)) * f64::from(self.params.bins_per_unit);
            let bin = (place as usize).min(BINS - 1);
            f64::from(self.bins[bin]) / self.scenarios() * f64::from(self.params.bins_per_unit) * deviation
        };
        let exact = |column: usize| {
            let [from, to] = [loss(column as f64), loss(column as f64 + 1.0)];
            (self.law.below(to) - self.law.below(from)) / (to - from) * deviation
        };
        let exact: Vec<f64> = (0..WIDTH).map(exact).collect();
        let highest = 1.15 * exact.iter().fold(f64::MIN_POSITIVE, |a, &b| a.max(b));
        let row = |density: f64| (HEIGHT as f64 - 24.0) * (1.0 - density / highest);
        let column = |loss: f64| (((loss - mean) / (DRAWN * deviation) + 1.0) * 0.5 * WIDTH as f64) as usize;
        let (nothing, risk) = (column(0.0), column(self.value_at_risk(RISK_LEVEL)));
        let mut rgba = Vec::with_capacity(4 * WIDTH * HEIGHT);
        let tops: Vec<f64> = (0..WIDTH).map(|column| row(found(column))).collect();
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let at = y as f64 + 0.5;
                let (a, b) = (row(exact[x]), row(exact[(x + 1) % WIDTH]));
                let is_line = x + 1 < WIDTH && at > a.min(b) - 1.0 && at < a.max(b) + 1.0;
                let is_bar = at > tops[x] && y < HEIGHT - 24;
                let colour = match () {
                    () if is_line => [245, 245, 235],
                    () if x == risk || x == risk + 1 => [250, 120, 80],
                    () if is_bar && x > risk => [200, 60, 50],
                    () if is_bar => [60, 110, 170],
                    () if x == nothing => [110, 110, 120],
                    () if y == HEIGHT - 24 => [110, 110, 120],
                    () => [14, 16, 26],
                };
                rgba.extend([colour[0], colour[1], colour[2], 255]);
            }
        }
        rgba
    }
}
