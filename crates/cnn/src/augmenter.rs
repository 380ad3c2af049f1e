//! Augmentation of pictures alone, without a training.

use std::collections::HashMap;

use cnn_core::layers::Pipeline;
use cnn_core::{DType, Graph, Tensor, Weights};
use cnn_train::{Feed, Settings, TARGETS, feed};

use crate::backend::{Backend, Program};
use crate::device::Device;
use crate::error::Error;

/// A pipeline on a device, with a program for each shape of pictures and targets.
///
/// It makes of a batch just what a [`Trainer`](crate::training::Trainer) makes of it ahead of the model, given the training's
/// seed and the number of steps before.
///
/// ```
/// use cnn::layers::{FlipMode, Pipeline, RandomFlip};
/// use cnn::{Augmenter, Device, Tensor};
/// let mut augmenter = Augmenter::new(&Device::cpu(), Pipeline::new().layer(RandomFlip::new(FlipMode::Horizontal)));
/// let pictures = Tensor::from_fn(vec![4, 2, 3, 1], |i| i as f32);
/// let (flipped, _) = augmenter.run_blocking(&pictures, None, [7, 0])?;
/// assert_eq!(flipped.shape(), [4, 2, 3, 1]);
/// # Ok::<(), cnn::Error>(())
/// ```
#[derive(Debug)]
pub struct Augmenter {
    device: Device,
    pipeline: Pipeline,
    backend: Backend,
    programs: HashMap<Shapes, (Graph, Program)>,
}

/// Of the pictures and of the targets, if there are any.
type Shapes = (Vec<usize>, Option<Vec<usize>>);

impl Augmenter {
    /// `pipeline` on `device`. Nothing is compiled before the first batch.
    pub fn new(device: &Device, pipeline: Pipeline) -> Self {
        Self {
            device: device.clone(),
            pipeline,
            backend: Backend::of_weights(device, Weights::new()),
            programs: HashMap::new(),
        }
    }

    /// The pictures `[batch, height, width, channels]` changed, and the targets `[batch, ..]` mixed as they are. `seed` is that
    /// of the run and that of the step; the same two give the same pictures again.
    ///
    /// # Errors
    /// If a layer does not take the pictures, the targets are more or fewer, or the device cannot hold the program or is lost.
    pub async fn run(
        &mut self,
        pictures: &Tensor,
        targets: Option<&Tensor>,
        seed: [u64; 2],
    ) -> Result<(Tensor, Option<Tensor>), Error> {
        let shapes = (pictures.shape().to_vec(), targets.map(|targets| targets.shape().to_vec()));
        if !self.programs.contains_key(&shapes) {
            let graph = self.graph(&shapes)?;
            let program = self.backend.program(self.device.plan(&graph, DType::F32)).await?;
            self.programs.insert(shapes.clone(), (graph, program));
        }
        let (graph, program) = &self.programs[&shapes];
        let besides = Feed { targets, weights: None, settings: Settings::default(), seed };
        let mut outputs = program.run(&feed(graph, std::slice::from_ref(pictures), &besides)?).await?.into_iter();
        let Some(pictures) = outputs.next() else { unreachable!("the graph has an output for the pictures") };
        Ok((pictures, outputs.next()))
    }

    /// [`Augmenter::run`] for callers without an async runtime. Not for browsers, where nothing may block.
    ///
    /// # Errors
    /// As [`Augmenter::run`].
    pub fn run_blocking(
        &mut self,
        pictures: &Tensor,
        targets: Option<&Tensor>,
        seed: [u64; 2],
    ) -> Result<(Tensor, Option<Tensor>), Error> {
        pollster::block_on(self.run(pictures, targets, seed))
    }

    fn graph(&self, (pictures, targets): &Shapes) -> Result<Graph, Error> {
        let mut graph = Graph::new();
        let pictures = graph.input("pictures", pictures.clone());
        let augmented = self.pipeline.lower(&mut graph, pictures)?;
        graph.output("pictures", augmented.pictures);
        if let Some(targets) = targets {
            let targets = graph.input(TARGETS, targets.clone());
            let targets = augmented.targets(&mut graph, targets)?;
            graph.output("targets", targets);
        }
        Ok(graph)
    }
}
