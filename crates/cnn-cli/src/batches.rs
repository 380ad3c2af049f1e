//! Pictures from files and folders, decoded on all cores ahead of the device, a batch at a time.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use cnn::Tensor;
use rayon::prelude::*;
use walkdir::WalkDir;

use crate::failure::Failure;

/// Endings that a file of pixels has. Those that are not read here are reported, not passed over.
const ENDINGS: [&str; 14] =
    ["png", "jpg", "jpeg", "jpe", "jfif", "gif", "webp", "bmp", "tif", "tiff", "avif", "heic", "jp2", "ico"];

/// The files that `paths` name: each file itself, and all pictures in and under each folder, in the order of their names.
pub fn pictures(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
            let entry = entry.map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
            if entry.file_type().is_file() && is_picture(entry.path()) {
                files.push(entry.into_path());
            }
        }
        if files.len() == before {
            let text = format!("{}: there is no picture in this folder or under it", path.display());
            return Err(Failure::Failed(text));
        }
    }
    Ok(files)
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Some pictures in a row: those that could be read as one tensor, `[N, H, W, C]`, in their order.
pub struct Batch {
    /// Each file, and why it could not be read.
    pub files: Vec<(PathBuf, Option<String>)>,
    /// The pixels; `None` where none could be read.
    pub pixels: Option<Tensor>,
}

/// Reads `files` on all cores by `read`, which gives `[1, H, W, C]`, and hands on batches of `size` readable pictures, the
/// last one shorter. Two batches at most wait for `consume`, so memory does not grow with the number of files.
pub fn for_each_batch<E>(
    files: &[PathBuf],
    size: usize,
    read: impl Fn(&Path) -> Result<Tensor, String> + Sync,
    mut consume: impl FnMut(Batch) -> Result<(), E>,
) -> Result<(), E> {
    std::thread::scope(|scope| {
        let (sender, receiver): (SyncSender<Batch>, Receiver<Batch>) = sync_channel(1);
        let read = &read;
        scope.spawn(move || decode(files, size, read, &sender));
        // Where this returns early, the receiver goes, and with it the thread at its next send.
        receiver.into_iter().try_for_each(&mut consume)
    })
}

fn decode(
    files: &[PathBuf],
    size: usize,
    read: &(impl Fn(&Path) -> Result<Tensor, String> + Sync),
    sender: &SyncSender<Batch>,
) {
    let mut waiting = Waiting::default();
    for chunk in files.chunks(size) {
        let pictures: Vec<_> = chunk.par_iter().map(|path| read(path)).collect();
        for (path, picture) in chunk.iter().zip(pictures) {
            waiting.add(path, picture);
            if waiting.count == size && sender.send(waiting.take()).is_err() {
                return;
            }
        }
    }
    if !waiting.files.is_empty() {
        // Nobody listens any more where the consumer failed; it has told why.
        let _ = sender.send(waiting.take());
    }
}

/// A batch that is being filled.
#[derive(Default)]
struct Waiting {
    files: Vec<(PathBuf, Option<String>)>,
    count: usize,
    shape: Vec<usize>,
    pixels: Vec<f32>,
}

impl Waiting {
    fn add(&mut self, path: &Path, picture: Result<Tensor, String>) {
        let problem = picture.map(|picture| {
            self.shape = picture.shape().to_vec();
            self.pixels.extend(picture.into_data());
            self.count += 1;
        });
        self.files.push((path.to_path_buf(), problem.err()));
    }

    fn take(&mut self) -> Batch {
        let Self { files, count, mut shape, pixels } = std::mem::take(self);
        if let Some(batch) = shape.first_mut() {
            *batch = count;
        }
        // All pictures of a model have one size, so the shape is right; an empty one has none.
        let pixels = Tensor::new(shape, pixels).ok().filter(|_| count > 0);
        Batch { files, pixels }
    }
}
