//! What a user reads where a GPU cannot do what was asked.

use std::sync::Arc;

use cnn_core::layers::Conv2D;
use cnn_core::{DType, Sequential, Simplify, Tensor, Weights};
use cnn_tests::devices::devices;
use cnn_wgpu::kernel::Capabilities;
use cnn_wgpu::{DeviceWeights, Gpu, GpuError, Program, Request, wgpu};
use cnn_zoo::{Arguments, find};

use super::{device_weights, picture, plan, tiny, tiny_program};

#[test]
fn no_adapter_of_that_number() {
    let error = pollster::block_on(cnn_wgpu::adapter(1000)).unwrap_err();
    let found = devices(false);
    assert!(matches!(error, GpuError::NoAdapter { .. }));
    let text = error.to_string();
    assert!(text.starts_with("no GPU adapter gpu:1000, there are gpu:0 "), "{text}");
    for (number, device) in found.iter().enumerate() {
        assert!(text.contains(&format!("gpu:{number} {} (", device.name)), "{text}");
        let adapter = pollster::block_on(cnn_wgpu::adapter(number)).unwrap();
        assert_eq!(adapter.get_info().name, device.name);
    }
    assert!(text.ends_with("; take one of these or the CPU"), "{text}");
}

#[test]
fn float16_without_the_feature() {
    let model = tiny();
    for device in devices(true) {
        let options = Simplify { storage: DType::F16, ..Simplify::default() };
        let made = pollster::block_on(Program::new(device_weights(&device.gpu, &model), plan(&model, 1, &options)));
        if device.gpu.capabilities().f16 {
            made.unwrap();
        } else {
            let wanted = format!("adapter {} has no SHADER_F16; use float32", device.gpu.info().name);
            assert_eq!(made.unwrap_err().to_string(), wanted);
        }
    }
}

#[test]
fn a_batch_beyond_the_limits_names_the_layer() {
    // (model, batch, the first tensor over 128 MiB, its shape and bytes)
    for (name, batch, wanted) in [
        ("VGG16", 16, "the output of layer block1_conv1 of shape [16, 224, 224, 64] needs 205520896 bytes"),
        ("ResNet50", 64, "the output of layer conv1_conv of shape [64, 112, 112, 64] needs 205520896 bytes"),
        ("ResNet50", 256, "input input_layer of shape [256, 224, 224, 3] needs 154140672 bytes"),
    ] {
        let model = find(name).unwrap().build(&Arguments::default()).unwrap();
        let capabilities = Capabilities::baseline();
        let options = Simplify { weight_limit: Some(capabilities.max_tensor() as usize), ..Simplify::default() };
        let error = capabilities.check(&plan(&model, batch, &options)).unwrap_err();
        assert!(matches!(error, GpuError::Limit { limit: 134_217_728, .. }), "{name}: {error:?}");
        let text = error.to_string();
        assert!(text.starts_with(wanted), "{name}: {text}");
        assert!(text.ends_with("the adapter allows 134217728; use a smaller batch or picture, or the CPU"), "{text}");
        capabilities.check(&plan(&model, 1, &options)).unwrap();
    }
}

#[test]
fn a_weight_beyond_the_limits_is_named() {
    let model = find("VGG16").unwrap().build(&Arguments::default()).unwrap();
    let error = Capabilities::baseline().check(&plan(&model, 1, &Simplify::default())).unwrap_err();
    let wanted =
        "weight fc1/kernel needs 411041792 bytes in one piece, the adapter allows 134217728; cut large weights";
    assert!(error.to_string().starts_with(wanted), "{error}");
}

#[test]
fn limits_are_told_by_program_new_too() {
    let model = tiny();
    for device in devices(true) {
        let limit = device.gpu.capabilities().max_tensor();
        // One picture more than the first convolution's output can hold: 10 x 10 x 8 numbers each.
        let batch = (limit / (4 * 10 * 10 * 8)) as usize + 1;
        let error = pollster::block_on(Program::new(
            device_weights(&device.gpu, &model),
            plan(&model, batch, &Simplify::default()),
        ));
        let text = error.unwrap_err().to_string();
        assert!(text.starts_with("the output of layer conv2d of shape"), "{}: {text}", device.name);
    }
}

/// llvmpipe ends loops without a word; no kernel sums over a window of 260x260 without as many turns.
#[test]
fn a_sum_longer_than_the_drivers_loops() {
    let model = Sequential::new("m")
        .input([260, 260, 4])
        .and_then(|m| m.add(Conv2D::new(1, 260).name("wide")))
        .and_then(Sequential::model)
        .unwrap();
    for device in devices(true) {
        let weights = device_weights(&device.gpu, &model);
        let made = pollster::block_on(Program::new(weights, plan(&model, 1, &Simplify::default())));
        if device.name.contains("llvmpipe") {
            let wanted = "wide: Conv2D sums more than any kernel can on this adapter, whose driver ends loops after \
                          65535 turns; use another adapter or the CPU";
            assert_eq!(made.unwrap_err().to_string(), wanted);
        } else {
            made.unwrap();
        }
    }
}

#[test]
fn weights_that_are_missing_or_of_another_shape() {
    let model = tiny();
    let gpu = &devices(false)[0].gpu;
    let weights = cnn_core::Weights::initialize(&model, 1);
    for (replaced, wanted) in [
        (None, "the weight dense/kernel is missing"),
        (Some(vec![3, 3]), "dense/kernel: expects a tensor of shape [200, 10], got [3, 3]"),
    ] {
        let others = weights.iter().filter(|(path, _)| *path != "dense/kernel");
        let mut host: Weights = others.map(|(path, tensor)| (path.to_string(), tensor.clone())).collect();
        if let Some(shape) = replaced {
            host.insert("dense/kernel", Tensor::full(shape, 0.0));
        }
        let made = Program::new(DeviceWeights::new(gpu.clone(), Arc::new(host)), plan(&model, 1, &Simplify::default()));
        assert_eq!(pollster::block_on(made).unwrap_err().to_string(), wanted);
    }
}

#[test]
fn inputs_of_another_shape() {
    let gpu = &devices(false)[0].gpu;
    let program = pollster::block_on(tiny_program(gpu, 1)).unwrap();
    let error = pollster::block_on(program.run(&[picture("a", 2)])).unwrap_err();
    assert_eq!(error.to_string(), "program: expects inputs of shapes [[1, 12, 12, 3]], got [2, 12, 12, 3]");
}

/// wgpu refuses memory above a share of the driver's budget, here none at all, where the driver tells its budget.
#[test]
fn memory_that_is_not_there() {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.flags = wgpu::InstanceFlags::empty();
    descriptor.memory_budget_thresholds.for_resource_creation = Some(0);
    let instance = wgpu::Instance::new(descriptor);
    for adapter in pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all())) {
        let name = adapter.get_info().name;
        let gpu = match pollster::block_on(Gpu::new(&adapter, Request::Everything)) {
            Ok(gpu) => gpu,
            Err(error) => {
                assert!(matches!(error, GpuError::NoDevice { .. }), "{name}: {error}");
                println!("{name}: {error}");
                continue;
            }
        };
        match pollster::block_on(tiny_program(&gpu, 1)) {
            Ok(_) => println!("{name}: its driver tells no budget"),
            Err(error) => {
                assert!(matches!(error, GpuError::OutOfMemory { .. }), "{name}: {error}");
                assert!(
                    error.to_string().ends_with("use a smaller batch, recomputation in training, or the CPU"),
                    "{name}: {error}"
                );
                println!("{name}: {error}");
            }
        }
    }
}
