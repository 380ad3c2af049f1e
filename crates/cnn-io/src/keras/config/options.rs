//! Initializers, regularizers and constraints, from and to a configuration: by name (`"he_normal"`, `"l2"`), or as an object
//! with class and arguments.

use std::sync::LazyLock;

use cnn_core::layers::{Constraint, Distribution, FanMode, Initializer, OrthogonalMode, Regularizer, WeightOptions};
use cnn_core::names;
use serde_json::{Map, Value, json};

use super::args::{Args, as_number};
use super::write::{Config, one_or_more};
use crate::error::Problem;

/// The arguments of what stands there by name alone.
static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl<'a> Args<'a> {
    /// Takes `[weight]_initializer`, `[weight]_regularizer` and `[weight]_constraint`.
    pub(super) fn weight(&mut self, weight: &str, default: Initializer) -> Result<WeightOptions, Problem> {
        let mut options = self.initializer(weight, default)?;
        options.regularizer = self.regularizer(&format!("{weight}_regularizer"))?;
        options.constraint = self.constraint(&format!("{weight}_constraint"))?;
        Ok(options)
    }

    /// Takes `[weight]_initializer`. One that is not known here is noted: it matters for weights that no file has.
    pub(super) fn initializer(&mut self, weight: &str, default: Initializer) -> Result<WeightOptions, Problem> {
        let key = format!("{weight}_initializer");
        let Some((class, mut args)) = self.object(&key)? else { return Ok(default.into()) };
        let value = args.get("value");
        let constant = |default| value.map_or(Some(default), as_number);
        let initializer = match Initializer::by_name(&class) {
            Ok(Initializer::Constant(default)) => constant(default).map(Initializer::Constant),
            Ok(known) => Some(args.drawn(known)?),
            Err(_) => None,
        };
        let Some(initializer) = initializer else {
            self.notes.push(format!("{}: {key} '{class}' is none that is known here, and is not kept", self.place));
            return Ok(default.into());
        };
        let seed = match args.get("seed") {
            Some(Value::Object(_)) => {
                self.notes.push(format!("{}: the seed generator of {key} is not kept", self.place));
                None
            }
            _ => args.seed()?,
        };
        // The first Keras 2 has it.
        args.get("dtype");
        // Which axes of a weight its fans are, where they are not those of its layer.
        if args.get("input_axes").is_some() || args.get("output_axes").is_some() {
            let what = "has axes of its own for inputs and outputs, which are not kept";
            self.notes.push(format!("{}: {key} '{class}' {what}", self.place));
        }
        args.get("output_axes");
        self.notes.extend(args.finish()?);
        Ok(WeightOptions { seed, ..initializer.into() })
    }

    /// Takes the arguments of a random initializer or an identity; what is missing is that of `known`.
    fn drawn(&mut self, known: Initializer) -> Result<Initializer, Problem> {
        Ok(match known {
            Initializer::Constant(_) => known,
            Initializer::Identity { gain } => Initializer::Identity { gain: self.number_or("gain", gain)? },
            Initializer::RandomUniform { minval, maxval } => Initializer::RandomUniform {
                minval: self.number_or("minval", minval)?,
                maxval: self.number_or("maxval", maxval)?,
            },
            Initializer::RandomNormal { mean, stddev } => Initializer::RandomNormal {
                mean: self.number_or("mean", mean)?,
                stddev: self.number_or("stddev", stddev)?,
            },
            Initializer::TruncatedNormal { mean, stddev } => Initializer::TruncatedNormal {
                mean: self.number_or("mean", mean)?,
                stddev: self.number_or("stddev", stddev)?,
            },
            Initializer::VarianceScaling { scale, mode, distribution } => Initializer::VarianceScaling {
                scale: self.number_or("scale", scale)?,
                mode: match self.text_or("mode", fan_mode(mode))? {
                    "fan_in" => FanMode::In,
                    "fan_out" => FanMode::Out,
                    "fan_avg" => FanMode::Average,
                    text => {
                        return Err(self.error(format!("mode is '{text}', but should be fan_in, fan_out or fan_avg")));
                    }
                },
                distribution: match self.text_or("distribution", distribution_name(distribution))? {
                    "uniform" => Distribution::Uniform,
                    "normal" | "truncated_normal" => Distribution::TruncatedNormal,
                    "untruncated_normal" => Distribution::UntruncatedNormal,
                    text => {
                        let wanted = "uniform, truncated_normal or untruncated_normal";
                        return Err(self.error(format!("distribution is '{text}', but should be {wanted}")));
                    }
                },
            },
            Initializer::Orthogonal { gain } => Initializer::Orthogonal { gain: self.number_or("gain", gain)? },
        })
    }

    pub(super) fn regularizer(&mut self, key: &str) -> Result<Option<Regularizer>, Problem> {
        let Some((class, mut args)) = self.object(key)? else { return Ok(None) };
        let regularizer = match names::find(&class, &["l1", "l2", "l1_l2", "orthogonal_regularizer"]) {
            Some("l1") => Regularizer::L1(args.number_or("l1", 0.01)?),
            Some("l2") => Regularizer::L2(args.number_or("l2", 0.01)?),
            Some("l1_l2") => Regularizer::L1L2 { l1: args.number_or("l1", 0.0)?, l2: args.number_or("l2", 0.0)? },
            Some(_) => Regularizer::Orthogonal {
                factor: args.number_or("factor", 0.01)?,
                mode: match args.text_or("mode", "rows")? {
                    "rows" => OrthogonalMode::Rows,
                    "columns" => OrthogonalMode::Columns,
                    text => return Err(args.error(format!("mode is '{text}', but should be rows or columns"))),
                },
            },
            None => {
                self.note_unknown(key, &class);
                return Ok(Some(Regularizer::Unknown(class)));
            }
        };
        self.notes.extend(args.finish()?);
        Ok(Some(regularizer))
    }

    fn constraint(&mut self, key: &str) -> Result<Option<Constraint>, Problem> {
        let Some((class, mut args)) = self.object(key)? else { return Ok(None) };
        let constraint = match names::find(&class, &["max_norm", "non_neg", "unit_norm", "min_max_norm"]) {
            Some("max_norm") => {
                Constraint::MaxNorm { max_value: args.number_or("max_value", 2.0)?, axis: args.norm_axis()? }
            }
            Some("non_neg") => Constraint::NonNeg,
            Some("unit_norm") => Constraint::UnitNorm { axis: args.norm_axis()? },
            Some(_) => Constraint::MinMaxNorm {
                min_value: args.number_or("min_value", 0.0)?,
                max_value: args.number_or("max_value", 1.0)?,
                rate: args.number_or("rate", 1.0)?,
                axis: args.norm_axis()?,
            },
            None => {
                self.note_unknown(key, &class);
                return Ok(Some(Constraint::Unknown(class)));
            }
        };
        self.notes.extend(args.finish()?);
        Ok(Some(constraint))
    }

    /// `axis`: 0 where it is missing, all axes where it is null.
    fn norm_axis(&mut self) -> Result<Vec<isize>, Problem> {
        let missing = !self.has("axis");
        Ok(self.integers("axis")?.unwrap_or_else(|| if missing { vec![0] } else { Vec::new() }))
    }

    fn note_unknown(&mut self, key: &str, class: &str) {
        let what = "is none of Keras's own: it has no effect in inference, training refuses it, and files leave it out";
        self.notes.push(format!("{}: {key} '{class}' {what}", self.place));
    }

    /// Takes something of a class with arguments of its own.
    fn object(&mut self, key: &str) -> Result<Option<(String, Args<'a>)>, Problem> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let text = |key| value.get(key).and_then(Value::as_str);
        // A user's own class is registered as `package>Class`.
        let registered = text("registered_name").filter(|name| name.contains('>'));
        let Some(class) = value.as_str().or(registered).or_else(|| text("class_name")) else {
            return Err(self.wrong(key, value, "a name, or an object with class_name and config"));
        };
        let arguments = value.get("config").and_then(Value::as_object).unwrap_or(&NONE);
        let place = format!("{}: {key} ({class})", self.place);
        Ok(Some((class.to_owned(), Args::new(arguments, place, self.dialect))))
    }
}

