//! Sine and cosine in the steps in which kernels compute them: WGSL's own are good to 2^-11 alone.

use super::accuracy::Real;

/// 1 / 2π
const FRAC_1_TAU: f64 = std::f64::consts::FRAC_1_PI / 2.0;

/// The sine of x radians: the cosine of a quarter turn less.
#[inline(always)]
pub(crate) fn sin_formula<R: Real>(x: R) -> R {
    cos_of_turns(x * R::constant(FRAC_1_TAU) - R::exact(0.25))
}

/// The cosine of x radians.
#[inline(always)]
pub(crate) fn cos_formula<R: Real>(x: R) -> R {
    cos_of_turns(x * R::constant(FRAC_1_TAU))
}

/// The cosine of so many turns of 2π: with f the distance to the nearest whole turn, the sine of `2π·(1/4 - |f|)`, which lies
/// within ±π/2, by the first seven terms of its series. They leave out 7e-10.
///
/// The turns have an error of `3u·|x|/(2π) + u/4`, `1/4 - |f|` adds u/4, and the factor 2π makes `3u·|x| + 7u` of it; the series
/// adds 2u and less. With u = 2^-24 that is the bound which `accuracy` gives. It cannot be followed step by step, since an error
/// that reaches over half a turn changes f by a whole one, and the result by nothing.
#[inline(always)]
fn cos_of_turns<R: Real>(turns: R) -> R {
    let f = turns - (turns + R::exact(0.5)).floor();
    let r = R::constant(std::f64::consts::TAU) * (R::exact(0.25) - f.abs());
    let s = r * r;
    let terms = [1.0 / 6_227_020_800.0, -1.0 / 39_916_800.0, 1.0 / 362_880.0, -1.0 / 5040.0, 1.0 / 120.0, -1.0 / 6.0];
    let sum = terms.into_iter().fold(R::exact(0.0), |sum, term| (sum + R::constant(term)) * s);
    r * (sum + R::exact(1.0))
}
