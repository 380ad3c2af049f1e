//! AugMix (Hendrycks et al., arXiv 1912.02781).

use super::mix::check_alpha;
use super::rand_augment::parts;
use super::tools::{Made, TINY, beta, check_range, clip, item, one_of, select, uniform, with_number};
use super::{Augmentation, Factor, setters};
use crate::graph::ValueId;
use crate::layers::Lowering;
use crate::layers::common::positive;
use crate::op::{BinaryOp, Function, Interpolation};
use crate::tensor::Tensor;

/// Keras's `AugMix`: pictures mixed with what several chains of augmentations make of them.
///
/// Each chain is some augmentations one after the other, or none of them at some places, drawn for the whole batch, with numbers
/// of each picture's own. They are shear, translation, rotation, posterization, solarization, contrast stretched to the value
/// range and equalization, and with `all_ops` brightness, colour degeneration, contrast and sharpness. At each place all of them
/// are computed, and one is taken: a step costs as much as some `num_chains · chain_depth · 11` augmentations.
///
/// ```
/// use cnn_core::layers::AugMix;
/// let layer = AugMix::new(0.3).num_chains(2).chain_depth(1);
/// assert_eq!((layer.factor.high, layer.alpha), (0.3, 1.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AugMix {
    /// The least and the greatest value of a pixel.
    pub value_range: [f64; 2],
    /// How many chains, at least 1.
    pub num_chains: usize,
    /// How many augmentations a chain has at most.
    pub chain_depth: usize,
    /// The factor of each, between 0 and 1.
    pub factor: Factor,
    /// The chains' shares are drawn from the Dirichlet distribution of this number for each, the share of the picture itself
    /// from Beta(α, α); at least 0.1.
    pub alpha: f64,
    /// Whether brightness, colour degeneration, contrast and sharpness are among them.
    pub all_ops: bool,
    /// How pixels between pixels are found.
    pub interpolation: Interpolation,
    /// Keras's seed.
    pub seed: Option<u64>,
}
setters!(AugMix: value_range, interpolation, seed);

impl AugMix {
    /// Three chains of three augmentations of up to that factor, or of one drawn from two numbers, with values from 0 to 255.
    pub fn new(factor: impl Into<Factor>) -> Self {
        Self {
            value_range: [0.0, 255.0],
            num_chains: 3,
            chain_depth: 3,
            factor: factor.into().one_sided(),
            alpha: 1.0,
            all_ops: true,
            interpolation: Interpolation::Bilinear,
            seed: None,
        }
    }

    /// Sets how many chains there are.
    pub fn num_chains(mut self, num_chains: usize) -> Self {
        self.num_chains = num_chains;
        self
    }

    /// Sets how many augmentations a chain has at most.
    pub fn chain_depth(mut self, chain_depth: usize) -> Self {
        self.chain_depth = chain_depth;
        self
    }

    /// Sets how evenly things are mixed.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Sets whether brightness, colour degeneration, contrast and sharpness are among the augmentations.
    pub fn all_ops(mut self, all_ops: bool) -> Self {
        self.all_ops = all_ops;
        self
    }

    fn parts(&self) -> Vec<Box<dyn Augmentation>> {
        let [positions, colors, tones] = parts(self.value_range, self.factor, self.interpolation);
        positions.into_iter().chain(tones).chain(colors.into_iter().filter(|_| self.all_ops)).collect()
    }

    /// The chains' shares, `[1, 1, 1, 1]` each, which add up to 1.
    ///
    /// Of a number of shares that is a power of two, each half of them has Beta(α', α') of what both have, α' being α times
    /// their number, and so on down to one; and the first of such shares, divided by their sum, are distributed as if they
    /// were all that there are.
    fn shares(&self, cx: &mut Lowering<'_>) -> Result<Vec<ValueId>, crate::ShapeError> {
        let mut shares = vec![cx.constant(Tensor::full(vec![1; 4], 1.0))];
        let leaves = self.num_chains.next_power_of_two();
        while shares.len() < leaves {
            let alpha = self.alpha * (leaves / shares.len() / 2) as f64;
            let alpha = cx.constant(Tensor::scalar(alpha as f32));
            let drawn = beta(cx, vec![shares.len(), 1, 1, 1], alpha)?;
            let mut halves = Vec::new();
            for (index, share) in shares.into_iter().enumerate() {
                let first = item(cx, drawn, index)?;
                let first = cx.binary(BinaryOp::Multiply, share, first)?;
                halves.extend([first, cx.binary(BinaryOp::Subtract, share, first)?]);
            }
            shares = halves;
        }
        shares.truncate(self.num_chains);
        if self.num_chains == leaves {
            return Ok(shares);
        }
        // Where all are 0 to float32, each is as likely as the other.
        for share in &mut shares {
            *share = with_number(cx, BinaryOp::Maximum, *share, TINY)?;
        }
        let mut sum = shares[0];
        for &share in &shares[1..] {
            sum = cx.binary(BinaryOp::Add, sum, share)?;
        }
        shares.into_iter().map(|share| cx.binary(BinaryOp::Divide, share, sum)).collect()
    }
}

impl Augmentation for AugMix {
    fn check(&self, picture: [Option<usize>; 3]) -> Result<(), String> {
        check_range(self.value_range)?;
        positive("a number of chains", &[self.num_chains])?;
        self.factor.check("a factor", 0.0, 1.0)?;
        check_alpha(self.alpha, 0.1)?;
        self.parts().iter().try_for_each(|part| part.check(picture))
    }

    fn augment(&self, cx: &mut Lowering<'_>, x: ValueId) -> Made {
        let parts = self.parts();
        let shares = self.shares(cx)?;
        let alpha = cx.constant(Tensor::scalar(self.alpha as f32));
        let own = beta(cx, vec![1; 4], alpha)?;
        let mut mixed: Option<ValueId> = None;
        for share in shares {
            let mut chain = x;
            for _ in 0..self.chain_depth {
                // One number more than there are parts: none of them.
                let drawn = uniform(cx, vec![1; 4], Factor { low: 0.0, high: (parts.len() + 1) as f64 })?;
                let drawn = cx.unary(Function::Floor, drawn)?;
                chain = one_of(cx, chain, &parts, drawn)?;
            }
            let part = cx.binary(BinaryOp::Multiply, chain, share)?;
            mixed = Some(match mixed {
                Some(sum) => cx.binary(BinaryOp::Add, sum, part)?,
                None => part,
            });
        }
        let mixed = mixed.unwrap_or(x);
        let x = select(cx, own, x, mixed)?;
        clip(cx, x, self.value_range)
    }
}
