//! NumPy's `.npy` arrays.
//!
//! Source: NumPy Enhancement Proposal 1 and the documentation of `numpy.lib.format`: a magic string, a version, the
//! length of a header that is a Python dictionary (`descr`, `fortran_order`, `shape`), and the elements.

use cnn_core::Tensor;
use cnn_core::tensor::element_count;
use half::f16;

use crate::error::{IoError, Problem};

/// The bytes every `.npy` file opens with.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads an array of floats, integers or booleans as float32, row-major whatever its order in the file.
///
/// # Errors
/// If the bytes are not a whole `.npy` file, or its elements are neither numbers nor booleans. `name` is the file's
/// name for the message.
///
/// ```
/// let x = cnn_core::Tensor::new(vec![2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
/// assert_eq!(cnn_io::npy::read(&cnn_io::npy::write(&x), "x.npy").unwrap(), x);
/// ```
pub fn read(bytes: &[u8], name: &str) -> Result<Tensor, IoError> {
    let decode = || {
        let array = Array::parse(bytes)?;
        // One conversion from the stored type: going through float64 would round twice only for 64-bit integers.
        let data = array.elements(|element, get| match element {
            Element::F32 => f32::from_le_bytes(get.array()),
            _ => element.to_f64(get) as f32,
        });
        Ok(Tensor::new(array.shape, data)?)
    };
    decode().map_err(|problem: Problem| problem.in_file(name))
}

/// Reads an array as float64: its shape and its elements, row-major.
///
/// # Errors
/// As [`read`].
pub fn read_f64(bytes: &[u8], name: &str) -> Result<(Vec<usize>, Vec<f64>), IoError> {
    let array = Array::parse(bytes).map_err(|problem| problem.in_file(name))?;
    let data = array.elements(Element::to_f64);
    Ok((array.shape, data))
}

/// A float32 array, little-endian and row-major, as `numpy.save` writes it (version 1.0).
pub fn write(tensor: &Tensor) -> Vec<u8> {
    let mut shape = tensor.shape().iter().map(|size| format!("{size}, ")).collect::<String>();
    if tensor.shape().len() != 1 {
        shape.truncate(shape.len().saturating_sub(2));
    } else {
        shape.pop(); // a Python tuple of one is written (3,)
    }
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}");
    // The elements start at a multiple of 64 bytes, and the header ends with a line feed.
    let opening = MAGIC.len() + 4;
    let padded = (opening + header.len() + 1).next_multiple_of(64) - opening;
    header += &" ".repeat(padded - header.len() - 1);
    header.push('\n');

    let mut bytes = Vec::with_capacity(opening + header.len() + 4 * tensor.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[1, 0]);
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend(tensor.data().iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// The element types that are read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Element {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    F32,
    F64,
}

/// The bytes of one element, in the file's byte order.
struct Bytes<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Bytes<'_> {
    /// The bytes in little-endian order. `N` is the element's size, which is the slice's length.
    fn array<const N: usize>(&self) -> [u8; N] {
        std::array::from_fn(|i| self.bytes[if self.big_endian { N - 1 - i } else { i }])
    }
}

impl Element {
    fn size(self) -> usize {
        match self {
            Element::Bool | Element::U8 | Element::I8 => 1,
            Element::U16 | Element::I16 | Element::F16 => 2,
            Element::U32 | Element::I32 | Element::F32 => 4,
            Element::U64 | Element::I64 | Element::F64 => 8,
        }
    }

    fn to_f64(self, get: Bytes) -> f64 {
        match self {
            Element::Bool => f64::from(u8::from(get.bytes[0] != 0)),
            Element::U8 => f64::from(get.bytes[0]),
            Element::I8 => f64::from(i8::from_le_bytes(get.array())),
            Element::U16 => f64::from(u16::from_le_bytes(get.array())),
            Element::I16 => f64::from(i16::from_le_bytes(get.array())),
            Element::U32 => f64::from(u32::from_le_bytes(get.array())),
            Element::I32 => f64::from(i32::from_le_bytes(get.array())),
            Element::U64 => u64::from_le_bytes(get.array()) as f64,
            Element::I64 => i64::from_le_bytes(get.array()) as f64,
            Element::F16 => f16::from_le_bytes(get.array()).to_f64(),
            Element::F32 => f64::from(f32::from_le_bytes(get.array())),
            Element::F64 => f64::from_le_bytes(get.array()),
        }
    }
}

/// A parsed header and the elements behind it, whose number is the shape's.
struct Array<'a> {
    shape: Vec<usize>,
    fortran_order: bool,
    big_endian: bool,
    element: Element,
    data: &'a [u8],
}

