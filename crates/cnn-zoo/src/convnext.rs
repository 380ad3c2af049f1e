//! Liu, Mao, Wu, Feichtenhofer, Darrell and Xie, "A ConvNet for the 2020s" (arXiv 2201.03545).

use cnn_core::layers::{
    Activation, Conv2D, Dense, GlobalAveragePooling2D, LayerNormalization, LayerScale, Normalization, Operation,
    Padding,
};
use cnn_core::op::BinaryOp;
use cnn_core::{Functional, Model, ModelError, Sequential, Tensor, TensorRef};

use crate::common::channels;
use crate::{Arguments, Row, ZooError};

/// ImageNet's mean and deviation of red, green and blue.
const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const STD: [f64; 3] = [0.229, 0.224, 0.225];

/// Four stages of so many blocks of so many channels, with downsampling before each. The names of all layers begin with the
/// model's.
pub(crate) fn convnext(
    row: &Row,
    arguments: &Arguments,
    name: &str,
    depths: [usize; 4],
    projection_dims: [usize; 4],
) -> Result<Model, ZooError> {
    let name = arguments.model_name(name);
    let mut f = Functional::new();
    let input = f.input(arguments.shape(row.default_size, row.min_size)?)?;
    let mut x = input;
    if arguments.include_preprocessing && channels(&f, x) == 3 {
        let mean = Tensor::from_fn(vec![3], |i| (MEAN[i] * 255.0) as f32);
        let variance = Tensor::from_fn(vec![3], |i| (STD[i] * 255.0).powi(2) as f32);
        let normalization = Normalization::new().statistics(mean, variance);
        x = f.call(normalization.name(format!("{name}_prestem_normalization")), &[x])?;
    }
    for (stage, (depth, dim)) in depths.into_iter().zip(projection_dims).enumerate() {
        x = match stage.checked_sub(1) {
            None => stem(&mut f, x, dim, &name)?,
            Some(i) => downsampling(&mut f, x, dim, &name, i)?,
        };
        for j in 0..depth {
            x = block(&mut f, x, dim, &format!("{name}_stage_{stage}_block_{j}"))?;
        }
    }
    if arguments.include_top {
        x = f.call(GlobalAveragePooling2D::new().name(format!("{name}_head_gap")), &[x])?;
        x = f.call(normalization().name(format!("{name}_head_layernorm")), &[x])?;
        let dense = Dense::new(arguments.classes).activation(arguments.classifier_activation);
        x = f.call(dense.name(format!("{name}_head_dense")), &[x])?;
    } else {
        x = arguments.pool(&mut f, x, None)?;
        x = f.call(normalization(), &[x])?;
    }
    Ok(f.model(name, &[input], &[x])?)
}

fn normalization() -> LayerNormalization {
    LayerNormalization::new().epsilon(1e-6)
}

/// Patches of 4×4 pixels.
fn stem(f: &mut Functional, x: TensorRef, dim: usize, name: &str) -> Result<TensorRef, ModelError> {
    let model = Sequential::new(format!("{name}_stem"))
        .input(f.shape(x)[1..].to_vec())?
        .add(Conv2D::new(dim, 4).strides(4).name(format!("{name}_stem_conv")))?
        .add(normalization().name(format!("{name}_stem_layernorm")))?
        .model()?;
    f.call(model, &[x])
}

fn downsampling(f: &mut Functional, x: TensorRef, dim: usize, name: &str, i: usize) -> Result<TensorRef, ModelError> {
    let model = Sequential::new(format!("{name}_downsampling_block_{i}"))
        .input(f.shape(x)[1..].to_vec())?
        .add(normalization().name(format!("{name}_downsampling_layernorm_{i}")))?
        .add(Conv2D::new(dim, 2).strides(2).name(format!("{name}_downsampling_conv_{i}")))?
        .model()?;
    f.call(model, &[x])
}

/// The paper's figure 4: depthwise 7×7, then two dense layers over the channels, the first four times as wide.
fn block(f: &mut Functional, input: TensorRef, dim: usize, name: &str) -> Result<TensorRef, ModelError> {
    let depthwise = Conv2D::new(dim, 7).padding(Padding::Same).groups(dim);
    let mut x = f.call(depthwise.name(format!("{name}_depthwise_conv")), &[input])?;
    x = f.call(normalization().name(format!("{name}_layernorm")), &[x])?;
    x = f.call(Dense::new(4 * dim).name(format!("{name}_pointwise_conv_1")), &[x])?;
    x = f.call(Activation::Gelu.name(format!("{name}_gelu")), &[x])?;
    x = f.call(Dense::new(dim).name(format!("{name}_pointwise_conv_2")), &[x])?;
    x = f.call(LayerScale::new(1e-6, dim).name(format!("{name}_layer_scale")), &[x])?;
    // Where Keras drops branches, there is a StochasticDepth; its constructors drop none.
    x = f.call(Activation::Linear.name(format!("{name}_identity")), &[x])?;
    f.call(Operation::new(BinaryOp::Add), &[input, x])
}
