//! Weights that fit in part: what is left out is what Keras 3.15's `load_weights(skip_mismatch=True)` leaves out of the
//! same models and files.

use cnn_core::layers::{BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D, Padding};
use cnn_core::{Model, ModelError, Sequential, Weights};
use cnn_io::{Format, Skipped, read_matching_weights, write};

/// How a model differs from the one that the files were written of.
#[derive(Debug, Clone, Copy)]
struct Other {
    kernel_size: usize,
    bias: bool,
    classes: usize,
    /// How many convolutions there are.
    convolutions: usize,
}

const SAME: Other = Other { kernel_size: 3, bias: true, classes: 5, convolutions: 2 };

fn model(other: Other) -> Result<Model, ModelError> {
    let conv = |size: usize| Conv2D::new(4, size).padding(Padding::Same);
    let mut m = Sequential::new("m").input([8, 8, 3])?.add(conv(other.kernel_size).name("c1"))?;
    if other.convolutions > 1 {
        m = m.add(conv(3).use_bias(other.bias).name("c2"))?;
    }
    if other.convolutions > 2 {
        m = m.add(conv(3).name("c3"))?;
    }
    m.add(BatchNormalization::new().name("bn"))?
        .add(GlobalAveragePooling2D::new())?
        .add(Dense::new(other.classes).name("d"))?
        .model()
}

#[test]
fn what_keras_skips_is_skipped() {
    let written = model(SAME).unwrap();
    let weights = Weights::initialize(&written, 1);
    let legacy = [Format::LegacyWeightsH5, Format::LegacyH5];
    let keras3 = [Format::WeightsH5, Format::Keras];
    let safetensors = [Format::Safetensors(Default::default())];
    let shapes = Other { kernel_size: 5, classes: 3, ..SAME };
    let no_bias = Other { bias: false, ..SAME };
    let fewer = Other { convolutions: 1, ..SAME };
    let more = Other { convolutions: 3, ..SAME };
    // The weights that are not loaded, or how the file is refused.
    type Wanted<'a> = Result<&'a [&'a str], &'a str>;
    let cases: [(Other, &[Format], Wanted<'_>); 12] = [
        (SAME, &legacy, Ok(&[])),
        (SAME, &keras3, Ok(&[])),
        (shapes, &legacy, Ok(&["c1/kernel", "d/kernel", "d/bias"])),
        (shapes, &keras3, Ok(&["c1/kernel", "c1/bias", "d/kernel", "d/bias"])),
        (shapes, &safetensors, Ok(&["c1/kernel", "d/kernel", "d/bias"])),
        (no_bias, &legacy, Err("c2 ('c2' in the file): wants 1 tensors, but the file has 2")),
        (no_bias, &keras3, Ok(&["c2/kernel"])),
        (fewer, &legacy, Err("the file has 4 layers with weights, the model 3")),
        (fewer, &keras3, Ok(&[])),
        (more, &legacy, Err("the file has 4 layers with weights, the model 5")),
        (more, &keras3, Ok(&["c3/kernel", "c3/bias"])),
        (more, &safetensors, Ok(&["c3/kernel", "c3/bias"])),
    ];
    for (other, formats, wanted) in cases {
        let other = model(other).unwrap();
        for &format in formats {
            let bytes = write(&written, &weights, format).unwrap();
            match (read_matching_weights(bytes, &other, "file"), wanted) {
                (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
                (Ok(got), Ok(wanted)) => {
                    let missing = other.weights().into_iter().map(|weight| weight.path);
                    let missing: Vec<String> = missing.filter(|path| got.weights.get(path).is_none()).collect();
                    assert_eq!(missing, wanted, "{format:?}");
                    assert_eq!(listed(&got.skipped), sorted(wanted), "{format:?}");
                    for (path, tensor) in got.weights.iter().filter(|(path, _)| !path.starts_with("bn")) {
                        assert_eq!(Some(tensor), weights.get(path), "{path}");
                    }
                }
                (got, wanted) => panic!("{format:?}: {got:?} and not {wanted:?}"),
            }
        }
    }
}

/// The weights in the list of what was skipped, without the file's names for them, sorted.
fn listed(skipped: &[Skipped]) -> Vec<String> {
    let weight = |skipped: &Skipped| match skipped {
        Skipped::Misshaped { weight, .. } | Skipped::Missing { weight, .. } | Skipped::WithItsLayer { weight } => {
            Some(weight.split(' ').next()?.to_owned())
        }
        Skipped::Extra { .. } => None,
    };
    let mut weights: Vec<String> = skipped.iter().filter_map(weight).collect();
    weights.sort();
    weights
}

fn sorted(weights: &[&str]) -> Vec<String> {
    let mut weights: Vec<String> = weights.iter().map(|&weight| weight.to_owned()).collect();
    weights.sort();
    weights
}

/// Each line says what does not fit.
#[test]
fn the_list_is_for_people() {
    let written = model(Other { convolutions: 3, ..SAME }).unwrap();
    let bytes = write(&written, &Weights::initialize(&written, 1), Format::WeightsH5).unwrap();
    let other = model(Other { kernel_size: 5, ..SAME }).unwrap();
    let skipped = read_matching_weights(bytes, &other, "file").unwrap().skipped;
    let lines: Vec<String> = skipped.iter().map(Skipped::to_string).collect();
    let wanted = [
        "c1/kernel (layers/conv2d/vars/0 in the file) should be [5, 5, 3, 4], is [3, 3, 3, 4]",
        "c1/bias fits, but another weight of its layer does not",
        "layers/conv2d_2/vars/0 [3, 3, 4, 4] is no weight of the model",
        "layers/conv2d_2/vars/1 [4] is no weight of the model",
    ];
    assert_eq!(lines, wanted);
}
