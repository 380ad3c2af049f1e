//! The 1,000 classes of ImageNet, by which the published weights were trained.

use std::sync::LazyLock;

use cnn_core::{ShapeError, Tensor};

/// A class: what Keras's `imagenet_class_index.json` says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// The WordNet id of its synset: `n01440764`.
    pub wordnet_id: &'static str,
    /// Its name: `great_white_shark`. Two pairs of classes share one (`crane`, `maillot`); ids are unique.
    pub name: &'static str,
}

/// A class and the score that a model gave it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The class's place on the model's last axis.
    pub index: usize,
    /// The class.
    pub class: Class,
    /// Its score: a probability, or a logit where the model ends in none.
    pub score: f32,
}

/// Id and name in each line, in the order of the models' outputs: the contents of Keras's `imagenet_class_index.json`.
const TABLE: &str = include_str!("imagenet.tsv");

static CLASSES: LazyLock<Vec<Class>> = LazyLock::new(|| {
    let lines = TABLE.lines().filter_map(|line| line.split_once('\t'));
    lines.map(|(wordnet_id, name)| Class { wordnet_id, name }).collect()
});

/// The classes in the order of the models' outputs, which is that of their ids.
///
/// ```
/// let classes = cnn_zoo::imagenet_classes();
/// assert_eq!((classes.len(), classes[1].name), (1000, "goldfish"));
/// ```
pub fn imagenet_classes() -> &'static [Class] {
    &CLASSES
}

/// The `count` best classes of each picture of a batch `[n, 1000]`, the best first: Keras's `decode_predictions`.
///
/// # Errors
/// If the scores have another shape.
///
/// ```
/// use cnn_core::Tensor;
/// let scores = Tensor::from_fn(vec![1, 1000], |class| if class == 404 { 0.9 } else { 0.0 });
/// let best = cnn_zoo::decode_predictions(&scores, 5)?;
/// assert_eq!((best[0][0].class.name, best[0].len()), ("airliner", 5));
/// # Ok::<(), cnn_core::ShapeError>(())
/// ```
pub fn decode_predictions(scores: &Tensor, count: usize) -> Result<Vec<Vec<Prediction>>, ShapeError> {
    let classes = imagenet_classes();
    if scores.shape().len() != 2 || scores.shape()[1] != classes.len() {
        return Err(ShapeError::new("decode_predictions", "expects [n, 1000]", &[scores.shape()]));
    }
    let predict = |(index, score)| Prediction { index, class: classes[index], score };
    let rows = scores.data().chunks_exact(classes.len());
    Ok(rows.map(|row| top(row, count).into_iter().map(predict).collect()).collect())
}

/// The `count` largest scores and their places, the largest first; of equal ones the first.
pub fn top(scores: &[f32], count: usize) -> Vec<(usize, f32)> {
    let mut order: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order.truncate(count);
    order
}

#[cfg(test)]
mod tests {
    use md5::{Digest, Md5};

    use super::*;

    /// Written as JSON, the table is Keras's file byte for byte: its hash is the one in Keras's `imagenet_utils.py`.
    #[test]
    fn the_classes_are_keras_file() {
        let classes = imagenet_classes();
        let entry =
            |(index, class): (usize, &Class)| format!("\"{index}\": [\"{}\", \"{}\"]", class.wordnet_id, class.name);
        let json = format!("{{{}}}", classes.iter().enumerate().map(entry).collect::<Vec<_>>().join(", "));
        let hash: String = Md5::digest(json).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, "c2c37ea517e94d9795004a39431a14cb");

        assert_eq!(classes.len(), 1000);
        assert!(classes.windows(2).all(|pair| pair[0].wordnet_id < pair[1].wordnet_id));
        // What Keras's documentation of ResNet50 prints for its elephant.
        let known = [(386, "n02504458", "African_elephant"), (385, "n02504013", "Indian_elephant")];
        for (index, wordnet_id, name) in known {
            assert_eq!(classes[index], Class { wordnet_id, name });
        }
    }

    #[test]
    fn the_best_come_first() {
        assert_eq!(top(&[0.1, 0.5, 0.5, 0.2], 3), [(1, 0.5), (2, 0.5), (3, 0.2)]);
        assert_eq!(top(&[0.1], 5), [(0, 0.1)]);

        let scores = Tensor::from_fn(vec![2, 1000], |i| {
            [(7, 0.25), (8, 0.5), (1999, 1.0)].iter().find(|x| x.0 == i).map_or(0.0, |x| x.1)
        });
        let got = decode_predictions(&scores, 2).unwrap();
        let names: Vec<Vec<&str>> = got.iter().map(|row| row.iter().map(|best| best.class.name).collect()).collect();
        assert_eq!(names, [["hen", "cock"], ["toilet_tissue", "tench"]]);

        for shape in [vec![1000], vec![1, 10], vec![1, 1, 1000]] {
            let error = decode_predictions(&Tensor::full(shape, 0.0), 5).unwrap_err().to_string();
            assert!(error.contains("expects [n, 1000]"), "{error}");
        }
    }
}
