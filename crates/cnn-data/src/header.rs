//! What the first bytes tell: the format, and the size of the picture before a byte is set aside for it.
//!
//! Sources: PNG (Third Edition), sections 5.2 and 11.2.1; JPEG, ITU-T T.81, annex B; GIF89a, section 18; Windows'
//! BITMAPCOREHEADER and BITMAPINFOHEADER; WebP, RFC 9649, sections 2.3 to 2.7 and 3.4, and VP8, RFC 6386, section 9.1.

use crate::error::PictureProblem;

/// A format that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Png,
    Jpeg,
    Gif,
    Bmp,
    WebP,
}

impl Format {
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::WebP => "WebP",
        }
    }
}

/// How files begin. WebP's length stands between its two words.
const BEGINNINGS: [(&[u8], Format); 4] = [
    (b"\x89PNG\r\n\x1a\n", Format::Png),
    (b"\xff\xd8\xff", Format::Jpeg),
    (b"GIF8", Format::Gif),
    (b"BM", Format::Bmp),
];

/// The formats that are told apart and not read.
const OTHERS: [(&[u8], &str); 12] = [
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
    pub format: Format,
    pub height: u32,
    pub width: u32,
    /// Bytes of the file without what may follow it.
    pub length: usize,
}

/// Reads a file's header, and of JPEG and WebP whether the file has its end: JPEG decoders fill what is missing with grey.
pub fn read(bytes: &[u8]) -> Result<Header, PictureProblem> {
    if bytes.is_empty() {
        return Err(PictureProblem::Empty);
    }
    let begins = BEGINNINGS.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, format)| *format);
    match begins.or(is_webp(bytes).then_some(Format::WebP)) {
        Some(Format::Png) => png(bytes),
        Some(Format::Jpeg) => jpeg(bytes),
        Some(Format::Gif) => gif(bytes),
        Some(Format::Bmp) => bmp(bytes),
        Some(Format::WebP) => webp(bytes),
        None => Err(match BEGINNINGS.iter().find(|(magic, _)| magic.starts_with(bytes)) {
            Some((_, format)) => truncated(*format, bytes),
            None => other(bytes),
        }),
    }
}

fn is_webp(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP")
}

/// What bytes are that no format begins with.
fn other(bytes: &[u8]) -> PictureProblem {
    let known = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, format)| *format);
    let inside = |at: usize, word: &[u8]| bytes.get(at..at + word.len()) == Some(word);
    let format = match known {
        Some(format) => Some(format),
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
        return Err(truncated(Format::Png, bytes));
    };
    if bytes.get(12..16) != Some(b"IHDR") {
        return Err(damaged(Format::Png, "its first chunk is not IHDR"));
    }
    Ok(Header { format: Format::Png, height, width, length: bytes.len() })
}

/// Walks the marker segments to the end of the picture.
fn jpeg(bytes: &[u8]) -> Result<Header, PictureProblem> {
    /// End of image.
    const EOI: u8 = 0xd9;
    /// Start of scan: compressed pixels stand behind its segment.
    const SOS: u8 = 0xda;
    let truncated = || truncated(Format::Jpeg, bytes);
    let mut frame = None;
    let mut rest = &bytes[2..];
    loop {
        let (marker, behind) = next_marker(rest).ok_or_else(truncated)?;
        if marker == EOI {
            break;
        }
        let length = usize::from(u16::from_be_bytes(*behind.first_chunk().ok_or_else(truncated)?));
        if length < 2 {
            return Err(damaged(Format::Jpeg, "a segment is shorter than its own length"));
        }
        let (segment, behind) = behind.split_at_checked(length).ok_or_else(truncated)?;
        // Of all the 0xc0 to 0xcf, these three are tables, the others the frames of the several processes.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) && frame.is_none() {
            let (height, width) = jpeg_frame(marker, segment)?;
            frame = Some(Header { format: Format::Jpeg, height, width, length: bytes.len() });
        }
        if marker == SOS && frame.is_none() {
            return Err(damaged(Format::Jpeg, "its pixels come before their size"));
        }
        rest = behind;
    }
    frame.ok_or_else(|| damaged(Format::Jpeg, "it has no pixels"))
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

