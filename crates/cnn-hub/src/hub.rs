//! The cache, and where its files come from.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::download::Download;
use crate::error::{HubError, Problem};
use crate::hash;
use crate::temporary::{self, Temporary};
use crate::transfer::transfer;

/// The environment variable with the address of a mirror: see [`Hub::mirror`].
pub const MIRROR_VARIABLE: &str = "CNN_WEIGHTS_MIRROR";

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// A published file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteFile<'a> {
    /// Where it is published; what follows the last `/` is its name.
    pub url: &'a str,
    /// MD5, or SHA-256 where there are 64 digits, in hexadecimal, where one is published.
    pub hash: Option<&'a str>,
}

impl<'a> RemoteFile<'a> {
    /// Its name.
    pub fn name(&self) -> &'a str {
        self.url.rsplit('/').next().unwrap_or(self.url)
    }
}

/// A folder of downloaded files, and where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hub {
    folder: Option<PathBuf>,
    mirror: Option<String>,
    patience: Duration,
}

/// Where a file is.
#[derive(Debug)]
pub enum Fetched {
    /// In the cache, where it had been before.
    Cached(PathBuf),
    /// Just downloaded, and not in the cache yet.
    Downloaded(Download),
}

/// The folder where Keras keeps what it downloads, whether it is there or not: `$KERAS_HOME/models` or `~/.keras/models`.
pub fn keras_models_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HOME").or_else(|| set("USERPROFILE")).map(|home| home.join(".keras"));
    Some(set("KERAS_HOME").or_else(home)?.join("models"))
}

impl Hub {
    /// Files in `folder`, from where they are published.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()), mirror: None, patience: PATIENCE }
    }

    /// Files in Keras's cache, from where they are published or, where `CNN_WEIGHTS_MIRROR` is set, from that mirror.
    pub fn from_environment() -> Self {
        let mirror = std::env::var(MIRROR_VARIABLE).ok().filter(|address| !address.is_empty());
        Self { folder: keras_models_folder(), mirror, patience: PATIENCE }
    }

    /// Files from a mirror: `address` takes the place of scheme and host, so that with `http://mirror.example/keras` the
    /// file `https://storage.googleapis.com/tensorflow/a.h5` comes from `http://mirror.example/keras/tensorflow/a.h5`.
    pub fn mirror(self, address: impl Into<String>) -> Self {
        Self { mirror: Some(address.into()), ..self }
    }

    /// How long a server may be silent, at each step; a minute if nothing is said.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The file of that name if it is in the cache, whatever its hash.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(name)).filter(|path| path.is_file())
    }

    /// The file from the cache, or else downloaded. `progress` is told of the bytes that have come and, where the server
    /// says it, of how many there will be.
    ///
    /// A file in the cache is used if it has the published hash, or none is published. With another hash it is downloaded
    /// again, as Keras does; Keras overwrites it then, [`Download::keep`] puts it aside.
    ///
    /// # Errors
    /// If the file is not there and cannot be downloaded whole and unchanged; nothing of it is left then.
    pub fn fetch_blocking(
        &self,
        file: &RemoteFile<'_>,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<Fetched, HubError> {
        let fail = |address: &str, unpublished, problem| {
            Err(HubError { file: file.name().to_owned(), address: address.to_owned(), problem, unpublished })
        };
        let Some(folder) = &self.folder else { return fail(file.url, None, Problem::NoFolder) };
        let target = folder.join(file.name());
        let replaces = match cached(&target, file.hash) {
            Ok(Cached::Good) => return Ok(Fetched::Cached(target)),
            Ok(Cached::WrongHash) => true,
            Ok(Cached::Missing) => false,
            Err(problem) => return fail(file.url, None, problem),
        };
        let unpublished = replaces.then(|| target.as_path().into());
        let address = match self.address(file.url) {
            Ok(address) => address,
            Err(problem) => return fail(file.url, unpublished, problem),
        };
        match self.download(&address, file.hash, &target, progress) {
            Err(problem) => fail(&address, unpublished, problem),
            Ok((temporary, length)) => {
                let file = file.name().to_owned();
                Ok(Fetched::Downloaded(Download { file, address, target, length, replaces, temporary }))
            }
        }
    }

    fn download(
        &self,
        address: &str,
        hash: Option<&str>,
        target: &Path,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<(Temporary, u64), Problem> {
        let folder = target.parent().unwrap_or(target);
        fs::create_dir_all(folder).map_err(|error| Problem::write(folder, error))?;
        temporary::clean_up(target);
        let mut temporary = Temporary::beside(target).map_err(|error| Problem::write(folder, error))?;
        let length = transfer(address, hash, self.patience, &mut temporary, progress)?;
        Ok((temporary, length))
    }

    /// Where a file comes from, by way of the mirror if there is one.
    fn address(&self, url: &str) -> Result<String, Problem> {
        let Some(mirror) = &self.mirror else { return Ok(url.to_owned()) };
        let host = ["http://", "https://"].iter().find_map(|scheme| mirror.strip_prefix(scheme));
        if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
            return Err(Problem::Mirror(mirror.clone()));
        }
        let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = behind_scheme.split_once('/').map_or("", |(_, path)| path);
        Ok(format!("{}/{path}", mirror.trim_end_matches('/')))
    }
}

enum Cached {
    Missing,
    Good,
    WrongHash,
}

fn cached(path: &Path, hash: Option<&str>) -> Result<Cached, Problem> {
    if !path.is_file() {
        return Ok(Cached::Missing);
    }
    let Some(wanted) = hash else { return Ok(Cached::Good) };
    match hash::of_file(path, wanted) {
        Ok(got) if got.eq_ignore_ascii_case(wanted) => Ok(Cached::Good),
        Ok(_) => Ok(Cached::WrongHash),
        Err(source) => Err(Problem::Cache { path: path.to_path_buf(), source }),
    }
}
