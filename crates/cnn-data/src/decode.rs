//! Bytes to pixels.

use std::io::{Cursor, ErrorKind};

use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::error::{ImageError, UnsupportedErrorKind};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, GrayImage, ImageDecoder, Limits, RgbImage, RgbaImage};

use crate::error::{PictureError, PictureProblem};
use crate::header::{self, Format, Header};
use crate::picture::{Channels, Picture};

/// How pictures are decoded, and how large they may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeOptions {
    /// The most rows, and the most columns.
    pub max_side: u32,
    /// The most rows times columns. A pixel takes 1 to 8 bytes while a picture is decoded (of a progressive JPEG or a WebP 6
    /// more), then 1, 3 or 4.
    pub max_pixels: u64,
    /// Whether a picture is turned and mirrored as its EXIF entry "orientation" says, as people see it in a viewer. Keras
    /// does not do this.
    pub exif_orientation: bool,
    /// Whether 16 bits are scaled to 8, `round(x / 257)`. PIL does otherwise, and so Keras: it cuts a grey value at 255, so
    /// that nearly every picture of 16 bits gets white, and takes the upper 8 bits of a colour or of grey with alpha.
    pub scale_16_bits: bool,
    /// Whether a picture that has alpha keeps it and comes out as [`Channels::Rgba`], grey with alpha too. Otherwise alpha is
    /// dropped, not blended.
    pub alpha: bool,
}

impl Default for DecodeOptions {
    /// 16,384 rows and columns, 2^28 (268 million) pixels; turned by EXIF, 16 bits scaled, without alpha.
    fn default() -> Self {
        Self { max_side: 1 << 14, max_pixels: 1 << 28, exif_orientation: true, scale_16_bits: true, alpha: false }
    }
}

impl DecodeOptions {
    /// The same limits, and pictures as Keras's `load_img` takes them: not turned, 16 bits as PIL takes them. One thing is not
    /// had: grey of 16 bits in `color_mode="grayscale"`, which Keras leaves at 0 to 65535, is cut at 255 there too.
    pub fn as_keras(self) -> Self {
        Self { exif_orientation: false, scale_16_bits: false, ..self }
    }
}

/// Decodes a PNG, JPEG, GIF, BMP or WebP file; `name` is the file's name, for the messages.
///
/// What comes out is 8 bits of grey where the file has grey, else of red, green and blue: palettes are looked up, alpha is
/// dropped (not blended) unless [`DecodeOptions::alpha`] keeps it, CMYK is converted without a colour profile; profiles and
/// gamma are ignored. Of an animation it is the first frame, of an animated PNG the still picture. All of this is what Keras's
/// `load_img` does through PIL, but for four things, of which [`DecodeOptions::as_keras`] takes back the first two:
///
/// - A picture is turned as its EXIF entry says: [`DecodeOptions::exif_orientation`].
/// - 16 bits are scaled to 8: [`DecodeOptions::scale_16_bits`].
/// - What a GIF's first frame leaves free of the canvas is transparent black, and black without alpha, where PIL takes a colour
///   of the palette.
/// - A BMP's 5 and 6 bits a channel are rounded to 8, where PIL rounds down.
///
/// # Errors
/// If the bytes are empty, no picture, of another format (which is named), truncated or damaged, or the picture has no
/// pixel or too many; the last two are seen in the header, before memory is taken for pixels.
pub fn decode(bytes: &[u8], name: &str, options: &DecodeOptions) -> Result<Picture, PictureError> {
    let pixels = || {
        let header = header::read(bytes)?;
        check_size(&header, options)?;
        let file = Cursor::new(&bytes[..header.length]);
        let decoded = match header.format {
            Format::Png => {
                // The limits are for what a PNG file holds besides pixels: texts, a colour profile.
                let limits = Limits::default();
                PngDecoder::with_limits(file, limits).map(|decoder| read(decoder, &header, options))
            }
            Format::Jpeg => JpegDecoder::new(file).map(|decoder| read(decoder, &header, options)),
            Format::Gif => GifDecoder::new(file).and_then(|mut decoder| {
                // For a frame of another size than the canvas.
                let mut limits = Limits::no_limits();
                limits.max_alloc = Some(options.max_pixels.saturating_mul(4));
                decoder.set_limits(limits)?;
                Ok(read(decoder, &header, options))
            }),
            Format::Bmp => BmpDecoder::new(file).map(|decoder| read(decoder, &header, options)),
            Format::WebP => WebPDecoder::new(file).map(|decoder| read(decoder, &header, options)),
        };
        decoded.map_err(Failure::Decoder).flatten().map_err(|failure| failure.explain(&header, bytes.len()))
    };
    pixels()
        .and_then(|(channels, image)| {
            let (height, width) = (image.height() as usize, image.width() as usize);
            Picture::check(name, height, width, channels, image.into_bytes())
        })
        .map_err(|problem| problem.in_file(name))
}

