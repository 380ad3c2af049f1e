//! The reference against hand-computed cases, and its bounds against a simulated device.

mod bounds;
mod device;
mod graphs;
mod linear;
mod values;

use super::Array;

fn array(shape: &[usize], data: &[f64]) -> Array {
    assert_eq!(shape.iter().product::<usize>(), data.len());
    Array { shape: shape.to_vec(), data: data.to_vec() }
}

/// Random numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A float32 from -1 to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 40) as f64 / (1u64 << 23) as f64 - 1.0
    }

    /// An array of float32 numbers from -scale to scale; `scale` is a power of two.
    fn array(&mut self, shape: &[usize], scale: f64) -> Array {
        let count = shape.iter().product();
        Array { shape: shape.to_vec(), data: (0..count).map(|_| scale * self.unit()).collect() }
    }
}
