use cnn_core::Tensor;
use cnn_train::metric::{
    Accuracy, Auc, AucOptions, Average, ConfusionMatrix, Curve, F1Score, Mean, Metric, Positives, Precision, Recall,
    SummationMethod, by_name,
};
use serde_json::Value;

use crate::{book, close, number, numbers, optional};

fn metric(name: &str, args: &Value) -> Box<dyn Metric> {
    let k = args["k"].as_u64().unwrap_or(5) as usize;
    match name {
        "BinaryAccuracy" => Box::new(Accuracy::binary(optional(&args["threshold"]).unwrap_or(0.5) as f32)),
        "CategoricalAccuracy" => Box::new(Accuracy::categorical()),
        "SparseCategoricalAccuracy" => Box::new(Accuracy::sparse_categorical()),
        "TopKCategoricalAccuracy" => Box::new(Accuracy::top_k(k)),
        "SparseTopKCategoricalAccuracy" => Box::new(Accuracy::sparse_top_k(k)),
        "AUC" => Box::new(Auc::new(auc_options(args)).unwrap()),
        "Precision" => Box::new(Precision::new(positives(args)).unwrap()),
        "Recall" => Box::new(Recall::new(positives(args)).unwrap()),
        "ConfusionMatrix" => Box::new(ConfusionMatrix::new(args["classes"].as_u64().unwrap() as usize)),
        "F1Score" => {
            let average = match args["average"].as_str() {
                None => Average::None,
                Some("micro") => Average::Micro,
                Some("macro") => Average::Macro,
                Some("weighted") => Average::Weighted,
                Some(other) => panic!("{other}"),
            };
            let threshold = optional(&args["threshold"]).map(|threshold| threshold as f32);
            Box::new(F1Score::new(average, threshold).unwrap())
        }
        other => by_name(other).unwrap(),
    }
}

fn auc_options(args: &Value) -> AucOptions {
    AucOptions {
        num_thresholds: args["num_thresholds"].as_u64().unwrap_or(200) as usize,
        thresholds: (!args["thresholds"].is_null()).then(|| numbers(&args["thresholds"])),
        curve: if args["curve"] == "PR" { Curve::Pr } else { Curve::Roc },
        summation_method: match args["summation_method"].as_str() {
            Some("minoring") => SummationMethod::Minoring,
            Some("majoring") => SummationMethod::Majoring,
            _ => SummationMethod::Interpolation,
        },
        multi_label: args["multi_label"].as_bool().unwrap_or(false),
        from_logits: args["from_logits"].as_bool().unwrap_or(false),
    }
}

fn positives(args: &Value) -> Positives {
    let thresholds = match &args["thresholds"] {
        Value::Null => Vec::new(),
        Value::Array(list) => list.iter().map(|value| number(value) as f32).collect(),
        one => vec![number(one) as f32],
    };
    let count = |key: &str| args[key].as_u64().map(|count| count as usize);
    Positives { thresholds, top_k: count("top_k"), class_id: count("class_id") }
}

fn tensor(value: &Value) -> Tensor {
    let shape = numbers(&value["shape"]).iter().map(|&size| size as usize).collect();
    Tensor::new(shape, numbers(&value["data"]).iter().map(|&value| value as f32).collect()).unwrap()
}

/// Every case, and again with the state handed on to a new metric after each batch, and again after a reset.
#[test]
fn every_case() {
    for (i, case) in book()["metrics"].as_array().unwrap().iter().enumerate() {
        let (name, args) = (case["name"].as_str().unwrap(), &case["args"]);
        if name == "Mean" {
            mean(case);
            continue;
        }
        let (mut whole, mut handed) = (metric(name, args), metric(name, args));
        for turn in 0..2 {
            for batch in case["batches"].as_array().unwrap() {
                let (y_true, y_pred) = (tensor(&batch[0]), tensor(&batch[1]));
                let weights = (!batch[2].is_null()).then(|| tensor(&batch[2]).into_data());
                whole.update(&y_true, &y_pred, weights.as_deref()).unwrap();
                handed.update(&y_true, &y_pred, weights.as_deref()).unwrap();
                let mut next = metric(name, args);
                next.restore(&handed.state()).unwrap();
                handed = next;
            }
            let (got, wanted) = (whole.result(), numbers(&case["result"]));
            assert_eq!(got.len(), wanted.len(), "{name} {args}");
            for (got, wanted) in got.iter().zip(wanted) {
                close(*got, wanted, 1e-6 * wanted.abs().max(0.1), &format!("case {i}: {name} {args}, turn {turn}"));
            }
            assert_eq!(handed.result(), got);
            whole.reset();
            handed.reset();
        }
    }
}

