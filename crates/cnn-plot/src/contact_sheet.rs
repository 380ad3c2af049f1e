//! Many small pictures on one, each with a line under it.

use std::io::Cursor;

use cnn_core::{ShapeError, Tensor};
use embedded_graphics::mono_font::MonoFont;
use embedded_graphics::mono_font::iso_8859_1::{FONT_7X13, FONT_7X13_BOLD, FONT_9X15_BOLD};
use image::{ImageFormat, Rgb, RgbImage};

use crate::MAX_PIXELS;
use crate::error::PlotError;
use crate::text;

const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
const INK: Rgb<u8> = Rgb([40, 40, 40]);
const FRAME: Rgb<u8> = Rgb([176, 176, 176]);
const WRONG: Rgb<u8> = Rgb([200, 30, 30]);

const TITLE_FONT: MonoFont = FONT_9X15_BOLD;
const NOTE_FONT: MonoFont = FONT_7X13;

/// Pixels around everything.
const MARGIN: usize = 16;
/// Pixels between neighbours, and between the title and the pictures.
const GAP: usize = 14;
/// Pixels kept around every picture for its frame.
const BORDER: usize = 3;
/// Pixels between a picture's frame and its caption.
const CAPTION_GAP: usize = 3;
/// Pixels between the title and the note.
const NOTE_GAP: usize = 5;

/// The colours of a picture of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Colors {
    /// Black to white.
    #[default]
    Grey,
    /// Dark violet by green to yellow, of evenly rising lightness: Matplotlib's viridis.
    Viridis,
    /// Dark by blue, green and yellow to red, for heat: turbo as D3 has it.
    Turbo,
}

impl Colors {
    pub(crate) fn of(self, level: u8) -> Rgb<u8> {
        let of = |gradient: colorous::Gradient| {
            let color = gradient.eval_continuous(f64::from(level) / 255.0);
            Rgb([color.r, color.g, color.b])
        };
        match self {
            Colors::Grey => Rgb([level; 3]),
            Colors::Viridis => of(colorous::VIRIDIS),
            Colors::Turbo => of(colorous::TURBO),
        }
    }
}

/// How a picture on a sheet is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mark {
    /// A thin grey frame.
    #[default]
    Plain,
    /// A thick red frame and a bold red caption: something is wrong here.
    Wrong,
}

impl Mark {
    fn frame(self) -> (usize, Rgb<u8>) {
        match self {
            Mark::Plain => (1, FRAME),
            Mark::Wrong => (BORDER, WRONG),
        }
    }

    fn caption(self) -> (MonoFont<'static>, Rgb<u8>) {
        match self {
            Mark::Plain => (FONT_7X13, INK),
            Mark::Wrong => (FONT_7X13_BOLD, WRONG),
        }
    }
}

/// A grid of small pictures, each enlarged, framed and with a caption under it, below a title.
///
/// Text beyond the characters of ISO 8859-1 (Western European) needs a font of this machine; a character that none has
/// becomes a question mark.
#[derive(Debug, Clone)]
pub struct ContactSheet {
    title: String,
    note: String,
    columns: usize,
    scale: usize,
    range: (f32, f32),
    colors: Colors,
    cells: Vec<Cell>,
}

/// A picture in the size in which it is drawn.
#[derive(Debug, Clone)]
struct Cell {
    picture: RgbImage,
    caption: String,
    mark: Mark,
}

/// Where things are on a sheet, in pixels.
struct Layout {
    columns: usize,
    cell: [usize; 2],
    note: usize,
    top: usize,
    sheet: [usize; 2],
}

impl ContactSheet {
    /// An empty sheet: 10 columns, pictures of values from 0 to 255 in their own size.
    pub fn new(title: impl AsRef<str>) -> Self {
        let title = text::one_line(title.as_ref());
        let (note, colors) = (String::new(), Colors::default());
        Self { title, note, columns: 10, scale: 1, range: (0.0, 255.0), colors, cells: Vec::new() }
    }

