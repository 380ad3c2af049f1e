//! First values of weights: Keras's initializers.
//!
//! Source: the documentation of `keras.initializers`; Glorot and Bengio, "Understanding the difficulty of training deep
//! feedforward neural networks" (2010); He et al. (arXiv 1502.01852); Saxe et al. (arXiv 1312.6120) for orthogonal
//! ones.
//!
//! Random numbers are of ChaCha8, whose stream is the same on every machine and in every version (`rand_chacha`), and
//! become normal ones by `libm`'s functions in place of the machine's; so equal seeds give equal weights everywhere.
//! They are not the numbers that Keras draws from the same seed.

use std::f64::consts::PI;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::names;
use crate::tensor::{Tensor, element_count};

/// The standard deviation of a standard normal value that is cut off at 2 on both sides.
const TRUNCATED_DEVIATION: f64 = 0.879_625_661_034_239_8;

/// How the values of a weight are drawn.
///
/// ```
/// use cnn_core::layers::Initializer;
///
/// let kernel = Initializer::by_name("glorot_uniform")?.fill(&[3, 3, 16, 32], 7)?;
/// let limit = (6.0_f32 / (9.0 * (16.0 + 32.0))).sqrt();
/// assert!(kernel.data().iter().all(|value| value.abs() <= limit));
/// # Ok::<(), cnn_core::layers::InitializerError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initializer {
    /// One value everywhere; `zeros` and `ones` are such.
    Constant(f64),
    /// `gain` times the identity matrix.
    Identity {
        /// What stands on the diagonal.
        gain: f64,
    },
    /// Every value of a range equally likely.
    RandomUniform {
        /// The least value.
        minval: f64,
        /// What all values are below.
        maxval: f64,
    },
    /// Normally distributed.
    RandomNormal {
        /// The middle.
        mean: f64,
        /// The standard deviation.
        stddev: f64,
    },
    /// Normally distributed; what is over two standard deviations from the middle is drawn again.
    TruncatedNormal {
        /// The middle.
        mean: f64,
        /// The standard deviation of the uncut distribution.
        stddev: f64,
    },
    /// With a variance of `scale` over the number of connections: `glorot_*`, `he_*` and `lecun_*` are such.
    VarianceScaling {
        /// The variance, before it is divided.
        scale: f64,
        /// By which connections it is divided.
        mode: FanMode,
        /// How the values are distributed.
        distribution: Distribution,
    },
    /// A matrix whose rows or columns, whichever are fewer, are orthogonal and of length `gain`. All axes but the last
    /// one are its rows.
    Orthogonal {
        /// The length.
        gain: f64,
    },
}

/// Which connections count: those into a unit, those out of it, or the mean of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FanMode {
    /// `fan_in`.
    In,
    /// `fan_out`.
    Out,
    /// `fan_avg`.
    Average,
}

/// How [`Initializer::VarianceScaling`] distributes its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// As [`Initializer::RandomUniform`].
    Uniform,
    /// As [`Initializer::TruncatedNormal`], with the variance of what is left.
    TruncatedNormal,
    /// As [`Initializer::RandomNormal`].
    UntruncatedNormal,
}

/// A weight cannot be drawn.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InitializerError {
    /// No initializer has that name.
    #[error("there is no initializer '{name}'; known are {}", .known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names that there are.
        known: &'static [&'static str],
    },
    /// The initializer makes no values of that shape.
    #[error("{initializer}: the shape is {shape:?}, but has to have {wanted}")]
    Shape {
        /// The initializer's name.
        initializer: &'static str,
        /// The shape.
        shape: Vec<usize>,
        /// What it can have.
        wanted: &'static str,
    },
    /// The initializer's variance is none.
    #[error("variance_scaling: the scale is {scale}, but has to be a finite number above 0")]
    Scale {
        /// What was given.
        scale: f64,
    },
}

const KNOWN: &[&str] = &[
    "zeros",
    "ones",
    "constant",
    "identity",
    "random_uniform",
    "random_normal",
    "truncated_normal",
    "variance_scaling",
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "orthogonal",
    // Keras's other names for some of them.
    "zero",
    "one",
    "uniform",
    "normal",
    "identity_initializer",
    "orthogonal_initializer",
];

impl Initializer {
    /// 0
    pub const ZEROS: Self = Self::Constant(0.0);
    /// 1
    pub const ONES: Self = Self::Constant(1.0);
    /// Uniform in ±√(6 / (fan_in + fan_out)) (Glorot and Bengio, AISTATS 2010).
    pub const GLOROT_UNIFORM: Self = Self::scaling(1.0, FanMode::Average, Distribution::Uniform);
    /// Normally distributed, with that variance.
    pub const GLOROT_NORMAL: Self = Self::scaling(1.0, FanMode::Average, Distribution::TruncatedNormal);
    /// Uniform in ±√(6 / fan_in) (He et al., arXiv 1502.01852).
    pub const HE_UNIFORM: Self = Self::scaling(2.0, FanMode::In, Distribution::Uniform);
    /// Normally distributed, with that variance.
    pub const HE_NORMAL: Self = Self::scaling(2.0, FanMode::In, Distribution::TruncatedNormal);
    /// Uniform in ±√(3 / fan_in) (LeCun et al., "Efficient BackProp", 1998).
    pub const LECUN_UNIFORM: Self = Self::scaling(1.0, FanMode::In, Distribution::Uniform);
    /// Normally distributed, with that variance.
    pub const LECUN_NORMAL: Self = Self::scaling(1.0, FanMode::In, Distribution::TruncatedNormal);

