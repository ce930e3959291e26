//! Writing what samples make to files.

use std::{
    io::{self, BufWriter},
    path::Path,
};

use npyz::{AutoSerialize, WriterBuilder};

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
    let mut file = BufWriter::new(Output::create(path).map_err(|error| failed(path, error))?);
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
    let mut file = BufWriter::new(Output::create(path).map_err(|error| failed(path, error))?);
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

/// Gives a file that is complete its name.
fn commit(path: &Path, file: BufWriter<Output>) -> Result<()> {
    let output = file.into_inner().map_err(|error| failed(path, error.into_error()))?;
    output.commit().map_err(|error| failed(path, error))
}

fn failed(path: &Path, error: impl Into<io::Error>) -> Error {
    let error = error.into();
    Error::Io(Message::new(format!("cannot be written: {error}")).subject(path.display().to_string()).cause(error))
}
