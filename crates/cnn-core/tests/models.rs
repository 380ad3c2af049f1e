//! Wiring: names, order, sharing, nesting, freezing, taps, errors.

use cnn_core::layers::*;
use cnn_core::{Functional, Mode, Model, ModelError, Sequential, Source};

fn base() -> Model {
    Sequential::new("base")
        .input([16, 16, 3])
        .and_then(|m| m.add(Conv2D::new(4, 3).strides(2).name("bc")))
        .and_then(|m| m.add(BatchNormalization::new().name("bb")))
        .and_then(Sequential::model)
        .unwrap()
}

fn nested() -> Model {
    Sequential::new("small_nested")
        .add(Named::from(base()).trainable(false))
        .and_then(|m| m.add(GlobalAveragePooling2D::new().name("g")))
        .and_then(|m| m.add(Dense::new(5).activation(Activation::Softmax).name("out")))
        .and_then(Sequential::model)
        .unwrap()
}

fn names(model: &Model) -> Vec<&str> {
    model.layers().iter().map(|layer| layer.name()).collect()
}

/// Layers and weights of Keras's `small_nested` (its `to_json` and weight list).
#[test]
fn nested_models_keep_their_paths() {
    let model = nested();
    assert_eq!(names(&model), ["input_layer", "base", "g", "out"]);
    let paths: Vec<String> = model.weights().into_iter().map(|w| w.path).collect();
    assert_eq!(
        paths,
        [
            "base/bc/kernel",
            "base/bc/bias",
            "base/bb/gamma",
            "base/bb/beta",
            "base/bb/moving_mean",
            "base/bb/moving_variance",
            "out/kernel",
            "out/bias"
        ]
    );
    let count = model.count_params();
    assert_eq!((count.trainable, count.non_trainable), (4 * 5 + 5, 3 * 3 * 3 * 4 + 4 + 4 * 4));
    let graph = model.lower(&[vec![2, 16, 16, 3]], Mode::Inference, &["base/bc", "base"]).unwrap();
    let outputs: Vec<(&str, &[usize])> =
        graph.outputs().iter().map(|(name, id)| (name.as_str(), graph.value(*id).shape.as_slice())).collect();
    assert_eq!(outputs, [("out", &[2, 5][..]), ("base/bc", &[2, 7, 7, 4]), ("base", &[2, 7, 7, 4])]);
    let variables: Vec<&str> =
        graph.values().iter().filter(|v| v.source == Source::Variable).map(|v| v.name.as_str()).collect();
    assert_eq!(variables.len(), 8);
    assert!(variables.iter().all(|name| paths.iter().any(|path| path == name)));
}

#[test]
fn freezing_as_keras() {
    let mut model = nested();
    // A layer made trainable inside a frozen model stays frozen with it.
    model.layer_mut("base/bc").unwrap().set_trainable(true);
    assert_eq!(model.count_params().trainable, 25);
    // Thawing the whole thaws every layer; moving statistics are never trained.
    model.set_trainable(true);
    assert_eq!(model.count_params().non_trainable, 8);
    model.layer_mut("base").unwrap().set_trainable(false);
    assert!(!model.layer("base/bb").unwrap().trainable());
    assert_eq!(model.count_params().trainable, 25);
}

/// Keras's `for layer in model.layers[first:end]: layer.trainable = False`, and what it counts then.
#[test]
fn layers_are_frozen_by_their_places() {
    let model = || {
        let base = Sequential::new("base").input([8, 8, 3]).and_then(|m| m.add(Conv2D::new(4, 3).name("c1")));
        let base = base.and_then(|m| m.add(BatchNormalization::new().name("b1"))?.model()).unwrap();
        let model = Sequential::new("m").input([8, 8, 3]).and_then(|m| m.add(base)?.add(Flatten));
        model.and_then(|m| m.add(Dense::new(5).name("d1"))?.add(Dense::new(2).name("d2"))?.model()).unwrap()
    };
    let names: Vec<String> = model().listed_layers().map(|layer| layer.name().to_string()).collect();
    assert_eq!(names, ["base", "flatten", "d1", "d2"]);
    type Freeze = fn(&mut Model, bool) -> Result<(), ModelError>;
    let cases: [(Freeze, usize); 7] = [
        (|m, to| m.set_trainable_range(..1, to), 737),
        (|m, to| m.set_trainable_range(1..3, to), 132),
        (|m, to| m.set_trainable_range(1..=2, to), 132),
        (|m, to| m.set_trainable_range(3.., to), 845),
        (|m, to| m.set_trainable_range(.., to), 0),
        (|m, to| m.set_trainable_range(2..2, to), 857),
        (|m, to| m.set_trainable_range(4.., to), 857),
    ];
    for (number, (freeze, trainable)) in cases.into_iter().enumerate() {
        let mut model = model();
        freeze(&mut model, false).unwrap();
        assert_eq!(model.count_params().trainable, trainable, "case {number}");
        freeze(&mut model, true).unwrap();
        assert_eq!(model.count_params().trainable, 857, "case {number}");
    }
    let refused: [(Freeze, &str); 4] = [
        (|m, to| m.set_trainable_range(..5, to), "model 'm' has 4 layers, and 0..5 is no range of their places"),
        (|m, to| m.set_trainable_range(7.., to), "7..4 is no range"),
        (|m, to| m.set_trainable_range((std::ops::Bound::Excluded(3), std::ops::Bound::Excluded(2)), to), "4..2"),
        (|m, to| m.set_trainable_range(..=usize::MAX, to), "the last one is at 3"),
    ];
    for (freeze, wanted) in refused {
        let mut changed = model();
        let error = freeze(&mut changed, false).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
        assert_eq!(changed, model());
    }
}

