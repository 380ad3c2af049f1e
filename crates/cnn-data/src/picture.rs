//! Pictures in memory.

use cnn_core::Tensor;
use cnn_core::tensor::element_count;

use crate::error::{PictureError, PictureProblem};

/// The channels of a picture or of a tensor made of it: Keras's `color_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channels {
    /// One: Keras's "grayscale".
    Grey,
    /// Three, red first: Keras's "rgb".
    Rgb,
    /// Four, red first, alpha last and not multiplied into the colours: Keras's "rgba".
    Rgba,
}

impl Channels {
    /// 1, 3 or 4.
    pub fn count(self) -> usize {
        match self {
            Channels::Grey => 1,
            Channels::Rgb => 3,
            Channels::Rgba => 4,
        }
    }
}

/// A picture in memory: 8 bits a channel, rows from the top, at least one pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub(crate) name: String,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: Channels,
    pub(crate) pixels: Vec<u8>,
}

impl Picture {
    /// A picture of the host's own pixels, row-major, the channels of a pixel side by side. `name` is for the messages.
    ///
    /// # Errors
    /// If there is no pixel, or `pixels` are not height x width x channels.
    pub fn new(
        name: &str,
        height: usize,
        width: usize,
        channels: Channels,
        pixels: Vec<u8>,
    ) -> Result<Self, PictureError> {
        Self::check(name, height, width, channels, pixels).map_err(|problem| problem.in_file(name))
    }

    pub(crate) fn check(
        name: &str,
        height: usize,
        width: usize,
        channels: Channels,
        pixels: Vec<u8>,
    ) -> Result<Self, PictureProblem> {
        let wanted = element_count(&[height, width, channels.count()]).unwrap_or(usize::MAX);
        if wanted == 0 || wanted != pixels.len() {
            let (channels, got) = (channels.count(), pixels.len());
            return Err(PictureProblem::Pixels { height, width, channels, got, wanted: wanted.max(channels) });
        }
        Ok(Self { name: name.to_owned(), height, width, channels, pixels })
    }

    /// The file's name, as the caller gave it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// What the pixels are made of.
    pub fn channels(&self) -> Channels {
        self.channels
    }

    /// The pixels, row-major, the channels of a pixel side by side.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The picture in other channels. Grey is `0.299 R + 0.587 G + 0.114 B` (ITU-R BT.601), in PIL's fixed point; alpha is
    /// dropped, not blended, and 255 where there was none. Keras converts before it resizes.
    pub fn convert(self, channels: Channels) -> Self {
        if self.channels == channels {
            return self;
        }
        let from = self.pixels.chunks_exact(self.channels.count());
        let pixels = match channels {
            Channels::Grey => from.map(luma).collect(),
            Channels::Rgb => from.flat_map(|pixel| [0, 1, 2].map(|channel| colour(pixel, channel))).collect(),
            Channels::Rgba => from.flat_map(|pixel| [0, 1, 2, 3].map(|channel| colour(pixel, channel))).collect(),
        };
        Self { channels, pixels, ..self }
    }

    /// The picture as a batch of one, `[1, height, width, channels]` in float32 from 0 to 255: Keras's `img_to_array`.
    pub fn to_tensor(&self, channels: Channels) -> Tensor {
        stack(&[self], channels)
    }
}

/// `(0.299 R + 0.587 G + 0.114 B)`, rounded, with weights of 16 bits that add up to 1; grey as it is.
fn luma(pixel: &[u8]) -> u8 {
    let &[red, green, blue, ..] = pixel else { return pixel[0] };
    let weighted = 19595 * u32::from(red) + 38470 * u32::from(green) + 7471 * u32::from(blue);
    ((weighted + (1 << 15)) >> 16) as u8
}

/// Red, green, blue or alpha of a pixel of 1, 3 or 4 channels.
fn colour(pixel: &[u8], channel: usize) -> u8 {
    match pixel.get(channel) {
        Some(value) => *value,
        None if channel == 3 => u8::MAX,
        None => pixel[0],
    }
}

/// Pictures of one size as one tensor, `[N, height, width, channels]` in float32 from 0 to 255.
///
/// # Errors
/// If there is none, or one has another size than the first.
pub fn batch(pictures: &[Picture], channels: Channels) -> Result<Tensor, PictureError> {
    let Some(first) = pictures.first() else {
        return Err(PictureProblem::EmptyBatch.in_file("batch"));
    };
    for picture in pictures {
        if (picture.height, picture.width) != (first.height, first.width) {
            let problem = PictureProblem::UnequalSizes {
                height: picture.height,
                width: picture.width,
                first: first.name.clone(),
                first_height: first.height,
                first_width: first.width,
            };
            return Err(problem.in_file(&picture.name));
        }
    }
    Ok(stack(&pictures.iter().collect::<Vec<_>>(), channels))
}

/// At least one picture, all of one size.
fn stack(pictures: &[&Picture], channels: Channels) -> Tensor {
    let shape = vec![pictures.len(), pictures[0].height, pictures[0].width, channels.count()];
    let (count, pixels) = (channels.count(), pictures[0].height * pictures[0].width);
    Tensor::from_fn(shape, |i| {
        let picture = pictures[i / (pixels * count)];
        let (pixel, channel) = (i / count % pixels, i % count);
        let from = picture.channels.count();
        let pixel = &picture.pixels[from * pixel..][..from];
        f32::from(if channels == Channels::Grey { luma(pixel) } else { colour(pixel, channel) })
    })
}