    /// Another title, such as one that counts what was added; none where it is empty.
    pub fn title(self, title: impl AsRef<str>) -> Self {
        Self { title: text::one_line(title.as_ref()), ..self }
    }

    /// A line in small letters below the title, such as what the colours mean; none where it is empty.
    pub fn note(self, note: impl AsRef<str>) -> Self {
        Self { note: text::one_line(note.as_ref()), ..self }
    }

    /// How many pictures stand side by side; 0 counts as 1.
    pub fn columns(self, columns: usize) -> Self {
        Self { columns: columns.max(1), ..self }
    }

    /// How many pixels of the sheet one pixel of a picture is high and wide; 0 counts as 1. It is for pictures that are
    /// added from now on.
    pub fn scale(self, scale: usize) -> Self {
        Self { scale: scale.max(1), ..self }
    }

    /// The value that is drawn black and the value that is drawn white (or, of a colour, dark and full); what lies beyond
    /// is drawn as the nearer of the two, and NaN as black. With `black` over `white` a picture is drawn as its negative.
    /// It is for pictures that are added from now on.
    pub fn range(self, black: f32, white: f32) -> Self {
        Self { range: (black, white), ..self }
    }

    /// The colours of pictures of one channel that are added from now on.
    pub fn colors(self, colors: Colors) -> Self {
        Self { colors, ..self }
    }

    /// Adds the picture at `index` of a batch `[N, height, width, 1 or 3]`: grey, or red, green and blue. Pictures on one
    /// sheet may differ in size and channels.
    ///
    /// # Errors
    /// If `pictures` has another shape or no pixel, or not that many pictures, or the picture is too large when enlarged.
    pub fn add(
        &mut self,
        pictures: &Tensor,
        index: usize,
        caption: impl AsRef<str>,
        mark: Mark,
    ) -> Result<(), PlotError> {
        let &[count, height, width, channels @ (1 | 3)] = pictures.shape() else {
            return Err(unfit(pictures).into());
        };
        if height == 0 || width == 0 {
            return Err(unfit(pictures).into());
        }
        if index >= count {
            return Err(PlotError::NoSuchPicture { index, count });
        }
        let size = height * width * channels;
        let values = &pictures.data()[index * size..][..size];
        let (black, white) = self.range;
        // A cast to an integer takes NaN for 0.
        let level = |value: f32| (((value - black) / (white - black)).clamp(0.0, 1.0) * 255.0).round() as u8;
        let mut picture = blank(width.saturating_mul(self.scale), height.saturating_mul(self.scale))?;
        for (x, y, pixel) in picture.enumerate_pixels_mut() {
            let [x, y] = [x, y].map(|place| place as usize / self.scale);
            let from = &values[(y * width + x) * channels..][..channels];
            *pixel = match *from {
                [grey] => self.colors.of(level(grey)),
                _ => Rgb(std::array::from_fn(|channel| level(from[channel]))),
            };
        }
        self.cells.push(Cell { picture, caption: text::one_line(caption.as_ref()), mark });
        Ok(())
    }

    /// The title's text.
    pub fn title_text(&self) -> &str {
        &self.title
    }

    /// The note's text.
    pub fn note_text(&self) -> &str {
        &self.note
    }

    /// How many pictures are on the sheet.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there is no picture on the sheet.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Draws the sheet.
    ///
    /// # Errors
    /// If there is no picture on it, or it is too large.
    pub fn render(&self) -> Result<RgbImage, PlotError> {
        let layout = self.layout()?;
        let mut sheet = blank(layout.sheet[0], layout.sheet[1])?;
        text::draw(&mut sheet, &self.title, &TITLE_FONT, INK, [MARGIN, MARGIN]);
        text::draw(&mut sheet, &self.note, &NOTE_FONT, INK, [MARGIN, layout.note]);
        for (i, cell) in self.cells.iter().enumerate() {
            let x = MARGIN + i % layout.columns * (layout.cell[0] + GAP);
            let y = layout.top + i / layout.columns * (layout.cell[1] + GAP);
            cell.draw(&mut sheet, [x, y], layout.cell[0]);
        }
        Ok(sheet)
    }

