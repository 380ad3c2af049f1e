//! What the first bytes tell: the format, and the size of the picture before a byte is set aside for it.
//!
//! Sources: PNG (Third Edition), sections 5.2 and 11.2.1; JPEG, ITU-T T.81, annex B.

use image::ImageFormat;

use crate::error::PictureProblem;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";

/// The formats that are told apart and not read.
const OTHERS: [(&[u8], &str); 14] = [
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"\0\0\x01\0", "a Windows icon"),
    (b"8BPS", "a Photoshop picture"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"qoif", "a QOI picture"),
    (b"v/1\x01", "an OpenEXR picture"),
    (b"%PDF", "a PDF document"),
    (b"<svg", "an SVG drawing"),
];

/// The format and size of a picture, as its header has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub format: ImageFormat,
    pub height: u32,
    pub width: u32,
}

/// The name of a format that is read.
pub fn name(format: ImageFormat) -> &'static str {
    if format == ImageFormat::Png { "PNG" } else { "JPEG" }
}

/// Whether a file begins as PNG or JPEG files do.
pub fn is_read(start: &[u8]) -> bool {
    start.starts_with(PNG) || start.starts_with(JPEG)
}

/// Reads the header of a PNG or JPEG file, and of the latter whether it has an end: decoders fill what is missing with
/// grey.
pub fn read(bytes: &[u8]) -> Result<Header, PictureProblem> {
    if bytes.is_empty() {
        Err(PictureProblem::Empty)
    } else if bytes.starts_with(PNG) {
        png(bytes)
    } else if bytes.starts_with(JPEG) {
        jpeg(bytes)
    } else if let Some(format) = [PNG, JPEG].iter().position(|magic| magic.starts_with(bytes)) {
        Err(PictureProblem::Truncated { format: ["PNG", "JPEG"][format], bytes: bytes.len() })
    } else {
        Err(other(bytes))
    }
}

/// What bytes are that are neither PNG nor JPEG.
fn other(bytes: &[u8]) -> PictureProblem {
    let known = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, format)| *format);
    let inside = |at: usize, word: &[u8]| bytes.get(at..at + word.len()) == Some(word);
    let format = match known {
        Some(format) => Some(format),
        None if inside(0, b"RIFF") && inside(8, b"WEBP") => Some("a WebP picture"),
        None if inside(4, b"ftypavi") => Some("an AVIF picture"),
        None if inside(4, b"ftyphei") || inside(4, b"ftypmif1") => Some("a HEIC picture"),
        None => None,
    };
    if let Some(format) = format {
        return PictureProblem::UnsupportedFormat { format };
    }
    let found = if bytes.starts_with(b"version https://git-lfs") {
        "it is a pointer to a file in Git LFS, not yet fetched".to_owned()
    } else if bytes.starts_with(b"\0\x05\x16\x07") {
        // AppleDouble, RFC 1740: on a disk that is not its own, macOS writes "._cat.jpg" beside "cat.jpg".
        "it is what macOS keeps beside a file, not the file itself; remove it".to_owned()
    } else {
        let start = &bytes[..bytes.len().min(12)];
        format!("it begins with \"{}\"", start.escape_ascii())
    };
    PictureProblem::NotAPicture { found }
}

/// The first chunk, IHDR, stands right behind the signature and opens with width and height.
fn png(bytes: &[u8]) -> Result<Header, PictureProblem> {
    let number = |at: usize| bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four));
    let (Some(width), Some(height)) = (number(16), number(20)) else {
        return Err(PictureProblem::Truncated { format: "PNG", bytes: bytes.len() });
    };
    if bytes.get(12..16) != Some(b"IHDR") {
        return Err(damaged("PNG", "its first chunk is not IHDR"));
    }
    Ok(Header { format: ImageFormat::Png, height, width })
}

/// Walks the marker segments to the end of the picture.
fn jpeg(bytes: &[u8]) -> Result<Header, PictureProblem> {
    /// End of image.
    const EOI: u8 = 0xd9;
    /// Start of scan: compressed pixels stand behind its segment.
    const SOS: u8 = 0xda;
    let truncated = || PictureProblem::Truncated { format: "JPEG", bytes: bytes.len() };
    let mut frame = None;
    let mut rest = &bytes[2..];
    loop {
        let (marker, behind) = next_marker(rest).ok_or_else(truncated)?;
        if marker == EOI {
            break;
        }
        let length = usize::from(u16::from_be_bytes(*behind.first_chunk().ok_or_else(truncated)?));
        if length < 2 {
            return Err(damaged("JPEG", "a segment is shorter than its own length"));
        }
        let (segment, behind) = behind.split_at_checked(length).ok_or_else(truncated)?;
        // Of all the 0xc0 to 0xcf, these three are tables, the others the frames of the several processes.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) && frame.is_none() {
            frame = Some(jpeg_frame(marker, segment)?);
        }
        if marker == SOS && frame.is_none() {
            return Err(damaged("JPEG", "its pixels come before their size"));
        }
        rest = behind;
    }
    frame.ok_or_else(|| damaged("JPEG", "it has no pixels"))
}

/// The next marker that opens a segment or ends the picture, and what is behind it. Compressed pixels, in which 0xff is
/// followed by 0 or by a restart marker (0xd0 to 0xd7), are passed over, as are fill bytes.
fn next_marker(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let at = bytes.iter().position(|byte| *byte == 0xff)?;
        bytes = &bytes[at + 1..];
        match bytes.first()? {
            0xff => {}
            0 | 1 | 0xd0..=0xd8 => bytes = &bytes[1..],
            marker => return Some((*marker, &bytes[1..])),
        }
    }
}

/// The size in a frame's segment: length (2 bytes), precision, height (2), width (2).
fn jpeg_frame(marker: u8, segment: &[u8]) -> Result<Header, PictureProblem> {
    let unsupported = |what: &str| PictureProblem::UnsupportedFeature { format: "JPEG", what: what.to_owned() };
    let &[_, _, precision, h1, h0, w1, w0, ..] = segment else {
        return Err(damaged("JPEG", "the segment with its size is too short"));
    };
    match marker {
        0xc0..=0xc2 if precision == 8 => {}
        0xc0..=0xc2 => return Err(unsupported(&format!("{precision} bits a channel"))),
        0xc3 | 0xc7 | 0xcb | 0xcf => return Err(unsupported("lossless compression")),
        0xc9 | 0xca | 0xcd | 0xce => return Err(unsupported("arithmetic coding")),
        _ => return Err(unsupported("hierarchical frames")),
    }
    let number = |high, low| u32::from(u16::from_be_bytes([high, low]));
    Ok(Header { format: ImageFormat::Jpeg, height: number(h1, h0), width: number(w1, w0) })
}

fn damaged(format: &'static str, reason: &str) -> PictureProblem {
    PictureProblem::Damaged { format, reason: reason.to_owned() }
}
