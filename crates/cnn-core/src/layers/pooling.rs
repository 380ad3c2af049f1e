//! Pooling over windows and over the whole picture.

use super::common::{IntoPair, picture, positive, slide};
use super::{Kind, Lowering, Padding, SymbolicShape};
use crate::error::ShapeError;
use crate::graph::ValueId;
use crate::op::{Op, Pool2D, PoolKind};
use crate::shape::Padding2D;

macro_rules! window_pooling {
    ($($(#[$doc:meta])* $layer:ident: $kind:expr,)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub struct $layer {
                /// Height and width of the window.
                pub pool_size: [usize; 2],
                /// Steps of the window.
                pub strides: [usize; 2],
                /// `Valid` or `Same`; what is outside the picture is never seen.
                pub padding: Padding,
            }

            impl Default for $layer {
                fn default() -> Self {
                    Self::new(2)
                }
            }

            impl $layer {
                /// Windows side by side, padding valid.
                pub fn new(pool_size: impl IntoPair) -> Self {
                    let pool_size = pool_size.into_pair();
                    Self { pool_size, strides: pool_size, padding: Padding::Valid }
                }

                /// Sets the steps of the window.
                pub fn strides(mut self, strides: impl IntoPair) -> Self {
                    self.strides = strides.into_pair();
                    self
                }

                /// Sets the padding.
                pub fn padding(mut self, padding: Padding) -> Self {
                    self.padding = padding;
                    self
                }
            }

            impl Kind for $layer {
                fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
                    pooled_shape(inputs, self.pool_size, self.strides, self.padding)
                }

                fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
                    let &[_, h, w, _] = cx.graph.value(inputs[0]).shape.as_slice() else {
                        return Err(cx.refuse("expects an input of rank 4", inputs));
                    };
                    let padding = self.padding.resolve([h, w], self.pool_size, self.strides, [1, 1]);
                    let op = Pool2D { kind: $kind, pool_size: self.pool_size, strides: self.strides, padding };
                    cx.push(Op::Pool2D(op), inputs)
                }
            }
        )*
    };
}

window_pooling! {
    /// Keras's `MaxPooling2D`: the maximum over windows.
    MaxPooling2D: PoolKind::Max,
    /// Keras's `AveragePooling2D`: the mean over the part of each window that is inside the picture.
    AveragePooling2D: PoolKind::Average,
}

macro_rules! global_pooling {
    ($($(#[$doc:meta])* $layer:ident: $kind:expr,)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
            pub struct $layer {
                /// Whether the spatial axes stay, with size 1.
                pub keepdims: bool,
            }

            impl $layer {
                /// To `[N, C]`.
                pub fn new() -> Self {
                    Self::default()
                }

                /// Sets whether the spatial axes stay, with size 1.
                pub fn keepdims(mut self, keepdims: bool) -> Self {
                    self.keepdims = keepdims;
                    self
                }
            }

            impl Kind for $layer {
                fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, String> {
                    let [n, _, _, c] = picture(inputs)?;
                    Ok(if self.keepdims { vec![n, Some(1), Some(1), c] } else { vec![n, c] })
                }

                fn lower(&self, cx: &mut Lowering<'_>, inputs: &[ValueId]) -> Result<ValueId, ShapeError> {
                    let &[n, h, w, c] = cx.graph.value(inputs[0]).shape.as_slice() else {
                        return Err(cx.refuse("expects an input of rank 4", inputs));
                    };
                    let (pool_size, padding) = ([h, w], Padding2D::default());
                    let op = Pool2D { kind: $kind, pool_size, strides: [1, 1], padding };
                    let y = cx.push(Op::Pool2D(op), inputs)?;
                    if self.keepdims { Ok(y) } else { cx.reshape(y, vec![n, c]) }
                }
            }
        )*
    };
}

global_pooling! {
    /// Keras's `GlobalMaxPooling2D`: the maximum of each channel.
    GlobalMaxPooling2D: PoolKind::Max,
    /// Keras's `GlobalAveragePooling2D`: the mean of each channel.
    GlobalAveragePooling2D: PoolKind::Average,
}

fn pooled_shape(
    inputs: &[SymbolicShape],
    pool_size: [usize; 2],
    strides: [usize; 2],
    padding: Padding,
) -> Result<SymbolicShape, String> {
    positive("a pool_size", &pool_size)?;
    positive("strides", &strides)?;
    if let Padding::Explicit(_) = padding {
        return Err("needs padding valid or same (ZeroPadding2D pads with pixels that count)".into());
    }
    let [n, h, w, c] = picture(inputs)?;
    let [h, w] = slide([h, w], pool_size, strides, [1, 1], padding)?;
    Ok(vec![n, h, w, c])
}
