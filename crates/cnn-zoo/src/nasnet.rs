//! Zoph, Vasudevan, Shlens and Le, "Learning transferable architectures for scalable image recognition" (arXiv 1707.07012).

use cnn_core::layers::{
    Activation, Add, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, Cropping2D, GlobalAveragePooling2D,
    Initializer, MaxPooling2D, Named, Padding, SeparableConv2D, ZeroPadding2D,
};
use cnn_core::{Functional, Model, ModelError, TensorRef};

use crate::common::{channels, correct_pad};
use crate::{Arguments, Row, ZooError};

/// NASNet-A: `blocks` at `filters`, the paper's N at P.
#[derive(Clone, Copy)]
pub(crate) struct NasNetA {
    /// Normal cells between reductions.
    pub(crate) blocks: usize,
    /// Channels before the classifier.
    pub(crate) filters: usize,
    /// Channels of the stem.
    pub(crate) stem: usize,
    /// Whether the cell after a reduction takes what the reduction took before, instead of its input.
    pub(crate) skip_reduction: bool,
    /// Whether the input has its default size without the classifier too.
    pub(crate) always_sized: bool,
}

/// A stem with two reductions, then three times normal cells, each time at twice the filters and half the size.
pub(crate) fn nasnet(row: &Row, arguments: &Arguments, name: &str, config: NasNetA) -> Result<Model, ZooError> {
    if arguments.imagenet && arguments.input_shape.as_ref().is_some_and(|shape| shape.contains(&None)) {
        let text = "with ImageNet weights, NASNet's input_shape must be known, and has a None";
        return Err(ZooError::Arguments(text.into()));
    }
    let NasNetA { blocks, filters, stem, skip_reduction, always_sized } = config;
    let filters = filters / 24;
    let mut shape = arguments.shape(row.default_size, row.min_size)?;
    if always_sized && arguments.input_shape.is_none() {
        shape = vec![Some(row.default_size), Some(row.default_size), Some(3)];
    }
    let mut f = Functional::new();
    let input = f.input(shape)?;
    let mut x = f.call(conv2d(stem, 3).strides(2).use_bias(false).name("stem_conv1"), &[input])?;
    x = f.call(normalization().name("stem_bn1"), &[x])?;
    let mut cells = Cells { f, p: None };
    x = cells.reduction(x, filters / 4, "stem_1")?;
    x = cells.reduction(x, filters / 2, "stem_2")?;
    for stage in 0..3 {
        if stage > 0 {
            let before = cells.p;
            x = cells.reduction(x, filters << stage, &format!("reduce_{}", stage * blocks))?;
            if skip_reduction {
                cells.p = before;
            }
        }
        for i in 0..blocks {
            let id = stage * blocks + i + usize::from(stage > 0);
            x = cells.normal(x, filters << stage, &id.to_string())?;
        }
    }
    let mut f = cells.f;
    x = f.call(Activation::Relu, &[x])?;
    if arguments.include_top {
        x = f.call(GlobalAveragePooling2D::new(), &[x])?;
        x = arguments.predictions(&mut f, x)?;
    } else {
        x = arguments.pool(&mut f, x, None)?;
    }
    Ok(f.model(arguments.model_name(name), &[input], &[x])?)
}

/// A convolution, but for a separable one, begins as He et al. have it.
fn conv2d(filters: usize, kernel_size: usize) -> Conv2D {
    Conv2D::new(filters, kernel_size).kernel_initializer(Initializer::HE_NORMAL)
}

fn normalization() -> BatchNormalization {
    BatchNormalization::new().momentum(0.9997).epsilon(1e-3)
}

/// The builder, and what the cell before the last one made.
struct Cells {
    f: Functional,
    p: Option<TensorRef>,
}

impl Cells {
    /// The paper's figure 4, left: five sums of pairs, beside the cell before.
    fn normal(&mut self, input: TensorRef, filters: usize, id: &str) -> Result<TensorRef, ModelError> {
        let p = self.adjusted(input, filters, id)?;
        let h = self.squeezed(input, filters, "normal", id)?;
        self.p = Some(input);
        let left = self.separable(h, filters, 5, 1, &format!("normal_left1_{id}"))?;
        let right = self.separable(p, filters, 3, 1, &format!("normal_right1_{id}"))?;
        let x1 = self.call(Add.name(format!("normal_add_1_{id}")), &[left, right])?;
        let left = self.separable(p, filters, 5, 1, &format!("normal_left2_{id}"))?;
        let right = self.separable(p, filters, 3, 1, &format!("normal_right2_{id}"))?;
        let x2 = self.call(Add.name(format!("normal_add_2_{id}")), &[left, right])?;
        let left = self.call(average().name(format!("normal_left3_{id}")), &[h])?;
        let x3 = self.call(Add.name(format!("normal_add_3_{id}")), &[left, p])?;
        let left = self.call(average().name(format!("normal_left4_{id}")), &[p])?;
        let right = self.call(average().name(format!("normal_right4_{id}")), &[p])?;
        let x4 = self.call(Add.name(format!("normal_add_4_{id}")), &[left, right])?;
        let left = self.separable(h, filters, 3, 1, &format!("normal_left5_{id}"))?;
        let x5 = self.call(Add.name(format!("normal_add_5_{id}")), &[left, h])?;
        self.call(Concatenate::new().name(format!("normal_concat_{id}")), &[p, x1, x2, x3, x4, x5])
    }

