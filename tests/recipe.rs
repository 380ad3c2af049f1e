//! The deterministic generator that gives the test models their weights, images and data.
//!
//! No weight file is needed: every number is a function of a key (the tensor's name) and an index, by 64-bit integers
//! and correctly rounded float64 arithmetic, so that Python and Rust agree bit for bit. The generator is splitmix64
//! (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014) started at the FNV-1a hash of the
//! key.

use cnn_core::Tensor;

/// The 64-bit FNV-1a hash of `key`'s bytes.
///
/// ```
/// assert_eq!(cnn_tests::recipe::fnv1a64("conv1/kernel"), 0xa72a21dbf73cd84e);
/// ```
pub fn fnv1a64(key: &str) -> u64 {
    key.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

/// The 64 random bits at `index` of the stream `key`.
///
/// ```
/// assert_eq!(cnn_tests::recipe::raw("", 2), 0x54c3a569ecf61b1b);
/// ```
pub fn raw(key: &str, index: u64) -> u64 {
    mix(fnv1a64(key), index)
}

fn mix(hash: u64, index: u64) -> u64 {
    let mut z = hash.wrapping_add((index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number in [0, 1) with 24 bits, exact in float32.
///
/// ```
/// assert_eq!(cnn_tests::recipe::u("conv1/kernel", 0), 0.9767634868621826);
/// ```
pub fn u(key: &str, index: u64) -> f64 {
    unit(raw(key, index))
}

fn unit(raw: u64) -> f64 {
    (raw >> 40) as f64 / f64::from(1 << 24)
}

/// A number in [`lo`, `hi`): `lo + (hi - lo) * u` in float64, rounded once to float32.
///
/// ```
/// assert_eq!(cnn_tests::recipe::value("conv1/kernel", 3, -1.0, 1.0), 0.14263403415679932);
/// ```
pub fn value(key: &str, index: u64, lo: f64, hi: f64) -> f32 {
    (lo + (hi - lo) * u(key, index)) as f32
}

/// A tensor whose element at row-major index `i` is `value(key, i, lo, hi)`.
pub fn uniform(key: &str, shape: &[usize], lo: f64, hi: f64) -> Tensor {
    let hash = fnv1a64(key);
    Tensor::from_fn(shape.to_vec(), |i| (lo + (hi - lo) * unit(mix(hash, i as u64))) as f32)
}

/// The recipe's picture of whole numbers from 0 to 255, `[1, h, w, c]`: 8 x 8 patches and noise, half and half.
pub fn picture(h: usize, w: usize, c: usize) -> Tensor {
    Tensor::from_fn(vec![1, h, w, c], |i| {
        let (y, x, channel) = (i / c / w, i / c % w, i % c);
        let coarse = u("input/coarse", ((y * 8 / h * 8 + x * 8 / w) * c + channel) as u64);
        (256.0 * (0.5 * coarse + 0.5 * u("input/fine", i as u64))).floor() as f32
    })
}

/// The range of a weight before scaling, by the last part of its path and its shape. A `depthwise` kernel has another
/// fan-in than other kernels.
///
/// # Panics
/// If the role is none that the recipe knows.
pub fn range(role: &str, shape: &[usize], depthwise: bool) -> (f64, f64) {
    match role {
        "gamma" => (0.9, 1.1),
        "beta" | "moving_mean" => (-0.1, 0.1),
        "moving_variance" => (0.9, 1.1),
        "bias" => (-0.05, 0.05),
        "mean" => (0.45, 0.5),
        "variance" => (0.05, 0.06),
        "count" => (0.0, 0.0),
        "kernel" | "depthwise_kernel" | "pointwise_kernel" => {
            let fan_in = if depthwise { &shape[..2] } else { &shape[..shape.len() - 1] };
            let a = (6.0 / fan_in.iter().product::<usize>() as f64).sqrt();
            (-a, a)
        }
        other => panic!("the recipe has no range for {other}"),
    }
}
