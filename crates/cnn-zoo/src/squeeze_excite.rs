//! Hu, Shen, Albanie, Sun and Wu, "Squeeze-and-excitation networks" (arXiv 1709.01507), as both EfficientNets have it.

use cnn_core::layers::{Activation, GlobalAveragePooling2D, Multiply, Padding, Reshape};
use cnn_core::{Functional, ModelError, TensorRef};

use crate::common::{channels, fan_out_conv};

/// Each channel times a factor that two 1×1 convolutions, the first to `reduced` channels, make of all channels' means.
pub(crate) fn squeeze_excite(
    f: &mut Functional,
    x: TensorRef,
    reduced: usize,
    name: &str,
) -> Result<TensorRef, ModelError> {
    let filters = channels(f, x);
    let mut y = f.call(GlobalAveragePooling2D::new().name(format!("{name}se_squeeze")), &[x])?;
    y = f.call(Reshape::new([1, 1, filters.cast_signed()]).name(format!("{name}se_reshape")), &[y])?;
    let reduce = fan_out_conv(reduced, 1).padding(Padding::Same).activation(Activation::Silu);
    y = f.call(reduce.name(format!("{name}se_reduce")), &[y])?;
    let expand = fan_out_conv(filters, 1).padding(Padding::Same).activation(Activation::Sigmoid);
    y = f.call(expand.name(format!("{name}se_expand")), &[y])?;
    f.call(Multiply.name(format!("{name}se_excite")), &[x, y])
}
