//! What is inside a network, as contact sheets: a layer's feature maps, a convolution's filters.

use cnn_core::{ShapeError, Tensor};

use crate::contact_sheet::{Colors, ContactSheet, Mark};
use crate::error::PlotError;

/// Pixels that the longer side of a map is enlarged to, as far as whole factors go.
const MAP_SIDE: usize = 64;
/// Pixels of a single value.
const VALUE_SIDE: usize = 48;
/// Pixels from one tile to the next, and the most pixels and tiles side by side.
const BETWEEN: usize = 14;
const ROW_SIDE: usize = 1264;
const ROW_COUNT: usize = 16;

/// Which values are drawn darkest and lightest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scale {
    /// The least and the largest of each map or filter: shows its pattern, however weak.
    #[default]
    Each,
    /// The least and the largest of all: shows which are strong.
    Shared,
}

/// How maps and filters are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maps {
    /// Which values are darkest and lightest.
    pub scale: Scale,
    /// The colours of what has one channel.
    pub colors: Colors,
    /// The most that are drawn, from the first on.
    pub most: usize,
}

impl Default for Maps {
    /// Each by its own range, viridis, 64 at most.
    fn default() -> Self {
        Self { scale: Scale::Each, colors: Colors::Viridis, most: 64 }
    }
}

/// What goes on a sheet.
struct Tiles {
    title: String,
    /// What a group is called.
    what: &'static str,
    /// Pixels that a tile's longer side is enlarged to.
    side: usize,
    /// Height, width and channels of a tile.
    shape: [usize; 3],
    /// Tiles that have one range, unless all have.
    groups: Vec<Vec<Tile>>,
    scale: Scale,
    /// The range of all.
    all: (f32, f32),
}

/// The values of one tile of a sheet, and what stands under it.
struct Tile {
    values: Vec<f32>,
    caption: String,
}

impl Maps {
    /// The feature maps of one picture: `output` is what a layer makes, `[1, height, width, channels]`, a tile for each
    /// channel with its number; or `[1, units]`, a tile for each unit with its number and value, all in one scale.
    ///
    /// ```
    /// use cnn_core::Tensor;
    /// use cnn_plot::Maps;
    /// let output = Tensor::from_fn(vec![1, 6, 6, 8], |i| (i % 8) as f32);
    /// let sheet = Maps { most: 4, ..Maps::default() }.features("conv1", &output)?;
    /// assert_eq!(sheet.len(), 4);
    /// # Ok::<(), cnn_plot::PlotError>(())
    /// ```
    ///
    /// # Errors
    /// If the output is of another shape or has no element.
    pub fn features(&self, title: &str, output: &Tensor) -> Result<ContactSheet, PlotError> {
        let (height, width, channels, maps) = match *output.shape() {
            [1, height, width, channels] => (height, width, channels, true),
            [1, units] => (1, 1, units, false),
            _ => return Err(unfit("feature maps", "[1, height, width, channels] or [1, units]", output)),
        };
        if output.is_empty() {
            return Err(unfit("feature maps", "at least one element", output));
        }
        let shown = channels.min(self.most.max(1));
        let tile = |channel: usize| {
            let values: Vec<f32> = output.data().iter().skip(channel).step_by(channels).copied().collect();
            let caption = if maps { channel.to_string() } else { format!("{channel}: {:.3}", values[0]) };
            Tile { values, caption }
        };
        let (what, side) = if maps { ("map", MAP_SIDE) } else { ("value", VALUE_SIDE) };
        let count = if maps { format!("maps of {height} x {width}") } else { "values".into() };
        self.sheet(Tiles {
            title: format!("{title}: {} {count}", of(shown, channels)),
            what,
            side,
            shape: [height, width, 1],
            groups: (0..shown).map(|channel| vec![tile(channel)]).collect(),
            scale: if maps { self.scale } else { Scale::Shared },
            all: range(output.data()),
        })
    }