impl<'a> Array<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Problem> {
        let (text, data) = split(bytes)?;
        let header = Header::parse(text)?;
        let (element, big_endian) = element_type(&header.descr)?;
        let wanted = element_count(&header.shape).and_then(|count| count.checked_mul(element.size()));
        if wanted != Some(data.len()) {
            let reason = format!(
                "{} bytes of elements, but shape {:?} of {} has another number",
                data.len(),
                header.shape,
                header.descr
            );
            return Err(damaged(reason));
        }
        Ok(Self { shape: header.shape, fortran_order: header.fortran_order, big_endian, element, data })
    }

    /// The elements in row-major order, each by `convert`.
    fn elements<T: Copy + Default>(&self, convert: impl Fn(Element, Bytes) -> T) -> Vec<T> {
        let stored = self
            .data
            .chunks_exact(self.element.size())
            .map(|bytes| convert(self.element, Bytes { bytes, big_endian: self.big_endian }));
        if !self.fortran_order || self.shape.len() < 2 {
            return stored.collect();
        }
        // Element by element in the file's order (first axis fastest), with its row-major index kept up to date.
        let mut strides = vec![1; self.shape.len()];
        for axis in (0..self.shape.len() - 1).rev() {
            strides[axis] = strides[axis + 1] * self.shape[axis + 1];
        }
        let mut out = vec![T::default(); self.data.len() / self.element.size()];
        let mut position = vec![0; self.shape.len()];
        let mut index = 0;
        for value in stored {
            out[index] = value;
            for axis in 0..self.shape.len() {
                position[axis] += 1;
                index += strides[axis];
                if position[axis] < self.shape[axis] {
                    break;
                }
                index -= strides[axis] * self.shape[axis];
                position[axis] = 0;
            }
        }
        out
    }
}

/// The header's text and what follows it.
fn split(bytes: &[u8]) -> Result<(&str, &[u8]), Problem> {
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| damaged("it does not open with \\x93NUMPY"))?;
    let ends = || damaged("it ends within its header");
    let (version, rest) = rest.split_at_checked(2).ok_or_else(ends)?;
    let (length, rest) = match version[0] {
        1 => {
            let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(ends)?;
            (u32::from(u16::from_le_bytes(*length)), rest)
        }
        2 | 3 => {
            let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(ends)?;
            (u32::from_le_bytes(*length), rest)
        }
        other => {
            return Err(Problem::unsupported(
                format!("version {other} of the .npy format"),
                "versions 1 to 3 are read",
            ));
        }
    };
    let (text, data) = rest.split_at_checked(length as usize).ok_or_else(ends)?;
    Ok((std::str::from_utf8(text).map_err(damaged)?, data))
}

fn element_type(descr: &str) -> Result<(Element, bool), Problem> {
    let (big_endian, code) = match descr.as_bytes().first() {
        Some(b'>') => (true, &descr[1..]),
        Some(b'<' | b'|' | b'=') => (false, &descr[1..]),
        _ => (false, descr),
    };
    let element = match code {
        "b1" | "?" => Element::Bool,
        "u1" => Element::U8,
        "i1" => Element::I8,
        "u2" => Element::U16,
        "i2" => Element::I16,
        "u4" => Element::U32,
        "i4" => Element::I32,
        "u8" => Element::U64,
        "i8" => Element::I64,
        "f2" => Element::F16,
        "f4" => Element::F32,
        "f8" => Element::F64,
        _ => {
            let what = format!("an array with elements of type {descr:?}");
            return Err(Problem::unsupported(what, "save it with array.astype(\"float32\")"));
        }
    };
    Ok((element, big_endian))
}

struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Reads the Python dictionary; keys in any order, either kind of quotes.
    fn parse(text: &str) -> Result<Self, Problem> {
        let mut scan = Scan { rest: text };
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        scan.expect('{')?;
        while !scan.take('}') {
            let key = scan.string()?;
            scan.expect(':')?;
            match key {
                "descr" if scan.peek() == Some('[') => {
                    return Err(Problem::unsupported("an array of records", "save its fields one by one"));
                }
                "descr" => descr = Some(scan.string()?.to_owned()),
                "fortran_order" => fortran_order = Some(scan.boolean()?),
                "shape" => shape = Some(scan.tuple()?),
                _ => return Err(damaged(format!("unknown key {key:?} in its header"))),
            }
            if !scan.take(',') {
                scan.expect('}')?;
                break;
            }
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => Ok(Self { descr, fortran_order, shape }),
            _ => Err(damaged("its header lacks descr, fortran_order or shape")),
        }
    }
}

/// A scanner of the few Python literals in a header. Blanks before a token are skipped.
struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, token: char) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.rest = &self.rest[token.len_utf8()..];
        }
        found
    }

    fn expect(&mut self, token: char) -> Result<(), Problem> {
        if self.take(token) { Ok(()) } else { Err(damaged(format!("its header lacks a {token:?}"))) }
    }

    fn string(&mut self) -> Result<&'a str, Problem> {
        let quote = if self.take('\'') { '\'' } else { self.expect('"').map(|()| '"')? };
        let (text, rest) = self.rest.split_once(quote).ok_or_else(|| damaged("a string in its header is open"))?;
        self.rest = rest;
        Ok(text)
    }

    fn boolean(&mut self) -> Result<bool, Problem> {
        self.peek();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(damaged("fortran_order is neither True nor False"))
    }

    fn tuple(&mut self) -> Result<Vec<usize>, Problem> {
        /// NumPy's own limit since 2.0.
        const MAX_RANK: usize = 64;
        let mut sizes = Vec::new();
        self.expect('(')?;
        while !self.take(')') {
            let digits = self.rest.len() - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let size = self.rest[..digits].parse().map_err(|_| damaged("its shape is not a tuple of sizes"))?;
            self.rest = self.rest[digits..].strip_prefix('L').unwrap_or(&self.rest[digits..]);
            sizes.push(size);
            if sizes.len() > MAX_RANK {
                return Err(damaged("its shape has over 64 axes"));
            }
            if !self.take(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(sizes)
    }
}

fn damaged(reason: impl ToString) -> Problem {
    Problem::damaged(".npy", reason)
}
