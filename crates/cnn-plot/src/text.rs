//! Lines of text on a picture.

use std::convert::Infallible;

use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::text::{Baseline, Text};
use image::{Rgb, RgbImage};

/// Pixels from the left of a line's first character to the right of its last.
pub fn width(text: &str, font: &MonoFont) -> usize {
    let count = text.chars().count();
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

/// Draws a line with its top left corner at (x, y); what lies outside the picture is left out.
pub fn draw(picture: &mut RgbImage, text: &str, font: &MonoFont, color: Rgb<u8>, [x, y]: [usize; 2]) {
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
