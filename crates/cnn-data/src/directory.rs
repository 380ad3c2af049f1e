//! Folders of pictures, one for each class: Keras's `image_dataset_from_directory`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::data_error::DataError;
use crate::dataset::{Dataset, Note};
use crate::decode::DecodeOptions;
use crate::order::{Purpose, shuffle};
use crate::picture::Channels;
use crate::resample::{Fit, ResizeMethod};
use crate::source::{Classes, Files, LabelMode, Load, cannot_read};

/// The endings that Keras takes for pictures, in small or capital letters.
const ENDINGS: &[&str] = &[".bmp", ".gif", ".jpeg", ".jpg", ".png"];

/// Files, each with the number of its class.
type Found = Vec<(PathBuf, usize)>;
/// Folders by name.
type Folders = Vec<(String, PathBuf)>;

/// What is done about a picture that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Broken {
    /// Its batch is an error that names the file and what to do about it.
    #[default]
    Refuse,
    /// It is left out, and [`Dataset::notes`] says so. To find them all, every picture is read once before the first
    /// epoch.
    LeaveOut,
}

/// Pictures in folders, one for each class, as Keras's `image_dataset_from_directory` takes them, whose arguments have
/// their names and first values here.
///
/// The classes are the folders in `path` by the code points of their names (so Hangul syllables come in the order of a
/// dictionary), without those that begin with a dot. A class's pictures are all files in it and under it that end in
/// .bmp, .gif, .jpeg, .jpg or .png, hidden ones too, by folder and name.
///
/// Not Keras's are the order for a seed, and that pictures are turned as their EXIF entry says, which
/// [`DecodeOptions::exif_orientation`] takes back. 16 bits are scaled to 8, where TensorFlow takes the upper 8: one grey
/// level at most ([`DecodeOptions::as_keras`] is for `load_img`, which cuts them off). A JPEG in [`Channels::Rgba`] is
/// opaque, where Keras refuses it. The palette of a BMP is looked up, where TensorFlow takes a pixel's number in it for grey; of
/// a GIF, a transparent pixel has its colour, which TensorFlow makes black, and a first frame smaller than the canvas stays
/// where it is, which TensorFlow cuts out. All three are as [`decode`](crate::decode()) and `load_img` have them.
///
/// ```no_run
/// use cnn_data::{ImageDirectory, LabelMode};
/// let flowers = ImageDirectory::new("flowers").label_mode(LabelMode::Categorical).image_size(224, 224).seed(7);
/// let (training, validation) = flowers.dataset()?.split(0.2)?;
/// for note in training.notes() {
///     println!("{note}");
/// }
/// for batch in training.epoch(0) {
///     let batch = batch?;
///     assert_eq!(batch.x.shape()[1..], [224, 224, 3]); // [N, 224, 224, 3], 0 to 255
/// }
/// # Ok::<(), cnn_data::DataError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ImageDirectory {
    path: PathBuf,
    label_mode: Option<LabelMode>,
    class_names: Option<Vec<String>>,
    color_mode: Channels,
    image_size: (usize, usize),
    interpolation: ResizeMethod,
    fit: Fit,
    seed: Option<u64>,
    follow_links: bool,
    batch_size: Option<usize>,
    broken: Broken,
    cache: bool,
    decode: DecodeOptions,
}

