//! A device as bad as WGSL allows: every step errs at random by up to what the accuracy table grants.

use std::cell::RefCell;
use std::ops::{Add, Div, Mul, Neg, Sub};

use cnn_core::op::Function;

use super::super::accuracy::{Real, erf_formula, formula, slope_formula};
use super::super::turns::{cos_formula, sin_formula};
use super::Random;

thread_local! {
    static RANDOM: RefCell<Random> = const { RefCell::new(Random(1)) };
}

/// A float32 on that device.
#[derive(Debug, Clone, Copy)]
pub struct Device(pub f32);

fn random<T>(draw: impl FnOnce(&mut Random) -> T) -> T {
    RANDOM.with_borrow_mut(draw)
}

/// From -1 to 1, often an end.
fn error() -> f64 {
    random(|random| match random.below(4) {
        0 => -1.0,
        1 => 1.0,
        _ => random.unit(),
    })
}

/// The distance of the float32 numbers around `value`.
fn ulp(value: f64) -> f64 {
    let exponent = value.abs().log2().floor().clamp(-126.0, 127.0);
    (exponent - 23.0).exp2()
}

/// `value` with an error of up to `ulps`, of which rounding to float32 takes a half.
fn erring(value: f64, ulps: f64) -> Device {
    flushed(value + error() * (ulps - 0.5) * ulp(value))
}

/// `value` rounded to float32; a denormal result may be flushed.
fn flushed(value: f64) -> Device {
    let rounded = value as f32;
    if rounded.is_subnormal() && random(|random| random.below(2) == 0) { Device(0.0) } else { Device(rounded) }
}

impl Device {
    fn get(self) -> f64 {
        f64::from(self.0)
    }
}

impl Real for Device {
    fn exact(value: f64) -> Self {
        Self(value as f32)
    }
    fn constant(value: f64) -> Self {
        Self(value as f32)
    }
    fn with_errors(values: Vec<f64>, _: impl FnOnce() -> Vec<f64>) -> Vec<Self> {
        values.into_iter().map(Self::exact).collect()
    }
    fn abs(self) -> Self {
        Self(self.0.abs())
    }
    fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }
    fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }
    fn exp(self) -> Self {
        erring(self.get().exp(), 3.0 + 2.0 * self.get().abs())
    }
    fn log(self) -> Self {
        let value = self.get().ln();
        if (0.5..=2.0).contains(&self.0) {
            return flushed(value + error() * ((-21f64).exp2() - 0.5 * ulp(value)));
        }
        erring(value, 3.0)
    }
    fn sqrt(self) -> Self {
        if self.0 == 0.0 { self } else { Self(1.0) / self.inverse_sqrt() }
    }
    fn inverse_sqrt(self) -> Self {
        erring(1.0 / self.get().sqrt(), 2.0)
    }
    fn erf(self) -> Self {
        erf_formula(self)
    }
    fn sin(self) -> Self {
        sin_formula(self)
    }
    fn cos(self) -> Self {
        cos_formula(self)
    }
    fn floor(self) -> Self {
        Self(self.0.floor())
    }
    fn sum(terms: &[Self]) -> Self {
        match terms {
            [] => Self(0.0),
            [term] => *term,
            _ => {
                let (left, right) = terms.split_at(1 + random(|random| random.below(terms.len() - 1)));
                Self::sum(left) + Self::sum(right)
            }
        }
    }
    fn branch(self, at: f64, below: impl Fn(Self) -> Self, above: impl Fn(Self) -> Self) -> Self {
        if self.get() > at { above(self) } else { below(self) }
    }
    fn activate(self, function: &Function) -> Self {
        formula(function, self)
    }
    fn greater_equal(self, other: Self) -> Self {
        Self(f32::from(u8::from(self.0 >= other.0)))
    }
    fn slope(self, function: &Function) -> Self {
        slope_formula(function, self)
    }
}

impl Add for Device {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        flushed(self.get() + other.get())
    }
}

impl Sub for Device {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        flushed(self.get() - other.get())
    }
}

impl Mul for Device {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        flushed(self.get() * other.get())
    }
}

impl Div for Device {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        erring(self.get() / other.get(), 2.5)
    }
}

impl Neg for Device {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}