    const fn scaling(scale: f64, mode: FanMode, distribution: Distribution) -> Self {
        Self::VarianceScaling { scale, mode, distribution }
    }

    /// The initializer that Keras means by a name (`"he_normal"`) or a class (`"HeNormal"`), with Keras's default
    /// arguments.
    ///
    /// # Errors
    /// If there is none.
    pub fn by_name(name: &str) -> Result<Self, InitializerError> {
        Ok(match names::find(name, KNOWN) {
            Some("zeros" | "zero" | "constant") => Self::ZEROS,
            Some("ones" | "one") => Self::ONES,
            Some("identity" | "identity_initializer") => Self::Identity { gain: 1.0 },
            Some("random_uniform" | "uniform") => Self::RandomUniform { minval: -0.05, maxval: 0.05 },
            Some("random_normal" | "normal") => Self::RandomNormal { mean: 0.0, stddev: 0.05 },
            Some("truncated_normal") => Self::TruncatedNormal { mean: 0.0, stddev: 0.05 },
            Some("variance_scaling") => Self::LECUN_NORMAL,
            Some("glorot_uniform") => Self::GLOROT_UNIFORM,
            Some("glorot_normal") => Self::GLOROT_NORMAL,
            Some("he_uniform") => Self::HE_UNIFORM,
            Some("he_normal") => Self::HE_NORMAL,
            Some("lecun_uniform") => Self::LECUN_UNIFORM,
            Some("lecun_normal") => Self::LECUN_NORMAL,
            Some("orthogonal" | "orthogonal_initializer") => Self::Orthogonal { gain: 1.0 },
            _ => return Err(InitializerError::Unknown { name: name.to_owned(), known: KNOWN }),
        })
    }

    /// What is drawn for a shape: for [`Initializer::VarianceScaling`] the distribution with its range or deviation,
    /// for all others themselves.
    ///
    /// ```
    /// use cnn_core::layers::Initializer;
    ///
    /// let he = Initializer::by_name("he_uniform")?;
    /// assert_eq!(he.for_shape(&[6, 4]), Initializer::RandomUniform { minval: -1.0, maxval: 1.0 });
    /// # Ok::<(), cnn_core::layers::InitializerError>(())
    /// ```
    pub fn for_shape(&self, shape: &[usize]) -> Self {
        let &Self::VarianceScaling { scale, mode, distribution } = self else { return *self };
        let (fan_in, fan_out) = fans(shape);
        let fan = match mode {
            FanMode::In => fan_in,
            FanMode::Out => fan_out,
            FanMode::Average => (fan_in + fan_out) / 2.0,
        };
        let variance = scale / fan.max(1.0);
        match distribution {
            Distribution::Uniform => {
                let limit = (3.0 * variance).sqrt();
                Self::RandomUniform { minval: -limit, maxval: limit }
            }
            Distribution::TruncatedNormal => {
                Self::TruncatedNormal { mean: 0.0, stddev: variance.sqrt() / TRUNCATED_DEVIATION }
            }
            Distribution::UntruncatedNormal => Self::RandomNormal { mean: 0.0, stddev: variance.sqrt() },
        }
    }

    /// A tensor of that shape. Two weights of one shape want two seeds, or they are equal.
    ///
    /// # Errors
    /// As [`Initializer::check`].
    pub fn fill(&self, shape: &[usize], seed: u64) -> Result<Tensor, InitializerError> {
        self.check(shape)?;
        Ok(self.draw(shape, seed))
    }

    /// Whether it makes values of that shape.
    ///
    /// # Errors
    /// If the shape has too many elements, is no matrix's for the identity, or has fewer than two axes for an
    /// orthogonal one, or the scale of variances is not above 0.
    pub fn check(&self, shape: &[usize]) -> Result<(), InitializerError> {
        let refused = |initializer, wanted| Err(InitializerError::Shape { initializer, shape: shape.to_vec(), wanted });
        match self {
            Self::VarianceScaling { scale, .. } if !(*scale > 0.0 && scale.is_finite()) => {
                Err(InitializerError::Scale { scale: *scale })
            }
            Self::Identity { .. } if shape.len() != 2 => refused("identity", "two axes"),
            Self::Orthogonal { .. } if shape.len() < 2 => refused("orthogonal", "at least two axes"),
            _ if element_count(shape).is_none() => refused("every initializer", "fewer elements"),
            _ => Ok(()),
        }
    }

