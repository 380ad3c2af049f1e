//! NumPy's `.npy` arrays: the header is read by `py_literal`, the elements by `npyz`.
//!
//! Source: NumPy Enhancement Proposal 1 and the documentation of `numpy.lib.format`: a magic string, a version, the
//! length of a header that is a Python dictionary (`descr`, `fortran_order`, `shape`), and the elements. `npyz` could
//! read the whole file, but it allocates a header of any length and multiplies a hostile shape unchecked.

use std::collections::HashMap;

use cnn_core::Tensor;
use cnn_core::tensor::element_count;
use half::f16;
use npyz::{DType, Deserialize, TypeChar, TypeRead, TypeStr};
use py_literal::Value;

use crate::error::{IoError, Problem};

/// The bytes every `.npy` file opens with.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header that is read: NumPy's own limit.
const MAX_HEADER: usize = 10_000;
/// The most axes an array has: NumPy's own limit since 2.0.
const MAX_RANK: usize = 64;

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
        // float32 without a way through float64, which would quieten a signalling NaN.
        let data = match array.element() {
            (TypeChar::Float, 4) => array.elements(|value: f32| value)?,
            _ => array.numbers(|value| value as f32)?,
        };
        Ok(Tensor::new(array.shape, data)?)
    };
    decode().map_err(|problem: Problem| problem.in_file(name))
}

/// Reads an array as float64: its shape and its elements, row-major.
///
/// # Errors
/// As [`read`].
pub fn read_f64(bytes: &[u8], name: &str) -> Result<(Vec<usize>, Vec<f64>), IoError> {
    let decode = || {
        let array = Array::parse(bytes)?;
        Ok((array.numbers(|value| value)?, array.shape))
    };
    decode().map(|(data, shape)| (shape, data)).map_err(|problem: Problem| problem.in_file(name))
}

/// A float32 array, little-endian and row-major, byte for byte as `numpy.save` writes it (version 1.0):
/// `npyz` would leave a comma in the shape that NumPy does not.
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

/// A parsed header and the elements behind it, whose number is the shape's.
struct Array<'a> {
    shape: Vec<usize>,
    fortran_order: bool,
    element: TypeStr,
    data: &'a [u8],
}

