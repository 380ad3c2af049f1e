//! He, Zhang, Ren and Sun, "Deep residual learning for image recognition" (arXiv 1512.03385).

use cnn_core::layers::{Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, Padding, ZeroPadding2D};
use cnn_core::{Functional, Model, ModelError, TensorRef};

use crate::{Arguments, Row, ZooError};

/// A stem, four stacks of so many blocks, and a classifier. The stride of a block is in its first 1×1 convolution, and
/// convolutions have biases.
pub(crate) fn resnet(row: &Row, arguments: &Arguments, name: &str, blocks: [usize; 4]) -> Result<Model, ZooError> {
    let mut f = Functional::new();
    let input = f.input(arguments.shape(row.default_size, row.min_size)?)?;
    let mut x = f.call(ZeroPadding2D::new(3).name("conv1_pad"), &[input])?;
    x = f.call(Conv2D::new(64, 7).strides(2).name("conv1_conv"), &[x])?;
    x = f.call(normalization().name("conv1_bn"), &[x])?;
    x = f.call(Activation::Relu.name("conv1_relu"), &[x])?;
    x = f.call(ZeroPadding2D::new(1).name("pool1_pad"), &[x])?;
    x = f.call(MaxPooling2D::new(3).strides(2).name("pool1_pool"), &[x])?;
    for (stack, (count, filters)) in blocks.into_iter().zip([64, 128, 256, 512]).enumerate() {
        for i in 1..=count {
            let strides = if i == 1 && stack > 0 { 2 } else { 1 };
            let name = format!("conv{}_block{i}", stack + 2);
            x = block(&mut f, x, filters, strides, i == 1, &name)?;
        }
    }
    x = arguments.end(&mut f, x, Some(["avg_pool", "max_pool"]))?;
    Ok(f.model(arguments.model_name(name), &[input], &[x])?)
}

fn normalization() -> BatchNormalization {
    BatchNormalization::new().axis(3).epsilon(1.001e-5)
}

/// 1×1, 3×3 and 1×1 convolutions around a shortcut, which has a convolution where the shape changes.
fn block(
    f: &mut Functional,
    x: TensorRef,
    filters: usize,
    strides: usize,
    convolved_shortcut: bool,
    name: &str,
) -> Result<TensorRef, ModelError> {
    let shortcut = if convolved_shortcut {
        let y = f.call(Conv2D::new(4 * filters, 1).strides(strides).name(format!("{name}_0_conv")), &[x])?;
        f.call(normalization().name(format!("{name}_0_bn")), &[y])?
    } else {
        x
    };
    let convolutions = [
        Conv2D::new(filters, 1).strides(strides),
        Conv2D::new(filters, 3).padding(Padding::Same),
        Conv2D::new(4 * filters, 1),
    ];
    let mut y = x;
    for (i, convolution) in (1..).zip(convolutions) {
        y = f.call(convolution.name(format!("{name}_{i}_conv")), &[y])?;
        y = f.call(normalization().name(format!("{name}_{i}_bn")), &[y])?;
        if i < 3 {
            y = f.call(Activation::Relu.name(format!("{name}_{i}_relu")), &[y])?;
        }
    }
    let sum = f.call(Add.name(format!("{name}_add")), &[shortcut, y])?;
    f.call(Activation::Relu.name(format!("{name}_out")), &[sum])
}
