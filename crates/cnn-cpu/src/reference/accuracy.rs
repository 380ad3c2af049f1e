//! How a float32 implementation computes, and how far from the exact value that may take it.
//!
//! This is the contract between the kernels and their tests. [`formula`] and the functions that are generic over [`Real`]
//! in this module's siblings say in which steps a kernel computes; [`Approx`] follows the error through the same steps, so
//! each bound is derived from the formula and never written down by hand. A kernel may fuse a multiplication with an
//! addition, and may associate sums as it likes; any other formula has to be at least as accurate.
//!
//! # One step
//! From the accuracy table of the WGSL specification (section "Floating point accuracy"), u = 2^-24, 1 ULP = 2u·|y|:
//!
//! | step | error |
//! |---|---|
//! | `a + b`, `a - b`, `a * b` | `u·\|y\|` |
//! | `a / b` | 2.5 ULP, for \|b\| from 2^-126 to 2^126; elsewhere nothing is promised |
//! | `exp(x)` | 3 + 2·\|x\| ULP |
//! | `log(x)` | 2^-21 for x from 0.5 to 2, else 3 ULP |
//! | `inverseSqrt(x)` | 2 ULP |
//! | `sqrt(x)` | that of `1 / inverseSqrt(x)`: 5 ULP |
//! | `abs`, `-x`, `min`, `max`, `clamp`, `select`, comparisons, moves | none |
//! | `erf(x)`, which WGSL lacks | [`erf_formula`]: 1.5e-7 for the formula, and its steps |
//! | `floor(x)` | none; where the error of x reaches over a whole number, 1 |
//! | `sin(x)`, `cos(x)`, of which WGSL promises little | `u·(4·\|x\| + 12)` (`turns.rs`) |
//! | sum of n terms, any order | `γ(n - 1)·Σ\|x\|`, γ(n) = n·u / (1 - n·u) |
//!
//! WGSL's `tanh` is good to 1e-5 alone: kernels take [`formula`]'s. Each step may also flush a denormal: 2^-126. The table
//! lets `+`, `-` and `*` round to either neighbour; we ask for the nearest, as every driver gives. What leaves float32's
//! range has no bound. Inputs and outputs are finite: WGSL promises nothing for infinities and values that are not numbers.
//!
//! # Ops
//! - Convolutions and matrix products: `γ(k + 2)·(Σ|x·w| + |bias| + |residual|)` before the clamp, k counting the
//!   products, the bias and the residual; any order, fused or not. Small integers are exact.
//! - Average pooling: the sum of the pixels inside, divided by (or times the reciprocal of) their number.
//! - Gradients: of a function `dy · slope` by [`slope_formula`]; of average pooling the sum of each `dy / count`; of
//!   bilinear resampling the sum of `dy · (row · column)`, the weights being those of the resampling; of maximum pooling the
//!   sum of the dy of the windows whose first maximum it is; all in any order.
//! - Sums and means along axes: as average pooling, over all elements. Variances in two passes: the mean, then the mean of
//!   the squared deviations.
//! - BatchNorm: the mean is subtracted first, `(x - mean) · (gamma · inverseSqrt(variance + epsilon)) + beta`. The form
//!   `x · scale + shift` is worse by `|mean · scale|` and not covered.
//! - LayerNorm: two passes, the mean, then the mean of the squared deviations.
//! - Softmax: `exp(x - max) / Σ`, and its logarithm `(x - max) - log(Σ)`.
//! - Bilinear resampling: the first pixel and the rest come from integers, `p = max((2i + 1)·in - out, 0)`,
//!   `first = p / (2·out)`, `t = f32(p % (2·out)) / f32(2·out)`, `second = min(first + 1, in - 1)`; then `a·(1 - t) + b·t`
//!   along the columns, and of the two results along the rows.
//! - Projective maps: the position `(a0·x + a1·y + a2) / k`, k = c0·x + c1·y + 1, undivided where c0 and c1 are 0, decides
//!   which pixels are mixed; `warp.rs` says what its error makes of them.
//! - Maximum, minimum, max pooling, nearest resampling, and all that moves elements: exact.
//!
//! # Storage
//! f16 storage adds `2^-11·|y| + 2^-24`, unless y is exact and an f16 already; an output that may exceed 65504 has no bound.

