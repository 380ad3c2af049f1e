//! Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le and Adam, "Searching for MobileNetV3" (arXiv
//! 1905.02244).

use cnn_core::layers::{
    Activation, Add, BatchNormalization, Conv2D, DepthwiseConv2D, Dropout, Flatten, GlobalAveragePooling2D, Multiply,
    Operation, Padding, ReLU, Rescaling,
};
use cnn_core::op::BinaryOp;
use cnn_core::{Functional, Model, ModelError, TensorRef};

use crate::common::{channels, correct_pad, divisible};
use crate::{Arguments, Row, ZooError};

/// A block's nonlinearity.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Nonlinearity {
    /// `ReLU`
    Re,
    /// Hard swish
    Hs,
}
use Nonlinearity::{Hs, Re};

/// A row of the paper's tables 1 and 2: expansion, filters, window, strides, whether it has squeeze and excitation,
/// nonlinearity.
pub(crate) type Bneck = (f64, usize, usize, usize, bool, Nonlinearity);

pub(crate) const LARGE: &[Bneck] = &[
    (1.0, 16, 3, 1, false, Re),
    (4.0, 24, 3, 2, false, Re),
    (3.0, 24, 3, 1, false, Re),
    (3.0, 40, 5, 2, true, Re),
    (3.0, 40, 5, 1, true, Re),
    (3.0, 40, 5, 1, true, Re),
    (6.0, 80, 3, 2, false, Hs),
    (2.5, 80, 3, 1, false, Hs),
    (2.3, 80, 3, 1, false, Hs),
    (2.3, 80, 3, 1, false, Hs),
    (6.0, 112, 3, 1, true, Hs),
    (6.0, 112, 3, 1, true, Hs),
    (6.0, 160, 5, 2, true, Hs),
    (6.0, 160, 5, 1, true, Hs),
    (6.0, 160, 5, 1, true, Hs),
];

pub(crate) const SMALL: &[Bneck] = &[
    (1.0, 16, 3, 2, true, Re),
    (72.0 / 16.0, 24, 3, 2, false, Re),
    (88.0 / 24.0, 24, 3, 1, false, Re),
    (4.0, 40, 5, 2, true, Hs),
    (6.0, 40, 5, 1, true, Hs),
    (6.0, 40, 5, 1, true, Hs),
    (3.0, 48, 5, 1, true, Hs),
    (3.0, 48, 5, 1, true, Hs),
    (6.0, 96, 5, 2, true, Hs),
    (6.0, 96, 5, 1, true, Hs),
    (6.0, 96, 5, 1, true, Hs),
];

/// The bottlenecks, then two wide layers without normalization between pooling and classifier, the first of `last`
/// filters. `alpha` multiplies the number of filters; `minimalistic` leaves out 5×5 windows, squeeze and excitation, and
/// hard swish.
pub(crate) fn mobilenet_v3(
    row: &Row,
    arguments: &Arguments,
    name: &str,
    bottlenecks: &[Bneck],
    last: usize,
) -> Result<Model, ZooError> {
    let shape = shape(row, arguments)?;
    let alpha = arguments.alpha_of(if arguments.minimalistic { &[1.0] } else { &[0.75, 1.0] })?;
    let mut f = Functional::new();
    let input = f.input(shape)?;
    let mut x = input;
    if arguments.include_preprocessing {
        x = f.call(Rescaling::new(1.0 / 127.5, -1.0), &[x])?;
    }
    let nonlinearity = if arguments.minimalistic { Re } else { Hs };
    x = f.call(Conv2D::new(16, 3).strides(2).padding(Padding::Same).use_bias(false).name("conv"), &[x])?;
    x = normalized(&mut f, x, "conv_bn")?;
    x = nonlinear(&mut f, x, nonlinearity)?;
    for (i, &(expansion, filters, window, strides, squeeze, nonlinearity)) in bottlenecks.iter().enumerate() {
        let filters = divisible(filters as f64 * alpha);
        x = if arguments.minimalistic {
            bottleneck(&mut f, x, (expansion, filters, 3, strides, false, Re), i)?
        } else {
            bottleneck(&mut f, x, (expansion, filters, window, strides, squeeze, nonlinearity), i)?
        };
    }
    let wide = divisible(6.0 * channels(&f, x) as f64);
    x = f.call(Conv2D::new(wide, 1).padding(Padding::Same).use_bias(false).name("conv_1"), &[x])?;
    x = normalized(&mut f, x, "conv_1_bn")?;
    x = nonlinear(&mut f, x, nonlinearity)?;
    if arguments.include_top {
        x = f.call(GlobalAveragePooling2D::new().keepdims(true), &[x])?;
        let last = if alpha > 1.0 { divisible(last as f64 * alpha) } else { last };
        x = f.call(Conv2D::new(last, 1).padding(Padding::Same).name("conv_2"), &[x])?;
        x = nonlinear(&mut f, x, nonlinearity)?;
        let dropout = arguments.dropout.unwrap_or(0.2);
        if dropout > 0.0 {
            x = f.call(Dropout::new(dropout), &[x])?;
        }
        x = f.call(Conv2D::new(arguments.classes, 1).padding(Padding::Same).name("logits"), &[x])?;
        x = f.call(Flatten, &[x])?;
        x = f.call(arguments.classifier_activation.name("predictions"), &[x])?;
    } else {
        x = arguments.pool(&mut f, x, Some(["avg_pool", "max_pool"]))?;
    }
    Ok(f.model(arguments.model_name(name), &[input], &[x])?)
}

