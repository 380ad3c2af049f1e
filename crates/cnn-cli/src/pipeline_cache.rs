//! Kernels that a driver has compiled, kept on disk for the next process where wgpu has a pipeline cache (Vulkan).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cnn::io::files;
use cnn::{Device, Gpu};

use crate::console::Console;

/// Takes up a device's kernels where it is made, and leaves them on disk where it is dropped, if there are more by then.
#[derive(Debug)]
pub struct PipelineCache<'a> {
    kept: Option<Kept>,
    console: &'a Console,
}

#[derive(Debug)]
struct Kept {
    gpu: Arc<Gpu>,
    path: PathBuf,
    /// What lay there and was taken up.
    loaded: Option<Vec<u8>>,
}

impl<'a> PipelineCache<'a> {
    /// To be called before the device's first program is made.
    pub fn of(device: &Device, console: &'a Console) -> Self {
        let kept = match device {
            Device::Gpu(gpu) => Kept::load(gpu, console),
            Device::Cpu { .. } | Device::Reference => None,
        };
        Self { kept, console }
    }
}

impl Kept {
    fn load(gpu: &Arc<Gpu>, console: &Console) -> Option<Self> {
        let path = folder()?.join(gpu.pipeline_cache_key()?);
        // Not there, or not readable: kernels are compiled as if it were the first time.
        let data = std::fs::read(&path).ok();
        let loaded = data.filter(|data| pollster::block_on(gpu.load_pipeline_cache(data)));
        if loaded.is_some() {
            console.detail(&format!("{}: compiled kernels taken up", path.display()));
        }
        Some(Self { gpu: gpu.clone(), path, loaded })
    }

    fn save(&self) -> Result<bool, String> {
        let data = self.gpu.pipeline_cache_data().filter(|data| self.loaded.as_ref() != Some(data));
        let Some(data) = data else { return Ok(false) };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        files::write(&self.path, &data).map_err(|error| error.to_string())?;
        Ok(true)
    }
}

impl Drop for PipelineCache<'_> {
    fn drop(&mut self) {
        let Some(kept) = &self.kept else { return };
        match kept.save() {
            Ok(true) => self.console.detail(&format!("{}: compiled kernels kept", kept.path.display())),
            Ok(false) => {}
            // Nothing but time is lost.
            Err(error) => self.console.detail(&format!("compiled kernels are not kept: {error}")),
        }
    }
}

/// Where such files lie: the system's folder for what can be made again.
fn folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HOME").map(|home| home.join(".cache"));
    let cache = set("XDG_CACHE_HOME").or_else(home).or_else(|| set("LOCALAPPDATA"))?;
    Some(cache.join("cnn").join("pipelines"))
}