use std::ops::{Add, Div, Mul, Neg, Sub};

use cnn_core::DType;
use cnn_core::op::Function;

use super::elementwise::{FRAC_1_SQRT_2PI, SELU_ALPHA, SELU_SCALE, SQRT_2_OVER_PI, apply, slope};

/// Half the distance from 1 to the next float32: what rounding to nearest adds, relatively.
pub const UNIT_ROUNDOFF: f64 = 1.0 / (1u32 << 24) as f64;
/// The smallest normal float32, 2^-126: smaller ones may be flushed to zero.
pub const TINY: f64 = f32::MIN_POSITIVE as f64;
/// The largest float32.
pub const MAX_F32: f64 = f32::MAX as f64;
/// The largest f16.
pub const MAX_F16: f64 = 65504.0;
/// Greatest error of [`erf_formula`] in exact arithmetic.
pub const ERF_FORMULA_ERROR: f64 = 1.5e-7;

/// One unit in the last place, relatively, at most.
const ULP: f64 = 2.0 * UNIT_ROUNDOFF;

/// `n·u / (1 - n·u)`: the relative error that n roundings add up to.
pub fn gamma(n: usize) -> f64 {
    let nu = n as f64 * UNIT_ROUNDOFF;
    if nu < 1.0 { nu / (1.0 - nu) } else { f64::INFINITY }
}

/// A number in whose arithmetic an op can be computed: `f64`, which defines its value, [`Approx`], which follows its
/// float32 error, or `f32`, in which [`fast`](crate::fast) takes these steps. The methods are the steps that a kernel may take.
pub trait Real:
    Copy
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// An element of an input, or any other number that float32 holds.
    fn exact(value: f64) -> Self;
    /// A literal, rounded to float32 where it is used.
    fn constant(value: f64) -> Self;
    /// `values`, whose float32 errors are `errors`, where they matter.
    fn with_errors(values: Vec<f64>, errors: impl FnOnce() -> Vec<f64>) -> Vec<Self>;
    /// |x|
    fn abs(self) -> Self;
    /// The larger; not a number if either is not.
    fn max(self, other: Self) -> Self;
    /// The smaller; not a number if either is not.
    fn min(self, other: Self) -> Self;
    /// e to the power of x
    fn exp(self) -> Self;
    /// The natural logarithm.
    fn log(self) -> Self;
    /// √x
    fn sqrt(self) -> Self;
    /// 1 / √x
    fn inverse_sqrt(self) -> Self;
    /// The error function.
    fn erf(self) -> Self;
    /// The sine of radians.
    fn sin(self) -> Self;
    /// The cosine of radians.
    fn cos(self) -> Self;
    /// The largest whole number that is not above.
    fn floor(self) -> Self;
    /// The sum, in any order.
    fn sum(terms: &[Self]) -> Self;
    /// `above(x)` for x > at, else `below(x)`: a kernel's `select`.
    fn branch(self, at: f64, below: impl Fn(Self) -> Self, above: impl Fn(Self) -> Self) -> Self;
    /// 1 if x is at least `other`, else 0.
    fn greater_equal(self, other: Self) -> Self;
    /// `function(x)`
    fn activate(self, function: &Function) -> Self;
    /// `function'(x)`
    fn slope(self, function: &Function) -> Self;
}

