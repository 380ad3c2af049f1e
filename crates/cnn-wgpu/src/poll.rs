//! On native, wgpu's futures complete only when somebody polls the device. In the browser the event loop does.

#[cfg(target_arch = "wasm32")]
pub(crate) use web::Poller;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::Poller;

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::sync::mpsc::{Sender, channel};
    use std::thread::JoinHandle;

    /// A thread that waits for the device whenever it is woken, and ends when this is dropped.
    #[derive(Debug)]
    pub(crate) struct Poller {
        wakes: Option<Sender<()>>,
        thread: Option<JoinHandle<()>>,
    }

    impl Poller {
        pub(crate) fn new(device: wgpu::Device) -> Self {
            let (wakes, woken) = channel();
            let thread = std::thread::spawn(move || {
                while woken.recv().is_ok() {
                    // An error means that the device is lost; the callbacks that wait are told so by wgpu.
                    let _ = device.poll(wgpu::PollType::wait_indefinitely());
                }
            });
            Self { wakes: Some(wakes), thread: Some(thread) }
        }

        /// Waits, on the thread, for all that was submitted so far.
        pub(crate) fn wake(&self) {
            if let Some(wakes) = &self.wakes {
                // The thread lives as long as this does.
                let _ = wakes.send(());
            }
        }
    }

    impl Drop for Poller {
        /// Waits for the thread: a driver that is unloaded while a thread is inside it crashes the process at its end.
        fn drop(&mut self) {
            self.wakes = None;
            let Some(thread) = self.thread.take() else { return };
            // An executor may drop a finished task, and with it the last handle, where it is woken: on the thread itself.
            if thread.thread().id() != std::thread::current().id() {
                // It has no value, and a panic of wgpu's in it was reported by then.
                let _ = thread.join();
            }
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod web {
    /// Nothing to do: the browser polls.
    #[derive(Debug)]
    pub(crate) struct Poller;

    impl Poller {
        pub(crate) fn new(_device: wgpu::Device) -> Self {
            Self
        }

        pub(crate) fn wake(&self) {}
    }
}
