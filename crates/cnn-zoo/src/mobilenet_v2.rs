//! Sandler, Howard, Zhu, Zhmoginov and Chen, "MobileNetV2: inverted residuals and linear bottlenecks" (arXiv 1801.04381).

use cnn_core::layers::{Add, BatchNormalization, Conv2D, DepthwiseConv2D, GlobalAveragePooling2D, Padding, ReLU};
use cnn_core::{Functional, Model, ModelError, TensorRef};

use crate::common::{channels, correct_pad, divisible};
use crate::{Arguments, Row, ZooError};

/// The paper's table 2: expansion, filters, blocks, strides of the first block.
const STAGES: [(usize, usize, usize, usize); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

/// Heights and widths that there are ImageNet weights for.
const SIZES: [usize; 5] = [96, 128, 160, 192, 224];

/// `alpha` multiplies the number of filters.
pub(crate) fn mobilenet_v2(row: &Row, arguments: &Arguments) -> Result<Model, ZooError> {
    let shape = arguments.shape(arguments.square_of(&SIZES).unwrap_or(row.default_size), row.min_size)?;
    let alpha = arguments.alpha_of(&[0.35, 0.5, 0.75, 1.0, 1.3, 1.4])?;
    let name = arguments.sized_name("mobilenetv2", alpha, &SIZES, &shape);

    let mut f = Functional::new();
    let input = f.input(shape)?;
    let stem = Conv2D::new(divisible(32.0 * alpha), 3).strides(2).padding(Padding::Same).use_bias(false);
    let mut x = f.call(stem.name("Conv1"), &[input])?;
    x = normalized(&mut f, x, "bn_Conv1")?;
    x = relu(&mut f, x, "Conv1_relu")?;
    let mut block = 0;
    for (expansion, filters, blocks, strides) in STAGES {
        for i in 0..blocks {
            let filters = divisible((filters as f64 * alpha).floor());
            x = inverted_residual(&mut f, x, expansion, filters, if i == 0 { strides } else { 1 }, block)?;
            block += 1;
        }
    }
    // The last convolution is not made thinner: the paper's section 5.
    let last = if alpha > 1.0 { divisible(1280.0 * alpha) } else { 1280 };
    x = f.call(Conv2D::new(last, 1).use_bias(false).name("Conv_1"), &[x])?;
    x = normalized(&mut f, x, "Conv_1_bn")?;
    x = relu(&mut f, x, "out_relu")?;
    if arguments.include_top {
        x = f.call(GlobalAveragePooling2D::new(), &[x])?;
        x = arguments.predictions(&mut f, x)?;
    } else {
        x = arguments.pool(&mut f, x, None)?;
    }
    Ok(f.model(name, &[input], &[x])?)
}

/// Expansion by 1×1, depthwise 3×3, projection by 1×1 without activation, and a shortcut where the shape stays.
fn inverted_residual(
    f: &mut Functional,
    input: TensorRef,
    expansion: usize,
    filters: usize,
    strides: usize,
    block: usize,
) -> Result<TensorRef, ModelError> {
    let prefix = if block == 0 { "expanded_conv".to_string() } else { format!("block_{block}") };
    let before = channels(f, input);
    let mut x = input;
    if block > 0 {
        let expand = Conv2D::new(expansion * before, 1).padding(Padding::Same).use_bias(false);
        x = f.call(expand.name(format!("{prefix}_expand")), &[x])?;
        x = normalized(f, x, &format!("{prefix}_expand_BN"))?;
        x = relu(f, x, &format!("{prefix}_expand_relu"))?;
    }
    if strides == 2 {
        x = f.call(correct_pad(f, x, 3).name(format!("{prefix}_pad")), &[x])?;
    }
    let padding = if strides == 1 { Padding::Same } else { Padding::Valid };
    let depthwise = DepthwiseConv2D::new(3).strides(strides).padding(padding).use_bias(false);
    x = f.call(depthwise.name(format!("{prefix}_depthwise")), &[x])?;
    x = normalized(f, x, &format!("{prefix}_depthwise_BN"))?;
    x = relu(f, x, &format!("{prefix}_depthwise_relu"))?;
    let project = Conv2D::new(filters, 1).padding(Padding::Same).use_bias(false);
    x = f.call(project.name(format!("{prefix}_project")), &[x])?;
    x = normalized(f, x, &format!("{prefix}_project_BN"))?;
    if before == filters && strides == 1 {
        x = f.call(Add.name(format!("{prefix}_add")), &[input, x])?;
    }
    Ok(x)
}

fn normalized(f: &mut Functional, x: TensorRef, name: &str) -> Result<TensorRef, ModelError> {
    f.call(BatchNormalization::new().epsilon(1e-3).momentum(0.999).name(name), &[x])
}

fn relu(f: &mut Functional, x: TensorRef, name: &str) -> Result<TensorRef, ModelError> {
    f.call(ReLU::new().max_value(6.0).name(name), &[x])
}