/// Keras leaves height and width open unless they are given, with the classifier too, and asks for the least size only
/// where both are known.
fn shape(row: &Row, arguments: &Arguments) -> Result<Vec<Option<usize>>, ZooError> {
    arguments.check_classifier()?;
    let shape = arguments.input_shape.clone().unwrap_or_else(|| vec![None, None, Some(3)]);
    match *shape.as_slice() {
        [Some(h), Some(w), _] if h.min(w) < row.min_size => Err(ZooError::TooSmall { min: row.min_size, got: shape }),
        [_, _, _] => Ok(shape),
        _ => Err(ZooError::Arguments("input_shape must be height, width, channels".into())),
    }
}

/// The paper's figure 4: expansion by 1×1, depthwise, squeeze and excitation, projection, and a shortcut where the shape
/// stays.
fn bottleneck(f: &mut Functional, input: TensorRef, row: Bneck, i: usize) -> Result<TensorRef, ModelError> {
    let (expansion, filters, window, strides, squeeze, nonlinearity) = row;
    let prefix = if i == 0 { "expanded_conv".to_string() } else { format!("expanded_conv_{i}") };
    let before = channels(f, input);
    let expanded = divisible(before as f64 * expansion);
    let mut x = input;
    if i > 0 {
        let expand = Conv2D::new(expanded, 1).padding(Padding::Same).use_bias(false);
        x = f.call(expand.name(format!("{prefix}_expand")), &[x])?;
        x = normalized(f, x, &format!("{prefix}_expand_bn"))?;
        x = nonlinear(f, x, nonlinearity)?;
    }
    let mut depthwise = DepthwiseConv2D::new(window).strides(strides).use_bias(false);
    if strides == 2 {
        x = f.call(correct_pad(f, x, window).name(format!("{prefix}_depthwise_pad")), &[x])?;
    } else {
        depthwise = depthwise.padding(Padding::Same);
    }
    x = f.call(depthwise.name(format!("{prefix}_depthwise")), &[x])?;
    x = normalized(f, x, &format!("{prefix}_depthwise_bn"))?;
    x = nonlinear(f, x, nonlinearity)?;
    if squeeze {
        x = squeeze_excite(f, x, expanded, &format!("{prefix}_squeeze_excite"))?;
    }
    let project = Conv2D::new(filters, 1).padding(Padding::Same).use_bias(false);
    x = f.call(project.name(format!("{prefix}_project")), &[x])?;
    x = normalized(f, x, &format!("{prefix}_project_bn"))?;
    if strides == 1 && before == filters {
        x = f.call(Add.name(format!("{prefix}_add")), &[input, x])?;
    }
    Ok(x)
}

/// Each channel times a factor from all channels' means: a quarter as many channels, then hard sigmoid.
fn squeeze_excite(f: &mut Functional, input: TensorRef, filters: usize, name: &str) -> Result<TensorRef, ModelError> {
    let mut x = f.call(GlobalAveragePooling2D::new().keepdims(true).name(format!("{name}_avg_pool")), &[input])?;
    let reduce = Conv2D::new(divisible(filters as f64 * 0.25), 1).padding(Padding::Same);
    x = f.call(reduce.name(format!("{name}_conv")), &[x])?;
    x = f.call(ReLU::new().name(format!("{name}_relu")), &[x])?;
    x = f.call(Conv2D::new(filters, 1).padding(Padding::Same).name(format!("{name}_conv_1")), &[x])?;
    x = f.call(Operation::new(BinaryOp::Add).right(3.0), &[x])?;
    x = f.call(ReLU::new().max_value(6.0), &[x])?;
    x = f.call(Operation::new(BinaryOp::Multiply).right(1.0 / 6.0), &[x])?;
    f.call(Multiply.name(format!("{name}_mul")), &[input, x])
}

fn normalized(f: &mut Functional, x: TensorRef, name: &str) -> Result<TensorRef, ModelError> {
    f.call(BatchNormalization::new().epsilon(1e-3).momentum(0.999).name(name), &[x])
}

fn nonlinear(f: &mut Functional, x: TensorRef, nonlinearity: Nonlinearity) -> Result<TensorRef, ModelError> {
    match nonlinearity {
        Re => f.call(ReLU::new(), &[x]),
        Hs => f.call(Activation::HardSilu, &[x]),
    }
}
