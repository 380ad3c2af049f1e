//! The safetensors format: named tensors behind a JSON header.
//!
//! A model's weights stand there under their paths (`base/conv1/kernel`); read are also those that Keras's paths name,
//! which may begin with the model's name.
//!
//! Source: the format's documentation at <https://github.com/huggingface/safetensors>.

use std::borrow::Cow;
use std::collections::HashMap;

use cnn_core::{Model, Tensor, Weights};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView, View};

use crate::error::{IoError, Problem};
use crate::weights::{Found, Matching, Mismatch};

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

/// The weights of `model` from tensors under their paths, with or without one more name in front: Keras puts the
/// model's there (`small/conv1/kernel`), we do not.
///
/// # Errors
/// If the file is damaged, or its tensors are not exactly this model's weights, each of its shape and finite.
pub(crate) fn read_weights(bytes: &[u8], model: &Model, mismatch: Mismatch) -> Result<Matching, Problem> {
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let mut tensors: Vec<(String, TensorView<'_>)> = file.tensors();
    tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
    let wanted: HashMap<String, Vec<usize>> = model.weights().into_iter().map(|w| (w.path, w.shape)).collect();
    let mut left: HashMap<&str, &[usize]> =
        wanted.iter().map(|(path, shape)| (path.as_str(), shape.as_slice())).collect();
    let mut found = Found::new(model, mismatch);
    let path_of = |name: &str| {
        let shorter = name.split_once('/').map_or("", |(_, rest)| rest);
        [name, shorter].into_iter().find(|path| wanted.contains_key(*path)).map(str::to_owned)
    };
    for (name, view) in tensors {
        let Some(path) = path_of(&name) else {
            found.extra(name, view.shape());
            continue;
        };
        match left.remove(path.as_str()) {
            Some(shape) => {
                let got = view.shape().to_vec();
                found.bind(path, shape, &name.clone(), &got, (name, view));
            }
            None => found.conflict(format!("{path}: two tensors of the file are this weight, one of them {name}")),
        }
    }
    for weight in model.weights() {
        if left.contains_key(weight.path.as_str()) {
            found.missing(weight.path, &weight.shape);
        }
    }
    found.read(model, |(name, view)| Ok(Tensor::new(view.shape().to_vec(), floats(name, view)?)?))
}

/// The bytes of a file with the weights of `model` under their paths.
///
/// # Errors
/// If `weights` are not this model's.
pub(crate) fn write_weights(model: &Model, weights: &Weights, float: Float) -> Result<Vec<u8>, Problem> {
    let tensor = crate::keras::checked(model, weights)?;
    let all: Vec<_> = model.weights().into_iter().map(|weight| (tensor(&weight.path), weight.path)).collect();
    write(all.iter().map(|(tensor, path)| (path.as_str(), tensor.as_ref())), &[], float)
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
