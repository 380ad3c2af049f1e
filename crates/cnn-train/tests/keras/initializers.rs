use cnn_core::layers::{Distribution, FanMode, Initializer};
use serde_json::Value;

use crate::{book, close, number, numbers, optional};

fn initializer(name: &str, args: &Value) -> Initializer {
    let Some(scale) = optional(&args["scale"]) else { return Initializer::by_name(name).unwrap() };
    let mode = match args["mode"].as_str().unwrap() {
        "fan_in" => FanMode::In,
        "fan_out" => FanMode::Out,
        _ => FanMode::Average,
    };
    let distribution = match args["distribution"].as_str().unwrap() {
        "uniform" => Distribution::Uniform,
        "truncated_normal" => Distribution::TruncatedNormal,
        _ => Distribution::UntruncatedNormal,
    };
    Initializer::VarianceScaling { scale, mode, distribution }
}

#[test]
fn distributions_are_those_that_keras_asks_for() {
    for case in book()["initializers"].as_array().unwrap() {
        let shape: Vec<usize> = numbers(&case["shape"]).iter().map(|&size| size as usize).collect();
        let got = initializer(case["name"].as_str().unwrap(), &case["args"]).for_shape(&shape);
        let asked = &case["asked"];
        let (kind, first, second) = match got {
            Initializer::RandomUniform { minval, maxval } => ("uniform", minval, maxval),
            Initializer::RandomNormal { mean, stddev } => ("normal", mean, stddev),
            Initializer::TruncatedNormal { mean, stddev } => ("truncated_normal", mean, stddev),
            other => panic!("{other:?}"),
        };
        let keys = if kind == "uniform" { ["minval", "maxval"] } else { ["mean", "stddev"] };
        assert_eq!(kind, asked["kind"].as_str().unwrap(), "{case}");
        close(first, number(&asked[keys[0]]), 1e-15, &case.to_string());
        close(second, number(&asked[keys[1]]), 1e-15, &case.to_string());
    }
}

/// The deviation of a million values as that of Keras's million, and nothing outside the range.
#[test]
fn values_are_distributed_as_those_of_keras() {
    let moments = &book()["moments"];
    let draw = |initializer: Initializer| initializer.fill(&[1000, 1000], 3).unwrap().into_data();
    for (kind, initializer, largest) in [
        ("normal", Initializer::RandomNormal { mean: 0.0, stddev: 1.0 }, 7.0),
        ("truncated_normal", Initializer::TruncatedNormal { mean: 0.0, stddev: 1.0 }, 2.0),
    ] {
        let values = draw(initializer);
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / 1e6;
        let variance = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / 1e6;
        // Five standard errors of two such samples.
        close(mean, 0.0, 5e-3, kind);
        close(variance.sqrt(), number(&moments[kind]["deviation"]), 5e-3, kind);
        assert!(values.iter().all(|value| value.abs() <= largest), "{kind}");
    }
    let values = draw(Initializer::RandomUniform { minval: -1.0, maxval: 3.0 });
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / 1e6;
    close(mean, 1.0, 6e-3, "uniform");
    assert!(values.iter().all(|value| (-1.0..=3.0).contains(value)));
}

#[test]
fn orthogonal_vectors_have_length_gain() {
    for (shape, rows, columns) in
        [(vec![6, 4], 6, 4), (vec![3, 3, 2, 40], 18, 40), (vec![5, 5], 5, 5), (vec![0, 4], 0, 4)]
    {
        let data = Initializer::Orthogonal { gain: 1.5 }.fill(&shape, 11).unwrap().into_data();
        let count = rows.min(columns);
        let at = |vector: usize, i: usize| {
            f64::from(if rows >= columns { data[i * columns + vector] } else { data[vector * columns + i] })
        };
        for a in 0..count {
            for b in 0..count {
                let product: f64 = (0..rows.max(columns)).map(|i| at(a, i) * at(b, i)).sum();
                close(product, if a == b { 2.25 } else { 0.0 }, 1e-6, &format!("{shape:?} {a} {b}"));
            }
        }
    }
}

#[test]
fn the_rest_is_exact() {
    let fill = |name: &str, shape: &[usize]| Initializer::by_name(name).unwrap().fill(shape, 1);
    assert_eq!(fill("zeros", &[3]).unwrap().data(), [0.0; 3]);
    assert_eq!(fill("Ones", &[]).unwrap().data(), [1.0]);
    assert_eq!(fill("Identity", &[2, 3]).unwrap().data(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!(fill("HeNormal", &[4, 4]).unwrap(), fill("he_normal", &[4, 4]).unwrap());
    let other = Initializer::by_name("he_normal").unwrap().fill(&[4, 4], 2).unwrap();
    assert_ne!(fill("he_normal", &[4, 4]).unwrap(), other);
    let error = fill("identity", &[2, 3, 4]).unwrap_err().to_string();
    assert_eq!(error, "identity: the shape is [2, 3, 4], but has to have two axes");
    assert!(fill("orthogonal", &[3]).is_err() && fill("orthogonal", &[]).is_err());
    assert!(fill("zeros", &[usize::MAX, 2]).is_err());
    let error = Initializer::by_name("glorot").unwrap_err().to_string();
    assert!(error.starts_with("there is no initializer 'glorot'; known are zeros, ones,"), "{error}");
}