impl<'a> Array<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Problem> {
        let (header, data) = split(bytes)?;
        let mut header = dictionary(header)?;
        let mut take = |key: &str| header.remove(key).ok_or_else(|| damaged(format!("its header lacks {key}")));
        let (descr, order, shape) = (take("descr")?, take("fortran_order")?, take("shape")?);
        if let Some(key) = header.keys().next() {
            return Err(damaged(format!("unknown key {key:?} in its header")));
        }
        let descr = descr.as_string().ok_or_else(|| damaged("descr is no string"))?;
        let element = element_type(descr)?;
        let shape = sizes(&shape)?;
        let size = element.num_bytes();
        if let TypeChar::ByteStr | TypeChar::UnicodeStr | TypeChar::Object = element.type_char() {
            let what = format!("an array with elements of type {descr:?}, which are no numbers,");
            return Err(Problem::unsupported(what, "of labels, save numpy.unique(array, return_inverse=True)[1]"));
        }
        let wanted = element_count(&shape).zip(size).and_then(|(count, size)| count.checked_mul(size));
        if wanted != Some(data.len()) {
            let reason = format!("{} bytes of elements, but shape {shape:?} of {descr} has another number", data.len());
            return Err(damaged(reason));
        }
        let fortran_order = order.as_boolean().ok_or_else(|| damaged("fortran_order is neither True nor False"))?;
        Ok(Self { shape, fortran_order, element, data })
    }

    fn element(&self) -> (TypeChar, u64) {
        (self.element.type_char(), self.element.size_field())
    }

    /// The elements in row-major order, each by way of float64: exact but for integers of 64 bits.
    fn numbers<T: Copy + Default>(&self, convert: impl Fn(f64) -> T) -> Result<Vec<T>, Problem> {
        match self.element() {
            (TypeChar::Bool, 1) => self.elements(|value: bool| convert(f64::from(u8::from(value)))),
            (TypeChar::Uint, 1) => self.elements(|value: u8| convert(f64::from(value))),
            (TypeChar::Int, 1) => self.elements(|value: i8| convert(f64::from(value))),
            (TypeChar::Uint, 2) => self.elements(|value: u16| convert(f64::from(value))),
            (TypeChar::Int, 2) => self.elements(|value: i16| convert(f64::from(value))),
            (TypeChar::Uint, 4) => self.elements(|value: u32| convert(f64::from(value))),
            (TypeChar::Int, 4) => self.elements(|value: i32| convert(f64::from(value))),
            (TypeChar::Uint, 8) => self.elements(|value: u64| convert(value as f64)),
            (TypeChar::Int, 8) => self.elements(|value: i64| convert(value as f64)),
            (TypeChar::Float, 2) => self.elements(|value: f16| convert(value.to_f64())),
            (TypeChar::Float, 4) => self.elements(|value: f32| convert(f64::from(value))),
            (TypeChar::Float, 8) => self.elements(convert),
            _ => Err(no_number(&self.element.to_string())),
        }
    }

    /// The elements in row-major order. `E` is the type in the file.
    fn elements<E: Deserialize, T: Copy + Default>(&self, convert: impl Fn(E) -> T) -> Result<Vec<T>, Problem> {
        let reader = E::reader(&DType::new_scalar(self.element.clone())).map_err(damaged)?;
        let mut rest = self.data;
        let mut next = || reader.read_one(&mut rest).map(&convert).map_err(damaged);
        let count = element_count(&self.shape).unwrap_or(0);
        if !self.fortran_order || self.shape.len() < 2 {
            return (0..count).map(|_| next()).collect();
        }
        // Element by element in the file's order (first axis fastest), with its row-major index kept up to date.
        let mut strides = vec![1; self.shape.len()];
        for axis in (0..self.shape.len() - 1).rev() {
            strides[axis] = strides[axis + 1] * self.shape[axis + 1];
        }
        let mut out = vec![T::default(); count];
        let mut position = vec![0; self.shape.len()];
        let mut index = 0;
        for _ in 0..count {
            out[index] = next()?;
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
        Ok(out)
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

/// The header's dictionary.
fn dictionary(text: &str) -> Result<HashMap<String, Value>, Problem> {
    // An array of numbers has one dictionary with one tuple; the parser calls itself for each that stands in another.
    if text.contains('[') {
        return Err(Problem::unsupported("an array of records", "save its fields one by one"));
    }
    if text.len() > MAX_HEADER || text.matches(['(', '{']).count() > 2 {
        return Err(damaged("its header is no dictionary of descr, fortran_order and shape"));
    }
    // Python takes line feeds for blanks here, and Python 2 wrote long sizes as 3L.
    let text = text.replace('\n', " ").replace("L,", ",").replace("L)", ")");
    let Value::Dict(entries) = text.trim().parse().map_err(|error| damaged(first_line(&error)))? else {
        return Err(damaged("its header is no dictionary"));
    };
    let named = entries.into_iter().map(|(key, value)| Some((key.as_string()?.clone(), value)));
    named.collect::<Option<_>>().ok_or_else(|| damaged("a key in its header is no string"))
}

/// The parser's complaint without the drawing of its place.
fn first_line(error: &py_literal::ParseError) -> String {
    format!("its header is no Python literal: {}", error.to_string().lines().last().unwrap_or_default().trim())
}

fn sizes(shape: &Value) -> Result<Vec<usize>, Problem> {
    let sizes = shape.as_tuple().ok_or_else(|| damaged("its shape is no tuple"))?;
    if sizes.len() > MAX_RANK {
        return Err(damaged(format!("its shape has over {MAX_RANK} axes")));
    }
    let size = |value: &Value| usize::try_from(value.as_integer()?).ok();
    sizes.iter().map(size).collect::<Option<_>>().ok_or_else(|| damaged("its shape is not a tuple of sizes"))
}

/// A type code with its byte order; NumPy also reads codes without one, which means the machine's own.
fn element_type(descr: &str) -> Result<TypeStr, Problem> {
    let code = descr.trim_start_matches(['<', '>', '|', '=']);
    let order = match (code, descr.as_bytes().first()) {
        ("?" | "b1" | "u1" | "i1", _) => '|',
        (_, Some(b'>')) => '>',
        _ => '<',
    };
    let code = if code == "?" { "b1" } else { code };
    format!("{order}{code}").parse().map_err(|_| no_number(descr))
}

fn no_number(descr: &str) -> Problem {
    Problem::unsupported(format!("an array with elements of type {descr:?}"), "save it with array.astype(\"float32\")")
}

fn damaged(reason: impl ToString) -> Problem {
    Problem::damaged(".npy", reason)
}
