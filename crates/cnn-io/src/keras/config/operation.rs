//! Bare operations between layers: their numbers stand among the arguments of their one call.

use cnn_core::layers::Operation;
use cnn_core::op::BinaryOp;
use serde_json::{Value, json};

use super::{Entry, layer};
use crate::error::Problem;

/// The module of the operations that are read.
pub(super) const MODULE: &str = "keras.src.ops.numpy";

/// Keras's classes of two arguments.
const CLASSES: [(&str, BinaryOp); 7] = [
    ("Add", BinaryOp::Add),
    ("Subtract", BinaryOp::Subtract),
    ("Multiply", BinaryOp::Multiply),
    ("TrueDivide", BinaryOp::Divide),
    ("Divide", BinaryOp::Divide),
    ("Maximum", BinaryOp::Maximum),
    ("Minimum", BinaryOp::Minimum),
];

/// Whether an entry in a list of layers is an operation: by its module, or, in a legacy file, which has none, by the lack
/// of what each layer has.
pub(super) fn is_operation(entry: &Entry<'_>) -> bool {
    match entry.text("module") {
        Some(module) => module.starts_with("keras.src.ops"),
        None => {
            let named_alone = entry.config.as_object().is_some_and(|config| config.keys().eq(["name"]));
            named_alone && arguments(entry).is_some() && CLASSES.iter().any(|&(class, _)| class == entry.class)
        }
    }
}

/// The arguments of its call.
fn arguments<'a>(entry: &Entry<'a>) -> Option<&'a [Value]> {
    match entry.object.get("inbound_nodes")?.as_array()?.as_slice() {
        [node] => Some(node.get("args")?.as_array()?.as_slice()),
        _ => None,
    }
}

/// The operation; `place` is where it stands.
pub(super) fn read(entry: &Entry<'_>, place: &str) -> Result<Operation, Problem> {
    let module = entry.text("module").unwrap_or(MODULE);
    let known = CLASSES.iter().find(|&&(class, _)| class == entry.class && module == MODULE);
    let Some(&(_, function)) = known else {
        return Err(layer::unknown(place.to_owned(), format!("{module}.{}", entry.class)));
    };
    let place = format!("{place} ({})", entry.class);
    match arguments(entry) {
        Some([a, b]) => {
            let number = |value: &Value| value.as_f64().filter(|number| number.is_finite());
            Ok(Operation { function, left: number(a), right: number(b) })
        }
        _ => Err(Problem::config(place, "an operation is called once, with two arguments by place")),
    }
}

/// The arguments of its call, `tensors` where it has no number.
pub(super) fn write_arguments(operation: &Operation, tensors: Vec<Value>) -> Value {
    let mut tensors = tensors.into_iter();
    let mut argument = |number: Option<f64>| number.map_or_else(|| tensors.next().unwrap_or_default(), |n| json!(n));
    json!([argument(operation.left), argument(operation.right)])
}
