//! Each layer's output shape and weights against Keras 3.15 (`layer(keras.Input(batch_shape=...))`, TensorFlow backend),
//! and the graph it lowers to against its own shape rule.

use cnn_core::layers::*;
use cnn_core::shape::Padding2D;
use cnn_core::{Functional, Mode, Tensor};

type Shape = Vec<Option<usize>>;

/// A size that is not known.
const N: usize = usize::MAX;

fn shape(sizes: &[usize]) -> Shape {
    sizes.iter().map(|&size| (size != N).then_some(size)).collect()
}

/// What Keras makes of inputs without batch: the output's shape without batch, and the weights; `None` where it refuses.
type Answer<'a> = Option<(&'a [usize], &'a [(&'a str, &'a [usize])])>;

#[track_caller]
fn check(layer: impl Into<Named>, inputs: &[&[usize]], answer: Answer<'_>) {
    let layer = layer.into();
    let about = format!("{:?} of {inputs:?}", layer.layer);
    let mut f = Functional::new();
    let xs: Vec<_> = inputs.iter().map(|sizes| f.input(shape(sizes)).unwrap()).collect();
    let made = f.call(layer, &xs);
    let Some((output, weights)) = answer else {
        let error = made.expect_err(&about).to_string();
        assert!(error.contains("got [None"), "{about}: {error}");
        return;
    };
    let y = made.unwrap_or_else(|e| panic!("{about}: {e}"));
    assert_eq!(f.shape(y)[1..], shape(output), "{about}");
    assert_eq!(f.shape(y)[0], None, "{about}");
    let model = f.model("m", &xs, &[y]).unwrap();
    let got: Vec<(&str, Vec<usize>)> = model.weights().iter().map(|w| (w.name, w.shape.clone())).collect();
    let wanted: Vec<(&str, Vec<usize>)> = weights.iter().map(|(name, shape)| (*name, shape.to_vec())).collect();
    assert_eq!(got, wanted, "{about}");

    let concrete = |sizes: &[usize]| -> Vec<usize> {
        std::iter::once(2).chain(sizes.iter().map(|&size| if size == N { 7 } else { size })).collect()
    };
    let given: Vec<Vec<usize>> = inputs.iter().map(|sizes| concrete(sizes)).collect();
    let symbolic: Vec<Shape> = given.iter().map(|sizes| sizes.iter().copied().map(Some).collect()).collect();
    let wanted = model.output_shapes_for(&symbolic).unwrap();
    let graph = model.lower(&given, Mode::Inference, &[]).unwrap_or_else(|e| panic!("{about}: {e}"));
    let lowered: Vec<Option<usize>> = graph.value(graph.outputs()[0].1).shape.iter().copied().map(Some).collect();
    assert_eq!(lowered, wanted[0], "{about}");
}

#[test]
fn convolutions() {
    let same = Padding::Same;
    let explicit = Padding::Explicit(Padding2D { top: 1, bottom: 2, left: 0, right: 1 });
    check(
        Conv2D::new(3, 3).strides(3).padding(same),
        &[&[28, 28, 3]],
        Some((&[10, 10, 3], &[("kernel", &[3, 3, 3, 3]), ("bias", &[3])])),
    );
    check(
        Conv2D::new(4, [3, 5]).strides([2, 1]),
        &[&[9, N, 2]],
        Some((&[4, N, 4], &[("kernel", &[3, 5, 2, 4]), ("bias", &[4])])),
    );
    check(
        Conv2D::new(4, 3).dilation_rate(2).groups(2).use_bias(false),
        &[&[9, 8, 6]],
        Some((&[5, 4, 4], &[("kernel", &[3, 3, 3, 4])])),
    );
    // As ZeroPadding2D(((1, 2), (0, 1))) and valid.
    check(
        Conv2D::new(4, 3).padding(explicit).use_bias(false),
        &[&[2, 8, 6]],
        Some((&[3, 7, 4], &[("kernel", &[3, 3, 6, 4])])),
    );
    check(Conv2D::new(4, 3), &[&[2, 8, 6]], None);
    check(Conv2D::new(4, 3).groups(4), &[&[8, 8, 6]], None);
    check(Conv2D::new(4, 3), &[&[8, 8, N]], None);
    check(Conv2D::new(4, 3).strides(0), &[&[8, 8, 6]], None);
    check(Conv2D::new(4, 3), &[&[8, 8]], None);
    check(
        DepthwiseConv2D::new(3).strides(2).padding(same).depth_multiplier(2),
        &[&[7, 8, 3]],
        Some((&[4, 4, 6], &[("kernel", &[3, 3, 3, 2]), ("bias", &[6])])),
    );
    check(
        SeparableConv2D::new(5, 3).depth_multiplier(2),
        &[&[7, 8, 3]],
        Some((&[5, 6, 5], &[("depthwise_kernel", &[3, 3, 3, 2]), ("pointwise_kernel", &[1, 1, 6, 5]), ("bias", &[5])])),
    );
}

