//! The steps of [`accuracy`](crate::reference::accuracy) in float32, written so that the compiler makes vectors of them.

use cnn_core::op::Function;

use crate::reference::accuracy::{Real, erf_formula, formula, slope_formula};
use crate::reference::turns::{cos_formula, sin_formula};

/// What kernels compute in.
impl Real for f32 {
    #[inline(always)]
    fn exact(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn constant(value: f64) -> Self {
        value as f32
    }
    fn with_errors(values: Vec<f64>, _: impl FnOnce() -> Vec<f64>) -> Vec<Self> {
        values.into_iter().map(|value| value as f32).collect()
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.abs()
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if self > other || self.is_nan() { self } else { other }
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        if self < other || self.is_nan() { self } else { other }
    }
    #[inline(always)]
    fn exp(self) -> Self {
        exp(self)
    }
    #[inline(always)]
    fn log(self) -> Self {
        self.ln()
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }
    #[inline(always)]
    fn inverse_sqrt(self) -> Self {
        1.0 / self.sqrt()
    }
    #[inline(always)]
    fn erf(self) -> Self {
        erf_formula(self)
    }
    #[inline(always)]
    fn sin(self) -> Self {
        sin_formula(self)
    }
    #[inline(always)]
    fn cos(self) -> Self {
        cos_formula(self)
    }
    #[inline(always)]
    fn floor(self) -> Self {
        self.floor()
    }
    fn sum(terms: &[Self]) -> Self {
        sum(terms)
    }
    /// Both sides are computed: a vector holds elements of either.
    #[inline(always)]
    fn branch(self, at: f64, below: impl Fn(Self) -> Self, above: impl Fn(Self) -> Self) -> Self {
        let (below, above) = (below(self), above(self));
        if self > at as f32 { above } else { below }
    }
    #[inline(always)]
    fn greater_equal(self, other: Self) -> Self {
        if self >= other { 1.0 } else { 0.0 }
    }
    #[inline(always)]
    fn activate(self, function: &Function) -> Self {
        formula(function, self)
    }
    #[inline(always)]
    fn slope(self, function: &Function) -> Self {
        let slope = slope_formula(function, self);
        if self.is_nan() { self } else { slope }
    }
}

/// The sum, in lanes.
pub(super) fn sum(terms: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 16];
    let (whole, rest) = terms.as_chunks::<16>();
    for terms in whole {
        (0..lanes.len()).for_each(|i| lanes[i] += terms[i]);
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// The largest; not a number if one is not.
pub(super) fn max(terms: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 16];
    let (whole, rest) = terms.as_chunks::<16>();
    for terms in whole {
        (0..lanes.len()).for_each(|i| lanes[i] = Real::max(lanes[i], terms[i]));
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |max, &x| Real::max(max, x))
}

/// e to the power of x, within 3 ULP; 0 where that is denormal.
///
/// `x = n·ln 2 + r` with |r| up to ln(2) / 2, so `exp(x) = 2^n · exp(r)`; Taylor's series of exp(r) leaves r⁸/8!, which is
/// 5e-9. ln 2 is the sum of two numbers, the first so short that its product with n is exact (Cody and Waite, Software
/// Manual for the Elementary Functions, 1980).
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding it to a small number leaves its nearest integer in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2: [f32; 2] = [355.0 / 512.0, (std::f64::consts::LN_2 - 355.0 / 512.0) as f32];
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let series = (((1.0 / 5040.0 * r + 1.0 / 720.0) * r + 1.0 / 120.0) * r + 1.0 / 24.0) * r + 1.0 / 6.0;
    let series = ((series * r + 0.5) * r + 1.0) * r + 1.0;
    let n = rounded.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    // In two factors, since 2^128 is none.
    let power = |n: i32| f32::from_bits((n.wrapping_add(127) as u32) << 23);
    let y = series * power(n >> 1) * power(n - (n >> 1));
    let y = if x < -87.4 { 0.0 } else { y };
    if x > 88.73 { f32::INFINITY } else { y }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_3_ulp() {
        for i in -873_000..=887_200 {
            let x = i as f32 / 10_000.0;
            let (got, wanted) = (f64::from(exp(x)), f64::from(x).exp());
            let ulp = wanted * 2f64.powi(-23);
            assert!(
                (got - wanted).abs() <= 3.0 * ulp + f64::from(f32::MIN_POSITIVE),
                "exp({x}) is {wanted}, got {got}"
            );
        }
        for (x, wanted) in
            [(f32::NEG_INFINITY, 0.0), (-1e30, 0.0), (0.0, 1.0), (89.0, f32::INFINITY), (1e30, f32::INFINITY)]
        {
            assert_eq!(exp(x), wanted, "exp({x})");
        }
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn not_a_number_stays() {
        let numbers: Vec<f32> = (0..40).map(|i| i as f32).collect();
        assert_eq!((sum(&numbers), max(&numbers)), (780.0, 39.0));
        for at in [0, 17, 39] {
            let mut numbers = numbers.clone();
            numbers[at] = f32::NAN;
            assert!(sum(&numbers).is_nan() && max(&numbers).is_nan());
        }
    }
}