/// `function(x)` in the steps in which kernels compute it. None overflows before the result does, but GeluTanh's cube.
#[inline(always)]
pub fn formula<R: Real>(function: &Function, x: R) -> R {
    let (zero, one, two, half) = (R::exact(0.0), R::exact(1.0), R::exact(2.0), R::exact(0.5));
    match *function {
        Function::Linear => x,
        Function::Relu { max_value, negative_slope, threshold } => {
            let [max_value, slope, at] = [max_value, negative_slope, threshold].map(|v| R::exact(f64::from(v)));
            x.branch(f64::from(threshold), |x| slope * (x - at), |x| x.min(max_value))
        }
        Function::Elu { alpha } => x.branch(0.0, |x| R::exact(f64::from(alpha)) * (x.exp() - one), |x| x),
        Function::Selu => {
            let (below, above) = (R::constant(SELU_SCALE * SELU_ALPHA), R::constant(SELU_SCALE));
            x.branch(0.0, |x| below * (x.exp() - one), |x| above * x)
        }
        Function::Gelu => half * x * (one + (x * R::constant(std::f64::consts::FRAC_1_SQRT_2)).erf()),
        Function::GeluTanh => {
            let inner = R::constant(SQRT_2_OVER_PI) * (x + R::constant(0.044715) * (x * x * x));
            half * x * (one + tanh(inner))
        }
        Function::Sigmoid => sigmoid(x),
        Function::HardSigmoid => hard_sigmoid(x),
        Function::Tanh => tanh(x),
        Function::Silu => x * sigmoid(x),
        Function::HardSilu => x * hard_sigmoid(x),
        Function::Softplus => x.max(zero) + (one + (-x.abs()).exp()).log(),
        Function::Softsign => x / (one + x.abs()),
        Function::Exponential => x.exp(),
        Function::Log => x.log(),
        Function::Sin => x.sin(),
        Function::Cos => x.cos(),
        Function::Floor => x.floor(),
        Function::Mish => {
            // tanh(log(1 + e)) = n / (n + 2) with n = e·(e + 2) and e = exp(x); for x > 0 both sides are taken times
            // t² = exp(-2x), so that nothing overflows.
            let t = (-x.abs()).exp();
            let n = x.branch(0.0, |_| t * (t + two), |_| one + two * t);
            let d = x.branch(0.0, |_| two, |_| two * (t * t));
            x * (n / (n + d))
        }
        Function::Sqrt => x.sqrt(),
        Function::InverseSqrt => x.inverse_sqrt(),
        Function::Affine { scale, offset } => R::exact(f64::from(scale)) * x + R::exact(f64::from(offset)),
    }
}

/// `function'(x)` in the steps in which kernels compute it.
#[inline(always)]
pub fn slope_formula<R: Real>(function: &Function, x: R) -> R {
    let (zero, one, two, half) = (R::exact(0.0), R::exact(1.0), R::exact(2.0), R::exact(0.5));
    match *function {
        Function::Linear => one,
        Function::Relu { max_value, negative_slope, threshold } => {
            let slope = R::exact(f64::from(negative_slope));
            x.branch(f64::from(threshold), |_| slope, |x| (-x).branch(-f64::from(max_value), |_| zero, |_| one))
        }
        Function::Elu { alpha } => x.branch(0.0, |x| R::exact(f64::from(alpha)) * x.exp(), |_| one),
        Function::Selu => {
            let (below, above) = (R::constant(SELU_SCALE * SELU_ALPHA), R::constant(SELU_SCALE));
            x.branch(0.0, |x| below * x.exp(), |_| above)
        }
        Function::Gelu => {
            let normal = (-(half * (x * x))).exp() * R::constant(FRAC_1_SQRT_2PI);
            half * (one + (x * R::constant(std::f64::consts::FRAC_1_SQRT_2)).erf()) + x * normal
        }
        Function::GeluTanh => {
            let inner = R::constant(SQRT_2_OVER_PI) * (x + R::constant(0.044715) * (x * x * x));
            let slope = R::constant(SQRT_2_OVER_PI) * (one + R::constant(3.0 * 0.044715) * (x * x));
            half * (one + tanh(inner)) + half * x * (tanh_slope(inner) * slope)
        }
        Function::Sigmoid => sigmoid_slope(x),
        Function::HardSigmoid => hard_sigmoid_slope(x),
        Function::Tanh => tanh_slope(x),
        Function::Silu => sigmoid(x) + x * sigmoid_slope(x),
        Function::HardSilu => hard_sigmoid(x) + x * hard_sigmoid_slope(x),
        Function::Softplus => sigmoid(x),
        Function::Softsign => one / ((one + x.abs()) * (one + x.abs())),
        Function::Exponential => x.exp(),
        Function::Log => one / x,
        Function::Sin => x.cos(),
        Function::Cos => -x.sin(),
        Function::Floor => zero,
        Function::Mish => {
            // As in formula: tanh(softplus(x)) = n / (n + d), and 1 minus its square is d·(2n + d) / (n + d)².
            let t = (-x.abs()).exp();
            let n = x.branch(0.0, |_| t * (t + two), |_| one + two * t);
            let d = x.branch(0.0, |_| two, |_| two * (t * t));
            let sum = n + d;
            n / sum + x * sigmoid(x) * (d * (two * n + d) / (sum * sum))
        }
        Function::Sqrt => half * x.inverse_sqrt(),
        Function::InverseSqrt => {
            let y = x.inverse_sqrt();
            -(half * (y * (y * y)))
        }
        Function::Affine { scale, .. } => R::exact(f64::from(scale)),
    }
}

