//! The safetensors format: named tensors behind a JSON header.
//!
//! Source: the format's documentation at <https://github.com/huggingface/safetensors>.

use std::borrow::Cow;
use std::collections::HashMap;

use cnn_core::Tensor;
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView, View};

use crate::error::{IoError, Problem};

/// An element type to store floats in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Float {
    /// IEEE binary32: what a tensor holds, unchanged.
    #[default]
    F32,
    /// IEEE binary16, rounded to nearest even; beyond 65,504 it is infinite.
    F16,
    /// The upper half of a binary32, rounded to nearest even.
    BF16,
    /// IEEE binary64, exact.
    F64,
}

/// The tensors of a file, by name in the file's order of names, and its metadata.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contents {
    /// Name and tensor, sorted by name.
    pub tensors: Vec<(String, Tensor)>,
    /// The header's `__metadata__`, sorted by key.
    pub metadata: Vec<(String, String)>,
}

/// Whether `bytes` open as a safetensors file does: the length of a header that fits, and its opening brace.
pub fn sniff(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return false };
    rest.first() == Some(&b'{') && u64::from_le_bytes(*length) <= 100_000_000
}

/// Reads all tensors of types F32, F16, BF16 and F64 as float32.
///
/// # Errors
/// If the bytes are not a whole safetensors file, or a tensor has another type. `name` is the file's name for the
/// message.
///
/// ```
/// use cnn_io::safetensors::{Float, read, write};
/// let x = cnn_core::Tensor::new(vec![2], vec![1.0, 2.5]).unwrap();
/// let bytes = write([("x", &x)], &[], Float::BF16).unwrap();
/// assert_eq!(read(&bytes, "x.safetensors").unwrap().tensors, vec![("x".to_owned(), x)]);
/// ```
pub fn read(bytes: &[u8], name: &str) -> Result<Contents, IoError> {
    decode(bytes).map_err(|problem| problem.in_file(name))
}

fn decode(bytes: &[u8]) -> Result<Contents, Problem> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let mut metadata: Vec<_> = header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
    metadata.sort();
    let mut tensors = Vec::new();
    for (tensor, view) in SafeTensors::deserialize(bytes).map_err(damaged)?.tensors() {
        let data = floats(&tensor, &view)?;
        tensors.push((tensor, Tensor::new(view.shape().to_vec(), data)?));
    }
    tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Contents { tensors, metadata })
}

/// The elements of `view` as float32. The crate has checked that its bytes are as many as type and shape say.
fn floats(tensor: &str, view: &TensorView) -> Result<Vec<f32>, Problem> {
    fn each<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks::<N>().0.iter().map(|chunk| convert(*chunk)).collect()
    }
    match view.dtype() {
        Dtype::F32 => Ok(each(view.data(), f32::from_le_bytes)),
        Dtype::F16 => Ok(each(view.data(), |bytes| f16::from_le_bytes(bytes).to_f32())),
        Dtype::BF16 => Ok(each(view.data(), |bytes| bf16::from_le_bytes(bytes).to_f32())),
        Dtype::F64 => Ok(each(view.data(), |bytes| f64::from_le_bytes(bytes) as f32)),
        other => Err(Problem::unsupported(
            format!("tensor {tensor:?} of type {other:?}"),
            "F32, F16, BF16 and F64 are read: convert it before saving",
        )),
    }
}

/// The bytes of a file with `tensors`, stored as `float`, and `metadata`.
///
/// # Errors
/// If two tensors bear one name or the header grows beyond the format's limit of 100 MB.
pub fn write<'a>(
    tensors: impl IntoIterator<Item = (&'a str, &'a Tensor)>,
    metadata: &[(&str, &str)],
    float: Float,
) -> Result<Vec<u8>, Problem> {
    let mut tensors: Vec<_> = tensors.into_iter().map(|(name, tensor)| (name, Stored { tensor, float })).collect();
    tensors.sort_by_key(|(name, _)| *name);
    if let Some(pair) = tensors.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let what = format!("two tensors of one name, {:?}", pair[0].0);
        return Err(Problem::unsupported(what, "rename one of the layers"));
    }
    let metadata: HashMap<String, String> = metadata.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    ::safetensors::serialize(tensors, (!metadata.is_empty()).then_some(metadata)).map_err(damaged)
}

/// A tensor on its way out.
struct Stored<'a> {
    tensor: &'a Tensor,
    float: Float,
}

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        match self.float {
            Float::F32 => Dtype::F32,
            Float::F16 => Dtype::F16,
            Float::BF16 => Dtype::BF16,
            Float::F64 => Dtype::F64,
        }
    }

    fn shape(&self) -> &[usize] {
        self.tensor.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let values = self.tensor.data().iter();
        Cow::Owned(match self.float {
            Float::F32 => values.flat_map(|v| v.to_le_bytes()).collect(),
            Float::F16 => values.flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
            Float::BF16 => values.flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect(),
            Float::F64 => values.flat_map(|v| f64::from(*v).to_le_bytes()).collect(),
        })
    }

    fn data_len(&self) -> usize {
        let size = match self.float {
            Float::F16 | Float::BF16 => 2,
            Float::F32 => 4,
            Float::F64 => 8,
        };
        size * self.tensor.len()
    }
}

fn damaged(error: SafeTensorError) -> Problem {
    Problem::damaged("safetensors", error)
}
