//! Numbers as Python writes them, since Keras's files and the names of its checkpoints have them so.
//!
//! Source: the Python documentation, "Format Specification Mini-Language", and of `float.__repr__`.

/// A float as Python's `repr` writes it: the fewest digits that give the same float again.
pub(super) fn repr(value: f64) -> String {
    if !value.is_finite() {
        return not_finite(value);
    }
    let (_, exponent) = digits(&format!("{value:e}"));
    if (-4..16).contains(&exponent) {
        let text = value.to_string();
        return if text.contains('.') { text } else { text + ".0" };
    }
    scientific(&format!("{value:e}"))
}

fn not_finite(value: f64) -> String {
    if value.is_nan() { "nan".to_owned() } else { value.to_string() }
}

/// Rust's `1.5e-7` in two parts.
fn digits(text: &str) -> (&str, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (mantissa, exponent.parse().unwrap_or(0))
}

/// Rust's `1.5e-7` as Python's `1.5e-07`.
fn scientific(text: &str) -> String {
    let (mantissa, exponent) = digits(text);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// What stands behind the colon of a field such as `{val_loss:.2f}`: an alignment (`<`, `>`, `^`), a zero, a width, a
/// precision and a type (`d`, `e`, `f`, `g`, `%`), all optional.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Spec {
    align: Option<char>,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
    kind: Option<char>,
}

/// The widest field and the most digits behind the point; more would be a mistake.
const MOST: usize = 100;

impl Spec {
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("the format '{text}' is none that is known here; write such as 02d, .2f, .3e, g or .1%");
        let mut spec = Self::default();
        let mut rest = text;
        if let Some(align) = rest.chars().next().filter(|letter| "<>^".contains(*letter)) {
            spec.align = Some(align);
            rest = &rest[1..];
        }
        if let Some(left) = rest.strip_prefix('0') {
            (spec.zeros, rest) = (true, left);
        }
        let (width, left) = leading_digits(rest);
        spec.width = if width.is_empty() { 0 } else { width.parse().map_err(|_| wrong())? };
        rest = left;
        if let Some(left) = rest.strip_prefix('.') {
            let (precision, left) = leading_digits(left);
            spec.precision = Some(precision.parse().map_err(|_| wrong())?);
            rest = left;
        }
        let mut letters = rest.chars();
        spec.kind = letters.next();
        let known = spec.kind.is_none_or(|kind| "defg%".contains(kind));
        let sized = spec.width <= MOST && spec.precision.is_none_or(|precision| precision <= MOST);
        // Python gives a precision another meaning where no type or an integer's stands behind it.
        let typed = spec.precision.is_none() || spec.kind.is_some_and(|kind| kind != 'd');
        if !known || !sized || !typed || letters.next().is_some() {
            return Err(wrong());
        }
        Ok(spec)
    }

    /// A whole number, such as an epoch.
    pub fn integer(&self, value: usize) -> String {
        match self.kind {
            None | Some('d') => self.pad(value.to_string()),
            Some(kind) => self.pad(self.digits(value as f64, kind)),
        }
    }

    /// A number of the logs, or `None` where the type is an integer's.
    pub fn float(&self, value: f64) -> Option<String> {
        match self.kind {
            Some('d') => None,
            None => Some(self.pad(repr(value))),
            Some(kind) => Some(self.pad(self.digits(value, kind))),
        }
    }

    fn digits(&self, value: f64, kind: char) -> String {
        let precision = self.precision.unwrap_or(6);
        let percent = if kind == '%' { "%" } else { "" };
        if !value.is_finite() {
            return not_finite(value) + percent;
        }
        match kind {
            'e' => scientific(&format!("{value:.precision$e}")),
            'g' => general(value, precision.max(1)),
            '%' => format!("{:.precision$}%", value * 100.0),
            _ => format!("{value:.precision$}"),
        }
    }

    fn pad(&self, text: String) -> String {
        let missing = self.width.saturating_sub(text.len());
        match self.align {
            None if self.zeros => {
                let (sign, digits) = text.split_at(usize::from(text.starts_with('-')));
                format!("{sign}{}{digits}", "0".repeat(missing))
            }
            align => {
                let before = match align {
                    Some('<') => 0,
                    Some('^') => missing / 2,
                    _ => missing,
                };
                let fill = if self.zeros { "0" } else { " " };
                format!("{}{text}{}", fill.repeat(before), fill.repeat(missing - before))
            }
        }
    }
}

fn leading_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()))
}

/// So many digits in all, without zeros at the end, in the shorter of the two ways.
fn general(value: f64, precision: usize) -> String {
    let text = format!("{value:.*e}", precision - 1);
    let (mantissa, exponent) = digits(&text);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent < -4 || exponent >= precision as i32 {
        return scientific(&format!("{}e{exponent}", trim(mantissa)));
    }
    trim(&format!("{value:.*}", (precision as i32 - 1 - exponent) as usize))
}
