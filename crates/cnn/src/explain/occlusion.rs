//! What a picture loses where it is covered (Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV
//! 2014, arXiv 1311.2901).

use cnn_core::{ShapeError, Tensor};

use super::{ExplainError, no_such_class, score};
use crate::error::Error;
use crate::runner::Runner;

/// Covers a picture by a patch, place by place, and asks how much less the score of a class is then. It needs no gradient and
/// no layer, and a run of the network for each place.
///
/// See the module for an example.
#[derive(Debug, Clone, PartialEq)]
pub struct Occlusion {
    patch: usize,
    stride: usize,
    fill: Vec<f32>,
    batch: usize,
}

impl Occlusion {
    /// A square patch of so many pixels a side, filled with 0, whose upper left corner moves over the whole picture by
    /// `stride`; at the right and lower edge it is cut off.
    pub fn new(patch: usize, stride: usize) -> Self {
        Self { patch, stride, fill: vec![0.0], batch: 32 }
    }

    /// What the patch is filled with, as the network takes it, so after preprocessing: a value for all channels, or one for
    /// each. The paper's is grey.
    pub fn fill(self, fill: impl Into<Vec<f32>>) -> Self {
        Self { fill: fill.into(), ..self }
    }

    /// How many covered pictures run at once, 32 unless said; 0 counts as 1.
    pub fn batch(self, batch: usize) -> Self {
        Self { batch: batch.max(1), ..self }
    }

    /// The maps of one picture, `[1, height, width, channels]`, for each of `classes`: `[classes, height, width, 1]`. A pixel
    /// has the mean of how much less the score is over all patches that cover it; where less than 0, covering it helps the
    /// class.
    ///
    /// # Errors
    /// If the patch or its fill fits no picture, the network is no classifier or has no such class, the picture does not fit
    /// the network, or the device cannot hold the program or is lost.
    pub async fn maps(&self, runner: &Runner, picture: &Tensor, classes: &[usize]) -> Result<Tensor, Error> {
        let &[1, height, width, channels] = picture.shape() else {
            return Err(self.refuse("expects one picture [1, height, width, channels]", picture));
        };
        if picture.is_empty() {
            return Err(self.refuse("expects a picture of one pixel at least", picture));
        }
        if self.patch == 0 || self.stride == 0 {
            return Err(ExplainError::Patch { patch: self.patch, stride: self.stride }.into());
        }
        if ![1, channels].contains(&self.fill.len()) {
            let wanted = format!("expects a fill of one value or one for each channel, not {}", self.fill.len());
            return Err(self.refuse(&wanted, picture));
        }
        let places: Vec<[usize; 2]> = (0..height)
            .step_by(self.stride)
            .flat_map(|top| (0..width).step_by(self.stride).map(move |left| [top, left]))
            .collect();
        let scores = self.scores(runner, picture, &places, classes).await?;
        let (whole, covered) = scores.split_at(classes.len());
        let mut maps = vec![0.0; classes.len() * height * width];
        let mut counts = vec![0u32; height * width];
        for (&place, scores) in places.iter().zip(covered.chunks(classes.len().max(1))) {
            for pixel in self.pixels(place, [height, width]) {
                counts[pixel] += 1;
                for (index, (whole, covered)) in whole.iter().zip(scores).enumerate() {
                    maps[index * height * width + pixel] += whole - covered;
                }
            }
        }
        let mean = |(index, sum): (usize, f64)| (sum / f64::from(counts[index % counts.len()].max(1))) as f32;
        let maps = maps.into_iter().enumerate().map(mean).collect();
        Ok(Tensor::new(vec![classes.len(), height, width, 1], maps)?)
    }

    /// [`Occlusion::maps`] for callers without an async runtime. Not for browsers, where nothing may block.
    ///
    /// # Errors
    /// As [`Occlusion::maps`].
    pub fn maps_blocking(&self, runner: &Runner, picture: &Tensor, classes: &[usize]) -> Result<Tensor, Error> {
        pollster::block_on(self.maps(runner, picture, classes))
    }

    /// The scores of `classes` for the whole picture, then for the picture with each place covered.
    async fn scores(
        &self,
        runner: &Runner,
        picture: &Tensor,
        places: &[[usize; 2]],
        classes: &[usize],
    ) -> Result<Vec<f64>, Error> {
        let &[_, height, width, channels] = picture.shape() else { return Ok(Vec::new()) };
        let all: Vec<Option<[usize; 2]>> = [None].into_iter().chain(places.iter().copied().map(Some)).collect();
        // The last batch is filled up with whole pictures, so that one program does for all.
        let batch = self.batch.min(all.len());
        let mut scores = Vec::new();
        for places in all.chunks(batch) {
            let mut pictures = picture.data().repeat(batch);
            for (place, picture) in places.iter().zip(pictures.chunks_mut(picture.len())) {
                for pixel in place.iter().flat_map(|&place| self.pixels(place, [height, width])) {
                    let fill = self.fill.iter().cycle();
                    picture[pixel * channels..][..channels].iter_mut().zip(fill).for_each(|(x, &fill)| *x = fill);
                }
            }
            let pictures = Tensor::new(vec![batch, height, width, channels], pictures)?;
            let outputs = runner.run(&[pictures]).await?;
            let (1, &[_, count]) = (runner.network().model().outputs().len(), outputs[0].shape()) else {
                let shapes = outputs.iter().map(|output| output.shape().to_vec()).collect();
                let model = runner.network().model().name().into();
                return Err(ExplainError::NoClassifier { model, shapes }.into());
            };
            for row in outputs[0].data().chunks(count).take(places.len()) {
                for &class in classes {
                    scores.push(f64::from(score(row, class).ok_or_else(|| no_such_class(classes, count))?));
                }
            }
        }
        Ok(scores)
    }

    /// The pixels that a patch covers, counted row by row.
    fn pixels(&self, [top, left]: [usize; 2], [height, width]: [usize; 2]) -> impl Iterator<Item = usize> + use<> {
        let end = |begin: usize, size: usize| begin.saturating_add(self.patch).min(size);
        let columns = left..end(left, width);
        (top..end(top, height)).flat_map(move |row| columns.clone().map(move |column| row * width + column))
    }

    fn refuse(&self, wanted: &str, picture: &Tensor) -> Error {
        ShapeError::new("occlusion", wanted, &[picture.shape()]).into()
    }
}
