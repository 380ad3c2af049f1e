//! The names of classes.

use std::path::Path;

use cnn::io::files;
use cnn::zoo::imagenet_classes;
use cnn::{Model, Network};
use serde_json::Value;

use crate::console::Console;
use crate::failure::{Failure, suggestion};
use crate::model::Source;
use crate::paths::has_ending;
use crate::table::symbolic_shape;
use crate::training::loss::ends_in_logits;

/// The names of a model's classes, if they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labels {
    /// No names: classes are numbers.
    None,
    /// ImageNet's, with their WordNet ids.
    ImageNet,
    /// Names in the classes' order.
    Named(Vec<String>),
}

impl Labels {
    /// The names of a network's classes: those in a file, or ImageNet's where it is one of the zoo with as many.
    pub fn of(network: &Network, source: &Source, file: Option<&Path>, console: &Console) -> Result<Self, Failure> {
        let classes = classes(network.model())?;
        match (file, source) {
            (Some(path), _) => Ok(Self::Named(names(path, classes)?)),
            (None, Source::Zoo(_)) if classes == imagenet_classes().len() => Ok(Self::ImageNet),
            (None, _) => {
                console.detail(&format!("{}: classes have no names without --labels", network.model().name()));
                Ok(Self::None)
            }
        }
    }

    /// The name of a class.
    pub fn name(&self, index: usize) -> String {
        let name = match self {
            Labels::None => None,
            Labels::ImageNet => imagenet_classes().get(index).map(|class| class.name.to_string()),
            Labels::Named(names) => names.get(index).cloned(),
        };
        name.unwrap_or_else(|| format!("class {index}"))
    }

    /// The class of that number, counted from 0, or of that name, in any case.
    pub fn find(&self, text: &str, classes: usize) -> Result<usize, Failure> {
        let refuse = |reason: String| Err(Failure::Failed(format!("--class {text}: {reason}")));
        if let Ok(class) = text.parse() {
            let none = || refuse(format!("there are {classes} classes, counted from 0"));
            return if class < classes { Ok(class) } else { none() };
        }
        if *self == Labels::None {
            return refuse("the classes have no names without --labels; give the class's number".into());
        }
        let names: Vec<String> = (0..classes).map(|class| self.name(class)).collect();
        match names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            Some(class) => Ok(class),
            None => refuse(format!("no class has that name{}", suggestion(text, names.iter().map(String::as_str)))),
        }
    }

    /// The WordNet id of a class of ImageNet.
    pub fn wordnet_id(&self, index: usize) -> Option<&'static str> {
        match self {
            Labels::ImageNet => imagenet_classes().get(index).map(|class| class.wordnet_id),
            Labels::None | Labels::Named(_) => None,
        }
    }
}

/// The names of so many classes in a file: a text with one in each line, or JSON, Keras's
/// `{"0": ["n01440764", "tench"], …}` or a list.
pub fn names(path: &Path, classes: usize) -> Result<Vec<String>, Failure> {
    let bytes = files::read(path)?;
    let wrong = |reason: String| Failure::Failed(format!("{}: {reason}", path.display()));
    let text = String::from_utf8(bytes)
        .map_err(|_| wrong("is no text; give one name in each line, or Keras's imagenet_class_index.json".into()))?;
    // Some editors begin a file with a mark of its encoding.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let names = match serde_json::from_str(text) {
        Ok(json @ (Value::Object(_) | Value::Array(_))) => from_json(&json).map_err(wrong)?,
        Err(error) if has_ending(path, "json") => return Err(wrong(format!("is no whole JSON file: {error}"))),
        // A name may begin as JSON does.
        _ => text.lines().map(|line| line.trim().to_string()).collect(),
    };
    if names.len() != classes {
        return Err(wrong(format!("has {} names, the model {classes} classes", names.len())));
    }
    Ok(names)
}