impl ImageDirectory {
    /// The folder `path`: integer labels, red, green and blue, 256 x 256 pixels, bilinear, stretched, shuffled by seed
    /// 0, in batches of 32.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            label_mode: Some(LabelMode::Int),
            class_names: None,
            color_mode: Channels::Rgb,
            image_size: (256, 256),
            interpolation: ResizeMethod::Bilinear,
            fit: Fit::Stretch,
            seed: Some(0),
            follow_links: false,
            batch_size: Some(32),
            broken: Broken::Refuse,
            cache: false,
            decode: DecodeOptions::default(),
        }
    }

    /// How labels are written. For `None` there are none, and all pictures in and under the folder are taken, in
    /// whatever folders they lie.
    pub fn label_mode(self, label_mode: impl Into<Option<LabelMode>>) -> Self {
        Self { label_mode: label_mode.into(), ..self }
    }

    /// The classes and their order; each is a folder, and folders that are not named are not read.
    pub fn class_names(self, names: impl IntoIterator<Item: Into<String>>) -> Self {
        Self { class_names: Some(names.into_iter().map(Into::into).collect()), ..self }
    }

    /// The channels that pictures are brought to.
    pub fn color_mode(self, color_mode: Channels) -> Self {
        Self { color_mode, ..self }
    }

    /// The rows and columns that pictures are brought to.
    pub fn image_size(self, height: usize, width: usize) -> Self {
        Self { image_size: (height, width), ..self }
    }

    /// How pictures are resized.
    pub fn interpolation(self, interpolation: ResizeMethod) -> Self {
        Self { interpolation, ..self }
    }

    /// What becomes of pictures of another aspect ratio: Keras's `crop_to_aspect_ratio` and `pad_to_aspect_ratio`.
    pub fn fit(self, fit: Fit) -> Self {
        Self { fit, ..self }
    }

    /// Shuffled by `seed`: the files once, so that a division has all classes in both parts, and each epoch again.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Class by class, by the names of the files: Keras's `shuffle=False`.
    pub fn in_order(self) -> Self {
        Self { seed: None, ..self }
    }

    /// Whether links to folders in a class's folder are followed. A folder of a class may be a link itself, and links
    /// to files are always read.
    pub fn follow_links(self, follow_links: bool) -> Self {
        Self { follow_links, ..self }
    }

    /// Samples of a batch; `None` for all at once.
    pub fn batch_size(self, batch_size: impl Into<Option<usize>>) -> Self {
        Self { batch_size: batch_size.into(), ..self }
    }

    /// What is done about pictures that cannot be read.
    pub fn broken(self, broken: Broken) -> Self {
        Self { broken, ..self }
    }

    /// Whether pictures stay in memory once they were read, as float32: 4 bytes for each channel of each pixel.
    pub fn cache(self, cache: bool) -> Self {
        Self { cache, ..self }
    }

    /// How pictures are decoded, and how large they may be.
    pub fn decode(self, decode: DecodeOptions) -> Self {
        Self { decode, ..self }
    }

    /// Lists the files; what [`Dataset::notes`] says then is which classes have no picture, which files were passed
    /// over, and which pictures were left out.
    ///
    /// # Errors
    /// If the folder is not there or is no folder, cannot be read, holds no class or no picture; a name of a class is
    /// not among its folders or is given twice; binary labels are wanted of other than two classes; a size is 0; with
    /// [`Broken::LeaveOut`] not one picture can be read.
    pub fn dataset(&self) -> Result<Dataset, DataError> {
        let (height, width) = self.image_size;
        if height == 0 || width == 0 {
            let reason = format!("{height} x {width} has no pixel; give at least one row and one column");
            return Err(DataError::argument("image_size", reason));
        }
        let mut notes = Vec::new();
        let (class_names, mut found) = self.list(&mut notes)?;
        if let Some(seed) = self.seed {
            shuffle(&mut found, seed, Purpose::Files);
        }
        let (files, labels) = found.into_iter().unzip();
        let classes = self.label_mode.map(|mode| Classes { labels, count: class_names.len(), mode });
        let load = Load {
            channels: self.color_mode,
            size: self.image_size,
            method: self.interpolation,
            fit: self.fit,
            decode: self.decode,
        };
        let mut data =
            Dataset::new(Files { files, classes, load }, class_names).prefetch(2).batch_size(self.batch_size)?;
        data = if let Some(seed) = self.seed { data.shuffle(seed) } else { data.in_order() };
        data = if self.cache { data.cache() } else { data };
        match self.broken {
            Broken::Refuse => Ok(data.with_notes(notes)),
            Broken::LeaveOut => leave_out(&data, notes),
        }
    }

    /// The classes, and the files with the number of their class.
    fn list(&self, notes: &mut Vec<Note>) -> Result<(Vec<String>, Found), DataError> {
        check_folder(&self.path)?;
        let Some(mode) = self.label_mode else {
            if self.class_names.is_some() {
                let reason = "they name the labels, but no labels are wanted; leave one of the two out";
                return Err(DataError::argument("class_names", reason));
            }
            let found: Vec<_> = walk(&self.path, self.follow_links, notes)?.into_iter().map(|file| (file, 0)).collect();
            return match found.is_empty() {
                true => Err(self.no_pictures("it or under it".into())),
                false => Ok((Vec::new(), found)),
            };
        };
        let (folders, beside) = folders(&self.path)?;
        let classes = self.classes(folders, beside.len())?;
        let names: Vec<String> = classes.iter().map(|(name, _)| name.clone()).collect();
        mode.check(&names)?;
        notes.extend(beside.into_iter().map(Note::PassedOver));
        let mut found = Vec::new();
        for (class, (name, folder)) in classes.into_iter().enumerate() {
            let files = walk(&folder, self.follow_links, notes)?;
            if files.is_empty() {
                notes.push(Note::EmptyClass(name));
            }
            found.extend(files.into_iter().map(|file| (file, class)));
        }
        if found.is_empty() {
            return Err(self.no_pictures(format!("the folders of its classes, {}", names.join(", "))));
        }
        Ok((names, found))
    }

    fn no_pictures(&self, searched: String) -> DataError {
        DataError::NoPictures { path: self.path.clone(), searched, endings: ENDINGS }
    }

    /// The folders of the classes: those that were asked for, or all.
    fn classes(&self, folders: Folders, pictures: usize) -> Result<Folders, DataError> {
        if folders.is_empty() {
            return Err(DataError::NoClasses { path: self.path.clone(), pictures });
        }
        let Some(wanted) = &self.class_names else { return Ok(folders) };
        if wanted.is_empty() {
            return Err(DataError::argument("class_names", "there is none; give one for each class"));
        }
        let mut classes: Folders = Vec::new();
        for class in wanted {
            if classes.iter().any(|(known, _)| known == class) {
                return Err(DataError::argument("class_names", format!("'{class}' is given twice; give it once")));
            }
            let Some(folder) = folders.iter().find(|(name, _)| name == class) else {
                let folders = folders.into_iter().map(|(name, _)| name).collect();
                return Err(DataError::UnknownClass { path: self.path.clone(), class: class.clone(), folders });
            };
            classes.push(folder.clone());
        }
        Ok(classes)
    }
}

