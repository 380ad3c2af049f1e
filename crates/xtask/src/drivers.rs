//! The three software drivers the tests run on, on Debian and Ubuntu: Mesa's lavapipe (Vulkan) and llvmpipe (OpenGL),
//! and SwiftShader (Vulkan) out of Debian's Chromium. See docs/drivers.md.

use std::env;
use std::path::{Path, PathBuf};

use crate::needs::{self, Need};
use crate::process::{ask, command, scratch};

/// Vulkan's loader and lavapipe; EGL and OpenGL with llvmpipe.
const PACKAGES: [&str; 5] = ["libvulkan1", "mesa-vulkan-drivers", "libegl1", "libegl-mesa0", "libgl1-mesa-dri"];

/// The package whose files SwiftShader is taken out of.
const BROWSER: &str = "chromium-common";

/// What `cargo xtask drivers` may be told.
#[derive(clap::Args)]
pub struct Arguments {
    /// Install what is missing (Debian and Ubuntu, as root or with sudo).
    #[arg(long)]
    install: bool,
}

/// Shows the drivers as `export` lines for a shell.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    needs::meet(&missing(), arguments.install)?;
    for (name, value) in environment() {
        println!("export {name}={value}");
    }
    Ok(())
}

/// The drivers that are missing; none where there is no apt, since we would not know how to bring them in.
pub fn missing() -> Vec<Need> {
    if ask(&mut command("apt-get", ["--version"])).is_none() {
        eprintln!("This is neither Debian nor Ubuntu: the tests use the drivers that are here, none is brought in.");
        return Vec::new();
    }
    let sudo = if ask(&mut command("id", ["-u"])).is_some_and(|id| id.trim() == "0") { "" } else { "sudo " };
    let absent: Vec<&str> = PACKAGES.into_iter().filter(|package| !is_installed(package)).collect();
    let mut needs = Vec::new();
    if !absent.is_empty() {
        let packages = absent.join(" ");
        let install = format!("{sudo}env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends");
        needs.push(Need::new("Mesa's software drivers", format!("{install} -o DPkg::Lock::Timeout=300 {packages}")));
    }
    if !swiftshader().exists() {
        needs.push(Need::new("SwiftShader", unpack_swiftshader()));
    }
    if !needs.is_empty() {
        needs.insert(0, Need::new("fresh package lists", format!("{sudo}apt-get update -qq || :")));
    }
    needs
}

/// The variables with which a program sees every driver of this machine, SwiftShader too, and no chatter on standard
/// error. Empty if there is nothing to add to what the system finds by itself.
pub fn environment() -> Vec<(&'static str, String)> {
    let mut variables = Vec::new();
    if swiftshader().exists() {
        let mut files = known_drivers();
        files.push(swiftshader());
        let files: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
        // The second name is what Vulkan loaders before 1.3.207 read.
        variables.push(("VK_DRIVER_FILES", files.join(":")));
        variables.push(("VK_ICD_FILENAMES", files.join(":")));
    }
    if env::var_os("DISPLAY").is_none() && env::var_os("WAYLAND_DISPLAY").is_none() {
        // Mesa's layer that picks a screen's GPU complains of XDG_RUNTIME_DIR where there is no screen.
        variables.push(("NODEVICE_SELECT", "1".into()));
    }
    variables
}

/// Where SwiftShader's description lies once it is unpacked, its library beside it.
fn swiftshader() -> PathBuf {
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    cache.map_or_else(|| scratch("swiftshader"), |cache| cache.join("cnn/swiftshader")).join("vk_swiftshader_icd.json")
}

/// The browser is not installed: two of its files are unpacked.
fn unpack_swiftshader() -> String {
    let description = swiftshader();
    let folder = description.parent().unwrap_or(Path::new(".")).display();
    format!(
        "rm -rf '{folder}' && mkdir -p '{folder}/unpacked' && cd '{folder}' \
         && apt-get download -qq -o APT::Sandbox::User=root {BROWSER} && dpkg-deb -x {BROWSER}_*.deb unpacked \
         && mv unpacked/usr/lib/chromium/libvk_swiftshader.so unpacked/usr/lib/chromium/vk_swiftshader_icd.json . \
         && rm -r unpacked {BROWSER}_*.deb"
    )
}

fn is_installed(package: &str) -> bool {
    let status = ask(&mut command("dpkg-query", ["-W", "-f=${db:Status-Status}", package]));
    status.is_some_and(|status| status == "installed")
}

/// The driver descriptions the Vulkan loader would find by itself.
fn known_drivers() -> Vec<PathBuf> {
    for name in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
        if let Some(files) = env::var_os(name) {
            return env::split_paths(&files).filter(|file| *file != swiftshader()).collect();
        }
    }
    let folders = ["/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"];
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}
