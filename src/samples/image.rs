//! Images: what samples read and write as pictures or arrays.

use std::{fs::File, io::BufReader, path::Path};

use super::{draw, read};
use crate::Result;

/// An image, plane by plane: one of grey levels, or red, green and blue; a second or fourth one says how opaque it is.
/// Levels are proportional to light, with white at 1.
pub(super) struct Image {
    pub width: usize,
    pub height: usize,
    pub planes: Vec<Vec<f32>>,
}

impl Image {
    /// Reads a PNG, or an array of f32 whose values are taken as they are.
    ///
    /// # Errors
    ///
    /// When it is none of these, a side is zero or more than `most`, or a value is not finite.
    pub fn read(path: &Path, most: usize) -> Result<Image> {
        let is_array = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"));
        let image = if is_array { array(path)? } else { picture(path, most)? };
        if [image.width, image.height].iter().any(|side| !(1..=most).contains(side)) {
            let size = format!("it is {} x {}, and a side may be 1 to {most} pixels", image.width, image.height);
            return Err(read::refuse(path, size, "cut or scale it first"));
        }
        Ok(image)
    }

    /// Writes a PNG or an array, by the extension of `path`, one of `allowed`.
    pub fn write(&self, path: &Path, allowed: &[&'static str]) -> Result<()> {
        if draw::extension(path, allowed)? == "png" {
            return draw::write_png(path, self.width, &self.rgba());
        }
        let values: Vec<f32> =
            (0..self.width * self.height).flat_map(|i| self.planes.iter().map(move |p| p[i])).collect();
        match self.planes.len() {
            1 => draw::write_npy(path, &values, &[self.height, self.width]),
            planes => draw::write_npy(path, &values, &[self.height, self.width, planes]),
        }
    }

    fn rgba(&self) -> Vec<u8> {
        let [red, green, blue, alpha] = match self.planes.len() {
            1 => [Some(0), Some(0), Some(0), None],
            2 => [Some(0), Some(0), Some(0), Some(1)],
            3 => [Some(0), Some(1), Some(2), None],
            _ => [Some(0), Some(1), Some(2), Some(3)],
        };
        let level = |plane: Option<usize>, i: usize| plane.map_or(1.0, |plane| self.planes[plane][i]);
        let pixel = |i: usize| {
            let colours = [red, green, blue].map(|plane| byte(encode(level(plane, i))));
            [colours[0], colours[1], colours[2], byte(level(alpha, i))]
        };
        (0..self.width * self.height).flat_map(pixel).collect()
    }
}

/// The part of full light that a level of sRGB stands for (IEC 61966-2-1).
fn decode(level: f32) -> f32 {
    if level <= 0.04045 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) }
}

/// The level of sRGB for a part of full light.
fn encode(light: f32) -> f32 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

fn byte(level: f32) -> u8 {
    (255.0 * level.clamp(0.0, 1.0)).round() as u8
}

fn picture(path: &Path, most: usize) -> Result<Image> {
    let unreadable = |error: png::DecodingError| {
        read::refuse(
            path,
            format!("it is no PNG that can be read: {error}"),
            "save it as a PNG, or an array as a .npy file",
        )
    };
    let file = BufReader::new(File::open(path).map_err(|error| read::unreadable(path, &error))?);
    let mut decoder = png::Decoder::new(file);
    // Palettes and few bits become bytes, 16 bits the upper 8.
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(unreadable)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let bytes = reader.output_buffer_size().filter(|_| width.max(height) <= most).unwrap_or(0);
    if bytes == 0 {
        // Refused by its sides.
        return Ok(Image { width, height, planes: Vec::new() });
    }
    let mut pixels = vec![0; bytes];
    let frame = reader.next_frame(&mut pixels).map_err(unreadable)?;
    let channels = frame.color_type.samples();
    let is_alpha = |channel: usize| channels % 2 == 0 && channel == channels - 1;
    let plane = |channel: usize| {
        let levels = pixels.iter().skip(channel).step_by(channels).map(|&level| f32::from(level) / 255.0);
        if is_alpha(channel) { levels.collect() } else { levels.map(decode).collect() }
    };
    Ok(Image { width, height, planes: (0..channels).map(plane).collect() })
}

fn array(path: &Path) -> Result<Image> {
    let read::Array { shape, values } = read::npy(path)?;
    let (height, width, channels) = match shape[..] {
        [height, width] => (height, width, 1),
        [height, width, channels] if (1..=4).contains(&channels) => (height, width, channels),
        _ => {
            return Err(read::refuse(
                path,
                format!("its shape is {shape:?}"),
                "an image has the shape (height, width), or (height, width, channels) with 1 to 4 channels",
            ));
        }
    };
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        let place = format!("row {}, column {}", at / channels / width, at / channels % width);
        return Err(read::refuse(path, format!("{place} holds {}", values[at]), "replace what is not finite first"));
    }
    let plane = |channel: usize| values.iter().skip(channel).step_by(channels).copied().collect();
    Ok(Image { width, height, planes: (0..channels).map(plane).collect() })
}
