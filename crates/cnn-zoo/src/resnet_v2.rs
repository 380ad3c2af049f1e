//! He, Zhang, Ren and Sun, "Identity mappings in deep residual networks" (arXiv 1603.05027).

use cnn_core::layers::{Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, ZeroPadding2D};
use cnn_core::{Functional, Model, ModelError, TensorRef};

use crate::{Arguments, Row, ZooError};

/// A stem, four stacks of so many blocks with normalization and activation before each convolution, and a classifier.
pub(crate) fn resnet_v2(row: &Row, arguments: &Arguments, name: &str, blocks: [usize; 4]) -> Result<Model, ZooError> {
    let mut f = Functional::new();
    let input = f.input(arguments.shape(row.default_size, row.min_size)?)?;
    let mut x = f.call(ZeroPadding2D::new(3).name("conv1_pad"), &[input])?;
    x = f.call(Conv2D::new(64, 7).strides(2).name("conv1_conv"), &[x])?;
    x = f.call(ZeroPadding2D::new(1).name("pool1_pad"), &[x])?;
    x = f.call(MaxPooling2D::new(3).strides(2).name("pool1_pool"), &[x])?;
    for (stack, (count, filters)) in (2..).zip(blocks.into_iter().zip([64, 128, 256, 512])) {
        for i in 1..=count {
            // A stack's last block halves the picture, but for the last stack's.
            let strides = if i == count && stack < 5 { 2 } else { 1 };
            x = block(&mut f, x, filters, strides, i == 1, &format!("conv{stack}_block{i}"))?;
        }
    }
    x = normalized_relu(&mut f, x, "post_bn", "post_relu")?;
    x = arguments.end(&mut f, x, Some(["avg_pool", "max_pool"]))?;
    Ok(f.model(arguments.model_name(name), &[input], &[x])?)
}

fn normalized_relu(f: &mut Functional, x: TensorRef, bn: &str, relu: &str) -> Result<TensorRef, ModelError> {
    let x = f.call(BatchNormalization::new().axis(3).epsilon(1.001e-5).name(bn), &[x])?;
    f.call(Activation::Relu.name(relu), &[x])
}

/// 1×1, 3×3 and 1×1 convolutions around a shortcut, which has a convolution or pooling where the shape changes.
fn block(
    f: &mut Functional,
    x: TensorRef,
    filters: usize,
    strides: usize,
    convolved_shortcut: bool,
    name: &str,
) -> Result<TensorRef, ModelError> {
    let before = normalized_relu(f, x, &format!("{name}_preact_bn"), &format!("{name}_preact_relu"))?;
    let shortcut = if convolved_shortcut {
        f.call(Conv2D::new(4 * filters, 1).strides(strides).name(format!("{name}_0_conv")), &[before])?
    } else if strides > 1 {
        f.call(MaxPooling2D::new(1).strides(strides), &[x])?
    } else {
        x
    };
    let mut y = f.call(Conv2D::new(filters, 1).use_bias(false).name(format!("{name}_1_conv")), &[before])?;
    y = normalized_relu(f, y, &format!("{name}_1_bn"), &format!("{name}_1_relu"))?;
    y = f.call(ZeroPadding2D::new(1).name(format!("{name}_2_pad")), &[y])?;
    let conv = Conv2D::new(filters, 3).strides(strides).use_bias(false);
    y = f.call(conv.name(format!("{name}_2_conv")), &[y])?;
    y = normalized_relu(f, y, &format!("{name}_2_bn"), &format!("{name}_2_relu"))?;
    y = f.call(Conv2D::new(4 * filters, 1).name(format!("{name}_3_conv")), &[y])?;
    f.call(Add.name(format!("{name}_out")), &[shortcut, y])
}
