//! Pictures with their classes: a folder of folders, or arrays in an `.npz`.

use std::io::Write;
use std::path::Path;

use cnn::data::{Broken, Channels, Dataset, ImageDirectory, LabelMode, Note};
use cnn::io::files;
use cnn::io::npz::Npz;
use cnn::{Network, Tensor};
use sha2::{Digest, Sha256};

use crate::console::Console;
use crate::failure::{Failure, suggestion};
use crate::paths::has_ending;
use crate::picture::SIDE;
use crate::table::{Table, shape, symbolic_shape};

/// The share of the samples that judges the training where nothing is said.
const VALIDATION: f64 = 0.2;
/// So many classes are listed with their counts.
const LISTED: usize = 20;

/// How data is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Height, width and channels that pictures of a folder are brought to.
    pub format: (usize, usize, Channels),
    /// Samples of a batch.
    pub batch: usize,
    /// Whether each epoch has an order of its own.
    pub shuffle: bool,
    /// What the order depends on.
    pub seed: u64,
}

/// Refuses a size for arrays.
pub fn check_size(wanted: Option<(usize, usize)>, data: &Path) -> Result<(), Failure> {
    if wanted.is_none() || !data.is_file() {
        return Ok(());
    }
    let text = "--image-size is for folders of pictures; the arrays of an .npz have the size they have";
    Err(Failure::Usage(text.into()))
}

/// What a model takes of a folder's pictures. Of arrays nothing is asked here.
pub fn format_of(
    network: &Network,
    wanted: Option<(usize, usize)>,
    arrays: bool,
    console: &Console,
) -> Result<(usize, usize, Channels), Failure> {
    if arrays {
        return Ok((SIDE, SIDE, Channels::Rgb));
    }
    let refuse = |text: String| Err(Failure::Failed(format!("{}: {text}", network.model().name())));
    let inputs = network.model().input_shapes();
    let &[_, height, width, Some(channels @ (1 | 3))] = inputs[0].as_slice() else {
        let shape = symbolic_shape(&inputs[0]);
        return refuse(format!("it takes {shape}, not pictures of 1 or 3 channels; give the samples as an .npz"));
    };
    let (rows, columns) = wanted.unwrap_or((height.unwrap_or(SIDE), width.unwrap_or(SIDE)));
    if height.is_some_and(|height| height != rows) || width.is_some_and(|width| width != columns) {
        let shape = symbolic_shape(&inputs[0]);
        return refuse(format!("it takes {shape}, not pictures of {rows}x{columns}; leave --image-size out"));
    }
    if wanted.is_none() && (height.is_none() || width.is_none()) {
        let name = network.model().name();
        console.note(&format!(
            "{name} takes pictures of any size: they are brought to {rows}x{columns}; --image-size says another"
        ));
    }
    Ok((rows, columns, if channels == 1 { Channels::Grey } else { Channels::Rgb }))
}

/// Samples with their classes.
#[derive(Debug)]
pub struct Data {
    /// What is learned, or judged by `cnn evaluate`.
    pub samples: Dataset,
    /// What judges the training.
    pub validation: Option<Dataset>,
    /// The classes' names.
    pub classes: Vec<String>,
    /// The shape of a sample, without the batch.
    pub shape: Vec<usize>,
    /// What a white pixel is: 255, or the largest value of an array that has no such pixels.
    pub white: f32,
    /// The least value of an array; pixels have none below 0.
    pub least: f32,
    /// What tells these samples from others: of an array file all that it holds, of a folder its files' names and sizes.
    pub digest: String,
}

impl Data {
    /// What is to be learned from, divided where the data brings no part of its own to validate by.
    pub fn training(
        path: &Path,
        reading: Reading,
        validation: Option<f64>,
        console: &Console,
    ) -> Result<Self, Failure> {
        let mut data = match is_of_arrays(path) {
            true => from_arrays(path, reading, Part::Training { own: validation.is_none() })?,
            false => from_folder(path, reading, console)?,
        };
        let counts = data.samples.class_counts();
        let learned: Vec<&String> = data.classes.iter().zip(&counts).filter(|&(_, &n)| n > 0).map(|(c, _)| c).collect();
        if let &[only] = learned.as_slice() {
            let text =
                format!("all samples are of class '{only}', so there is nothing to learn; give two classes at least");
            return Err(Failure::Failed(format!("{}: {text}", path.display())));
        }
        if data.validation.is_none() {
            data.divide(validation, console)?;
        }
        Ok(data)
    }

