//! Lines of text on a picture.

use std::convert::Infallible;

use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::text::{Baseline, Text};
use image::{Rgb, RgbImage};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::Tree;
use unicode_width::UnicodeWidthChar;

use crate::model_plot::png;

/// Whether the fonts in the program have all characters of a text: those of ISO 8859-1.
fn is_latin(text: &str) -> bool {
    text.chars().all(|c| u32::from(c) < 256)
}

/// Columns that a character takes: a Hangul syllable takes two.
fn columns(character: char) -> usize {
    if u32::from(character) < 256 { 1 } else { character.width().unwrap_or(0) }
}

/// Pixels from the left of a line's first character to the right of its last.
pub fn width(text: &str, font: &MonoFont) -> usize {
    let count: usize = text.chars().map(columns).sum();
    let (character, between) = (font.character_size.width as usize, font.character_spacing as usize);
    (count * (character + between)).saturating_sub(between)
}

/// Pixels from the top of a line to its bottom.
pub fn height(font: &MonoFont) -> usize {
    font.character_size.height as usize
}

/// One line: what would break it becomes a blank.
pub fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// Draws a line with its top left corner at (x, y); what lies outside the picture is left out. Characters beyond ISO 8859-1
/// are drawn by a font of this machine, and as question marks where none has them.
pub fn draw(picture: &mut RgbImage, text: &str, font: &MonoFont, color: Rgb<u8>, [x, y]: [usize; 2]) {
    if is_latin(text) {
        return draw_latin(picture, text, font, color, [x, y]);
    }
    // What fonts draw for a character that they do not have.
    let missing = scalable(PRIVATE, font);
    let mut column = 0;
    for character in text.chars() {
        let (left, wide) = (x + width_of(column, font), width_of(columns(character), font));
        column += columns(character);
        let latin = u32::from(character) < 256;
        let drawn = if latin { None } else { scalable(character, font) };
        match drawn.filter(|drawn| is_drawn(drawn) && missing.as_ref().is_none_or(|boxed| boxed.data() != drawn.data()))
        {
            Some(drawn) => blend(picture, &drawn, wide, color, [left, y]),
            None if latin => draw_latin(picture, &character.to_string(), font, color, [left, y]),
            None if wide > 0 && !character.is_whitespace() => draw_latin(picture, "?", font, color, [left, y]),
            None => {}
        }
    }
}

/// A character that no font has: of those that are left to private use.
const PRIVATE: char = '\u{f0000}';

fn width_of(columns: usize, font: &MonoFont) -> usize {
    columns * (font.character_size.width + font.character_spacing) as usize
}

/// A character of up to two columns by a font of this machine.
fn scalable(character: char, font: &MonoFont) -> Option<Pixmap> {
    let (width, height) = (width_of(2, font), height(font));
    // A wide character is about as high as two columns are wide; letters stand on a line a quarter above the bottom.
    let size = 2 * font.character_size.width - 1;
    let foot = height - height / 5;
    // By its code, so that nothing has to be escaped.
    let code = u32::from(character);
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\">\
         <text x=\"0\" y=\"{foot}\" font-family=\"sans-serif\" font-size=\"{size}\">&#{code};</text></svg>"
    );
    let tree = Tree::from_str(&svg, &png::options()?).ok()?;
    let mut pixels = Pixmap::new(u32::try_from(width).ok()?, u32::try_from(height).ok()?)?;
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    Some(pixels)
}

fn is_drawn(character: &Pixmap) -> bool {
    character.pixels().iter().any(|pixel| pixel.alpha() > 0)
}

/// Draws the left `wide` pixels of a character.
fn blend(picture: &mut RgbImage, character: &Pixmap, wide: usize, color: Rgb<u8>, [x, y]: [usize; 2]) {
    for v in 0..character.height() {
        for u in 0..character.width().min(wide as u32) {
            // How much of the pixel is ink.
            let ink = character.pixel(u, v).map_or(0, |pixel| u16::from(pixel.alpha()));
            if let Some(pixel) = picture.get_pixel_mut_checked(x as u32 + u, y as u32 + v) {
                let mix =
                    |paper: u8, color: u8| ((u16::from(paper) * (255 - ink) + u16::from(color) * ink) / 255) as u8;
                *pixel = Rgb(std::array::from_fn(|channel| mix(pixel.0[channel], color.0[channel])));
            }
        }
    }
}

/// A line in the fonts of the program.
fn draw_latin(picture: &mut RgbImage, text: &str, font: &MonoFont, color: Rgb<u8>, [x, y]: [usize; 2]) {
    let [red, green, blue] = color.0;
    let style = MonoTextStyle::new(font, Rgb888::new(red, green, blue));
    let corner = Point::new(x as i32, y as i32);
    // Drawing in memory cannot fail: `Canvas::Error` has no value.
    let Ok(_) = Text::with_baseline(text, corner, style, Baseline::Top).draw(&mut Canvas(picture));
}

/// A picture as embedded-graphics wants it.
struct Canvas<'a>(&'a mut RgbImage);

impl OriginDimensions for Canvas<'_> {
    fn size(&self) -> Size {
        Size::new(self.0.width(), self.0.height())
    }
}

impl DrawTarget for Canvas<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, color) in pixels {
            if let (Ok(x), Ok(y)) = (u32::try_from(point.x), u32::try_from(point.y))
                && let Some(pixel) = self.0.get_pixel_mut_checked(x, y)
            {
                *pixel = Rgb([color.r(), color.g(), color.b()]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use embedded_graphics::mono_font::iso_8859_1::FONT_7X13;

    use super::*;

    /// Fonts have boxes for it, which would make all names alike.
    #[test]
    fn what_no_font_has_is_a_question_mark() {
        let drawn = |text: &str| {
            let mut picture = RgbImage::from_pixel(40, 20, Rgb([255; 3]));
            draw(&mut picture, text, &FONT_7X13, Rgb([0; 3]), [0, 0]);
            picture
        };
        assert!(drawn("\u{10fffd}") == drawn("?"));
        assert!(drawn("a\u{10fffd}b") == drawn("a?b"));
    }
}
