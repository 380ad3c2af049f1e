//! Pictures through projective maps, as [`Warp`] defines them, and what a position in float32 does to them.
//!
//! A kernel computes positions in float32. A pixel is a piecewise bilinear function of its position, with jumps where the
//! nearest pixel changes or a fill mode begins anew, all at whole and half numbers. So the bound of an element is the greatest
//! difference of its value to those at the ends of all pieces that lie within the position's error, and the interpolation's
//! own rounding. A position that float32 holds exactly, as those of flips and whole translations, has no error.

use cnn_core::op::{Interpolation, Warp};

use super::accuracy::{Approx, Real, UNIT_ROUNDOFF};
use super::array::Array;

/// Pieces along one axis that a bound looks at; an error that spans more leaves nothing to be promised.
const MAX_PIECES: usize = 6;
/// Float32 counts quarters up to this; beyond it positions mean little.
const LARGEST: f64 = (1u32 << 22) as f64;

/// The pictures seen through the maps, pixels moved.
pub(super) fn warp<R: Real>(op: &Warp, x: &Array, transforms: &Array, moves: Option<&Array>) -> Vec<R> {
    let [n, _, _, c] = x.dims4();
    let [oh, ow] = op.size;
    let at = |pixel: usize| {
        let (n, i, j) = (pixel / (oh * ow), pixel / ow % oh, pixel % ow);
        let map = &transforms.data[8 * n..][..8];
        let moved = moves.map_or([0.0; 2], |moves| [moves.data[2 * pixel], moves.data[2 * pixel + 1]]);
        (Picture { op, x, n }, map, positions(map, [j as f64, i as f64], moved))
    };
    let value = |pixel| match at(pixel) {
        (picture, _, Some([x, y])) => (0..c).map(|channel| picture.pixel(y.value, x.value, channel)).collect(),
        (_, _, None) => vec![f64::from(op.fill_value); c],
    };
    let error = |pixel| match at(pixel) {
        (picture, _, Some([x, y])) => picture.errors(y, x),
        // Where k is 0 exactly it is so in float32, if it is the sum of whole numbers; else it may be anything.
        (_, map, None) if map[6..].iter().all(|c| c.fract() == 0.0) => vec![0.0; c],
        (_, _, None) => vec![f64::INFINITY; c],
    };
    let pixels = 0..n * oh * ow;
    R::with_errors(pixels.clone().flat_map(value).collect(), || pixels.flat_map(error).collect())
}

/// Column and row that the output's pixel at (x, y) reads, moved; `None` where k is 0.
fn positions(map: &[f64], [x, y]: [f64; 2], moved: [f64; 2]) -> Option<[Approx; 2]> {
    let line = |a: f64, b: f64, c: f64| sum(sum(product(a, x), product(b, y)), Approx::exact(c));
    let k = line(map[6], map[7], 1.0);
    let along = |m: &[f64], moved: f64| {
        let position = line(m[0], m[1], m[2]);
        // An affine map has no division.
        let position = if map[6] == 0.0 && map[7] == 0.0 { position } else { position / k };
        sum(position, Approx::exact(moved))
    };
    (k.value != 0.0).then(|| [along(&map[..3], moved[0]), along(&map[3..6], moved[1])])
}

/// A product or a sum that float32 holds has no error.
fn exact_or(value: f64, inherited: f64, rounded: Approx) -> Approx {
    if inherited == 0.0 && f64::from(value as f32) == value { Approx { value, error: 0.0 } } else { rounded }
}

fn product(a: f64, b: f64) -> Approx {
    exact_or(a * b, 0.0, Approx::exact(a) * Approx::exact(b))
}

fn sum(a: Approx, b: Approx) -> Approx {
    exact_or(a.value + b.value, a.error + b.error, a + b)
}

/// A place along one axis, brought inside: the first pixel, and how far it is from there to the next.
type Place = (f64, f64);

/// One picture under its map.
struct Picture<'a> {
    op: &'a Warp,
    x: &'a Array,
    n: usize,
}