/// Height and width in a frame's segment: length (2 bytes), precision, height (2), width (2).
fn jpeg_frame(marker: u8, segment: &[u8]) -> Result<(u32, u32), PictureProblem> {
    let unsupported = |what: &str| PictureProblem::UnsupportedFeature { format: "JPEG", what: what.to_owned() };
    let &[_, _, precision, h1, h0, w1, w0, ..] = segment else {
        return Err(damaged(Format::Jpeg, "the segment with its size is too short"));
    };
    match marker {
        0xc0..=0xc2 if precision == 8 => {}
        0xc0..=0xc2 => return Err(unsupported(&format!("{precision} bits a channel"))),
        0xc3 | 0xc7 | 0xcb | 0xcf => return Err(unsupported("lossless compression")),
        0xc9 | 0xca | 0xcd | 0xce => return Err(unsupported("arithmetic coding")),
        _ => return Err(unsupported("hierarchical frames")),
    }
    let number = |high, low| u32::from(u16::from_be_bytes([high, low]));
    Ok((number(h1, h0), number(w1, w0)))
}

/// The size of the canvas, on which the first frame may leave a margin: width and height, of 16 bits each, behind the version.
fn gif(bytes: &[u8]) -> Result<Header, PictureProblem> {
    let number = |at| little_endian(bytes, at, 2).ok_or_else(|| truncated(Format::Gif, bytes));
    Ok(Header { format: Format::Gif, height: number(8)?, width: number(6)?, length: bytes.len() })
}

/// Behind the file's header of 14 bytes stands the picture's, which opens with its length. The one of 12 bytes has width and
/// height in 16 bits each, all later ones in 32, where a height below 0 says that the first row is the top one.
fn bmp(bytes: &[u8]) -> Result<Header, PictureProblem> {
    let number = |at, length| little_endian(bytes, at, length).ok_or_else(|| truncated(Format::Bmp, bytes));
    let (height, width) = match number(14, 4)? {
        12 => (number(20, 2)?, number(18, 2)?),
        _ => (number(22, 4)?.cast_signed().unsigned_abs(), number(18, 4)?),
    };
    Ok(Header { format: Format::Bmp, height, width, length: bytes.len() })
}

/// Walks the chunks, of which the first has the picture's size. Each has a name, its length, so many bytes, and a byte more
/// where they are odd; a frame of an animation has 16 bytes and chunks of its own.
fn webp(bytes: &[u8]) -> Result<Header, PictureProblem> {
    let truncated = || truncated(Format::WebP, bytes);
    // What begins "RIFF", a length and "WEBP", behind which so many bytes less 4 stand.
    let (file, after) = chunk(&bytes[4..]).ok_or_else(truncated)?;
    let (mut parts, mut size) = (vec![file.get(4..).unwrap_or_default()], None);
    let sizeless = || damaged(Format::WebP, "its first chunk does not tell the picture's size");
    while let Some(mut rest) = parts.pop() {
        while let Some((name, behind)) = rest.split_first_chunk() {
            let data;
            (data, rest) = chunk(behind).ok_or_else(truncated)?;
            rest = rest.get(data.len() % 2..).unwrap_or_default();
            if name == b"ANMF" {
                parts.extend(data.get(16..));
            }
            let told = webp_size(name, data);
            let (rows, columns) = *match &mut size {
                Some(size) => size,
                size @ None => size.insert(told.ok_or_else(sizeless)?),
            };
            // A decoder takes memory for a frame before it compares the two.
            if told.is_some_and(|(height, width)| height > rows || width > columns) {
                return Err(damaged(Format::WebP, "a frame is larger than its canvas"));
            }
        }
    }
    let (height, width) = size.ok_or_else(sizeless)?;
    Ok(Header { format: Format::WebP, height, width, length: bytes.len() - after.len() })
}

/// Bytes behind a length of 32 bits, and what follows them.
fn chunk(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, behind) = bytes.split_first_chunk()?;
    behind.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

/// Height and width: of a key frame of VP8 behind its tag and start code, of a lossless picture in 14 bits each behind its
/// signature, less 1, and of one with more chunks in 24 bits each behind its flags, less 1.
fn webp_size(name: &[u8; 4], data: &[u8]) -> Option<(u32, u32)> {
    const BITS: u32 = (1 << 14) - 1;
    let number = |at, length| little_endian(data, at, length);
    match name {
        b"VP8 " => Some((number(8, 2)? & BITS, number(6, 2)? & BITS)),
        b"VP8L" => number(1, 4).map(|both| ((both >> 14 & BITS) + 1, (both & BITS) + 1)),
        b"VP8X" => Some((number(7, 3)? + 1, number(4, 3)? + 1)),
        _ => None,
    }
}

/// The number of so many bytes at a place, the lowest byte first.
fn little_endian(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + length)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

fn truncated(format: Format, bytes: &[u8]) -> PictureProblem {
    PictureProblem::Truncated { format: format.name(), bytes: bytes.len() }
}

fn damaged(format: Format, reason: &str) -> PictureProblem {
    PictureProblem::Damaged { format: format.name(), reason: reason.to_owned() }
}
