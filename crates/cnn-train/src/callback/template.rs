//! The path of a checkpoint with numbers in it, such as `{epoch:02d}-{val_loss:.2f}.keras`.

use super::python::Spec;
use super::{CallbackError, Logs};

/// A text with fields in braces; doubled braces are braces.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Template {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Field { name: String, spec: Spec },
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, CallbackError> {
        let error = |problem: String| CallbackError::Template { template: text.to_owned(), problem };
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal += &rest[..at];
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(left) = rest.strip_prefix(brace) {
                literal += brace;
                rest = left;
            } else {
                let field = rest.split_once('}').filter(|_| brace == "{");
                let (field, left) = field.ok_or_else(|| error(format!("has a lonely '{brace}'; double it")))?;
                let (name, spec) = field.split_once(':').unwrap_or((field, ""));
                let spec = Spec::parse(spec).map_err(error)?;
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
                pieces.push(Piece::Field { name: name.to_owned(), spec });
                rest = left;
            }
        }
        pieces.push(Piece::Text(literal + rest));
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// The text with epoch and batch, which are counted from 1 there, and the numbers of the logs.
    pub fn fill(&self, epoch: usize, batch: Option<usize>, logs: &Logs) -> Result<String, CallbackError> {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => Ok(text.clone()),
            Piece::Field { name, spec } => match (name.as_str(), batch, logs.get(name)) {
                ("epoch", ..) => Ok(spec.integer(epoch + 1)),
                // What the logs have under that name goes before, as in Keras.
                ("batch", Some(batch), None) => Ok(spec.integer(batch + 1)),
                (_, _, Some(value)) => {
                    spec.float(value).ok_or_else(|| self.error(format!("writes {name} as an integer, which it is not")))
                }
                (_, _, None) => {
                    let known: Vec<&str> =
                        ["epoch"].into_iter().chain(batch.map(|_| "batch")).chain(logs.names()).collect();
                    Err(self.error(format!("wants '{name}'; there are {}", known.join(", "))))
                }
            },
        };
        self.pieces.iter().map(piece).collect()
    }

    /// As it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn error(&self, problem: String) -> CallbackError {
        CallbackError::Template { template: self.text.clone(), problem }
    }
}