/// Layer, input, output, kernel.
type TransposeCase<'a> = (Conv2DTranspose, &'a [usize], &'a [usize], &'a [usize]);

#[test]
fn transposed_convolutions() {
    let same = Padding::Same;
    let cases: [TransposeCase<'_>; 7] = [
        (Conv2DTranspose::new(5, 3).strides(2), &[4, 5, 3], &[9, 11, 5], &[3, 3, 5, 3]),
        (Conv2DTranspose::new(5, 2).strides(3), &[4, 5, 3], &[12, 15, 5], &[2, 2, 5, 3]),
        (Conv2DTranspose::new(5, 3).strides(2).padding(same), &[4, N, 3], &[8, N, 5], &[3, 3, 5, 3]),
        (Conv2DTranspose::new(5, 3).strides(2).padding(same).output_padding(1), &[4, 5, 3], &[8, 10, 5], &[3, 3, 5, 3]),
        (Conv2DTranspose::new(5, 4).strides(2).output_padding([1, 0]), &[4, 5, 3], &[11, 12, 5], &[4, 4, 5, 3]),
        (Conv2DTranspose::new(5, 4).strides(2).padding(same).output_padding(1), &[4, 5, 3], &[7, 9, 5], &[4, 4, 5, 3]),
        (Conv2DTranspose::new(5, 3).dilation_rate(2), &[4, 5, 3], &[8, 9, 5], &[3, 3, 5, 3]),
    ];
    for (layer, input, output, kernel) in cases {
        check(layer, &[input], Some((output, &[("kernel", kernel), ("bias", &[5])])));
    }
    check(Conv2DTranspose::new(5, 3).strides(2).output_padding(2), &[&[4, 5, 3]], None);
}

#[test]
fn pooling_and_borders() {
    let x: &[usize] = &[7, 8, 3];
    check(MaxPooling2D::new(3).strides(2).padding(Padding::Same), &[x], Some((&[4, 4, 3], &[])));
    check(AveragePooling2D::new([2, 3]), &[x], Some((&[3, 2, 3], &[])));
    check(MaxPooling2D::new(9), &[x], None);
    check(GlobalAveragePooling2D::new().keepdims(true), &[&[N, N, 3]], Some((&[1, 1, 3], &[])));
    check(GlobalMaxPooling2D::new(), &[&[N, N, 3]], Some((&[3], &[])));
    check(ZeroPadding2D::sides((1, 2), (3, 0)), &[&[7, N, 3]], Some((&[10, N, 3], &[])));
    check(Cropping2D::sides((1, 2), (3, 0)), &[x], Some((&[4, 5, 3], &[])));
    check(Cropping2D::new(4), &[&[8, 9, 3]], None);
    check(UpSampling2D::new([2, 3]), &[&[7, N, 3]], Some((&[14, N, 3], &[])));
    check(Resizing::new(5, 6), &[x], Some((&[5, 6, 3], &[])));
    check(Resizing::new(5, 9).crop_to_aspect_ratio(true), &[&[N, N, 3]], Some((&[5, 9, 3], &[])));
    check(Resizing::new(5, 9).pad_to_aspect_ratio(true, 0.5), &[&[N, N, 3]], Some((&[5, 9, 3], &[])));
}

