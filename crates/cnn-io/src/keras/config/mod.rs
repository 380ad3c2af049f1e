//! Keras's JSON configuration of a model, from and to a [`Model`].
//!
//! Read are the forms of Keras 3 (`.keras`, and whole-model `.h5`) and of Keras 2 (both, and `model.to_json()`); written
//! is Keras 3's, in the part that all its versions read. How a model was compiled is not kept, nor an initializer,
//! regularizer or constraint that is not Keras's own; both are noted.

mod applications;
mod args;
mod augmentation;
mod convolution;
mod elementwise;
mod layer;
mod operation;
mod options;
mod shapes;
mod spatial;
mod wiring;
mod write;

use cnn_core::layers::{InputLayer, Layer, Named, SymbolicShape};
use cnn_core::{Model, Sequential};
use serde_json::{Map, Value};

use crate::error::{IoError, Problem};
use args::{Args, as_shape};
use wiring::Wiring;

pub use layer::{layer_from_config, layer_to_config};
pub use write::model_to_json;
pub(crate) use write::{Style, for_keras, model_config};

/// Which Keras wrote a configuration: the same words can mean different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Keras2,
    Keras3,
}

impl Dialect {
    /// By a version such as `2.15.0`; without one, Keras 3.
    pub(crate) fn of_version(version: Option<&str>) -> Self {
        if version.is_some_and(|version| version.starts_with("2.")) { Dialect::Keras2 } else { Dialect::Keras3 }
    }
}

/// The model of a configuration as `model.to_json()` gives it, and notes on what was found there but not kept.
///
/// # Errors
/// If the text is no such configuration, or a layer or argument in it is not known; the error says where it stands.
/// `name` is the file's name for the message.
///
/// ```
/// let model = cnn_core::Sequential::new("tiny").input([4])?.add(cnn_core::layers::Dense::new(2))?.model()?;
/// let json = cnn_io::keras::model_to_json(&model)?;
/// assert_eq!(cnn_io::keras::model_from_json(&json, "tiny.json")?.0, model);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn model_from_json(json: &str, name: &str) -> Result<(Model, Vec<String>), IoError> {
    read_model(json, None).map_err(|problem| problem.in_file(name))
}

/// [`model_from_json`], of a Keras of that version if it is known from elsewhere.
pub(crate) fn read_model(json: &str, version: Option<&str>) -> Result<(Model, Vec<String>), Problem> {
    let value: Value = serde_json::from_str(json).map_err(|error| Problem::damaged("JSON", error))?;
    let value = simplify(value);
    let version = version.or_else(|| value.get("keras_version")?.as_str());
    let mut reader = Reader { dialect: Dialect::of_version(version), notes: Vec::new() };
    let model = reader.model(&Entry::new(&value, "the configuration")?, "")?;
    if value.get("compile_config").is_some_and(|config| config.get("optimizer").is_some()) {
        reader.notes.push(NOT_COMPILED.into());
    }
    Ok((model, reader.notes))
}

/// The note on a file of a compiled model.
pub(crate) const NOT_COMPILED: &str = "how the model was compiled, and its optimizer's state, are not kept";

/// Unpacks the objects that Keras 2 and 3 write for tuples, shapes and arrays.
fn simplify(value: Value) -> Value {
    match value {
        Value::Array(values) => Value::Array(values.into_iter().map(simplify).collect()),
        Value::Object(mut object) => {
            let packed = match object.get("class_name").and_then(Value::as_str) {
                Some("__tuple__" | "TensorShape") => object.remove("items"),
                Some("__numpy__") => {
                    object.get_mut("config").and_then(|config| config.get_mut("value")).map(Value::take)
                }
                _ => None,
            };
            match packed {
                Some(value) => simplify(value),
                None => Value::Object(object.into_iter().map(|(key, value)| (key, simplify(value))).collect()),
            }
        }
        other => other,
    }
}

/// An object with a class and a configuration.
struct Entry<'a> {
    class: &'a str,
    object: &'a Map<String, Value>,
    config: &'a Value,
}

impl<'a> Entry<'a> {
    fn new(value: &'a Value, place: &str) -> Result<Self, Problem> {
        let object = value.as_object();
        let class = object.and_then(|object| object.get("class_name")?.as_str());
        let config = object.and_then(|object| object.get("config"));
        match (object, class, config) {
            (Some(object), Some(class), Some(config)) => Ok(Self { class, object, config }),
            _ => Err(Problem::config(place, "has no class_name or no config")),
        }
    }

    fn is_model(&self) -> bool {
        matches!(self.class, "Sequential" | "Functional" | "Model")
    }

    /// The name in the entry or in its configuration.
    fn name(&self) -> Option<&'a str> {
        self.object.get("name").or_else(|| self.config.get("name"))?.as_str()
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.object.get(key)?.as_str()
    }
}

/// Where something stands: the models around it and its own name.
fn at(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}/{name}") }
}

struct Reader {
    dialect: Dialect,
    notes: Vec<String>,
}

impl Reader {
    fn model(&mut self, entry: &Entry<'_>, place: &str) -> Result<Model, Problem> {
        match entry.class {
            "Sequential" => self.sequential(entry, place),
            "Functional" | "Model" => self.functional(entry, place),
            class => {
                let what = format!("{}: a model of class '{class}'", at(place, entry.name().unwrap_or("the model")));
                Err(Problem::unsupported(what, "Sequential and Functional models are read"))
            }
        }
    }

