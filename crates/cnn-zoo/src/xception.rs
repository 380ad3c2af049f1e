//! Chollet, "Xception: deep learning with depthwise separable convolutions" (arXiv 1610.02357).

use cnn_core::layers::{Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, Padding, SeparableConv2D};
use cnn_core::{Functional, Model, ModelError, TensorRef};

use crate::{Arguments, Row, ZooError};

/// The paper's figure 5: entry flow, eight times the middle flow, exit flow.
pub(crate) fn xception(row: &Row, arguments: &Arguments) -> Result<Model, ZooError> {
    let mut f = Functional::new();
    let input = f.input(arguments.shape(row.default_size, row.min_size)?)?;
    let mut x = f.call(Conv2D::new(32, 3).strides(2).use_bias(false).name("block1_conv1"), &[input])?;
    x = normalized(&mut f, x, "block1_conv1")?;
    x = relu(&mut f, x, "block1_conv1")?;
    x = f.call(Conv2D::new(64, 3).use_bias(false).name("block1_conv2"), &[x])?;
    x = normalized(&mut f, x, "block1_conv2")?;
    x = relu(&mut f, x, "block1_conv2")?;
    for (block, filters) in [(2, [128, 128]), (3, [256, 256]), (4, [728, 728])] {
        x = smaller(&mut f, x, filters, block)?;
    }
    for block in 5..13 {
        let mut y = x;
        for i in 1..=3 {
            y = relu(&mut f, y, &format!("block{block}_sepconv{i}"))?;
            y = separable(&mut f, y, 728, &format!("block{block}_sepconv{i}"))?;
        }
        x = f.call(Add, &[y, x])?;
    }
    x = smaller(&mut f, x, [728, 1024], 13)?;
    for (i, filters) in [(1, 1536), (2, 2048)] {
        x = separable(&mut f, x, filters, &format!("block14_sepconv{i}"))?;
        x = relu(&mut f, x, &format!("block14_sepconv{i}"))?;
    }
    x = arguments.end(&mut f, x, None)?;
    Ok(f.model(arguments.model_name("xception"), &[input], &[x])?)
}

/// Two separable convolutions and pooling beside a strided 1×1 convolution.
fn smaller(f: &mut Functional, x: TensorRef, filters: [usize; 2], block: usize) -> Result<TensorRef, ModelError> {
    let shortcut = Conv2D::new(filters[1], 1).strides(2).padding(Padding::Same).use_bias(false);
    let mut residual = f.call(shortcut, &[x])?;
    residual = f.call(BatchNormalization::new(), &[residual])?;
    let mut y = x;
    for (i, filters) in (1..).zip(filters) {
        let name = format!("block{block}_sepconv{i}");
        // Block 2 takes what block 1 has rectified.
        if (block, i) != (2, 1) {
            y = relu(f, y, &name)?;
        }
        y = separable(f, y, filters, &name)?;
    }
    let pool = MaxPooling2D::new(3).strides(2).padding(Padding::Same);
    y = f.call(pool.name(format!("block{block}_pool")), &[y])?;
    f.call(Add, &[y, residual])
}

fn separable(f: &mut Functional, x: TensorRef, filters: usize, name: &str) -> Result<TensorRef, ModelError> {
    let x = f.call(SeparableConv2D::new(filters, 3).padding(Padding::Same).use_bias(false).name(name), &[x])?;
    normalized(f, x, name)
}

fn normalized(f: &mut Functional, x: TensorRef, name: &str) -> Result<TensorRef, ModelError> {
    f.call(BatchNormalization::new().name(format!("{name}_bn")), &[x])
}

fn relu(f: &mut Functional, x: TensorRef, name: &str) -> Result<TensorRef, ModelError> {
    f.call(Activation::Relu.name(format!("{name}_act")), &[x])
}
