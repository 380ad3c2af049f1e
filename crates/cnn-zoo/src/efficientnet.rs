//! Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks" (arXiv 1905.11946).

use cnn_core::layers::{
    Activation, Add, BatchNormalization, Dropout, GlobalAveragePooling2D, Normalization, Padding, Rescaling,
};
use cnn_core::{Functional, Model, ModelError, TensorRef};

use crate::common::{FAN_OUT_UNIFORM, channels, correct_pad, divisible, fan_out_conv, fan_out_depthwise};
use crate::squeeze_excite::squeeze_excite;
use crate::{Arguments, Row, ZooError};

/// A stage of the paper's table 1: how much wider its blocks are inside, window, strides of the first block, filters,
/// blocks.
type Stage = (usize, usize, usize, usize, usize);

const STAGES: [Stage; 7] = [
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
];

/// The rate of dropped blocks grows up to this.
const DROP_CONNECT_RATE: f64 = 0.2;

/// The baseline with its width and depth multiplied. With the published weights it has one more `Rescaling`: they divide
/// by the square root of the standard deviation.
pub(crate) fn efficientnet(
    row: &Row,
    arguments: &Arguments,
    name: &str,
    (width, depth, dropout): (f64, f64, f64),
) -> Result<Model, ZooError> {
    let filters = |filters: usize| divisible(filters as f64 * width);
    let repeats = |blocks: usize| (depth * blocks as f64).ceil() as usize;
    let mut f = Functional::new();
    let input = f.input(arguments.shape(row.default_size, row.min_size)?)?;
    let mut x = f.call(Rescaling::new(1.0 / 255.0, 0.0), &[input])?;
    x = f.call(Normalization::new().axis([3]), &[x])?;
    if arguments.imagenet {
        x = f.call(Rescaling::new([0.229, 0.224, 0.225].map(|std: f64| 1.0 / std.sqrt()), 0.0), &[x])?;
    }
    x = f.call(correct_pad(&f, x, 3).name("stem_conv_pad"), &[x])?;
    x = f.call(fan_out_conv(filters(32), 3).strides(2).use_bias(false).name("stem_conv"), &[x])?;
    x = normalized_swish(&mut f, x, "stem_bn", "stem_activation")?;
    let total: usize = STAGES.iter().map(|stage| repeats(stage.4)).sum();
    let mut done = 0;
    for (stage, (expansion, kernel_size, strides, out, blocks)) in (1..).zip(STAGES) {
        for letter in ('a'..).take(repeats(blocks)) {
            let drop_rate = DROP_CONNECT_RATE * done as f64 / total as f64;
            let strides = if letter == 'a' { strides } else { 1 };
            let block = Block { expansion, kernel_size, strides, filters: filters(out), drop_rate };
            x = block.call(&mut f, x, &format!("block{stage}{letter}_"))?;
            done += 1;
        }
    }
    let top = fan_out_conv(filters(1280), 1).padding(Padding::Same).use_bias(false);
    x = f.call(top.name("top_conv"), &[x])?;
    x = normalized_swish(&mut f, x, "top_bn", "top_activation")?;
    if arguments.include_top {
        x = f.call(GlobalAveragePooling2D::new().name("avg_pool"), &[x])?;
        x = f.call(Dropout::new(dropout).name("top_dropout"), &[x])?;
        x = arguments.predictions_from(&mut f, x, FAN_OUT_UNIFORM)?;
    } else {
        x = arguments.pool(&mut f, x, Some(["avg_pool", "max_pool"]))?;
    }
    Ok(f.model(arguments.model_name(name), &[input], &[x])?)
}

/// MobileNetV2's inverted residual with squeeze and excitation.
struct Block {
    expansion: usize,
    kernel_size: usize,
    strides: usize,
    filters: usize,
    drop_rate: f64,
}

impl Block {
    fn call(&self, f: &mut Functional, input: TensorRef, name: &str) -> Result<TensorRef, ModelError> {
        let before = channels(f, input);
        let mut x = input;
        if self.expansion != 1 {
            let expand = fan_out_conv(before * self.expansion, 1).padding(Padding::Same).use_bias(false);
            x = f.call(expand.name(format!("{name}expand_conv")), &[x])?;
            x = normalized_swish(f, x, &format!("{name}expand_bn"), &format!("{name}expand_activation"))?;
        }
        let mut depthwise = fan_out_depthwise(self.kernel_size).strides(self.strides).use_bias(false);
        if self.strides == 2 {
            x = f.call(correct_pad(f, x, self.kernel_size).name(format!("{name}dwconv_pad")), &[x])?;
        } else {
            depthwise = depthwise.padding(Padding::Same);
        }
        x = f.call(depthwise.name(format!("{name}dwconv")), &[x])?;
        x = normalized_swish(f, x, &format!("{name}bn"), &format!("{name}activation"))?;
        x = squeeze_excite(f, x, (before / 4).max(1), name)?;
        let project = fan_out_conv(self.filters, 1).padding(Padding::Same).use_bias(false);
        x = f.call(project.name(format!("{name}project_conv")), &[x])?;
        x = f.call(BatchNormalization::new().axis(3).name(format!("{name}project_bn")), &[x])?;
        if self.strides == 1 && before == self.filters {
            if self.drop_rate > 0.0 {
                let drop = Dropout::new(self.drop_rate).noise_shape([None, Some(1), Some(1), Some(1)]);
                x = f.call(drop.name(format!("{name}drop")), &[x])?;
            }
            x = f.call(Add.name(format!("{name}add")), &[x, input])?;
        }
        Ok(x)
    }
}

fn normalized_swish(f: &mut Functional, x: TensorRef, bn: &str, activation: &str) -> Result<TensorRef, ModelError> {
    let x = f.call(BatchNormalization::new().axis(3).name(bn), &[x])?;
    f.call(Activation::Silu.name(activation), &[x])
}
