//! Published files of weights, downloaded once into Keras's own cache, so that Keras and this library share them.
//!
//! A file stands in the cache whole or not at all: it is written under a temporary name, its length and hash are checked,
//! and it is renamed. Where Keras publishes no hash, the length that the server tells is all that is checked here; the
//! tensors' names and shapes are, when the weights are read.
//!
//! Native only: a browser has no folder to keep files in.

mod download;
pub mod error;
mod hash;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::{HubError, Problem};

use hash::Hasher;

/// The environment variable that names a mirror: an address such as `https://mirror.example/keras`, under which files lie
/// by the paths of the published addresses, without scheme and host.
pub const MIRROR_VARIABLE: &str = "CNN_WEIGHTS_MIRROR";

/// A folder of published files, and how they come there.
#[derive(Debug, Clone)]
pub struct Hub {
    folder: PathBuf,
    mirror: Option<String>,
    patience: Duration,
}

/// A file in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    /// Where it is.
    pub path: PathBuf,
    /// Where it came from, if it was downloaded just now.
    pub downloaded: Option<String>,
}

impl Hub {
    /// Keras's own cache, `$KERAS_HOME/models` or `~/.keras/models`, and the mirror that the environment names, if any.
    /// `None` where neither `KERAS_HOME` nor a home folder is set.
    pub fn of_environment() -> Option<Self> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = || set("HOME").or_else(|| set("USERPROFILE")).map(|home| Path::new(&home).join(".keras"));
        let folder = set("KERAS_HOME").map(PathBuf::from).or_else(home)?.join("models");
        let hub = Self::new(folder);
        Some(match set(MIRROR_VARIABLE) {
            Some(mirror) => hub.mirror(mirror.to_string_lossy()),
            None => hub,
        })
    }

    /// A cache in `folder`, which is made when the first file comes.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), mirror: None, patience: Duration::from_secs(60) }
    }

    /// With a mirror: see [`MIRROR_VARIABLE`].
    pub fn mirror(self, address: impl Into<String>) -> Self {
        Self { mirror: Some(address.into()), ..self }
    }

    /// With another time to wait for a connection, an answer, or the next bytes; a minute by default.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of that name, if it is in the cache. Its hash is not looked at.
    pub fn find(&self, file: &str) -> Option<PathBuf> {
        Some(self.folder.join(file)).filter(|path| path.is_file())
    }

    /// The file that is published at `url` under its last part as a name: from the cache, else downloaded into it.
    /// `hash` is an MD5 or a SHA-256 in hexadecimal, if there is one; a file in the cache is held against it too.
    /// `progress` is told the bytes that have come and those there will be, if the server tells.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let hub = cnn_hub::Hub::of_environment().ok_or("set KERAS_HOME")?;
    /// let url = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/\
    ///            resnet50_weights_tf_dim_ordering_tf_kernels.h5";
    /// let cached = hub.get(url, Some("2cb95161c43110f7111970584f804107"), &mut |bytes, all| {
    ///     println!("{bytes} of {all:?}");
    /// })?;
    /// println!("{}", cached.path.display());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`HubError`] with the file's name and the remedy; nothing is left behind.
    pub fn get(
        &self,
        url: &str,
        hash: Option<&str>,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<Cached, HubError> {
        let file = url.rsplit('/').next().unwrap_or(url);
        let failed = |problem| HubError { file: file.into(), problem };
        if let Some(path) = self.find(file) {
            check_cached(&path, hash).map_err(failed)?;
            return Ok(Cached { path, downloaded: None });
        }
        let address = self.address(url).map_err(failed)?;
        let path = download::download(&address, &self.folder, file, hash, self.patience, progress).map_err(failed)?;
        Ok(Cached { path, downloaded: Some(address) })
    }

    /// Where a published file is looked for.
    fn address(&self, url: &str) -> Result<String, Problem> {
        let Some(mirror) = &self.mirror else { return Ok(url.into()) };
        if !mirror.starts_with("http://") && !mirror.starts_with("https://") {
            return Err(Problem::Address(mirror.clone()));
        }
        let (_, rest) = url.split_once("://").unwrap_or(("", url));
        let path = rest.split_once('/').map_or(rest, |(_, path)| path);
        Ok(format!("{}/{path}", mirror.trim_end_matches('/')))
    }
}

/// Whether a file of the cache has the published hash, if there is one.
fn check_cached(path: &Path, hash: Option<&str>) -> Result<(), Problem> {
    let Some(wanted) = hash else { return Ok(()) };
    let hasher = Hasher::of(wanted)?;
    let got = File::open(path).and_then(|file| hasher.of_file(file));
    let got = got.map_err(|error| Problem::Folder { path: path.into(), error })?;
    if got.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(Problem::CachedHash { path: path.into(), got, wanted: wanted.into() })
}
