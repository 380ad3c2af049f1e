//! The facade on every adapter: a batch that no binding holds runs in pieces, and gives what it would in one.

use cnn::data::Dataset;
use cnn::layers::GlobalAveragePooling2D;
use cnn::training::{Loss, Optimizer, Trainer, Training};
use cnn::{DType, Device, Error, Network, Options, Runner, Sequential, Tensor, Weights};
use cnn_tests::devices::devices;

/// Pixels of the side, and channels: 256 KiB for each picture.
const SIZE: usize = 64;
const CHANNELS: usize = 16;

fn mean_of_channels() -> Network {
    let model = Sequential::new("m")
        .input([SIZE, SIZE, CHANNELS])
        .and_then(|m| m.add(GlobalAveragePooling2D::new()))
        .and_then(Sequential::model)
        .unwrap();
    Network::new(model, Weights::new()).unwrap()
}

/// Picture `n` of the batch holds `n % 8` in all its pixels, plus the channel's number: every sum is exact in float32.
fn batch(size: usize) -> Tensor {
    let value = |i: usize| (i / (SIZE * SIZE * CHANNELS) % 8 + i % CHANNELS) as f32;
    Tensor::from_fn(vec![size, SIZE, SIZE, CHANNELS], value)
}

fn means(size: usize) -> Tensor {
    Tensor::from_fn(vec![size, CHANNELS], |i| (i / CHANNELS % 8 + i % CHANNELS) as f32)
}

#[test]
fn a_batch_beyond_the_limits_runs_in_pieces() {
    // 150 MiB, where the default limits allow 128.
    let x = [batch(600)];
    let shapes = [x[0].shape().to_vec()];
    for device in devices(true) {
        let limit = device.gpu.capabilities().max_tensor();
        let runner = Runner::new(&Device::Gpu(device.gpu.clone()), mean_of_channels(), Options::default()).unwrap();
        let wanted = if limit < 150 << 20 { vec![300, 300] } else { vec![600] };
        assert_eq!(runner.pieces(&shapes).unwrap(), wanted, "{} allows {limit}", device.name);
        assert_eq!(runner.run_blocking(&x).unwrap(), [means(600)], "{}", device.name);
        assert!(pollster::block_on(runner.gpu_program(&[vec![1, SIZE, SIZE, CHANNELS]])).unwrap().is_some());
        drop(runner);
        let mut trainer = trainer(&Device::Gpu(device.gpu));
        assert_eq!(trainer.predict_blocking(&x).unwrap(), [means(600)], "{}", device.name);
    }
}

fn trainer(device: &Device) -> Trainer {
    Trainer::new(device, &mean_of_channels(), Training::new(Loss::MeanSquaredError, Optimizer::sgd())).unwrap()
}

/// In their own order, the last ones too, whatever the order and the batches of an epoch are.
#[test]
fn all_samples_of_a_data_set_are_predicted() {
    let data = Dataset::from_arrays(batch(10), None).unwrap().shuffle(7).batch_size(4).unwrap().drop_remainder(true);
    assert_ne!(data.order(0), data.clone().in_order().order(0));
    for device in [Device::cpu(), Device::Reference] {
        let mut trainer = trainer(&device);
        assert_eq!(trainer.predict_dataset_blocking(&data).unwrap(), [means(10)], "{device}");
        let few = data.take(3);
        assert_eq!(trainer.predict_dataset_blocking(&few).unwrap(), [means(3)], "{device}");
        let none = trainer.predict_dataset_blocking(&data.take(0)).unwrap_err();
        assert!(matches!(none, Error::NoBatches), "{none}");
    }
}

#[test]
fn the_cpu_and_the_reference_run_any_batch() {
    for device in [Device::cpu(), Device::Reference] {
        let runner = Runner::new(&device, mean_of_channels(), Options::default()).unwrap();
        let x = [batch(3)];
        assert_eq!(runner.pieces(&[x[0].shape().to_vec()]).unwrap(), [3]);
        assert_eq!(runner.run_blocking(&x).unwrap(), [means(3)], "{device}");
        assert!(pollster::block_on(runner.gpu_program(&[x[0].shape().to_vec()])).unwrap().is_none());
        let halves = Options { precision: DType::F16, ..Options::default() };
        let refused = Runner::new(&device, mean_of_channels(), halves).unwrap_err();
        assert!(matches!(refused, Error::Precision { .. }), "{refused}");
    }
}
