//! Pictures to another size.

use cnn_core::tensor::element_count;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3, U8x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::error::{PictureError, PictureProblem};
use crate::picture::{Channels, Picture};

/// How a picture is brought to another size: Keras's `interpolation`, which are PIL's filters. But for nearest, a filter is
/// widened by the factor of a reduction, so that every pixel counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Interpolation {
    /// The pixel under the middle of the new one: Keras's default.
    #[default]
    Nearest,
    /// A triangle over 2 pixels.
    Bilinear,
    /// Keys's cubic with a = -1/2, over 4 pixels.
    Bicubic,
    /// Lanczos's windowed sinc over 6 pixels.
    Lanczos,
    /// A sinc in a Hamming window over 2 pixels.
    Hamming,
}

impl Interpolation {
    /// All of them, under Keras's names. Keras's "box" is not among them: where a pixel lies on a window's edge, the
    /// resizer behind this takes it in or leaves it out unlike PIL, and a box weighs it like any other.
    pub const ALL: [(&'static str, Self); 5] = [
        ("nearest", Self::Nearest),
        ("bilinear", Self::Bilinear),
        ("bicubic", Self::Bicubic),
        ("lanczos", Self::Lanczos),
        ("hamming", Self::Hamming),
    ];
}

/// A part of a picture.
#[derive(Clone, Copy)]
struct Crop {
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

impl Picture {
    /// The whole picture at another size, stretched where the aspect ratio differs: the size, values and interpolation of
    /// Keras's `load_img(target_size=(height, width))`.
    ///
    /// # Errors
    /// If a side is 0, or the picture too large for memory.
    pub fn resize(&self, height: usize, width: usize, interpolation: Interpolation) -> Result<Picture, PictureError> {
        let whole = Crop { top: 0, left: 0, height: self.height, width: self.width };
        self.resize_part(whole, height, width, interpolation)
    }

    /// The largest part in the picture's middle that has the wanted aspect ratio, at another size: Keras's
    /// `load_img(target_size=(height, width), keep_aspect_ratio=True)`. At the part's edges a filter takes in pixels beyond
    /// them, as PIL's does.
    ///
    /// # Errors
    /// If a side is 0, the picture is too large for memory, or so narrow that its part would have no pixel.
    pub fn resize_keeping_aspect_ratio(
        &self,
        height: usize,
        width: usize,
        interpolation: Interpolation,
    ) -> Result<Picture, PictureError> {
        // The other side of a part that takes a whole side, at most all there is.
        let part = |side: usize, wanted: usize, whole: usize, all: usize| {
            (side as u128 * wanted as u128)
                .checked_div(whole as u128)
                .map_or(all, |part| part.min(all as u128) as usize)
        };
        let rows = part(self.width, height, width, self.height);
        let columns = part(self.height, width, height, self.width);
        if (rows == 0 || columns == 0) && height > 0 && width > 0 {
            let reason = format!("no part of its {} x {} pixels has that aspect ratio", self.height, self.width);
            return Err(PictureProblem::Target { height, width, reason }.in_file(&self.name));
        }
        let middle =
            Crop { top: (self.height - rows) / 2, left: (self.width - columns) / 2, height: rows, width: columns };
        self.resize_part(middle, height, width, interpolation)
    }

    fn resize_part(
        &self,
        part: Crop,
        height: usize,
        width: usize,
        interpolation: Interpolation,
    ) -> Result<Picture, PictureError> {
        let refused = |reason: String| PictureProblem::Target { height, width, reason }.in_file(&self.name);
        if height == 0 || width == 0 {
            return Err(refused("it needs at least one of each".into()));
        }
        let filter = match interpolation {
            _ if (height, width) == (self.height, self.width) => return Ok(self.clone()),
            Interpolation::Nearest => None,
            Interpolation::Bilinear => Some(FilterType::Bilinear),
            Interpolation::Bicubic => Some(FilterType::CatmullRom),
            Interpolation::Lanczos => Some(FilterType::Lanczos3),
            Interpolation::Hamming => Some(FilterType::Hamming),
        };
        let size = element_count(&[height, width, self.channels.count()]);
        let mut pixels = Vec::new();
        match size.map(|size| (size, pixels.try_reserve_exact(size))) {
            Some((size, Ok(()))) => pixels.resize(size, 0),
            _ => return Err(refused("there is not that much memory".into())),
        }
        match filter {
            None => self.nearest(part, height, width, &mut pixels),
            Some(filter) => self.convolve(part, [height, width], filter, &mut pixels).map_err(refused)?,
        }
        Ok(Picture { name: self.name.clone(), height, width, channels: self.channels, pixels })
    }