    /// All samples, or of an `.npz` those to test with.
    ///
    /// Of arrays it takes `classes` where that is more than their labels need, since they may lack the last ones.
    pub fn test(path: &Path, reading: Reading, classes: usize, console: &Console) -> Result<Self, Failure> {
        match is_of_arrays(path) {
            true => from_arrays(path, reading, Part::Test { classes }),
            false => from_folder(path, reading, console),
        }
    }

    fn divide(&mut self, fraction: Option<f64>, console: &Console) -> Result<(), Failure> {
        let few = (VALIDATION * self.samples.len() as f64) < 1.0;
        match fraction {
            Some(0.0) => return Ok(()),
            None if few => {
                console
                    .note("too few samples to keep some for validation: the training is judged by what it learns from");
                return Ok(());
            }
            _ => {}
        }
        let (samples, validation) = self.samples.split(fraction.unwrap_or(VALIDATION))?;
        let missing = samples.class_counts().into_iter().zip(validation.class_counts()).zip(&self.classes);
        for (_, class) in missing.filter(|((training, validation), _)| *training == 0 && *validation > 0) {
            console.note(&format!("class '{class}' has no sample to learn from: all are kept for validation"));
        }
        (self.samples, self.validation) = (samples, Some(validation));
        Ok(())
    }

    /// With classes of these names, in this order: folders are found among them by name, arrays have their numbers already.
    pub fn with_classes(self, names: Vec<String>, path: &Path) -> Result<Self, Failure> {
        if path.is_file() {
            // More classes than names are refused with the model.
            return Ok(if self.classes.len() == names.len() { Self { classes: names, ..self } } else { self });
        }
        if let Some(folder) = self.classes.iter().find(|folder| !names.contains(folder)) {
            let near = suggestion(folder, names.iter().map(String::as_str));
            let text = format!("holds a folder '{folder}', which is no name of a class{near}");
            let text = format!("{}: {text}; take it out, or name it as its class", path.display());
            return Err(Failure::Failed(text));
        }
        let samples = self.samples.with_classes(names.clone(), LabelMode::Int)?;
        Ok(Self { samples, classes: names, ..self })
    }

    /// Targets as rows of 0 and 1 in place of class numbers.
    pub fn one_hot(self) -> Result<Self, Failure> {
        let samples = self.samples.label_mode(LabelMode::Categorical)?;
        let validation = self.validation.map(|data| data.label_mode(LabelMode::Categorical)).transpose()?;
        Ok(Self { samples, validation, ..self })
    }

    /// Says what there is.
    pub fn print(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let part = self.validation.as_ref().map_or(String::new(), |part| format!(", {} for validation", part.len()));
        let classes = self.classes.len();
        writeln!(out, "{} samples of {}{part}, {classes} classes", self.samples.len(), shape(&self.shape))?;
        let mut table = match self.validation {
            Some(_) => Table::new(["class", ">training", ">validation"]),
            None => Table::new(["class", ">samples"]),
        };
        let validation = self.validation.as_ref().map(Dataset::class_counts);
        let counts = self.samples.class_counts();
        for (index, (class, count)) in self.classes.iter().zip(&counts).enumerate().take(LISTED) {
            let mut row = vec![class.clone(), count.to_string()];
            row.extend(validation.as_ref().map(|counts| counts[index].to_string()));
            table.row(row);
        }
        table.indent("  ").print(out)?;
        if classes > LISTED {
            let (least, most) = (counts.iter().min().unwrap_or(&0), counts.iter().max().unwrap_or(&0));
            writeln!(out, "  … and {} more; a class has {least} to {most} samples", classes - LISTED)?;
        }
        Ok(())
    }
}

/// A file, or what is meant as one and is not there.
fn is_of_arrays(path: &Path) -> bool {
    path.is_file() || has_ending(path, "npz") && !path.is_dir()
}