    /// The filters of a convolution, `kernel` being `[height, width, in, out]`: each filter in colours where `in` is 3, in
    /// grey or `colors` where it is 1, else a tile for each of its channels, marked FILTER/CHANNEL. With `blue_first` the
    /// three channels are blue, green and red, as models want them that were trained in Caffe.
    ///
    /// # Errors
    /// If the kernel is of another rank or has no element.
    pub fn filters(&self, title: &str, kernel: &Tensor, blue_first: bool) -> Result<ContactSheet, PlotError> {
        let &[height, width, channels, filters] = kernel.shape() else {
            return Err(unfit("filters", "a kernel [height, width, in, out]", kernel));
        };
        if kernel.is_empty() {
            return Err(unfit("filters", "at least one element", kernel));
        }
        let at = |pixel: usize, channel: usize, filter: usize| {
            kernel.data()[(pixel * channels + channel) * filters + filter]
        };
        let pixels = 0..height * width;
        let most = self.most.max(1);
        let per_filter = if channels == 3 { 1 } else { channels };
        let shown = filters.min(most.div_ceil(per_filter));
        let filter = |filter: usize| -> Vec<Tile> {
            if channels == 3 {
                let order = if blue_first { [2, 1, 0] } else { [0, 1, 2] };
                let values = pixels.clone().flat_map(|pixel| order.map(|channel| at(pixel, channel, filter))).collect();
                return vec![Tile { values, caption: filter.to_string() }];
            }
            let tile = |channel: usize| {
                let caption = if channels == 1 { filter.to_string() } else { format!("{filter}/{channel}") };
                Tile { values: pixels.clone().map(|pixel| at(pixel, channel, filter)).collect(), caption }
            };
            (0..channels.min(most)).map(tile).collect()
        };
        let channels_each = if channels == 1 { "1 channel".into() } else { format!("{channels} channels") };
        self.sheet(Tiles {
            title: format!("{title}: {} filters of {height} x {width}, {channels_each}", of(shown, filters)),
            what: "filter",
            side: MAP_SIDE,
            shape: [height, width, if channels == 3 { 3 } else { 1 }],
            groups: (0..shown).map(filter).collect(),
            scale: self.scale,
            all: range(kernel.data()),
        })
    }

    fn sheet(&self, tiles: Tiles) -> Result<ContactSheet, PlotError> {
        let Tiles { title, what, side, shape: [height, width, channels], groups, scale, all } = tiles;
        let factor = (side / height.max(width)).max(1);
        let fitting = (ROW_SIDE / (width * factor + BETWEEN)).clamp(1, ROW_COUNT);
        // A filter's channels make a row; of single tiles, whose number is mostly a power of two, every row is full.
        let columns = match groups.first().map_or(0, Vec::len) {
            row @ 2.. if row <= fitting => row,
            _ => 1 << fitting.ilog2(),
        };
        let note = match scale {
            Scale::Each => format!("each {what} from its own least value (darkest) to its own largest (lightest)"),
            Scale::Shared => format!("all {what}s from {:.4} (darkest) to {:.4} (lightest)", all.0, all.1),
        };
        let mut sheet = ContactSheet::new(title).note(note).colors(self.colors).scale(factor).columns(columns);
        for group in &groups {
            let (least, largest) = match scale {
                Scale::Each => range(group.iter().flat_map(|tile| &tile.values)),
                Scale::Shared => all,
            };
            sheet = sheet.range(least, largest);
            for tile in group {
                let picture = Tensor::new(vec![1, height, width, channels], tile.values.clone())?;
                sheet.add(&picture, 0, &tile.caption, Mark::Plain)?;
            }
        }
        Ok(sheet)
    }
}

/// `5`, or `5 of 8`.
fn of(shown: usize, all: usize) -> String {
    if shown == all { all.to_string() } else { format!("{shown} of {all}") }
}

/// The least and the largest number; those that are none, and infinite ones, do not count.
pub(crate) fn range<'a>(values: impl IntoIterator<Item = &'a f32>) -> (f32, f32) {
    let finite = values.into_iter().copied().filter(|value| value.is_finite());
    let range = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(least, largest), x| (least.min(x), largest.max(x)));
    if range.0 <= range.1 { range } else { (0.0, 0.0) }
}

fn unfit(what: &str, expected: &str, tensor: &Tensor) -> PlotError {
    ShapeError::new(what, format!("expects {expected}"), &[tensor.shape()]).into()
}
