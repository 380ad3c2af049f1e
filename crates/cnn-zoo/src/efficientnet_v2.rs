//! Tan and Le, "EfficientNetV2: smaller models and faster training" (arXiv 2104.00298).

use cnn_core::layers::{
    Activation, Add, BatchNormalization, Conv2D, Dropout, GlobalAveragePooling2D, Normalization, Padding, Rescaling,
};
use cnn_core::{Functional, Model, ModelError, Tensor, TensorRef};

use crate::common::{FAN_OUT_UNIFORM, channels, fan_out_conv, fan_out_depthwise, nearest_of_8};
use crate::squeeze_excite::squeeze_excite;
use crate::{Arguments, Row, ZooError};

/// What a block is made of.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Conv {
    /// Expansion by 1×1, then depthwise 3×3, then squeeze and excitation (the paper's figure 2, left).
    Depthwise,
    /// Both in one 3×3 convolution (right).
    Fused,
}
use Conv::{Depthwise, Fused};

/// A stage of the paper's table 4: its blocks, how much wider they are inside, strides of the first one, filters, blocks.
pub(crate) type Stage = (Conv, usize, usize, usize, usize);

pub(crate) const SMALL: &[Stage] = &[
    (Fused, 1, 1, 24, 2),
    (Fused, 4, 2, 48, 4),
    (Fused, 4, 2, 64, 4),
    (Depthwise, 4, 2, 128, 6),
    (Depthwise, 6, 1, 160, 9),
    (Depthwise, 6, 2, 256, 15),
];

pub(crate) const MEDIUM: &[Stage] = &[
    (Fused, 1, 1, 24, 3),
    (Fused, 4, 2, 48, 5),
    (Fused, 4, 2, 80, 5),
    (Depthwise, 4, 2, 160, 7),
    (Depthwise, 6, 1, 176, 14),
    (Depthwise, 6, 2, 304, 18),
    (Depthwise, 6, 1, 512, 5),
];

pub(crate) const LARGE: &[Stage] = &[
    (Fused, 1, 1, 32, 4),
    (Fused, 4, 2, 64, 7),
    (Fused, 4, 2, 96, 7),
    (Depthwise, 4, 2, 192, 10),
    (Depthwise, 6, 1, 224, 19),
    (Depthwise, 6, 2, 384, 25),
    (Depthwise, 6, 1, 640, 7),
];

/// What B0 to B3 are scaled from.
pub(crate) const BASE: &[Stage] = &[
    (Fused, 1, 1, 16, 1),
    (Fused, 4, 2, 32, 2),
    (Fused, 4, 2, 48, 2),
    (Depthwise, 4, 2, 96, 3),
    (Depthwise, 6, 1, 112, 5),
    (Depthwise, 6, 2, 192, 8),
];

/// The rate of dropped blocks grows up to about this.
const DROP_CONNECT_RATE: f64 = 0.2;

/// The stages after a stem of so many filters, their width and depth multiplied.
pub(crate) fn efficientnet_v2(
    row: &Row,
    arguments: &Arguments,
    name: &str,
    (stem, stages): (usize, &[Stage]),
    (width, depth): (f64, f64),
) -> Result<Model, ZooError> {
    let filters = |filters: usize| nearest_of_8(filters as f64 * width);
    let mut f = Functional::new();
    let input = f.input(arguments.shape(row.default_size, row.min_size)?)?;
    let mut x = input;
    if arguments.include_preprocessing {
        x = preprocessed(&mut f, x, stages == BASE)?;
    }
    let stem = fan_out_conv(filters(stem), 3).strides(2).padding(Padding::Same).use_bias(false);
    x = f.call(stem.name("stem_conv"), &[x])?;
    x = normalized_swish(&mut f, x, "stem_bn", "stem_activation")?;
    // As in Keras: of the number of blocks before the depth is multiplied.
    let total: usize = stages.iter().map(|stage| stage.4).sum();
    let mut done = 0;
    for (stage, &(conv, expansion, strides, out, blocks)) in (1..).zip(stages) {
        for letter in ('a'..).take((depth * blocks as f64).ceil() as usize) {
            let drop_rate = DROP_CONNECT_RATE * done as f64 / total as f64;
            let strides = if letter == 'a' { strides } else { 1 };
            let block = Block { conv, expansion, strides, filters: filters(out), drop_rate };
            x = block.call(&mut f, x, &format!("block{stage}{letter}_"))?;
            done += 1;
        }
    }
    let top = fan_out_conv(filters(1280), 1).padding(Padding::Same).use_bias(false);
    x = f.call(top.name("top_conv"), &[x])?;
    x = normalized_swish(&mut f, x, "top_bn", "top_activation")?;
    if arguments.include_top {
        x = f.call(GlobalAveragePooling2D::new().name("avg_pool"), &[x])?;
        x = f.call(Dropout::new(0.2).name("top_dropout"), &[x])?;
        x = arguments.predictions_from(&mut f, x, FAN_OUT_UNIFORM)?;
    } else {
        x = arguments.pool(&mut f, x, Some(["avg_pool", "max_pool"]))?;
    }
    Ok(f.model(arguments.model_name(name), &[input], &[x])?)
}