    /// The paper's figure 4, right: the same at half the size.
    fn reduction(&mut self, input: TensorRef, filters: usize, id: &str) -> Result<TensorRef, ModelError> {
        let p = self.adjusted(input, filters, id)?;
        let h = self.squeezed(input, filters, "reduction", id)?;
        self.p = Some(input);
        let padded = self.call(correct_pad(&self.f, h, 3).name(format!("reduction_pad_1_{id}")), &[h])?;
        let left = self.separable(h, filters, 5, 2, &format!("reduction_left1_{id}"))?;
        let right = self.separable(p, filters, 7, 2, &format!("reduction_right1_{id}"))?;
        let x1 = self.call(Add.name(format!("reduction_add_1_{id}")), &[left, right])?;
        let pool = MaxPooling2D::new(3).strides(2);
        let left = self.call(pool.name(format!("reduction_left2_{id}")), &[padded])?;
        let right = self.separable(p, filters, 7, 2, &format!("reduction_right2_{id}"))?;
        let x2 = self.call(Add.name(format!("reduction_add_2_{id}")), &[left, right])?;
        let mean = AveragePooling2D::new(3).strides(2);
        let left = self.call(mean.name(format!("reduction_left3_{id}")), &[padded])?;
        let right = self.separable(p, filters, 5, 2, &format!("reduction_right3_{id}"))?;
        let x3 = self.call(Add.name(format!("reduction_add3_{id}")), &[left, right])?;
        let left = self.call(average().name(format!("reduction_left4_{id}")), &[x1])?;
        let x4 = self.call(Add, &[x2, left])?;
        let left = self.separable(x1, filters, 3, 1, &format!("reduction_left4_{id}"))?;
        let right = self.call(pool.name(format!("reduction_right5_{id}")), &[padded])?;
        let x5 = self.call(Add.name(format!("reduction_add4_{id}")), &[left, right])?;
        self.call(Concatenate::new().name(format!("reduction_concat_{id}")), &[x2, x3, x4, x5])
    }

    /// The cell's input in `filters` channels.
    fn squeezed(&mut self, x: TensorRef, filters: usize, kind: &str, id: &str) -> Result<TensorRef, ModelError> {
        let x = self.call(Activation::Relu, &[x])?;
        let conv = conv2d(filters, 1).padding(Padding::Same).use_bias(false);
        let x = self.call(conv.name(format!("{kind}_conv_1_{id}")), &[x])?;
        self.call(normalization().name(format!("{kind}_bn_1_{id}")), &[x])
    }

    /// What the cell before the last one made, in the size of `input` and in `filters` channels; for the first cell `input`
    /// itself. As in Keras the width alone says whether the sizes differ.
    fn adjusted(&mut self, input: TensorRef, filters: usize, id: &str) -> Result<TensorRef, ModelError> {
        let Some(p) = self.p else { return Ok(input) };
        if self.f.shape(p)[2] != self.f.shape(input)[2] {
            return self.halved(p, filters, id);
        }
        if channels(&self.f, p) == filters {
            return Ok(p);
        }
        let x = self.call(Activation::Relu, &[p])?;
        let conv = conv2d(filters, 1).padding(Padding::Same).use_bias(false);
        let x = self.call(conv.name(format!("adjust_conv_projection_{id}")), &[x])?;
        self.call(normalization().name(format!("adjust_bn_{id}")), &[x])
    }

    /// Every second pixel, and every second one beside it, each brought to half of `filters` channels.
    fn halved(&mut self, p: TensorRef, filters: usize, id: &str) -> Result<TensorRef, ModelError> {
        let p = self.call(Activation::Relu.name(format!("adjust_relu_1_{id}")), &[p])?;
        let second = AveragePooling2D::new(1).strides(2);
        let conv = conv2d(filters / 2, 1).padding(Padding::Same).use_bias(false);
        let mut p1 = self.call(second.name(format!("adjust_avg_pool_1_{id}")), &[p])?;
        p1 = self.call(conv.clone().name(format!("adjust_conv_1_{id}")), &[p1])?;
        let mut p2 = self.call(ZeroPadding2D::sides((0, 1), (0, 1)), &[p])?;
        p2 = self.call(Cropping2D::sides((1, 0), (1, 0)), &[p2])?;
        p2 = self.call(second.name(format!("adjust_avg_pool_2_{id}")), &[p2])?;
        p2 = self.call(conv.name(format!("adjust_conv_2_{id}")), &[p2])?;
        let p = self.call(Concatenate::new(), &[p1, p2])?;
        self.call(normalization().name(format!("adjust_bn_{id}")), &[p])
    }

    /// Twice activation, separable convolution and normalization; the first has the strides.
    fn separable(
        &mut self,
        x: TensorRef,
        filters: usize,
        kernel_size: usize,
        strides: usize,
        id: &str,
    ) -> Result<TensorRef, ModelError> {
        let conv = SeparableConv2D::new(filters, kernel_size).padding(Padding::Same).use_bias(false);
        let mut x = self.call(Activation::Relu, &[x])?;
        let mut first = conv.clone();
        if strides == 2 {
            first = first.strides(2).padding(Padding::Valid);
            let pad = correct_pad(&self.f, x, kernel_size);
            x = self.call(pad.name(format!("separable_conv_1_pad_{id}")), &[x])?;
        }
        x = self.call(first.name(format!("separable_conv_1_{id}")), &[x])?;
        x = self.call(normalization().name(format!("separable_conv_1_bn_{id}")), &[x])?;
        x = self.call(Activation::Relu, &[x])?;
        x = self.call(conv.name(format!("separable_conv_2_{id}")), &[x])?;
        self.call(normalization().name(format!("separable_conv_2_bn_{id}")), &[x])
    }

    fn call(&mut self, layer: impl Into<Named>, inputs: &[TensorRef]) -> Result<TensorRef, ModelError> {
        self.f.call(layer, inputs)
    }
}

fn average() -> AveragePooling2D {
    AveragePooling2D::new(3).strides(1).padding(Padding::Same)
}
