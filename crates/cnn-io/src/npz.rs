//! NumPy's `.npz`: a zip archive of `.npy` arrays, stored or deflated, as `numpy.savez` and `numpy.savez_compressed`
//! write it.
//!
//! Source: the documentation of `numpy.savez`: array `x` is the member `x.npy`.

use std::fmt;
use std::io::Cursor;

use cnn_core::Tensor;
use zip::ZipArchive;

use crate::archive::member;
use crate::error::{IoError, Problem};
use crate::npy;

/// The ending of a member's name.
const ENDING: &str = ".npy";

/// An open archive; an array is unpacked when it is asked for, and what that takes is in proportion to the archive.
///
/// ```no_run
/// let bytes = std::fs::read("mnist.npz")?;
/// let mut mnist = cnn_io::npz::Npz::open(&bytes, "mnist.npz")?;
/// let (x, y) = mnist.training()?; // [60000, 28, 28], 0 to 255, and [60000]
/// let (x_test, y_test) = mnist.test()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Npz<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    len: usize,
    file: String,
}

impl fmt::Debug for Npz<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Npz").field("file", &self.file).field("names", &self.names()).finish_non_exhaustive()
    }
}

impl<'a> Npz<'a> {
    /// Reads the archive's index. `file` is the file's name for the messages.
    ///
    /// # Errors
    /// If the bytes are no zip archive.
    pub fn open(bytes: &'a [u8], file: &str) -> Result<Self, IoError> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(error).in_file(file))?;
        Ok(Self { archive, len: bytes.len(), file: file.to_owned() })
    }

    /// The arrays' names, in the file's order.
    pub fn names(&self) -> Vec<String> {
        let members = self.archive.file_names().filter_map(Result::ok);
        members.filter_map(|name| Some(name.strip_suffix(ENDING)?.to_owned())).collect()
    }

    /// An array as float32: pictures of `uint8` are 0 to 255.
    ///
    /// # Errors
    /// If there is no array of that name, it is damaged, or its elements are neither numbers nor booleans.
    pub fn read(&mut self, name: &str) -> Result<Tensor, IoError> {
        let found = member(&mut self.archive, &format!("{name}{ENDING}"), self.len, ".npz");
        match found.map_err(|problem| problem.in_file(&self.file))? {
            Some(bytes) => npy::read(&bytes, &format!("{}: {name}", self.file)),
            None => Err(self.lacks(&format!("array {name}"), "name one of them")),
        }
    }

    /// The samples to train with and what should come out for them: `x_train` and `y_train`, as in Keras's `mnist.npz`,
    /// or `x` and `y`.
    ///
    /// # Errors
    /// If neither pair is there, or as [`Npz::read`].
    pub fn training(&mut self) -> Result<(Tensor, Tensor), IoError> {
        let names = self.names();
        for (x, y) in [("x_train", "y_train"), ("x", "y")] {
            if [x, y].iter().all(|wanted| names.iter().any(|name| name == wanted)) {
                return Ok((self.read(x)?, self.read(y)?));
            }
        }
        Err(self.lacks("arrays x_train and y_train, or x and y", "save them under these names"))
    }

    /// The samples to test with: `x_test` and `y_test`.
    ///
    /// # Errors
    /// As [`Npz::read`].
    pub fn test(&mut self) -> Result<(Tensor, Tensor), IoError> {
        Ok((self.read("x_test")?, self.read("y_test")?))
    }

    fn lacks(&self, what: &str, remedy: &str) -> IoError {
        let known = match self.names() {
            names if names.is_empty() => "none".to_owned(),
            names => names.join(", "),
        };
        Problem::Lacks { what: what.to_owned(), known, remedy: remedy.to_owned() }.in_file(&self.file)
    }
}

fn damaged(reason: impl ToString) -> Problem {
    Problem::damaged(".npz", reason)
}
