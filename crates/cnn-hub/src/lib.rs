//! Published files of weights: found in Keras's own cache, or downloaded into it once, so that Keras and this workspace
//! share them.
//!
//! A [`Hub`] is a folder, Keras's `~/.keras/models` unless told otherwise, and an address to download from.
//! [`Hub::fetch_blocking`] uses a file that is there with the right hash, and makes no connection then. Else it downloads
//! to a temporary name in that folder, checks length and hash, and hands out a [`Download`], which [`Download::keep`]
//! renames into its place. What is not kept is removed, so that a file under its own name is always whole; what a killed
//! program leaves behind goes when next something is downloaded. Two programs that download one file at the same time do
//! so each under a name of its own, and the last one's file stays.
//!
//! ```no_run
//! use cnn_hub::{Fetched, Hub, RemoteFile};
//!
//! let hub = Hub::from_environment();
//! let file = RemoteFile { url: "https://example.org/weights/tiny.h5", hash: None };
//! let path = match hub.fetch_blocking(&file, &mut |done, total| eprintln!("{done} of {total:?} bytes"))? {
//!     Fetched::Cached(path) => path,
//!     Fetched::Downloaded(download) => download.keep()?.path,
//! };
//! # Ok::<(), cnn_hub::HubError>(())
//! ```
//!
//! Proxies are those of the environment (`HTTPS_PROXY`, `NO_PROXY`). This crate is not for browsers: it blocks and writes
//! files.

mod download;
mod error;
mod hash;
mod hub;
mod temporary;
mod transfer;

pub use download::{Download, Kept};
pub use error::{HubError, Problem};
pub use hub::{Fetched, Hub, MIRROR_VARIABLE, RemoteFile, keras_models_folder};