fn check_folder(path: &Path) -> Result<(), DataError> {
    let found = match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => "is a file and no folder",
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "is not there",
        Err(error) => return Err(cannot_read(path, &error)),
    };
    Err(DataError::NoFolder { path: path.to_owned(), found })
}

/// The folders in a folder by name, and the pictures that lie beside them.
fn folders(path: &Path) -> Result<(Folders, Vec<PathBuf>), DataError> {
    let (mut folders, mut beside) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(path).map_err(|error| cannot_read(path, &error))? {
        let entry = entry.map_err(|error| cannot_read(path, &error))?;
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        if path.is_dir() {
            if !name.starts_with('.') {
                folders.push((name, path));
            }
        } else if ends_in(&entry.file_name(), ENDINGS) {
            beside.push(path);
        }
    }
    folders.sort();
    beside.sort();
    Ok((folders, beside))
}

/// The pictures in and under a folder: folder by folder, and by name in each, both by code points.
fn walk(folder: &Path, follow_links: bool, notes: &mut Vec<Note>) -> Result<Vec<PathBuf>, DataError> {
    let (mut files, mut others) = (Vec::new(), Vec::new());
    for entry in WalkDir::new(folder).follow_links(follow_links) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(folder).to_owned();
            let reason = match (error.loop_ancestor(), error.io_error()) {
                (Some(above), _) => format!("it is a link to {} above it; follow no links", above.display()),
                (None, Some(error)) => error.to_string(),
                (None, None) => "the operating system does not say why".to_owned(),
            };
            DataError::Read { path, reason }
        })?;
        // A link to a file is a file, also where links to folders are not followed.
        let kind = entry.file_type();
        if kind.is_dir() || (kind.is_symlink() && entry.path().is_dir()) {
            continue;
        }
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        match ends_in(entry.file_name(), ENDINGS) {
            true => files.push(entry.into_path()),
            false if hidden => {}
            false => others.push(entry.into_path()),
        }
    }
    // Not by path, which compares "a/b" and "a b" by their first folder.
    let key = |path: &PathBuf| {
        let part = |part: Option<&OsStr>| part.unwrap_or_default().as_encoded_bytes().to_vec();
        (part(path.parent().map(Path::as_os_str)), part(path.file_name()))
    };
    files.sort_by_cached_key(key);
    others.sort_by_cached_key(key);
    notes.extend(others.into_iter().map(Note::PassedOver));
    Ok(files)
}

fn ends_in(name: &OsStr, endings: &[&str]) -> bool {
    let name = name.to_string_lossy().to_lowercase();
    endings.iter().any(|ending| name.ends_with(ending))
}

/// Reads every picture once and leaves out those that cannot be.
fn leave_out(data: &Dataset, mut notes: Vec<Note>) -> Result<Dataset, DataError> {
    let mut readable = Vec::new();
    for (position, error) in data.check_all()?.into_iter().enumerate() {
        match error {
            None => readable.push(position),
            Some(error) => notes.push(Note::LeftOut(error)),
        }
    }
    match notes.iter().find_map(|note| if let Note::LeftOut(error) = note { Some(error) } else { None }) {
        Some(error) if readable.is_empty() => Err(error.clone()),
        _ => Ok(data.select(readable.into_iter()).with_notes(notes)),
    }
}