/// How many classes a classifier tells apart: one output alone tells two.
pub fn classes(model: &Model) -> Result<usize, Failure> {
    let output = &model.output_shapes()[0];
    let &[_, Some(outputs)] = output.as_slice() else {
        let reason =
            format!("its output has the shape {}, not that of a classifier, [None, classes]", symbolic_shape(output));
        return Err(Failure::Failed(format!("{}: {reason}; use `cnn run` instead", model.name())));
    };
    Ok(if outputs == 1 { 2 } else { outputs })
}

/// The scores of all classes, sample by sample: a classifier's outputs, or of one output alone the probabilities of both.
pub fn scores(model: &Model, outputs: Vec<f32>) -> Vec<f32> {
    match model.output_shapes()[0].as_slice() {
        [_, Some(1)] => outputs.chunks(1).flat_map(|row| probabilities(row, ends_in_logits(model))).collect(),
        _ => outputs,
    }
}

/// Of every class, from the outputs for a sample, which are `logits` or probabilities; one number alone is that of class 1.
pub fn probabilities(row: &[f32], logits: bool) -> Vec<f32> {
    match (row, logits) {
        (&[one], false) => vec![1.0 - one, one],
        (&[logit], true) => probabilities(&[0.0, logit], true),
        (row, false) => row.to_vec(),
        (row, true) => {
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let powers: Vec<f32> = row.iter().map(|x| (x - largest).exp()).collect();
            let sum: f32 = powers.iter().sum();
            powers.into_iter().map(|x| x / sum).collect()
        }
    }
}

/// Says of scores that are none what is wrong.
pub fn check_scores(scores: &[f32]) -> Result<(), String> {
    match scores.iter().filter(|score| !score.is_finite()).count() {
        0 => Ok(()),
        wrong => {
            let count = scores.len();
            Err(format!("{wrong} of {count} scores are NaN or infinite; try --precision f32 or --device cpu"))
        }
    }
}

fn from_json(json: &Value) -> Result<Vec<String>, String> {
    let count = json.as_object().map(|object| object.len()).or(json.as_array().map(Vec::len)).unwrap_or(0);
    let entry = |index: usize| json.get(index.to_string()).or_else(|| json.get(index));
    let name = |index: usize| {
        let entry = entry(index)?;
        entry.as_str().or_else(|| entry.get(1)?.as_str()).map(str::to_string)
    };
    let names = (0..count).map(|index| name(index).ok_or_else(|| format!("has no name for class {index}")));
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a file of that name and text says of two classes.
    fn loaded(name: &str, text: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        names(&path, 2).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn a_name_may_begin_as_json_does() {
        let named = |names: [&str; 2]| Ok(names.map(String::from).to_vec());
        assert_eq!(loaded("classes.txt", "[old] cat\ndog\n"), named(["[old] cat", "dog"]));
        assert_eq!(loaded("classes.txt", "{a}\n{b}\n"), named(["{a}", "{b}"]));
        assert_eq!(loaded("classes.txt", "1\n2\n"), named(["1", "2"]));
        assert_eq!(loaded("classes.txt", "\u{feff}cat\r\ndog\r\n"), named(["cat", "dog"]));
        assert_eq!(loaded("classes.txt", r#"["a", "b"]"#), named(["a", "b"]));
        assert_eq!(loaded("classes.json", r#"{"0": "a", "1": "b"}"#), named(["a", "b"]));
        let error = loaded("classes.json", r#"["a", "#).unwrap_err();
        assert!(error.contains("classes.json: is no whole JSON file"), "{error}");
        let error = loaded("classes.txt", r#"["a", "#).unwrap_err();
        assert!(error.contains("classes.txt: has 1 names, the model 2 classes"), "{error}");
    }

    #[test]
    fn json_in_either_form() {
        let cases = [
            (r#"{"1": ["n2", "b"], "0": ["n1", "a"]}"#, Ok(vec!["a".to_string(), "b".into()])),
            (r#"["a", "b"]"#, Ok(vec!["a".to_string(), "b".into()])),
            (r#"{"1": ["n2", "b"]}"#, Err("has no name for class 0".to_string())),
        ];
        for (text, wanted) in cases {
            assert_eq!(from_json(&serde_json::from_str(text).unwrap()), wanted);
        }
    }
}
