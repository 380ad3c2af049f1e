//! `cnn models`: what the zoo holds.

use std::io::Write;

use clap::Args;
use cnn::hub::Hub;
use cnn::zoo::{Arguments, ROWS, Row};
use cnn::{Mode, Model};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::table::Table;

/// Lists the models of the zoo: input, parameters, size, depth, operations, and whether their weights are here
///
/// MB is the size of the weights in float32, a MB being 1024 times 1024 bytes as in Keras's tables. Depth is the number of
/// layers that have weights. GFLOPs are those of convolutions and matrix products for one picture, a multiplication and an
/// addition counting as two. Weights say which published files are in Keras's cache: those with the classifier (top), those
/// without (no-top); what is not there is downloaded when it is asked for.
#[derive(Debug, Args)]
pub struct Models {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What is told of a model, with its classifier and its default input.
struct Entry {
    row: &'static Row,
    parameters: usize,
    depth: usize,
    flops: u64,
    /// Whether the published files with and without the classifier are in the cache.
    cached: [bool; 2],
}

impl Models {
    pub fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let hub = Hub::from_environment();
        let entries: Result<Vec<Entry>, Failure> = ROWS.par_iter().map(|row| Entry::of(row, &hub)).collect();
        let entries = entries?;
        if self.json {
            let models: Vec<Value> = entries.iter().map(Entry::json).collect();
            writeln!(out, "{:#}", json!({ "models": models }))?;
            return Ok(());
        }
        let mut table = Table::new(["model", ">input", ">parameters", ">MB", ">depth", ">GFLOPs", "weights"]);
        entries.iter().for_each(|entry| table.row(entry.cells()));
        Ok(table.print(out)?)
    }
}

impl Entry {
    fn of(row: &'static Row, hub: &Hub) -> Result<Self, Failure> {
        let model = row.build(&Arguments::default())?;
        let input = vec![1, row.default_size, row.default_size, 3];
        let flops = model.lower(&[input], Mode::Inference, &[])?.flops();
        let cached = [row.weights, row.weights_no_top].map(|file| hub.find(file.file()).is_some());
        Ok(Self { row, parameters: model.count_params().total(), depth: depth(&model), flops, cached })
    }

    fn cells(&self) -> [String; 7] {
        let cached = match self.cached {
            [true, true] => "top, no-top",
            [true, false] => "top",
            [false, true] => "no-top",
            [false, false] => "-",
        };
        let size = self.row.default_size;
        [
            self.row.name.into(),
            format!("{size}x{size}"),
            format!("{:.1} M", self.parameters as f64 / 1e6),
            format!("{:.0}", self.megabytes()),
            self.depth.to_string(),
            format!("{:.2}", self.flops as f64 / 1e9),
            cached.into(),
        ]
    }

    fn json(&self) -> Value {
        let file = |file: cnn::zoo::WeightFile, cached: bool| json!({ "file": file.file(), "url": file.url, "hash": file.hash, "cached": cached });
        json!({
            "model": self.row.name,
            "input_size": self.row.default_size,
            "parameters": self.parameters,
            "megabytes": self.megabytes(),
            "depth": self.depth,
            "flops": self.flops,
            "weights": file(self.row.weights, self.cached[0]),
            "weights_no_top": file(self.row.weights_no_top, self.cached[1]),
        })
    }

    fn megabytes(&self) -> f64 {
        (self.parameters * size_of::<f32>()) as f64 / f64::from(1 << 20)
    }
}

/// The layers that have weights, those of nested models too: what Keras's table of its applications calls depth.
fn depth(model: &Model) -> usize {
    let own = model.layers().iter().map(|layer| match layer.nested() {
        Some(nested) => depth(nested),
        None => usize::from(!layer.weights().is_empty()),
    });
    own.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Size and depth as <https://keras.io/api/applications/> has them; operations, in multiply-adds, as the papers have them
    /// (InceptionV3: torchvision's table).
    #[test]
    fn the_table_of_keras() {
        let cases = [
            ("ResNet50", 98.0, 107, 3.8e9),
            ("VGG16", 528.0, 16, 15.5e9),
            ("MobileNetV2", 14.0, 105, 0.3e9),
            ("InceptionV3", 92.0, 189, 5.7e9),
        ];
        for (name, megabytes, depth, multiply_adds) in cases {
            let entry = Entry::of(cnn::zoo::find(name).unwrap(), &Hub::new("nowhere")).unwrap();
            assert_eq!((entry.depth, entry.cached), (depth, [false; 2]), "{name}");
            // Keras's are the files' sizes, which hold names too.
            assert!((0.0..1.5).contains(&(megabytes - entry.megabytes()).abs()), "{name}: {}", entry.megabytes());
            let ratio = entry.flops as f64 / 2.0 / multiply_adds;
            assert!((0.97..1.03).contains(&ratio), "{name}: {} operations", entry.flops);
        }
    }
}