fn from_folder(path: &Path, reading: Reading, console: &Console) -> Result<Data, Failure> {
    let (height, width, channels) = reading.format;
    let folder = ImageDirectory::new(path)
        .label_mode(LabelMode::Int)
        .color_mode(channels)
        .image_size(height, width)
        .batch_size(reading.batch)
        .broken(Broken::LeaveOut);
    let folder = if reading.shuffle { folder.seed(reading.seed) } else { folder.in_order() };
    let samples = {
        let _doing = console.doing(&format!("reading {}", path.display()));
        folder.dataset()?
    };
    for note in samples.notes() {
        match note {
            Note::PassedOver(_) => console.detail(&note.to_string()),
            note => console.note(&note.to_string()),
        }
    }
    let classes = samples.class_names().to_vec();
    let shape = vec![height, width, channels.count()];
    let digest = digest_of_files(path, samples.files())?;
    Ok(Data { samples, validation: None, classes, shape, white: 255.0, least: 0.0, digest })
}

/// Names below the folder, and sizes, whatever their order.
fn digest_of_files<'a>(folder: &Path, files: impl Iterator<Item = &'a Path>) -> Result<String, Failure> {
    let line = |file: &Path| match file.metadata() {
        Ok(about) => Ok(format!("{:?} {}\n", file.strip_prefix(folder).unwrap_or(file), about.len())),
        Err(error) => Err(Failure::Failed(format!("{}: cannot be read: {error}", file.display()))),
    };
    let mut lines = files.map(line).collect::<Result<Vec<_>, _>>()?;
    lines.sort();
    Ok(digest(lines.concat().as_bytes()))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Which arrays of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// `x_train` or `x`; with its own validation, `x_test` too where it is there.
    Training { own: bool },
    /// `x_test`, or else all; of so many classes at least.
    Test { classes: usize },
}

fn from_arrays(path: &Path, reading: Reading, part: Part) -> Result<Data, Failure> {
    let file = path.display().to_string();
    let bytes = files::read(path)?;
    let mut archive = Npz::open(&bytes, &file)?;
    let has_test = ["x_test", "y_test"].iter().all(|name| archive.names().iter().any(|known| known == name));
    let least_classes = if let Part::Test { classes } = part { Some(classes) } else { None };
    let (x, y) = if least_classes.is_some() && has_test { archive.test()? } else { archive.training()? };
    let labels = labels(&y, &file)?;
    let own = if part == (Part::Training { own: true }) && has_test { Some(archive.test()?) } else { None };
    let own = own.map(|(x, y)| Ok::<_, Failure>((x, self::labels(&y, &file)?))).transpose()?;
    let all = labels.data().iter().chain(own.iter().flat_map(|(_, labels)| labels.data()));
    let largest = all.fold(0.0f32, |largest, &label| largest.max(label));
    // Counting goes from 0; a part to test with need not have every class.
    let least = labels.data().iter().fold(f32::INFINITY, |least, &label| least.min(label));
    if least_classes.is_none() && least > 0.0 && least.is_finite() {
        let text = format!("its labels go from {least} to {largest}, but classes are counted from 0; subtract {least}");
        return Err(Failure::Failed(format!("{file}: {text}")));
    }
    let samples = labels.len() + own.as_ref().map_or(0, |(_, labels)| labels.len());
    if least_classes.is_none() && largest as usize >= samples {
        let (classes, stray) = (largest as usize + 1, labels.data().iter().position(|&label| label == largest));
        let sample = stray.map_or_else(|| "of the samples to test with".into(), |sample| format!("of sample {sample}"));
        let text =
            format!("label {largest} {sample} makes {classes} classes of {samples} samples; number them from 0 on");
        return Err(Failure::Failed(format!("{file}: {text}")));
    }
    let classes: Vec<String> =
        (0..(largest as usize + 1).max(least_classes.unwrap_or(0))).map(|class| class.to_string()).collect();
    let white = match x.data().iter().fold(0.0f32, |largest, &value| largest.max(value)) {
        // Pixels, be it that none is quite white.
        128.0..=255.0 => 255.0,
        largest if largest > 1.0 => largest,
        _ => 1.0,
    };
    let least = x.data().iter().fold(0.0f32, |least, &value| least.min(value));
    let x = with_channels(x);
    let sample = |x: &Tensor| x.shape().get(1..).unwrap_or_default().to_vec();
    let shape = sample(&x);
    let own = own.map(|(x, labels)| (with_channels(x), labels));
    if let Some(test) = own.as_ref().map(|(x, _)| sample(x)).filter(|test| *test != shape) {
        let [got, test] = [&shape, &test].map(|sizes| crate::table::shape(sizes));
        let text = format!("the samples of x_train are {got}, those of x_test {test}; bring them to one shape");
        return Err(Failure::Failed(format!("{file}: {text}")));
    }
    // What is divided is mixed first, or the last classes would all be kept for validation.
    // What is no number is refused, and told by its place in the file.
    let mixes = reading.shuffle && own.is_none() && x.data().iter().all(|x| x.is_finite());
    let (x, labels) = if mixes { mixed(x, &labels, reading.seed)? } else { (x, labels) };
    let dataset = |x: Tensor, labels: &Tensor| {
        Dataset::from_classes(x, labels, LabelMode::Int, classes.clone())?.batch_size(reading.batch)
    };
    let named = |part: &str, error: cnn::data::DataError| Failure::Failed(format!("{file}: {part}{error}"));
    let samples = dataset(x, &labels).map_err(|error| named("", error))?;
    let samples = if reading.shuffle { samples.shuffle(reading.seed) } else { samples.in_order() };
    let validation = own.map(|(x, labels)| dataset(x, &labels)).transpose();
    let validation = validation.map_err(|error| named("of x_test and y_test: ", error))?;
    let validation = validation.map(Dataset::in_order);
    Ok(Data { samples, validation, classes, shape, white, least, digest: digest(&bytes) })
}

