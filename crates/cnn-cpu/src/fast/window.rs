//! Windows over one axis of a picture.

use std::ops::Range;

/// How windows stand along one axis: of convolution, depthwise or not, and of pooling.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Number of taps.
    pub(super) taps: usize,
    /// Step from one window to the next.
    pub(super) stride: usize,
    /// Distance of the taps.
    pub(super) dilation_rate: usize,
    /// Padding before the picture.
    pub(super) before: usize,
    /// Size of the picture.
    pub(super) size: usize,
}

impl Window {
    /// The taps of window `i` that lie on the picture.
    pub(super) fn inside(&self, i: usize) -> Range<usize> {
        let start = i * self.stride;
        let first = self.before.saturating_sub(start).div_ceil(self.dilation_rate);
        let end = (self.size + self.before).saturating_sub(start).div_ceil(self.dilation_rate).min(self.taps);
        first.min(end)..end
    }

    /// The pixel under tap `tap` of window `i`; the tap has to be inside.
    pub(super) fn pixel(&self, i: usize, tap: usize) -> usize {
        i * self.stride + tap * self.dilation_rate - self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_inside_are_those_on_the_picture() {
        for (taps, stride, dilation_rate, before, size) in
            [(3, 1, 1, 1, 5), (3, 2, 1, 0, 6), (4, 3, 2, 5, 3), (2, 5, 4, 3, 1), (7, 1, 1, 6, 2), (1, 2, 3, 2, 4)]
        {
            let window = Window { taps, stride, dilation_rate, before, size };
            for i in 0..12 {
                let on = |tap: &usize| (before..before + size).contains(&(i * stride + tap * dilation_rate));
                let wanted: Vec<usize> = (0..taps).filter(on).collect();
                assert_eq!(window.inside(i).collect::<Vec<_>>(), wanted, "{window:?} at {i}");
                wanted.iter().for_each(|&tap| assert!(window.pixel(i, tap) < size));
            }
        }
    }
}
