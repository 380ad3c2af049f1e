//! Huang, Liu, van der Maaten and Weinberger, "Densely connected convolutional networks" (arXiv 1608.06993).

use cnn_core::layers::{
    Activation, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, MaxPooling2D, Padding, ZeroPadding2D,
};
use cnn_core::{Functional, Model, ModelError, TensorRef};

use crate::common::channels;
use crate::{Arguments, Row, ZooError};

/// What each layer of a dense block adds.
const GROWTH_RATE: usize = 32;

/// Four dense blocks of so many layers, and between them transitions to half the channels and half the size.
pub(crate) fn densenet(row: &Row, arguments: &Arguments, name: &str, blocks: [usize; 4]) -> Result<Model, ZooError> {
    let mut f = Functional::new();
    let input = f.input(arguments.shape(row.default_size, row.min_size)?)?;
    let mut x = f.call(ZeroPadding2D::new(3), &[input])?;
    x = f.call(Conv2D::new(64, 7).strides(2).use_bias(false).name("conv1_conv"), &[x])?;
    x = normalized_relu(&mut f, x, "conv1")?;
    x = f.call(ZeroPadding2D::new(1), &[x])?;
    x = f.call(MaxPooling2D::new(3).strides(2).name("pool1"), &[x])?;
    for (block, count) in (2..).zip(blocks) {
        if block > 2 {
            x = transition(&mut f, x, &format!("pool{}", block - 1))?;
        }
        for i in 1..=count {
            x = dense_layer(&mut f, x, &format!("conv{block}_block{i}"))?;
        }
    }
    x = f.call(normalization().name("bn"), &[x])?;
    x = f.call(Activation::Relu.name("relu"), &[x])?;
    x = arguments.end(&mut f, x, Some(["avg_pool", "max_pool"]))?;
    Ok(f.model(arguments.model_name(name), &[input], &[x])?)
}

fn normalization() -> BatchNormalization {
    BatchNormalization::new().axis(3).epsilon(1.001e-5)
}

fn normalized_relu(f: &mut Functional, x: TensorRef, name: &str) -> Result<TensorRef, ModelError> {
    let x = f.call(normalization().name(format!("{name}_bn")), &[x])?;
    f.call(Activation::Relu.name(format!("{name}_relu")), &[x])
}

/// The bottleneck of the paper's DenseNet-B: 1×1 to four times the growth rate, then 3×3; the result stands beside the
/// input.
fn dense_layer(f: &mut Functional, x: TensorRef, name: &str) -> Result<TensorRef, ModelError> {
    let mut y = normalized_relu(f, x, &format!("{name}_0"))?;
    y = f.call(Conv2D::new(4 * GROWTH_RATE, 1).use_bias(false).name(format!("{name}_1_conv")), &[y])?;
    y = normalized_relu(f, y, &format!("{name}_1"))?;
    let conv = Conv2D::new(GROWTH_RATE, 3).padding(Padding::Same).use_bias(false);
    y = f.call(conv.name(format!("{name}_2_conv")), &[y])?;
    f.call(Concatenate::new().axis(3).name(format!("{name}_concat")), &[x, y])
}

/// DenseNet-C's compression to half the channels, and pooling.
fn transition(f: &mut Functional, x: TensorRef, name: &str) -> Result<TensorRef, ModelError> {
    let x = normalized_relu(f, x, name)?;
    let conv = Conv2D::new(channels(f, x) / 2, 1).use_bias(false);
    let x = f.call(conv.name(format!("{name}_conv")), &[x])?;
    f.call(AveragePooling2D::new(2).strides(2).name(format!("{name}_pool")), &[x])
}
