//! What models of several papers do alike.

use cnn_core::layers::{Conv2D, DepthwiseConv2D, Distribution, FanMode, Initializer, ZeroPadding2D};
use cnn_core::{Functional, TensorRef};

/// How the filters of both EfficientNets begin.
const FAN_OUT_NORMAL: Initializer =
    Initializer::VarianceScaling { scale: 2.0, mode: FanMode::Out, distribution: Distribution::TruncatedNormal };

/// How the classifiers of both EfficientNets begin.
pub(crate) const FAN_OUT_UNIFORM: Initializer =
    Initializer::VarianceScaling { scale: 1.0 / 3.0, mode: FanMode::Out, distribution: Distribution::Uniform };

/// A convolution of an EfficientNet.
pub(crate) fn fan_out_conv(filters: usize, kernel_size: usize) -> Conv2D {
    Conv2D::new(filters, kernel_size).kernel_initializer(FAN_OUT_NORMAL)
}

/// A depthwise convolution of an EfficientNet.
pub(crate) fn fan_out_depthwise(kernel_size: usize) -> DepthwiseConv2D {
    DepthwiseConv2D::new(kernel_size).depthwise_initializer(FAN_OUT_NORMAL)
}

/// Number of channels, which input shapes always say.
pub(crate) fn channels(f: &Functional, x: TensorRef) -> usize {
    f.shape(x).last().copied().flatten().unwrap_or(0)
}

/// The zeros before a strided convolution without padding that make it as TensorFlow's "same": an even size gets one
/// fewer before than after. As in Keras an unknown height makes both sizes even.
pub(crate) fn correct_pad(f: &Functional, x: TensorRef, kernel_size: usize) -> ZeroPadding2D {
    let odd = match f.shape(x).as_slice() {
        &[_, Some(h), w, _] => [h % 2, w.map_or(0, |w| w % 2)],
        _ => [0, 0],
    };
    let after = kernel_size / 2;
    let [above, left] = odd.map(|odd| (after + odd).saturating_sub(1));
    ZeroPadding2D::sides((above, after), (left, after))
}

/// The nearest multiple of 8, at least 8, and not below 0.9 of the number.
pub(crate) fn divisible(filters: f64) -> usize {
    let near = nearest_of_8(filters);
    if (near as f64) < 0.9 * filters { near + 8 } else { near }
}

/// The nearest multiple of 8, at least 8.
pub(crate) fn nearest_of_8(filters: f64) -> usize {
    ((((filters + 4.0) / 8.0).floor() * 8.0) as usize).max(8)
}