/// B0 to B3 take colours by ImageNet's mean and deviation, the others -1 to 1.
fn preprocessed(f: &mut Functional, x: TensorRef, base: bool) -> Result<TensorRef, ZooError> {
    if !base || channels(f, x) != 3 {
        return Ok(f.call(Rescaling::new(1.0 / 128.0, -1.0), &[x])?);
    }
    let x = f.call(Rescaling::new(1.0 / 255.0, 0.0), &[x])?;
    let of_colours = |colours: [f64; 3]| Tensor::from_fn(vec![3], |i| colours[i] as f32);
    let variance = [0.229, 0.224, 0.225].map(|std: f64| std * std);
    let statistics = Normalization::new().statistics(of_colours([0.485, 0.456, 0.406]), of_colours(variance));
    Ok(f.call(statistics.axis([3]), &[x])?)
}

struct Block {
    conv: Conv,
    expansion: usize,
    strides: usize,
    filters: usize,
    drop_rate: f64,
}

impl Block {
    fn call(&self, f: &mut Functional, input: TensorRef, name: &str) -> Result<TensorRef, ModelError> {
        let before = channels(f, input);
        let mut x = match self.conv {
            Depthwise => self.depthwise(f, input, before, name)?,
            Fused => self.fused(f, input, before, name)?,
        };
        if self.strides == 1 && before == self.filters {
            if self.drop_rate > 0.0 {
                let drop = Dropout::new(self.drop_rate).noise_shape([None, Some(1), Some(1), Some(1)]);
                x = f.call(drop.name(format!("{name}drop")), &[x])?;
            }
            x = f.call(Add.name(format!("{name}add")), &[x, input])?;
        }
        Ok(x)
    }

    fn depthwise(
        &self,
        f: &mut Functional,
        mut x: TensorRef,
        before: usize,
        name: &str,
    ) -> Result<TensorRef, ModelError> {
        if self.expansion != 1 {
            x = self.expand(f, x, fan_out_conv(before * self.expansion, 1), name)?;
        }
        let depthwise = fan_out_depthwise(3).strides(self.strides).padding(Padding::Same).use_bias(false);
        x = f.call(depthwise.name(format!("{name}dwconv2")), &[x])?;
        x = normalized_swish(f, x, &format!("{name}bn"), &format!("{name}activation"))?;
        x = squeeze_excite(f, x, (before / 4).max(1), name)?;
        self.project(f, x, fan_out_conv(self.filters, 1), name)
    }

    fn fused(&self, f: &mut Functional, x: TensorRef, before: usize, name: &str) -> Result<TensorRef, ModelError> {
        if self.expansion != 1 {
            let expand = fan_out_conv(before * self.expansion, 3).strides(self.strides);
            let x = self.expand(f, x, expand, name)?;
            return self.project(f, x, fan_out_conv(self.filters, 1), name);
        }
        let x = self.project(f, x, fan_out_conv(self.filters, 3).strides(self.strides), name)?;
        f.call(Activation::Silu.name(format!("{name}project_activation")), &[x])
    }

    fn expand(&self, f: &mut Functional, x: TensorRef, conv: Conv2D, name: &str) -> Result<TensorRef, ModelError> {
        let conv = conv.padding(Padding::Same).use_bias(false);
        let x = f.call(conv.name(format!("{name}expand_conv")), &[x])?;
        normalized_swish(f, x, &format!("{name}expand_bn"), &format!("{name}expand_activation"))
    }

    fn project(&self, f: &mut Functional, x: TensorRef, conv: Conv2D, name: &str) -> Result<TensorRef, ModelError> {
        let conv = conv.padding(Padding::Same).use_bias(false);
        let x = f.call(conv.name(format!("{name}project_conv")), &[x])?;
        f.call(normalization().name(format!("{name}project_bn")), &[x])
    }
}

fn normalization() -> BatchNormalization {
    BatchNormalization::new().axis(3).momentum(0.9)
}

fn normalized_swish(f: &mut Functional, x: TensorRef, bn: &str, activation: &str) -> Result<TensorRef, ModelError> {
    let x = f.call(normalization().name(bn), &[x])?;
    f.call(Activation::Silu.name(activation), &[x])
}
