//! Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition" (arXiv 1409.1556).

use cnn_core::layers::{Activation, Conv2D, Dense, Flatten, MaxPooling2D, Padding};
use cnn_core::{Functional, Model};

use crate::{Arguments, Row, ZooError};

/// Five blocks of 3×3 convolutions, each followed by pooling, then three dense layers.
pub(crate) fn vgg(row: &Row, arguments: &Arguments, name: &str, convolutions: [usize; 5]) -> Result<Model, ZooError> {
    let mut f = Functional::new();
    let input = f.input(arguments.shape(row.default_size, row.min_size)?)?;
    let mut x = input;
    for (block, (count, filters)) in convolutions.into_iter().zip([64, 128, 256, 512, 512]).enumerate() {
        let block = block + 1;
        for i in 1..=count {
            let conv = Conv2D::new(filters, 3).padding(Padding::Same).activation(Activation::Relu);
            x = f.call(conv.name(format!("block{block}_conv{i}")), &[x])?;
        }
        x = f.call(MaxPooling2D::new(2).name(format!("block{block}_pool")), &[x])?;
    }
    if arguments.include_top {
        x = f.call(Flatten.name("flatten"), &[x])?;
        for name in ["fc1", "fc2"] {
            x = f.call(Dense::new(4096).activation(Activation::Relu).name(name), &[x])?;
        }
        x = arguments.predictions(&mut f, x)?;
    } else {
        x = arguments.pool(&mut f, x, None)?;
    }
    Ok(f.model(arguments.model_name(name), &[input], &[x])?)
}
