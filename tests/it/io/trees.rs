//! The HDF5 facade: the trees under `vectors/formats` were written by h5py.

use std::sync::Arc;

use cnn_core::Tensor;
use cnn_io::hdf5;

use super::vector;

#[test]
fn legacy_weights_of_keras_2() {
    let root = hdf5::open(vector("formats/small_keras2_weights.h5")).unwrap();
    let attributes = root.attributes().unwrap();
    assert_eq!(attributes.text("backend"), Some("tensorflow"));
    let layers = attributes.texts("layer_names").unwrap();
    assert_eq!(layers.len(), 17);
    assert_eq!(layers[2], "conv1");
    let groups = root.groups().unwrap();
    assert_eq!(groups["add"].attributes().unwrap().texts("weight_names"), Some(vec![]));
    let names = groups["bn1"].attributes().unwrap().texts("weight_names").unwrap();
    assert_eq!(names, ["bn1/gamma:0", "bn1/beta:0", "bn1/moving_mean:0", "bn1/moving_variance:0"]);
    let kernel = groups["conv1"].dataset("conv1/kernel:0").unwrap().unwrap();
    assert_eq!((kernel.path(), kernel.shape()), ("conv1/conv1/kernel:0", &[3, 3, 3, 8][..]));
    assert_eq!(
        kernel.read().unwrap(),
        cnn_tests::recipe::uniform("conv1/kernel", &[3, 3, 3, 8], -(2f64 / 9.0).sqrt(), (2f64 / 9.0).sqrt())
    );
    assert!(groups["conv1"].dataset("conv1/bias:0").unwrap().is_none());
    assert!(groups["conv1"].dataset("conv1").unwrap().is_none());
    assert!(root.group("nothing").unwrap().is_none());
}

#[test]
fn round_trip() {
    let x = Arc::new(Tensor::from_fn(vec![2, 3], |i| i as f32));
    let one = Arc::new(Tensor::scalar(1.5));
    let nothing = Arc::new(Tensor::full(vec![0, 2], 0.0));
    let mut tree = hdf5::Tree::default();
    tree.set_text("name", "größe");
    tree.set_texts("none", vec![]);
    tree.insert("top", x.clone());
    let group = tree.group("a/b");
    group.set_texts("names", vec!["x".into(), String::new(), "a longer name".into()]);
    group.insert("c/x", x.clone());
    group.insert("one", one.clone());
    group.insert("nothing", nothing.clone());
    tree.group("a/empty");
    let long = "x".repeat(200_000);
    tree.group("a").set_text("long", &long);

    let root = hdf5::open(tree.into_bytes().unwrap()).unwrap();
    let attributes = root.attributes().unwrap();
    assert_eq!(attributes.text("name"), Some("größe"));
    assert_eq!(attributes.texts("none"), Some(vec![]));
    assert_eq!(attributes.text("other"), None);
    assert_eq!(root.dataset("top").unwrap().unwrap().read().unwrap(), *x);
    let a = root.group("a").unwrap().unwrap();
    assert_eq!(a.groups().unwrap().keys().collect::<Vec<_>>(), ["b", "empty"]);
    assert_eq!(a.attributes().unwrap().text("long"), Some(long.as_str()));
    let b = root.group("a/b").unwrap().unwrap();
    assert_eq!(b.attributes().unwrap().texts("names").unwrap(), ["x", "", "a longer name"]);
    assert_eq!(b.datasets().unwrap().keys().collect::<Vec<_>>(), ["nothing", "one"]);
    assert_eq!(b.dataset("one").unwrap().unwrap().read().unwrap(), *one);
    assert_eq!(b.dataset("nothing").unwrap().unwrap().read().unwrap(), *nothing);
    assert_eq!(b.dataset("c/x").unwrap().unwrap().read().unwrap(), *x);
}
