//! `cnn augment`: what augmentation makes of pictures.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cnn::data::{Channels, DecodeOptions, Interpolation, Picture, batch, decode};
use cnn::io::files;
use cnn::layers::Pipeline;
use cnn::plot::{ContactSheet, Mark};
use cnn::{Augmenter, Device, DeviceRequest, Tensor};

use crate::console::Console;
use crate::device;
use crate::failure::{Failure, chain};
use crate::paths::check_png;
use crate::picture::{SIDE, Size};
use crate::pipeline_cache::PipelineCache;
use crate::training::augment::Augmentation;

/// Draws pictures as they are and as augmentation changes them
#[derive(Debug, Args)]
pub struct Augment {
    /// PNG, JPEG, GIF, BMP or WebP files; mixup and cutmix take two or more
    #[arg(value_name = "PICTURE", required = true)]
    pictures: Vec<PathBuf>,
    /// What is done to them, as `cnn train` does it; by default a row for each way that there is
    #[arg(long, value_name = "NAME[=STRENGTH],…")]
    augment: Option<Augmentation>,
    /// How often each picture is changed
    #[arg(long, default_value = "7", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
    /// What all changes are drawn from
    #[arg(long, default_value = "0", value_name = "N")]
    seed: u64,
    /// What the pictures are brought to: 96, or HEIGHTxWIDTH [default: 128]
    #[arg(long, value_name = "N|HxW")]
    image_size: Option<Size>,
    /// The channels that the pictures are brought to
    #[arg(long, default_value = "rgb")]
    color_mode: ColorMode,
    /// Where it runs: auto, gpu, gpu:N (as `cnn devices` numbers them), cpu, or reference, the slow float64 truth
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: DeviceRequest,
    /// Where the sheet goes
    #[arg(long, value_name = "sheet.png")]
    output: PathBuf,
}

/// Keras's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorMode {
    Rgb,
    Grayscale,
}

impl From<ColorMode> for Channels {
    fn from(mode: ColorMode) -> Self {
        match mode {
            ColorMode::Rgb => Channels::Rgb,
            ColorMode::Grayscale => Channels::Grey,
        }
    }
}

/// A row of the sheet for each picture: what changes it, and what it is called unchanged, if not by its file.
struct Row {
    pipeline: Pipeline,
    name: Option<String>,
}

impl Augment {
    pub fn run(&self, console: &Console, out: &mut dyn Write) -> Result<(), Failure> {
        check_png(&self.output)?;
        let pictures = self.read()?;
        let rows = self.rows(&pictures, console)?;
        let device = device::open(self.device, console)?;
        let _cache = PipelineCache::of(&device, console);
        let mut sheet = ContactSheet::new(self.title()).note(format!("seed {}, on {device}", self.seed));
        sheet = sheet.columns(self.count as usize + 1);
        for Row { pipeline, name } in rows {
            self.draw(&mut sheet, &device, pipeline, name.as_deref(), &pictures)?;
        }
        files::write(&self.output, &sheet.to_png()?)?;
        let (title, note) = (sheet.title_text(), sheet.note_text());
        writeln!(out, "{}  {title}, {} pictures, {note}", self.output.display(), sheet.len())?;
        Ok(())
    }

    fn title(&self) -> String {
        match &self.augment {
            Some(augmentation) => augmentation.spelled_out(),
            None => "what augmentation there is".into(),
        }
    }

    /// The pictures as a batch.
    fn read(&self) -> Result<Tensor, Failure> {
        let Size(height, width) = self.image_size.unwrap_or(Size(SIDE, SIDE));
        let channels = self.color_mode.into();
        let read = |path: &PathBuf| -> Result<Picture, Failure> {
            let picture = decode(&files::read(path)?, &path.display().to_string(), &DecodeOptions::default());
            let picture = picture.map(|picture| picture.convert(channels));
            let picture = picture.and_then(|picture| picture.resize(height, width, Interpolation::Bilinear));
            picture.map_err(|error| Failure::Failed(chain(&error)))
        };
        let pictures = self.pictures.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        batch(&pictures, channels).map_err(|error| Failure::Failed(chain(&error)))
    }

    /// What is asked for, or all that these pictures can be given.
    fn rows(&self, pictures: &Tensor, console: &Console) -> Result<Vec<Row>, Failure> {
        let (sample, alone) = (&pictures.shape()[1..], pictures.shape()[0] == 1);
        const MORE: &str = "mixup and cutmix mix pictures with each other: name two or more";
        if let Some(augmentation) = &self.augment {
            let pipeline = augmentation.pipeline(sample, [0.0, 255.0])?;
            if alone && pipeline.mixes() {
                return Err(Failure::Usage(MORE.into()));
            }
            return Ok(vec![Row { pipeline, name: None }]);
        }
        let mut rows = Vec::new();
        for augmentation in Augmentation::each() {
            match augmentation.pipeline(sample, [0.0, 255.0]) {
                Ok(pipeline) if alone && pipeline.mixes() => {}
                Ok(pipeline) => rows.push(Row { pipeline, name: Some(augmentation.text) }),
                // Those of colours, for grey pictures.
                Err(Failure::Failed(text)) => console.detail(&text),
                Err(other) => return Err(other),
            }
        }
        if alone {
            console.note(MORE);
        }
        Ok(rows)
    }

    /// A row for each picture: as it is, then changed.
    fn draw(
        &self,
        sheet: &mut ContactSheet,
        device: &Device,
        pipeline: Pipeline,
        name: Option<&str>,
        pictures: &Tensor,
    ) -> Result<(), Failure> {
        let mut augmenter = Augmenter::new(device, pipeline);
        let steps = 0..u64::from(self.count);
        let changed = steps.map(|step| augmenter.run_blocking(pictures, None, [self.seed, step]).map(|(made, _)| made));
        let changed = changed.collect::<Result<Vec<_>, _>>()?;
        for (index, path) in self.pictures.iter().enumerate() {
            let file = || path.file_name().map_or(Path::new(path), Path::new).display().to_string();
            sheet.add(pictures, index, name.map_or_else(file, str::to_string), Mark::Plain)?;
            for (number, made) in (1..).zip(&changed) {
                sheet.add(made, index, format!("{number}"), Mark::Plain)?;
            }
        }
        Ok(())
    }
}