#[test]
fn dense_and_normalization() {
    let x: &[usize] = &[7, 8, 3];
    let dense: &[(&str, &[usize])] = &[("kernel", &[3, 4]), ("bias", &[4])];
    check(Dense::new(4), &[x], Some((&[7, 8, 4], dense)));
    check(Dense::new(4), &[&[3]], Some((&[4], dense)));
    check(Dense::new(4), &[&[N]], None);
    check(
        BatchNormalization::new().axis(1).scale(false),
        &[x],
        Some((x, &[("beta", &[7]), ("moving_mean", &[7]), ("moving_variance", &[7])])),
    );
    check(LayerNormalization::new().axis([1, -1]), &[x], Some((x, &[("gamma", &[3, 7]), ("beta", &[3, 7])])));
    check(LayerNormalization::new().axis([2, 1]).center(false), &[x], Some((x, &[("gamma", &[7, 8])])));
    check(
        Normalization::new().axis([1, 3]),
        &[x],
        Some((x, &[("mean", &[7, 3]), ("variance", &[7, 3]), ("count", &[])])),
    );
    check(Normalization::new().axis([]), &[x], Some((x, &[("mean", &[]), ("variance", &[]), ("count", &[])])));
    let three = Tensor::from_fn(vec![3], |i| i as f32 + 1.0);
    check(Normalization::new().statistics(three.clone(), three.clone()), &[x], Some((x, &[])));
    check(Normalization::new().axis([1]).statistics(three.clone(), three), &[x], None);
    check(Rescaling::new(0.5, -1.0), &[x], Some((x, &[])));
    check(Rescaling::new([1.0, 2.0, 3.0], [0.5]), &[x], Some((x, &[])));
}

#[test]
fn activations() {
    let x: &[usize] = &[7, 8, 3];
    check(PReLU::new().shared_axes([1, 2]), &[x], Some((x, &[("alpha", &[1, 1, 3])])));
    check(PReLU::new().shared_axes([1, 2]), &[&[N, N, 3]], Some((&[N, N, 3], &[("alpha", &[1, 1, 3])])));
    check(PReLU::new(), &[x], Some((x, &[("alpha", x)])));
    check(PReLU::new(), &[&[N, 8, 3]], None);
    check(Softmax::new(), &[x], Some((x, &[])));
    check(Softmax::new().axis([1, 2]), &[x], Some((x, &[])));
    check(Softmax::new().axis([4]), &[x], None);
    check(Activation::LogSoftmax, &[x], Some((x, &[])));
    check(ReLU::new().max_value(6.0), &[x], Some((x, &[])));
    check(ReLU::new().max_value(-6.0), &[x], None);
    check(LeakyReLU::new(), &[x], Some((x, &[])));
    check(ELU::new(), &[x], Some((x, &[])));
    check(Dropout::new(0.5), &[x], Some((x, &[])));
    check(Dropout::new(1.5), &[x], None);
}