/// Sets initializer, regularizer and constraint of each weight.
pub(super) fn write_weights(config: &mut Config<'_>, weights: &[(&str, &WeightOptions)]) {
    for (weight, options) in weights {
        write_initializer(config, weight, options);
        config.set(&format!("{weight}_regularizer"), regularizer(options.regularizer.as_ref()));
        config.set(&format!("{weight}_constraint"), constraint(options.constraint.as_ref()));
    }
}

pub(super) fn write_initializer(config: &mut Config<'_>, weight: &str, options: &WeightOptions) {
    config.set(&format!("{weight}_initializer"), initializer(options));
}

/// The classes that are variance scaling with given arguments, by name.
const SCALED: [(&str, Initializer); 6] = [
    ("GlorotUniform", Initializer::GLOROT_UNIFORM),
    ("GlorotNormal", Initializer::GLOROT_NORMAL),
    ("HeUniform", Initializer::HE_UNIFORM),
    ("HeNormal", Initializer::HE_NORMAL),
    ("LecunUniform", Initializer::LECUN_UNIFORM),
    ("LecunNormal", Initializer::LECUN_NORMAL),
];

fn initializer(options: &WeightOptions) -> Value {
    let seed = options.seed;
    let scaled = SCALED.iter().find(|(_, scaled)| *scaled == options.initializer);
    let (class, arguments) = match options.initializer {
        Initializer::Constant(0.0) => ("Zeros", json!({})),
        Initializer::Constant(1.0) => ("Ones", json!({})),
        Initializer::Constant(value) => ("Constant", json!({"value": value})),
        Initializer::Identity { gain } => ("Identity", json!({"gain": gain})),
        Initializer::RandomUniform { minval, maxval } => {
            ("RandomUniform", json!({"minval": minval, "maxval": maxval, "seed": seed}))
        }
        Initializer::RandomNormal { mean, stddev } => {
            ("RandomNormal", json!({"mean": mean, "stddev": stddev, "seed": seed}))
        }
        Initializer::TruncatedNormal { mean, stddev } => {
            ("TruncatedNormal", json!({"mean": mean, "stddev": stddev, "seed": seed}))
        }
        Initializer::VarianceScaling { scale, mode, distribution } => match scaled {
            Some((class, _)) => (*class, json!({"seed": seed})),
            None => {
                let (mode, distribution) = (fan_mode(mode), distribution_name(distribution));
                let arguments = json!({"scale": scale, "mode": mode, "distribution": distribution, "seed": seed});
                ("VarianceScaling", arguments)
            }
        },
        Initializer::Orthogonal { gain } => ("Orthogonal", json!({"gain": gain, "seed": seed})),
    };
    object("keras.initializers", class, arguments)
}

