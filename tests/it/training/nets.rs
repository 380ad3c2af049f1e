//! The networks of the trajectories.

use cnn_core::layers::{
    Activation, AveragePooling2D, BatchNormalization, Constraint, Conv2D, Dense, DepthwiseConv2D, Dropout,
    GlobalAveragePooling2D, GlobalMaxPooling2D, LayerNormalization, MaxPooling2D, Named, OrthogonalMode, Padding, ReLU,
    Regularizer, SeparableConv2D,
};
use cnn_core::{Model, ModelError, Sequential};

/// The nets of `scripts/train.py`.
pub(crate) fn net(name: &str) -> Model {
    layers(name, "sequential").and_then(|m| m.add(classifier(name))).and_then(Sequential::model).unwrap()
}

/// What stands on top of each.
pub(crate) fn classifier(net: &str) -> Named {
    let dense = Dense::new(10).activation(Activation::Softmax);
    let dense = match net {
        "regularized" => dense.kernel_regularizer(orthogonal(OrthogonalMode::Rows)),
        "constrained" => dense.kernel_constraint(Constraint::UnitNorm { axis: vec![0] }),
        _ => dense,
    };
    dense.name("dense")
}

fn orthogonal(mode: OrthogonalMode) -> Regularizer {
    Regularizer::Orthogonal { factor: 0.1, mode }
}

/// A net without its classifier, under a name of its own.
pub(crate) fn layers(net: &str, name: &str) -> Result<Sequential, ModelError> {
    let model = Sequential::new(name).input([28, 28, 1])?;
    match net {
        "plain" | "frozen" => model
            .add(Conv2D::new(8, 3).padding(Padding::Same).activation(Activation::Relu).name("conv1"))
            .and_then(|m| m.add(MaxPooling2D::new(2).name("pool1")))
            .and_then(|m| m.add(Conv2D::new(16, 3).activation(Activation::Relu).name("conv2")))
            .and_then(|m| m.add(GlobalAveragePooling2D::new().name("gap"))),
        "bn" => model
            .add(Conv2D::new(8, 3).padding(Padding::Same).use_bias(false).name("conv1"))
            .and_then(|m| m.add(BatchNormalization::new().momentum(0.9).name("bn1")))
            .and_then(|m| m.add(ReLU::new().name("relu1")))
            .and_then(|m| m.add(MaxPooling2D::new(2).name("pool1")))
            .and_then(|m| m.add(Conv2D::new(16, 3).use_bias(false).name("conv2")))
            .and_then(|m| m.add(BatchNormalization::new().name("bn2")))
            .and_then(|m| m.add(cnn_core::Layer::Activation(Activation::Relu)))
            .and_then(|m| m.add(GlobalAveragePooling2D::new().name("gap")))
            .and_then(|m| m.add(Dropout::new(0.0).name("drop"))),
        "wide" => model
            .add(Conv2D::new(6, 3).strides(2).padding(Padding::Same).name("conv1"))
            .and_then(|m| m.add(cnn_core::Layer::Activation(Activation::Silu)))
            .and_then(|m| m.add(DepthwiseConv2D::new(3).padding(Padding::Same).name("dw")))
            .and_then(|m| m.add(LayerNormalization::new().epsilon(1e-6).name("ln")))
            .and_then(|m| m.add(AveragePooling2D::new(2).padding(Padding::Same).name("ap")))
            .and_then(|m| m.add(SeparableConv2D::new(12, 3).activation(Activation::Gelu).name("sep")))
            .and_then(|m| {
                let conv = Conv2D::new(8, 3).dilation_rate(2).padding(Padding::Same);
                m.add(conv.activation(Activation::HardSilu).name("dil"))
            })
            .and_then(|m| m.add(GlobalMaxPooling2D::new().name("gmp"))),
        "regularized" => model
            .add(regularized_conv1().name("conv1"))
            .and_then(|m| m.add(MaxPooling2D::new(2).name("pool1")))
            .and_then(|m| {
                let bn = BatchNormalization::new().momentum(0.9).gamma_regularizer(Regularizer::L2(0.03));
                m.add(bn.beta_regularizer(Regularizer::L1(0.01)).name("bn1"))
            })
            .and_then(|m| {
                let conv = Conv2D::new(16, 3).activation(Activation::Relu);
                m.add(conv.kernel_regularizer(Regularizer::L1L2 { l1: 1e-3, l2: 2e-3 }).name("conv2"))
            })
            .and_then(|m| m.add(GlobalAveragePooling2D::new().name("gap")))
            .and_then(|m| {
                let hidden = Dense::new(12).kernel_regularizer(orthogonal(OrthogonalMode::Columns));
                m.add(hidden.activity_regularizer(Regularizer::L2(0.01)).name("hidden"))
            }),
        "constrained" => model
            .add(constrained_conv1().name("conv1"))
            .and_then(|m| m.add(MaxPooling2D::new(2).name("pool1")))
            .and_then(|m| {
                let axis = vec![0, 1, 2];
                let norm = Constraint::MinMaxNorm { min_value: 0.5, max_value: 1.0, rate: 0.7, axis };
                m.add(Conv2D::new(16, 3).activation(Activation::Relu).kernel_constraint(norm).name("conv2"))
            })
            .and_then(|m| m.add(GlobalAveragePooling2D::new().name("gap"))),
        other => panic!("there is no net {other}"),
    }
}

fn regularized_conv1() -> Conv2D {
    let conv = Conv2D::new(8, 3).padding(Padding::Same).activation(Activation::Relu);
    let conv = conv.kernel_regularizer(Regularizer::L2(0.01)).bias_regularizer(Regularizer::L1(0.02));
    conv.activity_regularizer(Regularizer::L1(1e-4))
}

fn constrained_conv1() -> Conv2D {
    let conv = Conv2D::new(8, 3).padding(Padding::Same).activation(Activation::Relu);
    let norm = Constraint::MaxNorm { max_value: 1.0, axis: vec![0, 1, 2] };
    conv.kernel_constraint(norm).bias_constraint(Constraint::NonNeg)
}
