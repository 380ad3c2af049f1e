//! The library under executors: no call blocks, no run mixes with another, a dropped future leaves nothing behind.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{RecvError, Sender, channel};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};

use cnn_core::Tensor;
use cnn_wgpu::{Gpu, GpuError, Request};
use tokio::runtime::{Builder, Runtime};

use super::{Host, hosts, picture, tiny_program};

/// Runs of one program at a time.
const RUNS: usize = 12;

/// Who polls the device.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Polled {
    /// A device of our own: a thread of ours.
    Own,
    /// The host's device, a thread of ours.
    Thread,
    /// The host's device, the host.
    Host,
}

fn gpu(host: &Host, polled: Polled) -> Arc<Gpu> {
    let (device, queue) = (host.device.clone(), host.queue.clone());
    match polled {
        Polled::Own => pollster::block_on(Gpu::new(&host.adapter, Request::Everything)).unwrap(),
        Polled::Thread => Gpu::from_device_with_poll_thread(&host.adapter, device, queue),
        Polled::Host => Gpu::from_device(&host.adapter, device, queue),
    }
}

/// Makes a program and runs it on several pictures at once, each in a task of its own.
async fn tasks(gpu: Arc<Gpu>, host_polls: bool) -> Result<Vec<Tensor>, GpuError> {
    let program = Arc::new(tiny_program(&gpu, 1).await?);
    let task = |number: usize| {
        let program = program.clone();
        tokio::spawn(async move { program.run(&[picture(&number.to_string(), 1)]).await })
    };
    let tasks: Vec<_> = (0..RUNS).map(task).collect();
    while host_polls && tasks.iter().any(|task| !task.is_finished()) {
        gpu.poll()?;
        tokio::task::yield_now().await;
    }
    let mut outputs = Vec::new();
    for task in tasks {
        outputs.extend(task.await.unwrap()?);
    }
    Ok(outputs)
}

/// One after the other, without tokio.
fn sequential(gpu: &Arc<Gpu>) -> Vec<Tensor> {
    let program = pollster::block_on(tiny_program(gpu, 1)).unwrap();
    let run = |number: usize| pollster::block_on(program.run(&[picture(&number.to_string(), 1)])).unwrap();
    (0..RUNS).flat_map(run).collect()
}

fn runtimes() -> [(&'static str, Runtime); 2] {
    let several = Builder::new_multi_thread().worker_threads(4).build().unwrap();
    [("multi_thread", several), ("current_thread", Builder::new_current_thread().build().unwrap())]
}

#[test]
fn runs_under_tokio_are_the_runs_one_by_one() {
    for host in hosts() {
        for polled in [Polled::Own, Polled::Thread, Polled::Host] {
            // The same kind of device: another one may get other kernels.
            let own = gpu(&host, if polled == Polled::Own { Polled::Own } else { Polled::Thread });
            let wanted = sequential(&own);
            for (name, runtime) in runtimes() {
                let got = runtime.block_on(tasks(gpu(&host, polled), polled == Polled::Host)).unwrap();
                assert_eq!(got, wanted, "{}, {polled:?}, {name}", host.name);
            }
        }
    }
}

#[test]
fn a_dropped_run_leaves_nothing_behind() {
    for host in hosts() {
        for polled in [Polled::Own, Polled::Thread] {
            let gpu = gpu(&host, polled);
            let program = pollster::block_on(tiny_program(&gpu, 1)).unwrap();
            let inputs = [picture("a", 1)];
            let wanted = pollster::block_on(program.run(&inputs)).unwrap();
            for _ in 0..RUNS {
                let mut run = Box::pin(program.run(&inputs));
                let _ = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
            assert_eq!(pollster::block_on(program.run(&inputs)).unwrap(), wanted, "{}, {polled:?}", host.name);
            let weak = Arc::downgrade(&gpu);
            drop((gpu, program));
            assert_eq!(weak.strong_count(), 0, "{}, {polled:?}", host.name);
        }
    }
}

type Run = Pin<Box<dyn Future<Output = Result<Vec<Tensor>, GpuError>> + Send>>;

thread_local! {
    /// Dropped when the thread that woke a task has ended, and with it what it held of the device.
    static ENDS: Cell<Option<Sender<()>>> = const { Cell::new(None) };
}

/// A task that is cancelled where it is woken, and the sender for [`ENDS`] there.
struct Cancelled(Mutex<Option<(Run, Sender<()>)>>);

impl Wake for Cancelled {
    fn wake(self: Arc<Self>) {
        let Some((run, ends)) = self.0.lock().unwrap().take() else { return };
        ENDS.set(Some(ends));
        drop(run);
    }
}

#[test]
fn the_polling_thread_may_drop_the_last_handle() {
    for host in hosts() {
        let gpu = gpu(&host, Polled::Own);
        let program = pollster::block_on(tiny_program(&gpu, 1)).unwrap();
        let weak: Weak<Gpu> = Arc::downgrade(&gpu);
        let run: Run = Box::pin(async move { program.run(&[picture("a", 1)]).await });
        let (ends, ended) = channel();
        let task = Arc::new(Cancelled(Mutex::new(Some((run, ends)))));
        drop(gpu);
        let waker = Waker::from(task.clone());
        {
            let mut held = task.0.lock().unwrap();
            let polled = held.as_mut().unwrap().0.as_mut().poll(&mut Context::from_waker(&waker));
            if let Poll::Ready(result) = polled {
                // The device was faster than the poll: nobody is woken, and dropping it here is no news.
                result.unwrap();
                *held = None;
            }
        }
        // A process that ends while the thread is still inside the driver may crash.
        assert_eq!(ended.recv(), Err(RecvError), "{}", host.name);
        assert_eq!(weak.strong_count(), 0, "{}", host.name);
    }
}
