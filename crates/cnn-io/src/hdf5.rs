//! The part of HDF5 that Keras uses: groups, float datasets, and text attributes.
//!
//! A facade over the `hdf5-pure` crate, which no other module names, so that it can be exchanged.

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::sync::Arc;

use cnn_core::Tensor;
use cnn_core::tensor::element_count;
use hdf5_pure::{AttrValue, DType, Datatype, File, FileBuilder, GroupBuilder, ReadSeekSource, Source};

use crate::error::Problem;

/// Whether `bytes` open with HDF5's signature, which a user block may push to a power of two from 512 on.
pub fn sniff(bytes: &[u8]) -> bool {
    hdf5_pure::is_hdf5_bytes(bytes)
}

/// The root group of an HDF5 file in memory.
///
/// # Errors
/// If the bytes are no whole HDF5 file.
pub fn open(bytes: Vec<u8>) -> Result<Group, Problem> {
    let len = bytes.len() as u64;
    root(&File::from_bytes(bytes).map_err(damaged)?, len)
}

/// The root group of an HDF5 file elsewhere, of which no more is read than what is asked for.
///
/// # Errors
/// If it cannot be read or is no whole HDF5 file.
pub fn open_seekable(reader: impl Read + Seek + Send + Sync + 'static) -> Result<Group, Problem> {
    let source = ReadSeekSource::new(reader).map_err(damaged)?;
    let len = source.len();
    root(&File::from_source(source).map_err(damaged)?, len)
}

fn root(file: &File, len: u64) -> Result<Group, Problem> {
    let whole = file.superblock().eof_address;
    if whole > len {
        return Err(damaged(format!("it ends after {len} of {whole} bytes")));
    }
    Ok(Group { inner: file.root(), path: String::new(), len })
}

/// A group of a file: datasets, groups and attributes by name.
pub struct Group {
    inner: hdf5_pure::Group,
    path: String,
    /// The file's length: no group has more members, no dataset more unpacked bytes, than it allows.
    len: u64,
}

impl Group {
    /// Where the group stands in the file, without a leading slash; empty for the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The groups in this one by name, in order of their names.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn groups(&self) -> Result<BTreeMap<String, Group>, Problem> {
        let groups = self.inner.iter_groups().map_err(damaged)?;
        Ok(groups
            .map(|(name, inner)| {
                let path = self.path_of(&name);
                (name, Group { inner, path, len: self.len })
            })
            .collect())
    }

    /// The group called `name`, if it is there.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn group(&self, name: &str) -> Result<Option<Group>, Problem> {
        match self.inner.group(name) {
            Ok(inner) => Ok(Some(Group { inner, path: self.path_of(name), len: self.len })),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(damaged(error)),
        }
    }

    /// The datasets in this group by name, in order of their names.
    ///
    /// # Errors
    /// If the file is damaged or a dataset's shape is out of proportion to the file.
    pub fn datasets(&self) -> Result<BTreeMap<String, Dataset>, Problem> {
        let datasets = self.inner.iter_datasets().map_err(damaged)?;
        datasets
            .map(|(name, inner)| {
                let dataset = Dataset::new(inner, self.path_of(&name), self.len)?;
                Ok((name, dataset))
            })
            .collect()
    }

    /// The dataset at `path` below this group, if it is there.
    ///
    /// # Errors
    /// As [`Group::datasets`].
    pub fn dataset(&self, path: &str) -> Result<Option<Dataset>, Problem> {
        match self.inner.dataset(path) {
            Ok(inner) => Dataset::new(inner, self.path_of(path), self.len).map(Some),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(damaged(error)),
        }
    }

    /// The group's attributes.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn attributes(&self) -> Result<Attributes, Problem> {
        Ok(Attributes(self.inner.attrs().map_err(damaged)?.into_iter().collect()))
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }
}

/// The attributes of a group.
pub struct Attributes(BTreeMap<String, AttrValue>);

impl Attributes {
    /// The attribute `name` as one text, if it is there and is one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// The attribute `name` as a list of texts. An empty list of anything will do: an empty list of names is written
    /// by h5py as an empty list of float64.
    pub fn texts(&self, name: &str) -> Option<Vec<String>> {
        let value = self.0.get(name)?;
        match (value.as_strings(), value.to_f64s()) {
            (Some(texts), _) => Some(texts.to_vec()),
            (None, Some(numbers)) if numbers.is_empty() => Some(Vec::new()),
            _ => None,
        }
    }
}

/// An array of numbers in a file.
pub struct Dataset {
    inner: hdf5_pure::Dataset,
    path: String,
    shape: Vec<usize>,
}

impl Dataset {
    fn new(inner: hdf5_pure::Dataset, path: String, len: u64) -> Result<Self, Problem> {
        /// No deflate stream unpacks to more than so many times its length.
        const DEFLATE: u64 = 1032;
        let dimensions = inner.shape().map_err(damaged)?;
        let shape: Option<Vec<usize>> = dimensions.iter().map(|size| usize::try_from(*size).ok()).collect();
        let stored = inner.element_size().map_err(damaged)?;
        let limit = if inner.filters().is_empty() { len } else { len.saturating_mul(DEFLATE) };
        let fits = |shape: &Vec<usize>| {
            let bytes = (element_count(shape)? as u64).checked_mul(stored)?;
            (bytes <= limit).then_some(())
        };
        match shape {
            Some(shape) if fits(&shape).is_some() => Ok(Self { inner, path, shape }),
            _ => Err(damaged(format!("dataset {path} of shape {dimensions:?} is larger than the file"))),
        }
    }