/// Grey pictures have a channel too.
fn with_channels(x: Tensor) -> Tensor {
    match *x.shape() {
        // As many elements as before.
        [samples, height, width] => x.clone().reshape(vec![samples, height, width, 1]).unwrap_or(x),
        _ => x,
    }
}

/// Class numbers `[N]`, of these or of one-hot rows.
fn labels(y: &Tensor, file: &str) -> Result<Tensor, Failure> {
    let refuse = |text: String| Err(Failure::Failed(format!("{file}: {text}")));
    let wanted = "give class numbers [N], whole and from 0 on, or one-hot rows [N, classes]";
    match *y.shape() {
        [samples] | [samples, 1] => {
            let wrong = y.data().iter().position(|&label| label.fract() != 0.0 || !(0.0..1e6).contains(&label));
            if let Some(sample) = wrong {
                return refuse(format!("label {} of sample {sample} is no class number; {wanted}", y.data()[sample]));
            }
            Ok(y.clone().reshape(vec![samples])?)
        }
        [samples, classes] if classes > 1 => {
            let class = |row: &[f32]| {
                let ones = row.iter().filter(|&&x| x == 1.0).count();
                let zeros = row.iter().filter(|&&x| x == 0.0).count();
                if ones == 1 && zeros == classes - 1 { row.iter().position(|&x| x == 1.0) } else { None }
            };
            let found: Option<Vec<f32>> = y.data().chunks(classes).map(|row| class(row).map(|c| c as f32)).collect();
            match found {
                Some(labels) => Ok(Tensor::new(vec![samples], labels)?),
                None => refuse(format!("the rows of its labels are not one-hot; {wanted}")),
            }
        }
        _ => refuse(format!("its labels have the shape {}; {wanted}", shape(y.shape()))),
    }
}

/// The samples in an order that depends on the seed alone.
fn mixed(x: Tensor, labels: &Tensor, seed: u64) -> Result<(Tensor, Tensor), Failure> {
    let samples = labels.len();
    if x.shape().first() != Some(&samples) || x.is_empty() {
        return Ok((x, labels.clone()));
    }
    let order = Dataset::from_arrays(labels.clone(), None)?.shuffle(seed).order(0);
    let size = x.len() / samples;
    let rows = order.iter().flat_map(|&sample| &x.data()[sample * size..][..size]).copied().collect();
    let classes = order.iter().map(|&sample| labels.data()[sample]).collect();
    Ok((Tensor::new(x.shape().to_vec(), rows)?, Tensor::new(vec![samples], classes)?))
}