#[test]
fn augmentation() {
    let x: &[usize] = &[7, 8, 3];
    check(RandomFlip::default(), &[x], Some((x, &[])));
    check(RandomFlip::default(), &[&[N, N, 5]], Some((&[N, N, 5], &[])));
    check(RandomFlip::default(), &[&[7]], None);
    check(RandomRotation::new(1.0), &[x], Some((x, &[])));
    check(RandomRotation::new(1.1), &[x], None);
    check(RandomZoom::new(0.2).width_factor([-0.1, 1.0]), &[x], Some((x, &[])));
    check(RandomTranslation::new(0.2, 1.2), &[x], None);
    check(RandomPerspective::new(0.5), &[&[1, 8, 3]], None);
    check(RandomElasticTransform::new(1.0), &[x], Some((x, &[])));
    check(RandomElasticTransform::new(1.0).scale([0.5, 1.1]), &[x], None);
    check(AugMix::new(0.3).all_ops(false), &[&[7, 8, 5]], Some((&[7, 8, 5], &[])));
    check(AugMix::new(0.3).num_chains(0), &[x], None);
    check(AugMix::new(0.3), &[&[7, 8, 5]], None);
    check(MixUp::new(0.2), &[x], Some((x, &[])));
    check(MixUp::new(-1.0), &[x], None);
    check(CutMix::new([0.5, 1.0]), &[&[N, N, 1]], Some((&[N, N, 1], &[])));
    check(CutMix::new(2.0), &[x], None);
    check(RandomPerspective::new(0.5).scale(1.5), &[x], None);
    check(RandomCrop::new(5, 12), &[x], Some((&[5, 12, 3], &[])));
    check(CenterCrop::new(9, 4), &[&[N, N, 1]], Some((&[9, 4, 1], &[])));
    check(CenterCrop::new(0, 4), &[x], None);
    check(RandomContrast::new(0.5).value_range([1.0, 0.0]), &[x], None);
    check(RandomHue::new(0.5), &[&[7, 8, 1]], None);
    check(RandomSaturation::new(0.5).value_range([0.5, 1.0]), &[x], None);
    check(RandomGrayscale::new(0.5), &[&[7, 8, 1]], Some((&[7, 8, 1], &[])));
    check(RandomColorJitter::new().contrast_factor(2.0), &[x], None);
    check(RandomPosterization::new([0, 4]), &[x], None);
    check(RandomGaussianBlur::new(1.0).kernel_size([3, 4]), &[x], None);
    check(RandomErasing::new(1.0).fill_value([1.0, 2.0]), &[x], None);
    check(AutoContrast::new(), &[x], Some((x, &[])));
    check(Equalization::new().bins(1), &[x], None);
    check(RandAugment::new(0.5).num_ops(0), &[x], None);
}

#[test]
fn shapes() {
    let x: &[usize] = &[7, 8, 3];
    check(Flatten, &[x], Some((&[168], &[])));
    check(Flatten, &[&[]], Some((&[1], &[])));
    check(Flatten, &[&[N, 3]], Some((&[N], &[])));
    check(Reshape::new([-1, 4]), &[x], Some((&[42, 4], &[])));
    check(Reshape::new([-1, 4]), &[&[N, 8, 3]], Some((&[N, 4], &[])));
    check(Reshape::new([5, -1]), &[x], None);
    check(Permute::new([3, 1, 2]), &[x], Some((&[3, 7, 8], &[])));
    check(Permute::new([3, 1]), &[x], None);
}

#[test]
fn merging() {
    let x: &[usize] = &[7, 8, 3];
    check(Add, &[x, &[3]], Some((x, &[])));
    check(Add, &[x, &[1, 1, 3], &[7, 8, 1]], Some((x, &[])));
    check(Add, &[x, &[7, 2, 3]], None);
    check(Multiply, &[&[N, 8, 3], &[1, 1, 3]], Some((&[N, 8, 3], &[])));
    check(Subtract, &[&[3], &[3], &[3]], None);
    check(Subtract, &[&[3], x], Some((x, &[])));
    check(Average, &[x, x, x], Some((x, &[])));
    check(Maximum, &[x, x], Some((x, &[])));
    check(Minimum, &[x, x], Some((x, &[])));
    check(Concatenate::new(), &[x, &[7, 8, 5]], Some((&[7, 8, 8], &[])));
    check(Concatenate::new().axis(1), &[x, &[2, 8, 3]], Some((&[9, 8, 3], &[])));
    check(Concatenate::new(), &[&[N, 8, 3], &[7, 8, 5]], Some((&[N, 8, 8], &[])));
    check(Concatenate::new(), &[x, &[7, 9, 5]], None);
}
