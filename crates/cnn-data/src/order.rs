//! Orders and random numbers that depend on what they are for, and on nothing that was drawn before.
//!
//! Source: Bernstein, "ChaCha, a variant of Salsa20" (2008), with 8 rounds; `rand_chacha` promises its stream for all
//! platforms and versions. Numbers below a bound are the upper half of a product with it, in 128 bits, so their bias is
//! below 2^-40 for any data set that fits a memory.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What numbers are drawn for: each has a stream of its own for the same seed.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// The order of the files in a folder, before it is divided.
    Files,
    /// The order of the samples in an epoch.
    Epoch(u64),
    /// A function that a caller maps over samples. Each has numbers of its own, or two coins would always fall alike.
    Sample { function: usize, epoch: u64, sample: usize },
    /// A function that a caller maps over batches.
    Batch { function: usize, epoch: u64, batch: usize },
}

/// The generator for a purpose: the seed and the purpose are its key.
fn generator(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let words = match purpose {
        Purpose::Files => [seed, 0, 0, 0],
        Purpose::Epoch(epoch) => [seed, 1, epoch, 0],
        Purpose::Sample { function, epoch, sample } => [seed, 2 + 2 * function as u64, epoch, sample as u64],
        Purpose::Batch { function, epoch, batch } => [seed, 3 + 2 * function as u64, epoch, batch as u64],
    };
    let mut key = [0; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// One number for a purpose, to seed another generator with.
pub(crate) fn number(seed: u64, purpose: Purpose) -> u64 {
    generator(seed, purpose).next_u64()
}

/// Shuffles by Fisher and Yates: every order is as likely as any other.
pub(crate) fn shuffle<T>(items: &mut [T], seed: u64, purpose: Purpose) {
    let mut random = generator(seed, purpose);
    for last in (1..items.len()).rev() {
        let below = last as u128 + 1;
        items.swap(last, ((u128::from(random.next_u64()) * below) >> 64) as usize);
    }
}