    /// The values of a shape that has been checked.
    pub(crate) fn draw(&self, shape: &[usize], seed: u64) -> Tensor {
        let mut random = Random::new(seed);
        let drawn = self.for_shape(shape);
        let columns = shape.last().copied().unwrap_or(1);
        let matrix = match drawn {
            Self::Orthogonal { gain } => {
                let rows = shape[..shape.len().saturating_sub(1)].iter().product();
                orthogonal(rows, columns, gain, &mut random)
            }
            _ => Vec::new(),
        };
        Tensor::from_fn(shape.to_vec(), |i| match drawn {
            Self::Constant(value) => value as f32,
            Self::Identity { gain } => (if i / columns == i % columns { gain } else { 0.0 }) as f32,
            Self::RandomUniform { minval, maxval } => (minval + (maxval - minval) * random.unit()) as f32,
            Self::RandomNormal { mean, stddev } => (mean + stddev * random.normal()) as f32,
            Self::TruncatedNormal { mean, stddev } => (mean + stddev * random.truncated_normal()) as f32,
            Self::Orthogonal { .. } => matrix[i],
            // `for_shape` has made it a uniform or normal one.
            Self::VarianceScaling { .. } => 0.0,
        })
    }
}

/// The connections into and out of a unit, as Keras counts them in the shape of a weight: the last two axes, and for
/// convolutions times the window.
fn fans(shape: &[usize]) -> (f64, f64) {
    match shape {
        [] => (1.0, 1.0),
        &[size] => (size as f64, size as f64),
        [window @ .., fan_in, fan_out] => {
            let window = window.iter().map(|&size| size as f64).product::<f64>();
            (*fan_in as f64 * window, *fan_out as f64 * window)
        }
    }
}

/// Random numbers of one seed.
struct Random {
    generator: ChaCha8Rng,
    /// The second value of a pair of normal ones.
    second: Option<f64>,
}

impl Random {
    fn new(seed: u64) -> Self {
        Self { generator: ChaCha8Rng::seed_from_u64(seed), second: None }
    }

    /// A multiple of 2^-53 from 0 to below 1.
    fn unit(&mut self) -> f64 {
        (self.generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A standard normal value: Box and Muller, "A Note on the Generation of Random Normal Deviates" (1958).
    fn normal(&mut self) -> f64 {
        if let Some(second) = self.second.take() {
            return second;
        }
        // 1 - u is never 0.
        let radius = (-2.0 * libm::log(1.0 - self.unit())).sqrt();
        let angle = 2.0 * PI * self.unit();
        self.second = Some(radius * libm::sin(angle));
        radius * libm::cos(angle)
    }

    fn truncated_normal(&mut self) -> f64 {
        loop {
            let value = self.normal();
            if value.abs() <= 2.0 {
                return value;
            }
        }
    }
}

/// A matrix, row by row, with orthogonal rows or columns, whichever are fewer: normal vectors, made orthogonal one
/// after the other. That is the Q of a QR decomposition with a positive diagonal, which makes it uniform among all such
/// matrices.
fn orthogonal(rows: usize, columns: usize, gain: f64, random: &mut Random) -> Vec<f32> {
    let (length, count) = (rows.max(columns), rows.min(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    while vectors.len() < count {
        let mut vector: Vec<f64> = (0..length).map(|_| random.normal()).collect();
        // Twice is enough: once leaves a rest where the vectors are nearly dependent.
        for _ in 0..2 {
            for other in &vectors {
                let common: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(other).for_each(|(value, other)| *value -= common * other);
            }
        }
        let norm = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
        vector.iter_mut().for_each(|value| *value /= norm);
        vectors.push(vector);
    }
    let value = |row: usize, column: usize| match rows >= columns {
        true => vectors[column][row],
        false => vectors[row][column],
    };
    (0..rows * columns).map(|i| (gain * value(i / columns, i % columns)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::Random;

    /// Against ChaCha8 and Box-Muller written out in Python: whatever happens to the crates, old seeds keep their
    /// weights.
    #[test]
    fn seeds_keep_their_stream() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/training.json");
        let book: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for stream in book["streams"].as_array().unwrap() {
            let seed = stream["seed"].as_u64().unwrap();
            let numbers = |name: &str| -> Vec<f64> {
                stream[name].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
            };
            let mut random = Random::new(seed);
            for wanted in numbers("uniform") {
                assert_eq!(random.unit(), wanted, "{seed}");
            }
            let mut random = Random::new(seed);
            for wanted in numbers("normal") {
                let got = random.normal();
                assert!((got - wanted).abs() <= 4.0 * f64::EPSILON * wanted.abs().max(1.0), "{seed}: {got} {wanted}");
            }
        }
    }
}
