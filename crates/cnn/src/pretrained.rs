//! The zoo with its published weights. Not for browsers: files are downloaded and kept.

use std::path::PathBuf;

use cnn_hub::{Fetched, Hub, Kept, RemoteFile};
use cnn_io::files;
use cnn_zoo::Arguments;

use crate::error::Error;
use crate::network::Network;

/// Where published weights have come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The cache, where they had been before.
    Cache(PathBuf),
    /// A server, just now.
    Downloaded {
        /// The file's address.
        address: String,
        /// Where it is kept.
        kept: Kept,
        /// Whether its hash is the published one. Where none is published, length and every tensor's shape are what the
        /// server announced and what the model wants.
        hash_checked: bool,
    },
}

impl Network {
    /// A model of the zoo with its published ImageNet weights, from the hub's cache or downloaded into it; `progress` is
    /// told of the bytes that have come and, where the server says it, of how many there will be.
    ///
    /// A download is kept when its weights are the model's, and not before.
    ///
    /// ```no_run
    /// use cnn::hub::Hub;
    /// use cnn::{Network, zoo};
    /// let arguments = zoo::Arguments::default().include_top(false);
    /// let hub = Hub::from_environment();
    /// let (network, _) = Network::pretrained_blocking("MobileNetV2", &arguments, &hub, &mut |_, _| ())?;
    /// # Ok::<(), cnn::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there is no model of that name or none with these arguments and ImageNet weights, the file cannot be had, or it
    /// holds other weights.
    pub fn pretrained_blocking(
        name: &str,
        arguments: &Arguments,
        hub: &Hub,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<(Self, Origin), Error> {
        let row = cnn_zoo::find(name)?;
        let model = row.build(&arguments.clone().imagenet(true))?;
        let published = if arguments.include_top { row.weights } else { row.weights_no_top };
        let remote = RemoteFile { url: published.url, hash: published.hash };
        let (weights, origin) = match hub.fetch_blocking(&remote, progress)? {
            Fetched::Cached(path) => (files::open_weights(&path, &model).map_err(Error::Cached)?, Origin::Cache(path)),
            Fetched::Downloaded(mut download) => {
                let address = download.address().to_owned();
                cnn_io::read_weights(download.read()?, &model, &address)?;
                let kept = download.keep()?;
                let weights = files::open_weights(&kept.path, &model)?;
                (weights, Origin::Downloaded { address, kept, hash_checked: published.hash.is_some() })
            }
        };
        Ok((Self::of(model, weights).with_preprocess(row.preprocess), origin))
    }
}
