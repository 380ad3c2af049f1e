//! A file that has been downloaded and is not in its place yet.

use std::fs;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use crate::error::{HubError, Problem};
use crate::temporary::Temporary;

/// A whole file under a temporary name: its length is the one announced, its hash the one published, where there is one.
/// It is removed if it is not kept.
#[derive(Debug)]
#[must_use = "a download that is not kept is removed"]
pub struct Download {
    pub(crate) file: String,
    pub(crate) address: String,
    pub(crate) target: PathBuf,
    pub(crate) length: u64,
    pub(crate) replaces: bool,
    pub(crate) temporary: Temporary,
}

/// Where a download is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The file.
    pub path: PathBuf,
    /// Where the file went that had its name and another hash than the published one.
    pub set_aside: Option<PathBuf>,
}

impl Download {
    /// Where it came from, by the first address: redirects are not told.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What is in it.
    ///
    /// # Errors
    /// If it cannot be read back.
    pub fn read(&mut self) -> Result<Vec<u8>, HubError> {
        let mut bytes = Vec::new();
        let file = &mut self.temporary.file;
        let read = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(bytes),
            Err(source) => Err(self.error(Problem::Cache { path: self.temporary.path.clone(), source })),
        }
    }

    /// Gives it its name. A file of that name with another hash than the published one is not deleted but renamed:
    /// `resnet50.h5` to `resnet50.h5.old`.
    ///
    /// # Errors
    /// If the operating system refuses.
    pub fn keep(self) -> Result<Kept, HubError> {
        let refused = |source| self.error(Problem::Cache { path: self.target.clone(), source });
        let set_aside = self.replaces.then(|| free_name(&self.target));
        if let Some(aside) = &set_aside {
            fs::rename(&self.target, aside).map_err(refused)?;
        }
        fs::rename(&self.temporary.path, &self.target).map_err(refused)?;
        Ok(Kept { path: self.target.clone(), set_aside })
    }

    fn error(&self, problem: Problem) -> HubError {
        let unpublished = self.replaces.then(|| self.target.as_path().into());
        HubError { file: self.file.clone(), address: self.address.clone(), problem, unpublished }
    }
}

/// `path.old`, or `path.old1` and so on where that is taken.
fn free_name(path: &Path) -> PathBuf {
    let name = |ending: String| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        path.with_file_name(name)
    };
    let mut free = name(".old".into());
    let mut count = 0;
    while free.exists() {
        count += 1;
        free = name(format!(".old{count}"));
    }
    free
}
