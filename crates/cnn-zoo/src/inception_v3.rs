//! Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the inception architecture for computer vision" (arXiv
//! 1512.00567).

use cnn_core::layers::{Activation, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, MaxPooling2D, Padding};
use cnn_core::{Functional, Model, ModelError, TensorRef};

use crate::{Arguments, Row, ZooError};

/// A convolution of a branch: filters, height and width of the window.
type Step = (usize, usize, usize);

/// The paper's table 1, as its authors published it.
pub(crate) fn inception_v3(row: &Row, arguments: &Arguments) -> Result<Model, ZooError> {
    let mut f = Functional::new();
    let input = f.input(arguments.shape(row.default_size, row.min_size)?)?;
    let mut x = stem(&mut f, input)?;
    for (i, pooled) in [32, 64, 64].into_iter().enumerate() {
        let double: &[Step] = &[(64, 1, 1), (96, 3, 3), (96, 3, 3)];
        x = mixed(&mut f, x, &[&[(64, 1, 1)], &[(48, 1, 1), (64, 5, 5)], double], pooled, &format!("mixed{i}"))?;
    }
    x = smaller(&mut f, x, &[&[(384, 3, 3)], &[(64, 1, 1), (96, 3, 3), (96, 3, 3)]], "mixed3")?;
    for (i, c) in (4..).zip([128, 160, 160, 192]) {
        let single: &[Step] = &[(c, 1, 1), (c, 1, 7), (192, 7, 1)];
        let double: &[Step] = &[(c, 1, 1), (c, 7, 1), (c, 1, 7), (c, 7, 1), (192, 1, 7)];
        x = mixed(&mut f, x, &[&[(192, 1, 1)], single, double], 192, &format!("mixed{i}"))?;
    }
    let seven: &[Step] = &[(192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3)];
    x = smaller(&mut f, x, &[&[(192, 1, 1), (320, 3, 3)], seven], "mixed8")?;
    for i in 0..2 {
        x = forked(&mut f, x, i)?;
    }
    x = arguments.end(&mut f, x, None)?;
    Ok(f.model(arguments.model_name("inception_v3"), &[input], &[x])?)
}

fn stem(f: &mut Functional, x: TensorRef) -> Result<TensorRef, ModelError> {
    let x = conv_bn(f, x, (32, 3, 3), 2, Padding::Valid)?;
    let x = conv_bn(f, x, (32, 3, 3), 1, Padding::Valid)?;
    let x = conv_bn(f, x, (64, 3, 3), 1, Padding::Same)?;
    let x = f.call(MaxPooling2D::new(3).strides(2), &[x])?;
    let x = conv_bn(f, x, (80, 1, 1), 1, Padding::Valid)?;
    let x = conv_bn(f, x, (192, 3, 3), 1, Padding::Valid)?;
    f.call(MaxPooling2D::new(3).strides(2), &[x])
}

/// Branches of convolutions and one of average pooling, side by side.
fn mixed(
    f: &mut Functional,
    x: TensorRef,
    branches: &[&[Step]],
    pooled: usize,
    name: &str,
) -> Result<TensorRef, ModelError> {
    let mut ends = Vec::new();
    for steps in branches {
        ends.push(branch(f, x, steps)?);
    }
    ends.push(pooled_branch(f, x, pooled)?);
    f.call(Concatenate::new().axis(3).name(name), &ends)
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

/// The blocks on the coarsest grid, whose branches fork at their ends (the paper's figure 7).
fn forked(f: &mut Functional, x: TensorRef, i: usize) -> Result<TensorRef, ModelError> {
    let single = branch(f, x, &[(320, 1, 1)])?;
    let y = branch(f, x, &[(384, 1, 1)])?;
    let rows = branch(f, y, &[(384, 1, 3)])?;
    let columns = branch(f, y, &[(384, 3, 1)])?;
    let three = f.call(Concatenate::new().axis(3).name(format!("mixed9_{i}")), &[rows, columns])?;
    let y = branch(f, x, &[(448, 1, 1), (384, 3, 3)])?;
    let rows = branch(f, y, &[(384, 1, 3)])?;
    let columns = branch(f, y, &[(384, 3, 1)])?;
    let double = f.call(Concatenate::new().axis(3), &[rows, columns])?;
    let pooled = pooled_branch(f, x, 192)?;
    f.call(Concatenate::new().axis(3).name(format!("mixed{}", 9 + i)), &[single, three, double, pooled])
}

fn pooled_branch(f: &mut Functional, x: TensorRef, filters: usize) -> Result<TensorRef, ModelError> {
    let y = f.call(AveragePooling2D::new(3).strides(1).padding(Padding::Same), &[x])?;
    branch(f, y, &[(filters, 1, 1)])
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