/// With `t = exp(-|x|)`: `t / (1 + t)²`.
#[inline(always)]
fn sigmoid_slope<R: Real>(x: R) -> R {
    let t = (-x.abs()).exp();
    t / ((R::exact(1.0) + t) * (R::exact(1.0) + t))
}

/// With `t = exp(-2·|x|)`: `4t / (1 + t)²`.
#[inline(always)]
fn tanh_slope<R: Real>(x: R) -> R {
    let t = (R::exact(-2.0) * x.abs()).exp();
    R::exact(4.0) * t / ((R::exact(1.0) + t) * (R::exact(1.0) + t))
}

/// 1/6 for |x| < 3, else 0
#[inline(always)]
fn hard_sigmoid_slope<R: Real>(x: R) -> R {
    (-x.abs()).branch(-3.0, |_| R::exact(0.0), |_| R::constant(1.0 / 6.0))
}

/// With `t = exp(-|x|)`: `t / (1 + t)` below 0, `1 / (1 + t)` above.
#[inline(always)]
fn sigmoid<R: Real>(x: R) -> R {
    let t = (-x.abs()).exp();
    x.branch(0.0, |_| t, |_| R::exact(1.0)) / (R::exact(1.0) + t)
}

/// With `t = exp(-2·|x|)`: `(1 - t) / (1 + t)`, negated below 0.
#[inline(always)]
fn tanh<R: Real>(x: R) -> R {
    let t = (R::exact(-2.0) * x.abs()).exp();
    let y = (R::exact(1.0) - t) / (R::exact(1.0) + t);
    x.branch(0.0, |_| -y, |_| y)
}

/// `clamp(x · (1/6) + 1/2, 0, 1)`
#[inline(always)]
fn hard_sigmoid<R: Real>(x: R) -> R {
    (x * R::constant(1.0 / 6.0) + R::exact(0.5)).max(R::exact(0.0)).min(R::exact(1.0))
}

/// The error function after Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26:
/// with `t = 1 / (1 + p·|x|)`, `1 - (a1·t + … + a5·t⁵) · exp(-x²)` by Horner's rule, negated below 0. Its error in exact
/// arithmetic is [`ERF_FORMULA_ERROR`].
#[inline(always)]
pub fn erf_formula<R: Real>(x: R) -> R {
    let one = R::exact(1.0);
    let t = one / (one + R::constant(0.3275911) * x.abs());
    let coefficients = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];
    let polynomial = coefficients.into_iter().fold(R::exact(0.0), |sum, a| (sum + R::constant(a)) * t);
    let y = one - polynomial * (-(x * x)).exp();
    x.branch(0.0, |_| -y, |_| y)
}