    /// The arguments of a model and its list of layers.
    fn open<'a>(&self, entry: &Entry<'a>, place: &str) -> Result<(Args<'a>, String, &'a [Value]), Problem> {
        let name = entry.name().unwrap_or("model").to_owned();
        let label = format!("{} ({})", at(place, &name), entry.class);
        let Some(config) = entry.config.as_object() else {
            return Err(Problem::config(label, "its config is no object"));
        };
        let mut args = Args::new(config, label, self.dialect);
        args.get("name");
        args.check_dtype()?;
        let layers =
            args.get("layers").and_then(Value::as_array).ok_or_else(|| args.error("it has no list of layers"))?;
        wiring::check_size(layers.len(), &args.place)?;
        Ok((args, name, layers))
    }

    fn sequential(&mut self, entry: &Entry<'_>, place: &str) -> Result<Model, Problem> {
        // The first Keras 2 wrote the list of layers alone.
        if let Value::Array(layers) = entry.config {
            let name = entry.name().unwrap_or("sequential").to_owned();
            return self.chain(name, layers, None, true, place);
        }
        let (mut args, name, layers) = self.open(entry, place)?;
        let trainable = args.flag_or("trainable", true)?;
        let built = args.shape("build_input_shape")?;
        let build_config = || as_shape(entry.object.get("build_config")?.get("input_shape")?);
        let input = built.or_else(build_config);
        args.finish()?;
        self.chain(name, layers, input, trainable, place)
    }

    /// Layers one after another; `input` is the shape the first one takes, if the configuration has it.
    fn chain(
        &mut self,
        name: String,
        layers: &[Value],
        input: Option<SymbolicShape>,
        trainable: bool,
        place: &str,
    ) -> Result<Model, Problem> {
        let inside = at(place, &name);
        let mut model = Sequential::new(name);
        for (index, value) in layers.iter().enumerate() {
            let (entry, named) = self.layer(value, &inside, index)?;
            if index == 0 && !matches!(named.layer, Layer::InputLayer(_)) {
                // Without an input layer, the first layer or the model itself knows the shape.
                let own = ["batch_shape", "batch_input_shape"].iter().find_map(|key| as_shape(entry.config.get(key)?));
                if let Some(batch_shape) = own.or_else(|| input.clone()) {
                    let input = format!("{}_input", named.name.as_deref().unwrap_or("sequential"));
                    model = model.add(InputLayer { batch_shape }.name(input))?;
                }
            }
            model = model.add(named)?;
        }
        let mut model = model.model()?;
        model.set_own_trainable(trainable);
        Ok(model)
    }

    fn functional(&mut self, entry: &Entry<'_>, place: &str) -> Result<Model, Problem> {
        let (mut args, name, layers) = self.open(entry, place)?;
        let trainable = args.flag_or("trainable", true)?;
        let inside = at(place, &name);
        let mut wiring = Wiring::default();
        for (index, value) in layers.iter().enumerate() {
            let (entry, named) = self.layer(value, &inside, index)?;
            let Some(own) = entry.name() else {
                return Err(Problem::config(format!("{inside}/layers[{index}] ({})", entry.class), "has no name"));
            };
            let nodes = entry.object.get("inbound_nodes").unwrap_or(&Value::Null);
            wiring.add(own, named, nodes, &at(&inside, own))?;
        }
        let ends = [args.get("input_layers"), args.get("output_layers")];
        let label = args.place.clone();
        args.finish()?;
        let mut model = wiring.build(name, ends, self.dialect, &label)?;
        model.set_own_trainable(trainable);
        Ok(model)
    }

    /// The entry at `index` in the list of layers, and the layer or nested model that it is.
    fn layer<'a>(&mut self, value: &'a Value, place: &str, index: usize) -> Result<(Entry<'a>, Named), Problem> {
        let number = format!("layers[{index}]");
        let entry = Entry::new(value, &at(place, &number))?;
        let named = self.named(&entry, place, entry.name().unwrap_or(&number))?;
        Ok((entry, named))
    }

    fn named(&mut self, entry: &Entry<'_>, place: &str, own: &str) -> Result<Named, Problem> {
        // A user's own class is registered as `package>Class`.
        if let Some(class) = entry.text("registered_name").filter(|name| name.contains('>')) {
            return Err(layer::unknown(at(place, own), class.to_owned()));
        }
        if operation::is_operation(entry) {
            let operation = Named::from(operation::read(entry, &at(place, own))?);
            return Ok(match entry.name() {
                Some(name) => operation.name(name),
                None => operation,
            });
        }
        if entry.is_model() {
            return Ok(self.model(entry, place)?.into());
        }
        let label = format!("{} ({})", at(place, own), entry.class);
        let Some(config) = entry.config.as_object() else {
            return Err(Problem::config(label, "its config is no object"));
        };
        let mut args = Args::new(config, label, self.dialect);
        args.get("name");
        let trainable = args.flag_or("trainable", true)?;
        args.check_dtype()?;
        let layer = layer::read(entry.class, &mut args)?;
        // The shape that a first layer of a Sequential may carry is read there.
        for key in ["batch_shape", "batch_input_shape"] {
            args.get(key);
        }
        self.notes.extend(args.finish()?);
        let named = Named::from(layer).trainable(trainable);
        Ok(match entry.name() {
            Some(name) => named.name(name),
            None => named,
        })
    }
}
