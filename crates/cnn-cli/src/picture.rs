//! The options that say how a picture file becomes what a model takes.

use std::path::Path;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use cnn::data::{self, Channels, DecodeOptions, Fit, ResizeMethod, decode};
use cnn::zoo::Preprocess;
use cnn::{Model, Network, Tensor, io};

use crate::failure::{Failure, chain};
use crate::model::Source;
use crate::table::symbolic_shape;

/// From a file to pixels, and what is done to these.
#[derive(Debug, Clone, Args)]
pub struct PictureArgs {
    /// What is done to pixels before; by default what the zoo says of its model, and nothing for a file
    #[arg(long)]
    preprocess: Option<Mode>,
    /// What pictures are brought to where a model takes any size: 96, or HEIGHTxWIDTH; of the zoo's, the size of its table
    #[arg(long, value_name = "N|HxW")]
    image_size: Option<Size>,
    /// How a picture is brought to the model's size: by a filter of Keras's load_img, or as cnn train does
    #[arg(long, default_value = "nearest")]
    interpolation: Interpolation,
    /// Takes the middle of a picture in the model's aspect ratio, instead of stretching the whole
    #[arg(long)]
    keep_aspect_ratio: bool,
    /// Loads pictures just as Keras does: not turned as EXIF says, grey of 16 bits cut at 255
    #[arg(long)]
    as_keras: bool,
}

/// Keras's modes of `preprocess_input`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// RGB to BGR, minus ImageNet's mean: ResNet50, VGG16
    Caffe,
    /// -1 to 1: MobileNetV2, InceptionV3
    Tf,
    /// ImageNet's mean 0 and deviation 1
    Torch,
    /// Pixels as they are, 0 to 255
    None,
}

impl From<Mode> for Preprocess {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Caffe => Preprocess::Caffe,
            Mode::Tf => Preprocess::Tf,
            Mode::Torch => Preprocess::Torch,
            Mode::None => Preprocess::None,
        }
    }
}

/// Keras's names of filters, and its other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Interpolation {
    Nearest,
    Bilinear,
    Bicubic,
    Lanczos,
    Hamming,
    /// As `cnn train` reads a folder, and Keras's image_dataset_from_directory: bilinear between the nearest pixels alone
    Dataset,
}

impl Interpolation {
    /// Of `load_img`.
    fn filter(self) -> Option<data::Interpolation> {
        match self {
            Interpolation::Nearest => Some(data::Interpolation::Nearest),
            Interpolation::Bilinear => Some(data::Interpolation::Bilinear),
            Interpolation::Bicubic => Some(data::Interpolation::Bicubic),
            Interpolation::Lanczos => Some(data::Interpolation::Lanczos),
            Interpolation::Hamming => Some(data::Interpolation::Hamming),
            Interpolation::Dataset => None,
        }
    }
}

/// Rows and columns of pictures where neither an option nor a model says how many.
pub const SIDE: usize = 128;

/// Height and width.
#[derive(Debug, Clone, Copy)]
pub struct Size(pub usize, pub usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let side = |text: &str| text.trim().parse::<usize>().ok().filter(|side| (1..=65_535).contains(side));
        let (height, width) = text.split_once('x').unwrap_or((text, text));
        let sides = side(height).zip(side(width)).map(|(height, width)| Self(height, width));
        sides.ok_or_else(|| "it takes a side from 1 to 65535, as in 96, or HEIGHTxWIDTH, as in 96x128".into())
    }
}

/// What a model takes, as far as pictures go.
#[derive(Debug, Clone, Copy)]
pub struct PictureFormat {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Grey or colours.
    pub channels: Channels,
}

impl PictureArgs {
    /// What the one input of a model takes of pictures. Where it takes any size, it gets the one asked for, or that of the zoo's
    /// table.
    pub fn format(&self, model: &Model, source: &Source) -> Result<PictureFormat, Failure> {
        let refuse = |reason: String| Failure::Failed(format!("{}: {reason}", model.name()));
        let inputs = model.input_shapes();
        let input = inputs[0].as_slice();
        let shape = symbolic_shape(input);
        let (&[_, height, width, Some(channels)], 1) = (input, inputs.len()) else {
            return Err(refuse(format!(
                "its input has the shape {shape}, not that of pictures; use `cnn run` instead"
            )));
        };
        let channels = match channels {
            1 => Channels::Grey,
            3 => Channels::Rgb,
            other => {
                let text = format!("it takes {other} channels, pictures have 1 or 3; use `cnn run` instead");
                return Err(refuse(text));
            }
        };
        if let Some(Size(rows, columns)) = self.image_size {
            if height.is_some_and(|height| height != rows) || width.is_some_and(|width| width != columns) {
                let text = format!("it takes {shape}, not pictures of {rows}x{columns}; leave --image-size out");
                return Err(refuse(text));
            }
            return Ok(PictureFormat { height: rows, width: columns, channels });
        }
        let default = match source {
            Source::Zoo(row) => Some(row.default_size),
            Source::File(_) => None,
        };
        let Some((height, width)) = height.or(default).zip(width.or(default)) else {
            let text = format!("its input has the shape {shape}; say by --image-size what pictures are brought to");
            return Err(refuse(text));
        };
        Ok(PictureFormat { height, width, channels })
    }

    /// The network with the preprocessing that is asked for.
    pub fn preprocessing(&self, network: Network) -> Network {
        match self.preprocess {
            Some(mode) => network.with_preprocess(mode.into()),
            None => network,
        }
    }

    /// A picture as a model takes it: as Keras's `load_img`, `img_to_array` and `preprocess_input` make it.
    pub fn read(&self, path: &Path, format: PictureFormat, preprocess: Preprocess) -> Result<Tensor, String> {
        let bytes = io::files::read(path).map_err(|error| chain(&error))?;
        let options = DecodeOptions::default();
        let options = if self.as_keras { options.as_keras() } else { options };
        let picture = decode(&bytes, &path.display().to_string(), &options);
        let picture = picture.map_err(|error| chain(&error))?.convert(format.channels);
        let (height, width) = (format.height, format.width);
        let pixels = match (self.interpolation.filter(), self.keep_aspect_ratio) {
            (Some(filter), true) => picture
                .resize_keeping_aspect_ratio(height, width, filter)
                .map(|picture| picture.to_tensor(format.channels)),
            (Some(filter), false) => picture.resize(height, width, filter).map(|x| x.to_tensor(format.channels)),
            (None, crop) => {
                let fit = if crop { Fit::Crop } else { Fit::Stretch };
                picture.resize_to_tensor(height, width, ResizeMethod::Bilinear, fit)
            }
        };
        // A dataset's pictures come without the axis of the batch.
        let pixels = pixels.map_err(|error| chain(&error))?;
        let pixels = pixels.reshape(vec![1, height, width, format.channels.count()]).map_err(|error| chain(&error))?;
        preprocess.apply(pixels).map_err(|error| format!("{}: {error}", path.display()))
    }
}