    /// Where the dataset stands in the file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its shape; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its elements as float32.
    ///
    /// # Errors
    /// If the file is damaged or the elements are no numbers.
    pub fn read(&self) -> Result<Tensor, Problem> {
        let stored = self.inner.dtype().map_err(damaged)?;
        let data = match &stored {
            DType::F64 => self.inner.read_f64().map_err(damaged)?.into_iter().map(|value| value as f32).collect(),
            DType::Other(float) if matches!(**float, Datatype::FloatingPoint { size: 2, .. }) => self.halves()?,
            DType::Other(_) | DType::String | DType::VariableLengthString | DType::ObjectReference => {
                return Err(self.not_numbers(&stored));
            }
            DType::Compound(_) | DType::Enum(_) | DType::Array(..) => return Err(self.not_numbers(&stored)),
            _ => self.inner.read_f32().map_err(damaged)?,
        };
        Ok(Tensor::new(self.shape.clone(), data)?)
    }

    /// 16-bit floats, of whichever layout the datatype declares.
    fn halves(&self) -> Result<Vec<f32>, Problem> {
        self.inner.read_f32().map_err(damaged)
    }

    fn not_numbers(&self, stored: &DType) -> Problem {
        let what = format!("dataset {} with elements of type {stored}", self.path);
        Problem::unsupported(what, "save the model with float32 weights")
    }
}

/// A file to be written: groups, datasets and attributes in memory.
#[derive(Default)]
pub struct Tree {
    attributes: Vec<(String, AttrValue)>,
    groups: Vec<(String, Tree)>,
    datasets: Vec<(String, Arc<Tensor>)>,
}

impl Tree {
    /// The group at `path` below this one, made where it is not there yet.
    pub fn group(&mut self, path: &str) -> &mut Tree {
        path.split('/').fold(self, |tree, name| {
            let index = tree.groups.iter().position(|(other, _)| other == name).unwrap_or_else(|| {
                tree.groups.push((name.to_owned(), Tree::default()));
                tree.groups.len() - 1
            });
            &mut tree.groups[index].1
        })
    }

    /// Adds the dataset at `path` below this group.
    pub fn insert(&mut self, path: &str, tensor: Arc<Tensor>) {
        match path.rsplit_once('/') {
            Some((group, name)) => self.group(group).datasets.push((name.to_owned(), tensor)),
            None => self.datasets.push((path.to_owned(), tensor)),
        }
    }

    /// Adds an attribute that is one text.
    pub fn set_text(&mut self, name: &str, text: &str) {
        self.attributes.push((name.to_owned(), AttrValue::VarLenString(text.to_owned())));
    }

    /// Adds an attribute that is a list of texts.
    pub fn set_texts(&mut self, name: &str, texts: Vec<String>) {
        let value =
            if texts.is_empty() { AttrValue::F64Array(Vec::new()) } else { AttrValue::VarLenStringArray(texts) };
        self.attributes.push((name.to_owned(), value));
    }

    /// The file's bytes, datasets uncompressed.
    ///
    /// # Errors
    /// If a name is one that HDF5 cannot hold (empty or `.`).
    pub fn into_bytes(self) -> Result<Vec<u8>, Problem> {
        let mut file = FileBuilder::new();
        for (name, value) in self.attributes {
            file.set_attr(&name, value);
        }
        for (name, tensor) in &self.datasets {
            fill(file.create_dataset(name), tensor);
        }
        for (name, tree) in self.groups {
            let group = file.create_group(&name);
            file.add_group(tree.build(group).finish());
        }
        file.finish()
            .map_err(|error| Problem::unsupported(format!("this tree of names ({error})"), "rename the layers"))
    }

    fn build(self, mut group: GroupBuilder) -> GroupBuilder {
        for (name, value) in self.attributes {
            group.set_attr(&name, value);
        }
        for (name, tensor) in &self.datasets {
            fill(group.create_dataset(name), tensor);
        }
        for (name, tree) in self.groups {
            let child = group.create_group(&name);
            group.add_group(tree.build(child).finish());
        }
        group
    }
}

fn fill(dataset: &mut hdf5_pure::DatasetBuilder, tensor: &Tensor) {
    let shape: Vec<u64> = tensor.shape().iter().map(|size| *size as u64).collect();
    dataset.with_f32_data(tensor.data()).with_shape(&shape);
}

/// Whether the error says that nothing of that name is there, or that what is there is of the other kind.
fn absent(error: &hdf5_pure::Error) -> bool {
    use hdf5_pure::{Error, FormatError};
    matches!(error, Error::NotADataset(_) | Error::NotAGroup(_) | Error::Format(FormatError::PathNotFound(_)))
}

fn damaged(error: impl ToString) -> Problem {
    Problem::damaged("HDF5", error)
}
