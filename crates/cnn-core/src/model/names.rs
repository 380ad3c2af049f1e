//! Automatic layer names, as Keras makes them.

use std::collections::HashMap;

/// How many automatic names each class has had.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Names(HashMap<String, usize>);

impl Names {
    /// The next name for a class: `conv2d`, then `conv2d_1`.
    pub(super) fn next(&mut self, class_name: &str) -> String {
        let stem = to_snake_case(class_name);
        let count = self.0.entry(stem.clone()).or_default();
        *count += 1;
        if *count == 1 { stem } else { format!("{stem}_{}", *count - 1) }
    }

    /// Goes on after `name`, if it is one that [`Names::next`] could give to that class.
    pub(super) fn skip(&mut self, class_name: &str, name: &str) {
        let stem = to_snake_case(class_name);
        let Some(rest) = name.strip_prefix(stem.as_str()) else { return };
        let number = if rest.is_empty() { Some(0) } else { rest.strip_prefix('_').and_then(|n| n.parse().ok()) };
        if let Some(number) = number.filter(|&n: &usize| n < usize::MAX) {
            let count = self.0.entry(stem).or_default();
            *count = (*count).max(number + 1);
        }
    }
}

/// A class name as Keras turns it into a layer's name: an underscore before a capital that begins a lower-case word, and
/// between a lower-case letter and a capital.
///
/// ```
/// use cnn_core::model::to_snake_case;
/// assert_eq!(to_snake_case("GlobalAveragePooling2D"), "global_average_pooling2d");
/// assert_eq!(to_snake_case("PReLU"), "p_re_lu");
/// ```
pub fn to_snake_case(class_name: &str) -> String {
    let letters: Vec<char> = class_name.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut name = String::new();
    for (i, &letter) in letters.iter().enumerate() {
        let word_begins = letters.get(i + 1).is_some_and(|next| next.is_ascii_lowercase());
        let after_lower_case = i > 0 && letters[i - 1].is_ascii_lowercase();
        if i > 0 && letter.is_ascii_uppercase() && (word_begins || after_lower_case) {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// The three of `names` that are the most like `name`, of those that are much like it at all: by the similarity of Jaro and
/// Winkler, which goes by the letters in common and the beginning.
pub(super) fn near(name: &str, names: Vec<String>) -> Vec<String> {
    const ALIKE: f64 = 0.8;
    let alike = |other: &String| strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase());
    let mut near: Vec<(f64, String)> = names.into_iter().map(|other| (alike(&other), other)).collect();
    near.retain(|(alike, _)| *alike > ALIKE);
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names() {
        let names = || ["conv1", "conv2", "flatten", "vgg16/block1_conv1", "predictions"].map(String::from).to_vec();
        let cases: [(&str, &[&str]); 4] = [
            ("conv9", &["conv1", "conv2"]),
            ("Prediction", &["predictions"]),
            ("vgg16/block1_conv", &["vgg16/block1_conv1"]),
            ("zzz", &[]),
        ];
        for (name, wanted) in cases {
            assert_eq!(near(name, names()), wanted, "{name}");
        }
    }

    /// Expectations: `keras.src.utils.naming.to_snake_case` of Keras 3.15.
    #[test]
    fn snake_case_as_keras() {
        let cases = [
            ("Conv2D", "conv2d"),
            ("Conv2DTranspose", "conv2d_transpose"),
            ("DepthwiseConv2D", "depthwise_conv2d"),
            ("MaxPooling2D", "max_pooling2d"),
            ("InputLayer", "input_layer"),
            ("ReLU", "re_lu"),
            ("LeakyReLU", "leaky_re_lu"),
            ("ELU", "elu"),
            ("UpSampling2D", "up_sampling2d"),
            ("BatchNormalization", "batch_normalization"),
        ];
        for (class, name) in cases {
            assert_eq!(to_snake_case(class), name);
        }
    }

    #[test]
    fn numbers_count_up() {
        let mut names = Names::default();
        names.skip("Dense", "dense_4");
        names.skip("Dense", "dense_of_mine");
        assert_eq!(["Conv2D", "Conv2D", "Dense"].map(|class| names.next(class)), ["conv2d", "conv2d_1", "dense_5"]);
    }
}
