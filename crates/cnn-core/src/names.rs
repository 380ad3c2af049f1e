//! Names as Keras writes them.

/// The one of `known` that `name` means, be it written `glorot_uniform` or `GlorotUniform`.
///
/// ```
/// assert_eq!(cnn_core::names::find("HeNormal", &["he_uniform", "he_normal"]), Some("he_normal"));
/// ```
pub fn find(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let letters = |text: &str| text.replace('_', "").to_lowercase();
    known.iter().copied().find(|entry| letters(entry) == letters(name))
}
