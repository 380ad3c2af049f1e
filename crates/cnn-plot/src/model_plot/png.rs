//! An SVG drawing as a PNG file.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::{Database, FaceInfo, Style};
use resvg::usvg::{Options, Tree};

use crate::MAX_PIXELS;
use crate::error::PlotError;

/// Dots per inch of an SVG file's pixel, by CSS.
const SVG_DPI: f32 = 96.0;
/// Fonts for `sans-serif`, the best first; where none is there, any upright one.
const SANS_SERIF: [&str; 6] = ["DejaVu Sans", "Noto Sans", "Liberation Sans", "Arial", "Helvetica", "Segoe UI"];

pub fn render(svg: &str, dpi: u32) -> Result<Vec<u8>, PlotError> {
    let failed = |reason: String| PlotError::Render { reason };
    let options = options().ok_or(PlotError::NoFont)?;
    let tree = Tree::from_str(svg, &options).map_err(|error| failed(error.to_string()))?;
    let scale = dpi as f32 / SVG_DPI;
    let side = |side: f32| (side * scale).ceil() as usize;
    let (width, height) = (side(tree.size().width()), side(tree.size().height()));
    if width.saturating_mul(height) > MAX_PIXELS {
        return Err(PlotError::TooLarge { width, height });
    }
    let picture = u32::try_from(width).ok().zip(u32::try_from(height).ok()).and_then(|(w, h)| Pixmap::new(w, h));
    let mut picture = picture.ok_or(PlotError::TooLarge { width, height })?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut picture.as_mut());
    picture.encode_png().map_err(|error| failed(error.to_string()))
}

/// With the fonts of this machine, which are looked for once; nothing if there are none.
pub fn options() -> Option<Options<'static>> {
    static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| Arc::new(fonts()));
    (!FONTS.is_empty()).then(|| Options { fontdb: FONTS.clone(), ..Options::default() })
}

fn fonts() -> Database {
    let mut fonts = Database::new();
    fonts.load_system_fonts();
    // Until it is told, the library takes `sans-serif` for a font that not every machine has.
    let named = |name: &&str| fonts.faces().any(|face| face.families.iter().any(|(family, _)| family == name));
    let upright = |face: &&FaceInfo| !face.monospaced && face.style == Style::Normal;
    let first = || fonts.faces().find(upright).and_then(|face| face.families.first()).map(|(family, _)| family.clone());
    if let Some(family) = SANS_SERIF.iter().copied().find(named).map(str::to_string).or_else(first) {
        fonts.set_sans_serif_family(family);
    }
    let monospaced = fonts.faces().find(|face| face.monospaced).and_then(|face| face.families.first());
    let any = fonts.faces().find_map(|face| face.families.first());
    if let Some((family, _)) = monospaced.or(any).cloned() {
        fonts.set_monospace_family(family);
    }
    fonts
}
