//! The names of classes.

use std::path::Path;

use cnn::io::files;
use serde_json::Value;

use crate::console::Console;
use crate::failure::Failure;
use crate::paths;

/// The names of a model's classes in order, if they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels(Vec<String>);

impl Labels {
    /// No names: classes are numbers.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// The names in a file: a text with one in each line, or JSON, Keras's `{"0": ["n01440764", "tench"], …}` or a list.
    pub fn load(path: &Path, classes: usize) -> Result<Self, Failure> {
        let bytes = files::read(path)?;
        let wrong = |reason: String| Failure::Failed(format!("{}: {reason}", path.display()));
        let text = String::from_utf8(bytes).map_err(|_| {
            wrong("is no text; give one name in each line, or Keras's imagenet_class_index.json".into())
        })?;
        let names = match text.trim_start().as_bytes().first() {
            Some(b'{' | b'[') => from_json(&text).map_err(wrong)?,
            _ => text.lines().map(|line| line.trim().to_string()).collect(),
        };
        if names.len() != classes {
            return Err(wrong(format!("has {} names, the model {classes} classes", names.len())));
        }
        Ok(Self(names))
    }

    /// ImageNet's, if Keras has downloaded them on this machine.
    pub fn imagenet(classes: usize, console: &Console) -> Result<Self, Failure> {
        const FILE: &str = "imagenet_class_index.json";
        match paths::in_keras_cache(FILE) {
            Some(path) => {
                console.note(&format!("labels from {}", path.display()));
                Self::load(&path, classes)
            }
            None => {
                console.note(&format!("classes have no names without --labels FILE (Keras's is called {FILE})"));
                Ok(Self::none())
            }
        }
    }

    /// The name of a class.
    pub fn name(&self, index: usize) -> String {
        self.0.get(index).cloned().unwrap_or_else(|| format!("class {index}"))
    }
}

fn from_json(text: &str) -> Result<Vec<String>, String> {
    let json: Value = serde_json::from_str(text).map_err(|error| format!("is no whole JSON file: {error}"))?;
    let count = json.as_object().map(|object| object.len()).or(json.as_array().map(Vec::len)).unwrap_or(0);
    let entry = |index: usize| json.get(index.to_string()).or_else(|| json.get(index));
    let name = |index: usize| {
        let entry = entry(index)?;
        entry.as_str().or_else(|| entry.get(1)?.as_str()).map(str::to_string)
    };
    let names = (0..count).map(|index| name(index).ok_or_else(|| format!("has no name for class {index}")));
    names.collect()
}

/// The `count` largest scores and their classes, the largest first; of equal ones the first class.
pub fn top(scores: &[f32], count: usize) -> Vec<(usize, f32)> {
    let mut order: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order.truncate(count);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_either_form() {
        let cases = [
            (r#"{"1": ["n2", "b"], "0": ["n1", "a"]}"#, Ok(vec!["a".to_string(), "b".into()])),
            (r#"["a", "b"]"#, Ok(vec!["a".to_string(), "b".into()])),
            (r#"{"1": ["n2", "b"]}"#, Err("has no name for class 0".to_string())),
        ];
        for (text, wanted) in cases {
            assert_eq!(from_json(text), wanted);
        }
    }

    #[test]
    fn the_best_come_first() {
        assert_eq!(top(&[0.1, 0.5, 0.5, 0.2], 3), [(1, 0.5), (2, 0.5), (3, 0.2)]);
        assert_eq!(top(&[0.1], 5), [(0, 0.1)]);
    }
}
