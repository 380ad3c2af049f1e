//! Compiled kernels kept from one device to the next.

use std::sync::Arc;

use cnn_core::Tensor;
use cnn_tests::devices::devices;
use cnn_wgpu::Gpu;

use crate::{picture, tiny_program};

fn run(gpu: &Arc<Gpu>) -> Vec<Tensor> {
    pollster::block_on(async { tiny_program(gpu, 1).await?.run(&[picture("a", 1)]).await }).unwrap()
}

#[test]
fn a_cache_is_taken_up_and_changes_no_result() {
    let (first, second) = (devices(true), devices(true));
    for (cold, warm) in first.iter().zip(&second) {
        let wanted = run(&cold.gpu);
        let data = cold.gpu.pipeline_cache_data();
        assert_eq!(data.is_some(), cold.gpu.pipeline_cache_key().is_some(), "{}", cold.name);
        let taken = pollster::block_on(warm.gpu.load_pipeline_cache(data.as_deref().unwrap_or_default()));
        assert_eq!(taken, data.is_some(), "{}", cold.name);
        assert_eq!(run(&warm.gpu), wanted, "{}", cold.name);
        println!("{}: {:?} bytes", cold.name, data.map(|data| data.len()));
    }
}

#[test]
fn what_is_damaged_or_foreign_is_refused_and_nothing_lost() {
    let devices = devices(false);
    let caches: Vec<Option<Vec<u8>>> = devices
        .iter()
        .map(|device| {
            run(&device.gpu);
            device.gpu.pipeline_cache_data()
        })
        .collect();
    for (number, device) in devices.iter().enumerate() {
        let Some(own) = &caches[number] else { continue };
        let mut damaged = own.clone();
        if let Some(last) = damaged.last_mut() {
            *last ^= 1;
        }
        let mut bad = vec![vec![], b"no cache".to_vec(), own[..own.len() / 2].to_vec(), damaged];
        bad.extend(
            caches.iter().enumerate().filter(|&(other, _)| other != number).filter_map(|(_, cache)| cache.clone()),
        );
        let before = device.gpu.pipeline_cache_data();
        for data in bad {
            assert!(!pollster::block_on(device.gpu.load_pipeline_cache(&data)), "{}: {data:?}", device.name);
        }
        assert_eq!(device.gpu.pipeline_cache_data(), before, "{}", device.name);
    }
}
