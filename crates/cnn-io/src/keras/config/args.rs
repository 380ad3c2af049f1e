//! A layer's arguments in a configuration, taken one by one; what nobody takes is unknown and an error.

use cnn_core::layers::{Activation, Numbers, Padding, SymbolicShape};
use serde_json::{Map, Value};

use super::Dialect;
use crate::error::Problem;

/// The arguments of one layer.
pub(super) struct Args<'a> {
    config: &'a Map<String, Value>,
    taken: Vec<String>,
    /// Where it stands: the models around it, its name and its class.
    pub(super) place: String,
    pub(super) dialect: Dialect,
    /// What was found but has no effect here.
    pub(super) notes: Vec<String>,
}

impl<'a> Args<'a> {
    pub(super) fn new(config: &'a Map<String, Value>, place: String, dialect: Dialect) -> Self {
        Self { config, taken: Vec::new(), place, dialect, notes: Vec::new() }
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> Problem {
        Problem::config(&self.place, reason)
    }

    pub(super) fn unsupported(&self, what: impl std::fmt::Display, remedy: &str) -> Problem {
        Problem::unsupported(format!("{}: {what}", self.place), remedy)
    }

    /// The argument's value; `None` where it is missing or null.
    pub(super) fn get(&mut self, key: &str) -> Option<&'a Value> {
        self.taken.push(key.to_owned());
        self.config.get(key).filter(|value| !value.is_null())
    }

    /// Whether the argument is there, be it null.
    pub(super) fn has(&self, key: &str) -> bool {
        self.config.contains_key(key)
    }

    pub(super) fn wrong(&self, key: &str, value: &Value, wanted: &str) -> Problem {
        let mut shown = value.to_string();
        if shown.chars().count() > 80 {
            shown = shown.chars().take(80).chain("...".chars()).collect();
        }
        self.error(format!("{key} is {shown}, but should be {wanted}"))
    }

    fn required(&mut self, key: &'static str) -> Result<&'a Value, Problem> {
        self.get(key).ok_or_else(|| self.error(format!("argument {key} is missing")))
    }

    pub(super) fn size(&mut self, key: &'static str) -> Result<usize, Problem> {
        let value = self.required(key)?;
        as_size(value).ok_or_else(|| self.wrong(key, value, "a whole number"))
    }

    pub(super) fn size_or(&mut self, key: &'static str, default: usize) -> Result<usize, Problem> {
        if self.get(key).is_none() { Ok(default) } else { self.size(key) }
    }

    /// One size for both axes, or one for each.
    pub(super) fn pair(&mut self, key: &'static str) -> Result<[usize; 2], Problem> {
        let value = self.required(key)?;
        as_pair(value).ok_or_else(|| self.wrong(key, value, "a whole number or two"))
    }

    pub(super) fn pair_or(&mut self, key: &'static str, default: [usize; 2]) -> Result<[usize; 2], Problem> {
        if self.get(key).is_none() { Ok(default) } else { self.pair(key) }
    }

    /// `[[top, bottom], [left, right]]`, or shorter forms.
    pub(super) fn sides(&mut self, key: &'static str) -> Result<[[usize; 2]; 2], Problem> {
        let value = self.required(key)?;
        let sides = match value.as_array().map(Vec::as_slice) {
            Some([rows, columns]) => as_pair(rows).zip(as_pair(columns)),
            Some(_) => None,
            None => as_pair(value).map(|both| (both, both)),
        };
        sides
            .map(|(rows, columns)| [rows, columns])
            .ok_or_else(|| self.wrong(key, value, "[[top, bottom], [left, right]]"))
    }

    pub(super) fn number(&mut self, key: &'static str) -> Result<f64, Problem> {
        let value = self.required(key)?;
        as_number(value).ok_or_else(|| self.wrong(key, value, "a number"))
    }

    pub(super) fn number_or(&mut self, key: &'static str, default: f64) -> Result<f64, Problem> {
        if self.get(key).is_none() { Ok(default) } else { self.number(key) }
    }

    /// One number, or nested lists of them.
    pub(super) fn numbers(&mut self, key: &'static str, default: f64) -> Result<Numbers, Problem> {
        match self.get(key) {
            None => Ok(default.into()),
            Some(value) => as_numbers(value).ok_or_else(|| self.wrong(key, value, "a number or an array of numbers")),
        }
    }

    pub(super) fn flag_or(&mut self, key: &'static str, default: bool) -> Result<bool, Problem> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.wrong(key, value, "true or false")),
        }
    }