/// The definition: float64 throughout.
impl Real for f64 {
    fn exact(value: f64) -> Self {
        value
    }
    fn constant(value: f64) -> Self {
        value
    }
    fn with_errors(values: Vec<f64>, _: impl FnOnce() -> Vec<f64>) -> Vec<Self> {
        values
    }
    fn abs(self) -> Self {
        self.abs()
    }
    fn max(self, other: Self) -> Self {
        if self > other || self.is_nan() { self } else { other }
    }
    fn min(self, other: Self) -> Self {
        if self < other || self.is_nan() { self } else { other }
    }
    fn exp(self) -> Self {
        self.exp()
    }
    fn log(self) -> Self {
        self.ln()
    }
    fn sqrt(self) -> Self {
        self.sqrt()
    }
    fn inverse_sqrt(self) -> Self {
        1.0 / self.sqrt()
    }
    fn erf(self) -> Self {
        libm::erf(self)
    }
    fn sin(self) -> Self {
        self.sin()
    }
    fn cos(self) -> Self {
        self.cos()
    }
    fn floor(self) -> Self {
        self.floor()
    }
    fn sum(terms: &[Self]) -> Self {
        terms.iter().sum()
    }
    fn branch(self, at: f64, below: impl Fn(Self) -> Self, above: impl Fn(Self) -> Self) -> Self {
        if self > at { above(self) } else { below(self) }
    }
    fn greater_equal(self, other: Self) -> Self {
        if self >= other { 1.0 } else { 0.0 }
    }
    fn activate(self, function: &Function) -> Self {
        apply(function, self)
    }
    fn slope(self, function: &Function) -> Self {
        slope(function, self)
    }
}

/// An exact value, and how far from it a float32 implementation may be: infinitely far where nothing is promised.
///
/// ```
/// use cnn_cpu::reference::accuracy::{Approx, Real};
/// let third = Approx::exact(1.0) / Approx::exact(3.0);
/// assert_eq!(third.value, 1.0 / 3.0);
/// assert!(third.error >= (f64::from(1.0f32 / 3.0) - 1.0 / 3.0).abs());
/// assert!(third.error < 1.1e-7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Approx {
    /// The exact value.
    pub value: f64,
    /// The absolute error of a float32 implementation, at most.
    pub error: f64,
}

impl Approx {
    /// The result of a step: what came in gives `inherited`, and the step itself errs by `relative · |y| + 2^-126`.
    fn step(value: f64, inherited: f64, relative: f64) -> Self {
        let error = inherited + relative * (value.abs() + inherited) + TINY;
        let bounded = value.abs() + error <= MAX_F32;
        Self { value, error: if bounded { error } else { f64::INFINITY } }
    }

    /// Nothing is promised for this result.
    fn unbounded(value: f64) -> Self {
        Self { value, error: f64::INFINITY }
    }

    /// The error after the value was stored as `dtype`.
    pub fn stored_error(self, dtype: DType) -> f64 {
        let Self { value, error } = self;
        let (error, max) = match dtype {
            DType::F32 => (error, MAX_F32),
            DType::F16 if error == 0.0 && half::f16::from_f64(value).to_f64() == value => (0.0, MAX_F16),
            DType::F16 => (error + (value.abs() + error) / 2048.0 + UNIT_ROUNDOFF, MAX_F16),
        };
        // Not a number is in no range, too.
        if value.abs() + error <= max { error } else { f64::INFINITY }
    }
}