    /// Draws the sheet as a PNG file's bytes.
    ///
    /// # Errors
    /// As [`render`](Self::render), or if memory for the file is not to be had.
    pub fn to_png(&self) -> Result<Vec<u8>, PlotError> {
        let mut bytes = Cursor::new(Vec::new());
        self.render()?.write_to(&mut bytes, ImageFormat::Png)?;
        Ok(bytes.into_inner())
    }

    /// Every cell is as large as the largest picture and the longest caption need.
    fn layout(&self) -> Result<Layout, PlotError> {
        let largest = |size: fn(&Cell) -> usize| self.cells.iter().map(size).max().ok_or(PlotError::Empty);
        let cell = [largest(Cell::width)?, largest(Cell::height)?];
        let columns = self.columns.min(self.cells.len());
        let rows = self.cells.len().div_ceil(columns);
        let side = |count: usize, size: usize| count.saturating_mul(size.saturating_add(GAP)).saturating_sub(GAP);
        let titled = text::width(&self.title, &TITLE_FONT).max(text::width(&self.note, &NOTE_FONT));
        let line = |text: &str, height: usize| if text.is_empty() { 0 } else { height };
        let note = MARGIN + line(&self.title, text::height(&TITLE_FONT) + NOTE_GAP);
        let top = match (self.title.as_str(), self.note.as_str()) {
            ("", "") => MARGIN,
            (_, "") => MARGIN + text::height(&TITLE_FONT) + GAP,
            _ => note + text::height(&NOTE_FONT) + GAP,
        };
        let width = side(columns, cell[0]).max(titled).saturating_add(2 * MARGIN);
        let height = side(rows, cell[1]).saturating_add(top + MARGIN);
        Ok(Layout { columns, cell, note, top, sheet: [width, height] })
    }
}

impl Cell {
    fn width(&self) -> usize {
        let (font, _) = self.mark.caption();
        text::width(&self.caption, &font).max(self.picture.width() as usize + 2 * BORDER)
    }

    fn height(&self) -> usize {
        self.picture.height() as usize + 2 * BORDER + CAPTION_GAP + text::height(&FONT_7X13)
    }

    /// Draws picture, frame and caption, in the middle of `width` pixels from `x` on.
    fn draw(&self, sheet: &mut RgbImage, [x, y]: [usize; 2], width: usize) {
        let [columns, rows] = [self.picture.width() as usize, self.picture.height() as usize];
        let left = x + (width - columns) / 2;
        let top = y + BORDER;
        let (thick, color) = self.mark.frame();
        for v in top - thick..top + rows + thick {
            for u in left - thick..left + columns + thick {
                sheet.put_pixel(u as u32, v as u32, color);
            }
        }
        image::imageops::replace(sheet, &self.picture, left as i64, top as i64);
        let (font, color) = self.mark.caption();
        let indent = (width - text::width(&self.caption, &font)) / 2;
        text::draw(sheet, &self.caption, &font, color, [x + indent, top + rows + BORDER + CAPTION_GAP]);
    }
}

/// A picture of paper.
fn blank(width: usize, height: usize) -> Result<RgbImage, PlotError> {
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(w), Ok(h)) if width.saturating_mul(height) <= MAX_PIXELS => Ok(RgbImage::from_pixel(w, h, PAPER)),
        _ => Err(PlotError::TooLarge { width, height }),
    }
}

fn unfit(pictures: &Tensor) -> ShapeError {
    ShapeError::new(
        "contact sheet",
        "expects pictures [N, height, width, 1 or 3] of at least one pixel",
        &[pictures.shape()],
    )
}
