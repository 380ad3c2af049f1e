//! Szegedy, Ioffe, Vanhoucke and Alemi, "Inception-v4, Inception-ResNet and the impact of residual connections on learning"
//! (arXiv 1602.07261).

use cnn_core::layers::{
    Activation, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, CustomScaleLayer, MaxPooling2D, Padding,
};
use cnn_core::{Functional, Model, ModelError, TensorRef};

use crate::common::channels;
use crate::{Arguments, Row, ZooError};

/// A convolution of a branch: filters, height and width of the window.
type Step = (usize, usize, usize);

/// The paper's figures 16 (on the finest grid), 17 and 19.
const BLOCK35: &[&[Step]] = &[&[(32, 1, 1)], &[(32, 1, 1), (32, 3, 3)], &[(32, 1, 1), (48, 3, 3), (64, 3, 3)]];
const BLOCK17: &[&[Step]] = &[&[(192, 1, 1)], &[(128, 1, 1), (160, 1, 7), (192, 7, 1)]];
const BLOCK8: &[&[Step]] = &[&[(192, 1, 1)], &[(192, 1, 1), (224, 1, 3), (256, 3, 1)]];

/// A stem, and three times residual blocks on one grid with a reduction to the next.
pub(crate) fn inception_resnet_v2(row: &Row, arguments: &Arguments) -> Result<Model, ZooError> {
    let mut f = Functional::new();
    let input = f.input(arguments.shape(row.default_size, row.min_size)?)?;
    let mut x = stem(&mut f, input)?;
    for i in 1..=10 {
        x = residual(&mut f, x, BLOCK35, 0.17, &format!("block35_{i}"))?;
        x = f.call(Activation::Relu.name(format!("block35_{i}_ac")), &[x])?;
    }
    x = smaller(&mut f, x, &[&[(384, 3, 3)], &[(256, 1, 1), (256, 3, 3), (384, 3, 3)]], "mixed_6a")?;
    for i in 1..=20 {
        x = residual(&mut f, x, BLOCK17, 0.1, &format!("block17_{i}"))?;
        x = f.call(Activation::Relu.name(format!("block17_{i}_ac")), &[x])?;
    }
    let branches: &[&[Step]] = &[&[(256, 1, 1), (384, 3, 3)], &[(256, 1, 1), (288, 3, 3)]];
    let double: &[Step] = &[(256, 1, 1), (288, 3, 3), (320, 3, 3)];
    x = smaller(&mut f, x, &[branches[0], branches[1], double], "mixed_7a")?;
    for i in 1..=9 {
        x = residual(&mut f, x, BLOCK8, 0.2, &format!("block8_{i}"))?;
        x = f.call(Activation::Relu.name(format!("block8_{i}_ac")), &[x])?;
    }
    x = residual(&mut f, x, BLOCK8, 1.0, "block8_10")?;
    x = f.call(Conv2D::new(1536, 1).padding(Padding::Same).use_bias(false).name("conv_7b"), &[x])?;
    x = f.call(BatchNormalization::new().axis(3).scale(false).name("conv_7b_bn"), &[x])?;
    x = f.call(Activation::Relu.name("conv_7b_ac"), &[x])?;
    x = arguments.end(&mut f, x, None)?;
    Ok(f.model(arguments.model_name("inception_resnet_v2"), &[input], &[x])?)
}

/// Inception v3's stem and first block.
fn stem(f: &mut Functional, x: TensorRef) -> Result<TensorRef, ModelError> {
    let x = conv_bn(f, x, (32, 3, 3), 2, Padding::Valid)?;
    let x = conv_bn(f, x, (32, 3, 3), 1, Padding::Valid)?;
    let x = conv_bn(f, x, (64, 3, 3), 1, Padding::Same)?;
    let x = f.call(MaxPooling2D::new(3).strides(2), &[x])?;
    let x = conv_bn(f, x, (80, 1, 1), 1, Padding::Valid)?;
    let x = conv_bn(f, x, (192, 3, 3), 1, Padding::Valid)?;
    let x = f.call(MaxPooling2D::new(3).strides(2), &[x])?;
    let branches: [&[Step]; 3] = [&[(96, 1, 1)], &[(48, 1, 1), (64, 5, 5)], &[(64, 1, 1), (96, 3, 3), (96, 3, 3)]];
    let mut ends = Vec::new();
    for steps in branches {
        ends.push(branch(f, x, steps)?);
    }
    let pooled = f.call(AveragePooling2D::new(3).strides(1).padding(Padding::Same), &[x])?;
    ends.push(branch(f, pooled, &[(64, 1, 1)])?);
    f.call(Concatenate::new().axis(3).name("mixed_5b"), &ends)
}

/// Branches side by side, brought to the input's channels, scaled and added to it.
fn residual(
    f: &mut Functional,
    x: TensorRef,
    branches: &[&[Step]],
    scale: f64,
    name: &str,
) -> Result<TensorRef, ModelError> {
    let mut ends = Vec::new();
    for steps in branches {
        ends.push(branch(f, x, steps)?);
    }
    let mixed = f.call(Concatenate::new().axis(3).name(format!("{name}_mixed")), &ends)?;
    let up = Conv2D::new(channels(f, x), 1).padding(Padding::Same);
    let up = f.call(up.name(format!("{name}_conv")), &[mixed])?;
    f.call(CustomScaleLayer::new(scale), &[x, up])
}

/// Branches whose last step halves the picture, and one of maximum pooling that does.
fn smaller(f: &mut Functional, x: TensorRef, branches: &[&[Step]], name: &str) -> Result<TensorRef, ModelError> {
    let mut ends = Vec::new();
    for steps in branches {
        let Some((&last, steps)) = steps.split_last() else { continue };
        let y = branch(f, x, steps)?;
        ends.push(conv_bn(f, y, last, 2, Padding::Valid)?);
    }
    ends.push(f.call(MaxPooling2D::new(3).strides(2), &[x])?);
    f.call(Concatenate::new().axis(3).name(name), &ends)
}

fn branch(f: &mut Functional, x: TensorRef, steps: &[Step]) -> Result<TensorRef, ModelError> {
    steps.iter().try_fold(x, |x, &step| conv_bn(f, x, step, 1, Padding::Same))
}

fn conv_bn(
    f: &mut Functional,
    x: TensorRef,
    (filters, height, width): Step,
    strides: usize,
    padding: Padding,
) -> Result<TensorRef, ModelError> {
    let conv = Conv2D::new(filters, [height, width]).strides(strides).padding(padding).use_bias(false);
    let x = f.call(conv, &[x])?;
    let x = f.call(BatchNormalization::new().axis(3).scale(false), &[x])?;
    f.call(Activation::Relu, &[x])
}
