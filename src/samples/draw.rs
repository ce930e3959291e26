//! Writing what samples make to files.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

use npyz::{AutoSerialize, WriterBuilder};
use serde::Serialize;

use crate::{Error, Result, error::Message, file::Output};

/// The extension of `path`, if it is one of `allowed`.
///
/// # Errors
///
/// When it is another one; the message lists those allowed.
pub(super) fn extension(path: &Path, allowed: &[&'static str]) -> Result<&'static str> {
    let found = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    allowed.iter().copied().find(|known| known.eq_ignore_ascii_case(found)).ok_or_else(|| {
        let names: Vec<_> = allowed.iter().map(|known| format!("`.{known}`")).collect();
        Error::Io(
            Message::new("this sample cannot write such a file")
                .subject(path.display().to_string())
                .help(format!("give a name that ends in {}", names.join(" or "))),
        )
    })
}

/// Writes `values` as a NumPy array of this shape, rows first.
pub(super) fn write_npy<T: AutoSerialize + Copy>(path: &Path, values: &[T], shape: &[usize]) -> Result<()> {
    let shape: Vec<u64> = shape.iter().map(|&length| length as u64).collect();
    let mut file = create(path)?;
    let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
    let written = options.writer(&mut file).begin_nd().and_then(|mut writer| {
        writer.extend(values.iter().copied())?;
        writer.finish()
    });
    written.map_err(|error| failed(path, error))?;
    commit(path, file)
}

/// Writes a picture of `width` pixels a row; four bytes each: red, green, blue, alpha.
pub(super) fn write_png(path: &Path, width: usize, rgba: &[u8]) -> Result<()> {
    let height = rgba.len() / 4 / width;
    let mut file = create(path)?;
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(rgba)?;
        writer.finish()
    });
    written.map_err(|error| failed(path, error))?;
    commit(path, file)
}

/// A file that takes its place when it is complete.
fn create(path: &Path) -> Result<BufWriter<Output>> {
    Output::create(path).map(BufWriter::new).map_err(|error| failed(path, error))
}

/// Writes a text.
pub(super) fn write_text(path: &Path, text: &str) -> Result<()> {
    let mut file = create(path)?;
    file.write_all(text.as_bytes()).map_err(|error| failed(path, error))?;
    commit(path, file)
}

/// Writes a JSON document.
pub(super) fn write_json(path: &Path, document: &impl Serialize) -> Result<()> {
    let mut file = create(path)?;
    serde_json::to_writer(&mut file, document).map_err(|error| failed(path, error))?;
    writeln!(file).map_err(|error| failed(path, error))?;
    commit(path, file)
}

/// The colour of a level from 0 to 1, from black over blue, purple and orange to a pale yellow: the lighter, the higher.
pub(super) fn heat(level: f64) -> [u8; 4] {
    const STOPS: [[f64; 3]; 6] = [
        [2.0, 2.0, 10.0],
        [30.0, 20.0, 90.0],
        [120.0, 30.0, 120.0],
        [215.0, 70.0, 70.0],
        [250.0, 165.0, 45.0],
        [252.0, 252.0, 200.0],
    ];
    let place = level.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let below = (place as usize).min(STOPS.len() - 2);
    let (low, high, share) = (STOPS[below], STOPS[below + 1], place - below as f64);
    let [red, green, blue] =
        std::array::from_fn(|channel| (low[channel] + share * (high[channel] - low[channel])) as u8);
    [red, green, blue, 255]
}

/// Gives a file that is complete its name.
fn commit(path: &Path, file: BufWriter<Output>) -> Result<()> {
    let output = file.into_inner().map_err(|error| failed(path, error.into_error()))?;
    output.commit().map_err(|error| failed(path, error))
}

fn failed(path: &Path, error: impl Into<io::Error>) -> Error {
    let error = error.into();
    Error::Io(Message::new(format!("cannot be written: {error}")).subject(path.display().to_string()).cause(error))
}