    fn nearest(&self, part: Crop, height: usize, width: usize, pixels: &mut [u8]) {
        let count = self.channels.count();
        let columns = nearest_positions(part.left, part.width, width);
        let rows = nearest_positions(part.top, part.height, height);
        for (row, out) in rows.iter().zip(pixels.chunks_exact_mut(width * count)) {
            let from = &self.pixels[row * self.width * count..][..self.width * count];
            for (column, out) in columns.iter().zip(out.chunks_exact_mut(count)) {
                out.copy_from_slice(&from[column * count..][..count]);
            }
        }
    }

    fn convolve(&self, part: Crop, size: [usize; 2], filter: FilterType, pixels: &mut [u8]) -> Result<(), String> {
        match self.channels {
            Channels::Grey => self.convolve_typed::<U8>(part, size, filter, pixels),
            Channels::Rgb => self.convolve_typed::<U8x3>(part, size, filter, pixels),
            Channels::Rgba => {
                // What shines through counts by its alpha, or the colour of what is not seen would bleed in.
                let mut weighted = self.clone();
                weighted.pixels.as_chunks_mut().0.iter_mut().for_each(multiply_by_alpha);
                weighted.convolve_typed::<U8x4>(part, size, filter, pixels)?;
                pixels.as_chunks_mut().0.iter_mut().for_each(divide_by_alpha);
                Ok(())
            }
        }
    }

    /// Along the rows, then along the columns, rounded between, as PIL does it; in the other order, the resizer's own,
    /// numbers differ by up to 12. The type of pixel is named because the resizer that finds it out by itself compiles for
    /// all fifteen.
    fn convolve_typed<P: PixelTrait>(
        &self,
        part: Crop,
        [height, width]: [usize; 2],
        filter: FilterType,
        pixels: &mut [u8],
    ) -> Result<(), String> {
        let side = |size: usize| u32::try_from(size).map_err(|error| error.to_string());
        let (from_height, from_width, height, width) =
            (side(self.height)?, side(self.width)?, side(height)?, side(width)?);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
        let mut resizer = Resizer::new();
        let from = TypedImageRef::<P>::from_buffer(from_width, from_height, &self.pixels);
        let mut between = TypedImage::<P>::new(width, from_height);
        let [top, left, rows, columns] = [part.top, part.left, part.height, part.width].map(|size| size as f64);
        let across = options.crop(left, 0.0, columns, f64::from(from_height));
        resizer
            .resize_typed(&from.map_err(|error| error.to_string())?, &mut between, &across)
            .map_err(|error| error.to_string())?;
        let down = options.crop(0.0, top, f64::from(width), rows);
        let mut to = TypedImage::<P>::from_buffer(width, height, pixels).map_err(|error| error.to_string())?;
        resizer.resize_typed(&between, &mut to, &down).map_err(|error| error.to_string())
    }
}

/// `round(c * alpha / 255)`, as PIL's fixed point has it.
fn multiply_by_alpha([red, green, blue, alpha]: &mut [u8; 4]) {
    for value in [red, green, blue] {
        let product = u32::from(*value) * u32::from(*alpha) + 128;
        *value = ((product + (product >> 8)) >> 8) as u8;
    }
}

/// The way back, rounded down and at most 255, as in PIL.
fn divide_by_alpha([red, green, blue, alpha]: &mut [u8; 4]) {
    for value in [red, green, blue] {
        *value = (255 * u32::from(*value)).checked_div(u32::from(*alpha)).map_or(*value, |value| value.min(255) as u8);
    }
}

/// The pixel under the middle of each pixel of `to`, of the `from` pixels that begin at `begin`. The middles are summed up
/// one by one, as PIL does: where one falls on a border between two pixels, rounding decides.
fn nearest_positions(begin: usize, from: usize, to: usize) -> Vec<usize> {
    let scale = from as f64 / to as f64;
    let middles = std::iter::successors(Some(begin as f64 + scale * 0.5), |middle| Some(middle + scale));
    middles.take(to).map(|middle| (middle as usize).min(begin + from - 1)).collect()
}