fn check_size(header: &Header, options: &DecodeOptions) -> Result<(), PictureProblem> {
    let &Header { height, width, .. } = header;
    let &DecodeOptions { max_side, max_pixels, .. } = options;
    if height == 0 || width == 0 {
        return Err(PictureProblem::NoPixels { height, width });
    }
    if height.max(width) > max_side || u64::from(height) * u64::from(width) > max_pixels {
        return Err(PictureProblem::TooLarge { height, width, max_side, max_pixels });
    }
    Ok(())
}

enum Failure {
    Decoder(ImageError),
    Problem(PictureProblem),
}

/// The pixels in 8 bits, upright.
fn read(
    mut decoder: impl ImageDecoder,
    header: &Header,
    options: &DecodeOptions,
) -> Result<(Channels, DynamicImage), Failure> {
    let (width, height) = decoder.dimensions();
    if (width, height) != (header.width, header.height) {
        // The decoder knows no such size: 16,384 columns of a lossless WebP are 0 for it.
        let what = format!("{} rows and {} columns", header.height, header.width);
        return Err(Failure::Problem(PictureProblem::UnsupportedFeature { format: header.format.name(), what }));
    }
    let orientation = match options.exif_orientation {
        true => decoder.orientation().map_err(Failure::Decoder)?,
        false => Orientation::NoTransforms,
    };
    let (color, bytes) = (decoder.color_type(), decoder.total_bytes());
    let no_memory = || Failure::Problem(PictureProblem::Memory { bytes });
    let size = usize::try_from(bytes).map_err(|_| no_memory())?;
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(size).map_err(|_| no_memory())?;
    buffer.resize(size, 0);
    decoder.read_image(&mut buffer).map_err(Failure::Decoder)?;

    let channels = match (color.has_color(), color.has_alpha() && options.alpha) {
        (_, true) => Channels::Rgba,
        (true, false) => Channels::Rgb,
        (false, false) => Channels::Grey,
    };
    let kept = channels.count().min(usize::from(color.channel_count()));
    let mut pixels = eight_bits(buffer, color, kept, options.scale_16_bits);
    if kept == 2 {
        pixels = pixels.chunks_exact(2).flat_map(|pixel| [pixel[0], pixel[0], pixel[0], pixel[1]]).collect();
    }
    let image = match channels {
        Channels::Grey => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
        Channels::Rgb => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
        Channels::Rgba => RgbaImage::from_raw(width, height, pixels).map(DynamicImage::from),
    };
    let mut image = image.ok_or_else(no_memory)?;
    image.apply_orientation(orientation);
    Ok((channels, image))
}

/// The first `kept` channels in 8 bits, out of what a decoder wrote: 16 bits are in native byte order.
fn eight_bits(buffer: Vec<u8>, color: ColorType, kept: usize, scale: bool) -> Vec<u8> {
    let all = usize::from(color.channel_count());
    if usize::from(color.bytes_per_pixel()) == all {
        if kept == all {
            return buffer;
        }
        return buffer.chunks_exact(all).flat_map(|pixel| &pixel[..kept]).copied().collect();
    }
    let scaled = |two: &[u8]| {
        let value = u32::from(u16::from_ne_bytes([two[0], two[1]]));
        let eight = match (scale, color) {
            (true, _) => (value + 128) / 257,
            (false, ColorType::L16) => value.min(255),
            (false, _) => value >> 8,
        };
        eight as u8
    };
    buffer.chunks_exact(2 * all).flat_map(|pixel| pixel[..2 * kept].chunks_exact(2).map(scaled)).collect()
}

impl Failure {
    fn explain(self, header: &Header, bytes: usize) -> PictureProblem {
        let format = header.format.name();
        let error = match self {
            Failure::Problem(problem) => return problem,
            Failure::Decoder(error) => error,
        };
        match error {
            ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
                PictureProblem::Truncated { format, bytes }
            }
            ImageError::Unsupported(error) => {
                let what = match error.kind() {
                    UnsupportedErrorKind::Color(color) => format!("pixels of type {color:?}"),
                    UnsupportedErrorKind::GenericFeature(feature) => feature,
                    _ => "a feature that is not known".to_owned(),
                };
                PictureProblem::UnsupportedFeature { format, what }
            }
            other => PictureProblem::Damaged { format, reason: reason(&other) },
        }
    }
}

/// The innermost cause: what stands around it repeats the format's name.
fn reason(error: &ImageError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