fn fan_mode(mode: FanMode) -> &'static str {
    match mode {
        FanMode::In => "fan_in",
        FanMode::Out => "fan_out",
        FanMode::Average => "fan_avg",
    }
}

fn distribution_name(distribution: Distribution) -> &'static str {
    match distribution {
        Distribution::Uniform => "uniform",
        Distribution::TruncatedNormal => "truncated_normal",
        Distribution::UntruncatedNormal => "untruncated_normal",
    }
}

pub(super) fn regularizer(regularizer: Option<&Regularizer>) -> Value {
    let (class, arguments) = match regularizer {
        None | Some(Regularizer::Unknown(_)) => return Value::Null,
        Some(Regularizer::L1(l1)) => ("L1", json!({"l1": l1})),
        Some(Regularizer::L2(l2)) => ("L2", json!({"l2": l2})),
        Some(Regularizer::L1L2 { l1, l2 }) => ("L1L2", json!({"l1": l1, "l2": l2})),
        Some(Regularizer::Orthogonal { factor, mode }) => {
            let mode = match mode {
                OrthogonalMode::Rows => "rows",
                OrthogonalMode::Columns => "columns",
            };
            ("OrthogonalRegularizer", json!({"factor": factor, "mode": mode}))
        }
    };
    object("keras.regularizers", class, arguments)
}

fn constraint(constraint: Option<&Constraint>) -> Value {
    let axes = |axis: &[isize]| if axis.is_empty() { Value::Null } else { one_or_more(axis) };
    let (class, arguments) = match constraint {
        None | Some(Constraint::Unknown(_)) => return Value::Null,
        Some(Constraint::MaxNorm { max_value, axis }) => {
            ("MaxNorm", json!({"max_value": max_value, "axis": axes(axis)}))
        }
        Some(Constraint::NonNeg) => ("NonNeg", json!({})),
        Some(Constraint::UnitNorm { axis }) => ("UnitNorm", json!({"axis": axes(axis)})),
        Some(Constraint::MinMaxNorm { min_value, max_value, rate, axis }) => {
            ("MinMaxNorm", json!({"min_value": min_value, "max_value": max_value, "rate": rate, "axis": axes(axis)}))
        }
    };
    object("keras.constraints", class, arguments)
}

fn object(module: &str, class: &str, config: Value) -> Value {
    json!({"module": module, "class_name": class, "config": config, "registered_name": null})
}