#[test]
fn layers_are_frozen_by_how_their_paths_begin() {
    let inner = Sequential::new("inner").input([4]).and_then(|m| m.add(Dense::new(4).name("a1"))).unwrap();
    let inner = inner.add(Dense::new(4).name("b1")).and_then(Sequential::model).unwrap();
    let base = Sequential::new("base").add(inner).and_then(|m| m.add(Dense::new(4).name("a2"))).unwrap();
    let base = base.model().unwrap();
    let model =
        Sequential::new("m").add(base).and_then(|m| m.add(Dense::new(4).name("b2"))?.add(Dense::new(4).name("base3")));
    let model = model.and_then(Sequential::model).unwrap();
    for (prefix, frozen) in [
        ("b2", &["b2"][..]),
        ("b", &["base/inner/a1", "base/inner/b1", "base/a2", "b2", "base3"]),
        ("base", &["base/inner/a1", "base/inner/b1", "base/a2", "base3"]),
        ("base/", &["base/inner/a1", "base/inner/b1", "base/a2"]),
        ("base/inner/b", &["base/inner/b1"]),
        ("base/a", &["base/a2"]),
        ("", &["base/inner/a1", "base/inner/b1", "base/a2", "b2", "base3"]),
    ] {
        let mut changed = model.clone();
        changed.set_trainable_prefix(prefix, false).unwrap();
        let mut layers: Vec<String> = changed.weights().into_iter().filter(|w| !w.trainable).map(|w| w.layer).collect();
        layers.dedup();
        assert_eq!(layers, frozen, "'{prefix}'");
    }
    let mut model = model;
    for (prefix, wanted) in [
        ("a1", "model 'm': none of its 10 layers has a path that begins with 'a1'"),
        ("base/inner/a1/", "begins with 'base/inner/a1/', but 'base/inner/a1'"),
        ("base/a22", "`cnn summary` lists them"),
    ] {
        let error = model.set_trainable_prefix(prefix, false).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
    // Inside of a frozen model it stays frozen.
    model.set_trainable_prefix("base", false).unwrap();
    model.set_trainable_prefix("base/a", true).unwrap();
    assert!(model.layer("base/a2").unwrap().trainable());
    assert_eq!(model.count_params().trainable, 20);
}

#[test]
fn a_shared_layer_has_its_weights_once() {
    let mut f = Functional::new();
    let a = f.input([8, 8, 3]).unwrap();
    let b = f.input([6, 6, 3]).unwrap();
    let x = f.call(Conv2D::new(2, 3).name("shared"), &[a]).unwrap();
    let y = f.call_again("shared", &[b]).unwrap();
    assert_eq!(f.shape(y), &[None, Some(4), Some(4), Some(2)]);
    let refused = f.call_again("shared", &[x]).unwrap_err().to_string();
    assert!(refused.contains("shared (Conv2D)") && refused.contains("kernel [3, 3, 3, 2]"), "{refused}");
    let x = f.call(GlobalMaxPooling2D::new(), &[x]).unwrap();
    let y = f.call(GlobalMaxPooling2D::new(), &[y]).unwrap();
    let z = f.call(Concatenate::new(), &[x, y]).unwrap();
    let model = f.model("m", &[a, b], &[z, x]).unwrap();
    assert_eq!(model.layer("shared").unwrap().calls().len(), 2);
    assert_eq!(model.weights().len(), 2);
    let graph = model.lower(&[vec![1, 8, 8, 3], vec![1, 6, 6, 3]], Mode::Inference, &[]).unwrap();
    assert_eq!(graph.outputs().len(), 2);
    assert_eq!(graph.values().iter().filter(|v| v.source == Source::Variable).count(), 2);
}

#[test]
fn extending_keeps_layers_and_goes_on_counting() {
    let base = base();
    let mut f = Functional::extend(&base);
    let x = f.call(Conv2D::new(2, 1), &[base.outputs()[0]]).unwrap();
    let y = f.call(Conv2D::new(2, 1), &[x]).unwrap();
    let model = f.model("more", base.inputs(), &[y]).unwrap();
    assert_eq!(names(&model), ["input_layer", "bc", "bb", "conv2d", "conv2d_1"]);
    assert_eq!(model.weights()[0].path, "bc/kernel");
}

#[test]
fn what_no_output_needs_is_left_out() {
    let mut f = Functional::new();
    let a = f.input([4]).unwrap();
    let unused = f.input([3]).unwrap();
    let x = f.call(Dense::new(2), &[a]).unwrap();
    f.call(Dense::new(9), &[a]).unwrap();
    let model = f.clone().model("m", &[a, unused], &[x]).unwrap();
    assert_eq!(names(&model), ["input_layer", "input_layer_1", "dense"]);
    assert!(model.lower(&[vec![1, 4], vec![1, 3]], Mode::Inference, &[]).is_ok());
    let missing = f.model("m", &[unused], &[x]).unwrap_err().to_string();
    assert!(missing.contains("'input_layer'"), "{missing}");
}

#[test]
fn errors_name_the_layer_and_both_shapes() {
    let refused = Sequential::new("m")
        .input([28, 28, 3])
        .and_then(|m| m.add(Conv2D::new(8, 3).name("c1")))
        .and_then(|m| m.add(Dense::new(8)))
        .and_then(|m| m.add(MaxPooling2D::new(30).name("pool")))
        .unwrap_err();
    let text = refused.to_string();
    assert!(
        text.starts_with("pool (MaxPooling2D): expects a picture at least as large as its window of 30x30")
            && text.ends_with("got [None, 26, 26, 8]"),
        "{text}"
    );
    let twice = Sequential::new("m").input([4]).and_then(|m| m.add(Dense::new(1).name("a")));
    let twice = twice.and_then(|m| m.add(Dense::new(1).name("a"))).unwrap_err();
    assert!(matches!(&twice, ModelError::LayerName { name, model, .. } if name == "a" && model == "m"), "{twice}");
    let unknown = Sequential::new("later").add(Flatten).and_then(Sequential::model).unwrap_err();
    assert!(unknown.to_string().contains("build()"), "{unknown}");
    let model = nested();
    let wrong = model.lower(&[vec![1, 15, 16, 3]], Mode::Inference, &[]).unwrap_err().to_string();
    assert_eq!(wrong, "small_nested (Sequential): expects [None, 16, 16, 3], got [1, 15, 16, 3]");
    let tap = model.lower(&[vec![1, 16, 16, 3]], Mode::Inference, &["nowhere"]).unwrap_err();
    assert!(matches!(tap, ModelError::UnknownLayer { name, .. } if name == "nowhere"));
    let inside = Sequential::new("outer")
        .input([None, None, Some(3)])
        .and_then(|m| m.add(open_base()))
        .and_then(Sequential::model)
        .unwrap();
    let inside = inside.lower(&[vec![1, 2, 2, 3]], Mode::Inference, &[]).unwrap_err().to_string();
    assert!(inside.starts_with("open/c (Conv2D): "), "{inside}");
}

fn open_base() -> Model {
    let mut f = Functional::new();
    let x = f.input([None, None, Some(3)]).unwrap();
    let y = f.call(Conv2D::new(4, 3).name("c"), &[x]).unwrap();
    f.model("open", &[x], &[y]).unwrap()
}

#[test]
fn sizes_that_mean_nothing_are_refused() {
    let huge = 1usize << 40;
    for layer in [
        Named::from(Conv2D::new(huge, 3)),
        ZeroPadding2D::new(huge).into(),
        UpSampling2D::new(1 << 31).into(),
        Dense::new(1 << 31).into(),
    ] {
        let made = Sequential::new("m").input([1 << 20, 1 << 20, 3]).and_then(|m| m.add(layer.clone()));
        assert!(made.is_err(), "{layer:?}");
    }
}
