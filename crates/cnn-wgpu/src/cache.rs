//! Compiled kernels kept from one process to the next, where the backend has a pipeline cache (Vulkan).

use std::sync::{Mutex, PoisonError};

/// The driver's cache of a device's pipelines; none where the device has no `PIPELINE_CACHE`.
#[derive(Debug)]
pub(crate) struct Cache {
    handle: Mutex<Option<wgpu::PipelineCache>>,
}

impl Cache {
    /// An empty cache.
    pub(crate) fn new(device: &wgpu::Device) -> Self {
        let handle = device.features().contains(wgpu::Features::PIPELINE_CACHE).then(|| create(device, None));
        Self { handle: Mutex::new(handle) }
    }

    /// What pipelines are created with.
    pub(crate) fn handle(&self) -> Option<wgpu::PipelineCache> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes on from `sealed`; whether this was possible. What is there stays if not.
    pub(crate) async fn load(&self, device: &wgpu::Device, sealed: &[u8]) -> bool {
        let (Some(_), Some(data)) = (self.handle(), unseal(sealed)) else { return false };
        let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let refusal = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let loaded = create(device, Some(data));
        let (refusal, memory) = (refusal.pop(), memory.pop());
        if refusal.await.is_some() || memory.await.is_some() {
            return false;
        }
        *self.handle.lock().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
        true
    }

    /// What [`Cache::load`] takes; `None` without a cache.
    pub(crate) fn data(&self) -> Option<Vec<u8>> {
        self.handle()?.get_data().map(|data| seal(&data))
    }
}

/// A cache over `data`. Without the fallback: wgpu refuses by an error what is another device's or driver's.
fn create(device: &wgpu::Device, data: Option<&[u8]>) -> wgpu::PipelineCache {
    let descriptor = wgpu::PipelineCacheDescriptor { label: Some("cnn"), data, fallback: false };
    // SAFETY: data has to come from `PipelineCache::get_data`. It does: `unseal` hands out only what `seal` has signed, so
    // nothing truncated, damaged or foreign arrives here, and wgpu compares device and driver itself. A file that was
    // forged with the right sum is beyond this, as is one in the driver's own cache.
    unsafe { device.create_pipeline_cache(&descriptor) }
}

/// Stands before the sum: names the format.
const MAGIC: [u8; 8] = *b"cnnpipe1";

/// `data` behind its FNV-1a sum. wgpu and drivers look at their headers alone, and believe the rest.
fn seal(data: &[u8]) -> Vec<u8> {
    [&MAGIC, &fnv1a(data).to_le_bytes(), data].concat()
}

/// The data, if it is what [`seal`] was given.
fn unseal(sealed: &[u8]) -> Option<&[u8]> {
    let (sum, data) = sealed.strip_prefix(&MAGIC)?.split_first_chunk()?;
    (u64::from_le_bytes(*sum) == fnv1a(data)).then_some(data)
}

/// The 64-bit FNV-1a hash (Fowler, Noll, Vo).
fn fnv1a(data: &[u8]) -> u64 {
    data.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_is_unsealed() {
        // The sums are the authors' own test vectors.
        for (text, sum) in
            [("", 0xcbf2_9ce4_8422_2325_u64), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(fnv1a(text.as_bytes()), sum);
            let sealed = seal(text.as_bytes());
            assert_eq!(unseal(&sealed), Some(text.as_bytes()));
            for cut in 0..sealed.len() {
                assert_eq!(unseal(&sealed[..cut]), None, "cut to {cut} bytes");
            }
            for bit in 0..8 * sealed.len() {
                let mut damaged = sealed.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(unseal(&damaged), None, "bit {bit}");
            }
            assert_eq!(unseal(&[sealed, vec![0]].concat()), None);
        }
        assert_eq!(unseal(b"WGPUPLCH and so on"), None);
    }
}
