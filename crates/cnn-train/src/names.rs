//! Names as Keras writes them.

/// The one of `known` that `name` means, be it written `glorot_uniform` or `GlorotUniform`.
pub(crate) fn find(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let letters = |text: &str| text.replace('_', "").to_lowercase();
    known.iter().copied().find(|entry| letters(entry) == letters(name))
}