impl Picture<'_> {
    /// The input's pixel, or the fill value outside.
    fn read(&self, row: f64, column: f64, channel: usize) -> f64 {
        let [_, h, w, c] = self.x.dims4();
        if row < 0.0 || column < 0.0 || row >= h as f64 || column >= w as f64 {
            return self.op.fill_value.into();
        }
        self.x.data[((self.n * h + row as usize) * w + column as usize) * c + channel]
    }

    fn pixel(&self, row: f64, column: f64, channel: usize) -> f64 {
        let [_, h, w, _] = self.x.dims4();
        self.at::<f64>(place(self.op, row, h), place(self.op, column, w), channel)
    }

    /// `a · (1 - t) + b · t` along the columns, then of the two results along the rows.
    fn at<R: Real>(&self, (top, down): Place, (left, across): Place, channel: usize) -> R {
        let read = |row: f64, column: f64| R::exact(self.read(row, column, channel));
        if self.op.interpolation == Interpolation::Nearest {
            return read(top, left);
        }
        let mix = |a: R, b: R, t: f64| a * (R::exact(1.0) - R::exact(t)) + b * R::exact(t);
        let upper = mix(read(top, left), read(top, left + 1.0), across);
        mix(upper, mix(read(top + 1.0, left), read(top + 1.0, left + 1.0), across), down)
    }

    /// The errors of the pixel's channels.
    fn errors(&self, row: Approx, column: Approx) -> Vec<f64> {
        let [_, h, w, c] = self.x.dims4();
        let (Some(rows), Some(columns)) = (places(self.op, row, h), places(self.op, column, w)) else {
            return vec![f64::INFINITY; c];
        };
        let whole = rows.iter().chain(&columns).all(|(_, t)| *t == 0.0);
        let error = |channel| {
            let value = self.pixel(row.value, column.value, channel);
            let ends = rows.iter().flat_map(|row| columns.iter().map(move |column| (*row, *column)));
            let error = |(row, column)| {
                let end: Approx = self.at(row, column, channel);
                (end.value - value).abs() + if whole { 0.0 } else { end.error }
            };
            ends.map(error).fold(0.0, f64::max)
        };
        (0..c).map(error).collect()
    }
}

/// Where a position reads.
fn place(op: &Warp, position: f64, size: usize) -> Place {
    let p = op.fill_mode.source(position, size);
    match op.interpolation {
        Interpolation::Nearest => (p.round(), 0.0),
        Interpolation::Bilinear => (p.floor(), p - p.floor()),
    }
}

/// Where the position may read within its error: the ends of each piece. `None` if they are too many.
fn places(op: &Warp, position: Approx, size: usize) -> Option<Vec<Place>> {
    let Approx { value, error } = position;
    if value.is_nan() || value.abs() > LARGEST {
        return None;
    }
    if error == 0.0 && (2.0 * value).fract() == 0.0 {
        return Some(vec![place(op, value, size)]);
    }
    // Bringing it inside adds and subtracts multiples of the size, and what is left is rounded once more.
    let error = error + 8.0 * UNIT_ROUNDOFF * (value.abs() + 2.0 * size as f64);
    let (low, high) = (value - error, value + error);
    let halves = ((2.0 * low).ceil(), (2.0 * high).floor());
    if error.is_nan() || halves.1 - halves.0 > MAX_PIECES as f64 {
        return None;
    }
    let mut ends = vec![low];
    let mut half = halves.0;
    while half <= halves.1 {
        ends.push(half / 2.0);
        half += 1.0;
    }
    ends.push(high);
    let mut places: Vec<Place> = ends.iter().map(|&end| place(op, end, size)).collect();
    for piece in ends.windows(2).filter(|piece| piece[0] < piece[1]) {
        places.extend(limits(op, piece[0], piece[1], size));
    }
    Some(places)
}

/// Both ends of a piece without a jump inside, seen from inside.
fn limits(op: &Warp, low: f64, high: f64, size: usize) -> [Place; 2] {
    let middle = (low + high) / 2.0;
    let (first, t) = place(op, middle, size);
    if op.interpolation == Interpolation::Nearest {
        return [(first, t); 2];
    }
    // A piece goes up, down, or stands still.
    let step = (high - low) / 4.0;
    let slope = (op.fill_mode.source(middle + step, size) - op.fill_mode.source(middle - step, size)) / (2.0 * step);
    [low, high].map(|end| (first, (t + slope.round() * (end - middle)).clamp(0.0, 1.0)))
}
