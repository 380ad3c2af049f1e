//! Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto and Adam, "MobileNets: efficient convolutional neural networks
//! for mobile vision applications" (arXiv 1704.04861).

use cnn_core::layers::{
    BatchNormalization, Conv2D, DepthwiseConv2D, Dropout, GlobalAveragePooling2D, Padding, ReLU, Reshape, ZeroPadding2D,
};
use cnn_core::{Functional, Model, ModelError, TensorRef};

use crate::{Arguments, Row, ZooError};

/// The paper's table 1: filters and strides of the depthwise separable blocks.
const BLOCKS: [(usize, usize); 13] = [
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];

/// Heights and widths that there are ImageNet weights for.
const SIZES: [usize; 4] = [128, 160, 192, 224];

/// `alpha` multiplies the number of filters, `depth_multiplier` that of the depthwise channels.
pub(crate) fn mobilenet(row: &Row, arguments: &Arguments) -> Result<Model, ZooError> {
    let shape = arguments.shape(arguments.square_of(&SIZES).unwrap_or(row.default_size), row.min_size)?;
    let alpha = arguments.alpha_of(&[0.25, 0.5, 0.75, 1.0])?;
    let depth_multiplier = arguments.depth_multiplier.unwrap_or(1);
    if arguments.imagenet && depth_multiplier != 1 {
        let text = format!("ImageNet weights are there for depth_multiplier 1, not {depth_multiplier}");
        return Err(ZooError::Arguments(text));
    }
    let name = arguments.sized_name("mobilenet", alpha, &SIZES, &shape);
    let filters = |filters: usize| (filters as f64 * alpha) as usize;

    let mut f = Functional::new();
    let input = f.input(shape)?;
    let stem = Conv2D::new(filters(32), 3).strides(2).padding(Padding::Same).use_bias(false);
    let mut x = f.call(stem.name("conv1"), &[input])?;
    x = normalized_relu(&mut f, x, "conv1")?;
    for (i, (out, strides)) in (1..).zip(BLOCKS) {
        let mut depthwise = DepthwiseConv2D::new(3).depth_multiplier(depth_multiplier).strides(strides).use_bias(false);
        if strides == 1 {
            depthwise = depthwise.padding(Padding::Same);
        } else {
            x = f.call(ZeroPadding2D::sides((0, 1), (0, 1)).name(format!("conv_pad_{i}")), &[x])?;
        }
        x = f.call(depthwise.name(format!("conv_dw_{i}")), &[x])?;
        x = normalized_relu(&mut f, x, &format!("conv_dw_{i}"))?;
        let pointwise = Conv2D::new(filters(out), 1).padding(Padding::Same).use_bias(false);
        x = f.call(pointwise.name(format!("conv_pw_{i}")), &[x])?;
        x = normalized_relu(&mut f, x, &format!("conv_pw_{i}"))?;
    }
    if arguments.include_top {
        x = f.call(GlobalAveragePooling2D::new().keepdims(true), &[x])?;
        x = f.call(Dropout::new(arguments.dropout.unwrap_or(1e-3)).name("dropout"), &[x])?;
        x = f.call(Conv2D::new(arguments.classes, 1).padding(Padding::Same).name("conv_preds"), &[x])?;
        x = f.call(Reshape::new([arguments.classes.cast_signed()]).name("reshape_2"), &[x])?;
        x = f.call(arguments.classifier_activation.name("predictions"), &[x])?;
    } else {
        x = arguments.pool(&mut f, x, None)?;
    }
    Ok(f.model(name, &[input], &[x])?)
}

fn normalized_relu(f: &mut Functional, x: TensorRef, name: &str) -> Result<TensorRef, ModelError> {
    let x = f.call(BatchNormalization::new().name(format!("{name}_bn")), &[x])?;
    f.call(ReLU::new().max_value(6.0).name(format!("{name}_relu")), &[x])
}