impl Real for Approx {
    fn exact(value: f64) -> Self {
        // A step that reads a denormal may take it for zero.
        Self { value, error: if value.abs() < TINY { value.abs() } else { 0.0 } }
    }
    fn constant(value: f64) -> Self {
        Self { value, error: (value - f64::from(value as f32)).abs() }
    }
    fn with_errors(values: Vec<f64>, errors: impl FnOnce() -> Vec<f64>) -> Vec<Self> {
        values.into_iter().zip(errors()).map(|(value, error)| Self { value, error }).collect()
    }
    fn abs(self) -> Self {
        Self { value: self.value.abs(), ..self }
    }
    fn max(self, other: Self) -> Self {
        -(-self).min(-other)
    }
    fn min(self, other: Self) -> Self {
        let value = Real::min(self.value, other.value);
        if self.value + self.error < other.value - other.error {
            return Self { value, error: self.error };
        }
        if other.value + other.error < self.value - self.error {
            return Self { value, error: other.error };
        }
        Self { value, error: self.error.max(other.error) }
    }
    fn exp(self) -> Self {
        let value = self.value.exp();
        let ulps = 3.0 + 2.0 * (self.value.abs() + self.error);
        Self::step(value, value * self.error.exp_m1(), ulps * ULP)
    }
    fn log(self) -> Self {
        let (value, low, high) = (self.value.ln(), self.value - self.error, self.value + self.error);
        if low.is_nan() || low < TINY {
            return Self::unbounded(value);
        }
        let inherited = -(-self.error / self.value).ln_1p();
        let near_one = if low <= 2.0 && high >= 0.5 { (2f64).powi(-21) } else { 0.0 };
        let outside = Self::step(value, inherited, 3.0 * ULP);
        Self { value, error: outside.error.max(inherited + near_one) }
    }
    fn sqrt(self) -> Self {
        let value = self.value.sqrt();
        let below = value - (self.value - self.error).max(0.0).sqrt();
        let above = (self.value + self.error).sqrt() - value;
        Self::step(value, below.max(above), 5.0 * ULP)
    }
    fn inverse_sqrt(self) -> Self {
        let (value, low) = (1.0 / self.value.sqrt(), self.value - self.error);
        if low.is_nan() || low < TINY {
            return Self::unbounded(value);
        }
        Self::step(value, 1.0 / low.sqrt() - value, 2.0 * ULP)
    }
    fn erf(self) -> Self {
        Self { value: libm::erf(self.value), error: erf_formula(self).error + ERF_FORMULA_ERROR }
    }
    fn sin(self) -> Self {
        Self { value: self.value.sin(), error: self.error + UNIT_ROUNDOFF * (4.0 * self.value.abs() + 12.0) }
    }
    fn cos(self) -> Self {
        Self { value: self.value.cos(), ..self.sin() }
    }
    fn floor(self) -> Self {
        let [low, value, high] = [self.value - self.error, self.value, self.value + self.error].map(f64::floor);
        let error = (high - value).max(value - low);
        Self { value, error: if error.is_nan() { f64::INFINITY } else { error } }
    }
    fn sum(terms: &[Self]) -> Self {
        let inherited: f64 = terms.iter().map(|term| term.error).sum();
        let magnitude: f64 = terms.iter().map(|term| term.value.abs() + term.error).sum();
        let rounding = gamma(terms.len().saturating_sub(1)) * magnitude + TINY * terms.len() as f64;
        Self::step(terms.iter().map(|term| term.value).sum(), inherited + rounding, 0.0)
    }
    fn branch(self, at: f64, below: impl Fn(Self) -> Self, above: impl Fn(Self) -> Self) -> Self {
        if self.value - self.error > at {
            return above(self);
        }
        if self.value + self.error <= at {
            return below(self);
        }
        // The computed value may lie on either side.
        let (below, above) = (below(self), above(self));
        let (value, other) = if self.value > at { (above, below) } else { (below, above) };
        let error = value.error.max((other.value - value.value).abs() + other.error);
        if error.is_nan() { Self::unbounded(value.value) } else { Self { value: value.value, error } }
    }
    fn greater_equal(self, other: Self) -> Self {
        // Where the errors overlap the computed number may be either.
        let clear = (self.value - other.value).abs() > self.error + other.error || self.error + other.error == 0.0;
        Self { value: self.value.greater_equal(other.value), error: if clear { 0.0 } else { 1.0 } }
    }
    fn activate(self, function: &Function) -> Self {
        Self { value: apply(function, self.value), error: formula(function, self).error }
    }
    fn slope(self, function: &Function) -> Self {
        Self { value: slope(function, self.value), error: slope_formula(function, self).error }
    }
}

impl Add for Approx {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::step(self.value + other.value, self.error + other.error, UNIT_ROUNDOFF)
    }
}

impl Sub for Approx {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Approx {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let (a, b) = (self.value.abs(), other.value.abs());
        let inherited = a * other.error + b * self.error + self.error * other.error;
        Self::step(self.value * other.value, inherited, UNIT_ROUNDOFF)
    }
}

impl Div for Approx {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        let (low, high) = (other.value.abs() - other.error, other.value.abs() + other.error);
        if low.is_nan() || low < TINY || high > 1.0 / TINY {
            return Self::unbounded(value);
        }
        Self::step(value, (self.error + value.abs() * other.error) / low, 2.5 * ULP)
    }
}

impl Neg for Approx {
    type Output = Self;
    fn neg(self) -> Self {
        Self { value: -self.value, ..self }
    }
}