    pub(super) fn text_or(&mut self, key: &'static str, default: &'a str) -> Result<&'a str, Problem> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value.as_str().ok_or_else(|| self.wrong(key, value, "a text")),
        }
    }

    /// One whole number, or a list of them.
    pub(super) fn integers(&mut self, key: &'static str) -> Result<Option<Vec<isize>>, Problem> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let integers: Option<Vec<isize>> = match value {
            Value::Array(values) => values.iter().map(as_integer).collect(),
            one => as_integer(one).map(|one| vec![one]),
        };
        integers.map(Some).ok_or_else(|| self.wrong(key, value, "whole numbers"))
    }

    /// A shape with `null` for sizes that are not known.
    pub(super) fn shape(&mut self, key: &'static str) -> Result<Option<SymbolicShape>, Problem> {
        let Some(value) = self.get(key) else { return Ok(None) };
        as_shape(value).map(Some).ok_or_else(|| self.wrong(key, value, "a list of sizes"))
    }

    pub(super) fn activation(&mut self) -> Result<Activation, Problem> {
        let Some(value) = self.get("activation") else { return Ok(Activation::Linear) };
        // Keras 2 may write a function as an object whose `config` is its name.
        let function = value.get("class_name").and_then(Value::as_str) == Some("function");
        let name = value.as_str().or_else(|| value.get("config").filter(|_| function)?.as_str());
        let Some(name) = name else {
            let class = value.get("class_name").and_then(Value::as_str).unwrap_or("an object");
            return Err(self.unsupported(
                format!("an activation that is itself a layer ({class})"),
                "give the layer activation=None and put that layer behind it",
            ));
        };
        if name == "hard_sigmoid" && self.dialect == Dialect::Keras2 {
            return Err(self.unsupported(
                "Keras 2's hard_sigmoid, which is clip(0.2 x + 0.5) where Keras 3's is clip(x / 6 + 0.5),",
                "rebuild the model in Keras 3, or use Rescaling(0.2, 0.5) and ReLU(1) in its place",
            ));
        }
        Activation::from_name(name).filter(|_| name != "gelu_tanh").ok_or_else(|| {
            self.unsupported(format!("activation '{name}'"), "use one of the functions of keras.activations by name")
        })
    }

    pub(super) fn padding(&mut self) -> Result<Padding, Problem> {
        match self.text_or("padding", "valid")? {
            text if text.eq_ignore_ascii_case("valid") => Ok(Padding::Valid),
            text if text.eq_ignore_ascii_case("same") => Ok(Padding::Same),
            text => Err(self.error(format!("padding is '{text}', but should be 'valid' or 'same'"))),
        }
    }

    /// `seed`, which may be any whole number: its bits are what counts.
    pub(super) fn seed(&mut self) -> Result<Option<u64>, Problem> {
        let Some(value) = self.get("seed") else { return Ok(None) };
        let seed = value.as_u64().or_else(|| value.as_i64().map(i64::cast_unsigned));
        seed.map(Some).ok_or_else(|| self.wrong("seed", value, "a whole number"))
    }

    /// Takes `data_format`, which must be `channels_last`.
    pub(super) fn channels_last(&mut self) -> Result<(), Problem> {
        match self.text_or("data_format", "channels_last")? {
            "channels_last" => Ok(()),
            text => Err(self.unsupported(format!("data_format '{text}'"), "rebuild the model with channels_last")),
        }
    }

    /// Takes `dtype`: a type or a policy, which must be float32.
    pub(super) fn check_dtype(&mut self) -> Result<(), Problem> {
        for key in ["dtype", "input_dtype"] {
            let Some(value) = self.get(key) else { continue };
            let policy = || value.get("config")?.get("name")?.as_str();
            match value.as_str().or_else(policy) {
                Some("float32") => {}
                name => {
                    let what = format!("dtype {}", name.map_or_else(|| value.to_string(), |name| format!("'{name}'")));
                    return Err(self.unsupported(what, "save the model under the policy 'float32'"));
                }
            }
        }
        Ok(())
    }

    /// Takes an argument that must be absent or have that value.
    pub(super) fn only(&mut self, key: &'static str, value: &Value) -> Result<(), Problem> {
        match self.get(key) {
            Some(other) if other != value => {
                let what = format!("{key} = {other}");
                Err(self.unsupported(what, "rebuild the layer with the argument's default"))
            }
            _ => Ok(()),
        }
    }

    /// Ends the taking: whatever is left is unknown.
    pub(super) fn finish(mut self) -> Result<Vec<String>, Problem> {
        let unknown: Vec<&str> =
            self.config.keys().filter(|key| !self.taken.contains(key)).map(String::as_str).collect();
        match unknown.as_slice() {
            [] => Ok(std::mem::take(&mut self.notes)),
            [one] => Err(self.error(format!("unknown argument '{one}'"))),
            many => Err(self.error(format!("unknown arguments '{}'", many.join("', '")))),
        }
    }
}

/// Numbers up to 2^53 may be written as floats.
fn as_integer(value: &Value) -> Option<isize> {
    let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
    let integer = value.as_i64().or_else(|| whole(value.as_f64()?))?;
    isize::try_from(integer).ok()
}

pub(super) fn as_size(value: &Value) -> Option<usize> {
    usize::try_from(as_integer(value)?).ok()
}

pub(super) fn as_number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite())
}

/// A number, or nested lists of numbers whose lengths agree.
pub(super) fn as_numbers(value: &Value) -> Option<Numbers> {
    let Value::Array(values) = value else { return as_number(value).map(Numbers::from) };
    let mut all = Numbers { shape: vec![values.len()], data: Vec::new() };
    let mut inner: Option<Vec<usize>> = None;
    for value in values {
        let Numbers { shape, data } = as_numbers(value)?;
        if *inner.get_or_insert_with(|| shape.clone()) != shape {
            return None;
        }
        all.data.extend(data);
    }
    all.shape.extend(inner.unwrap_or_default());
    Some(all)
}

fn as_pair(value: &Value) -> Option<[usize; 2]> {
    match value.as_array().map(Vec::as_slice) {
        Some([one]) => as_size(one).map(|size| [size; 2]),
        Some([rows, columns]) => Some([as_size(rows)?, as_size(columns)?]),
        Some(_) => None,
        None => as_size(value).map(|size| [size; 2]),
    }
}

pub(super) fn as_shape(value: &Value) -> Option<SymbolicShape> {
    let size = |value: &Value| if value.is_null() { Some(None) } else { as_size(value).map(Some) };
    value.as_array()?.iter().map(size).collect()
}