fn mean(case: &Value) {
    let mut mean = Mean::new("mean");
    for batch in case["batches"].as_array().unwrap() {
        let values = tensor(&batch[0]);
        let weights = if batch[1].is_null() { vec![1.0; values.len()] } else { tensor(&batch[1]).into_data() };
        values.data().iter().zip(weights).for_each(|(&value, weight)| mean.add(value.into(), weight.into()));
    }
    close(mean.result(), number(&case["result"][0]), 1e-6, &case.to_string());
}

/// A shape and its values.
type Labels<'a> = (&'a [usize], &'a [f32]);
/// A batch and what is said of it.
type Wrong<'a> = (&'a mut dyn Metric, Labels<'a>, &'a [usize], Option<&'a [f32]>, &'a str);

fn refused(metric: &mut dyn Metric, y_true: Labels, y_pred: &[usize], weights: Option<&[f32]>) -> String {
    let y_true = Tensor::new(y_true.0.to_vec(), y_true.1.to_vec()).unwrap();
    let before = metric.state();
    let error = metric.update(&y_true, &Tensor::full(y_pred.to_vec(), 0.5), weights).unwrap_err();
    assert_eq!(metric.state(), before, "a refused batch changes nothing");
    error.to_string()
}

#[test]
fn wrong_batches_are_named() {
    let sparse = &mut Accuracy::sparse_categorical();
    let binary = &mut Accuracy::binary(0.5);
    let auc = &mut Auc::new(AucOptions::default()).unwrap();
    let f1 = &mut F1Score::new(Average::Macro, None).unwrap();
    let recall = &mut Recall::new(Positives { class_id: Some(3), ..Positives::default() }).unwrap();
    let (two, ones): (&[f32], _) = (&[0.0, 1.0], [1.0; 3]);
    let cases: [Wrong; 8] = [
        (
            sparse,
            (&[2], &[0.0, 3.0]),
            &[2, 3],
            None,
            "sparse_categorical_accuracy: the label 3 is no class; there are 3, counted from 0",
        ),
        (
            &mut Accuracy::sparse_categorical(),
            (&[2], &[0.0, 0.5]),
            &[2, 3],
            None,
            "sparse_categorical_accuracy: the label 0.5 is no class; there are 3, counted from 0",
        ),
        (
            &mut Accuracy::sparse_categorical(),
            (&[2], two),
            &[3, 3],
            None,
            "sparse_categorical_accuracy: y_true is [2] and y_pred [3, 3], but it wants the same number of samples along the first axis",
        ),
        (
            &mut Accuracy::sparse_categorical(),
            (&[2], two),
            &[2, 3],
            Some(&ones),
            "sparse_categorical_accuracy: 3 sample weights for 2 samples",
        ),
        (
            binary,
            (&[2], two),
            &[2, 3],
            None,
            "binary_accuracy: y_true is [2] and y_pred [2, 3], but it wants a label for every prediction",
        ),
        (auc, (&[2, 1], two), &[2], Some(&ones), "auc: 3 sample weights for 2 samples"),
        (
            f1,
            (&[2], two),
            &[2, 1],
            None,
            "f1_score: y_true is [2] and y_pred [2, 1], but it wants both of shape (samples, classes)",
        ),
        (
            recall,
            (&[1, 2], two),
            &[1, 2],
            None,
            "recall: y_true is [1, 2] and y_pred [1, 2], but it wants predictions of the class 'class_id'",
        ),
    ];
    for (metric, y_true, y_pred, weights, wanted) in cases {
        assert_eq!(refused(metric, y_true, y_pred, weights), wanted);
    }
    let unknown = by_name("accuracies").err().unwrap().to_string();
    assert!(unknown.starts_with("there is no metric 'accuracies'; known are accuracy, binary_accuracy,"), "{unknown}");
    assert!(F1Score::new(Average::None, Some(0.0)).is_err());
    assert!(Auc::new(AucOptions { num_thresholds: 1, ..AucOptions::default() }).is_err());
    assert!(Precision::new(Positives { thresholds: vec![1.5], ..Positives::default() }).is_err());
    let state = Accuracy::new().state();
    let error = ConfusionMatrix::new(2).restore(&state).unwrap_err().to_string();
    assert_eq!(error, "confusion_matrix: its saved state lacks counts; it was saved by a run with other arguments");
}
