//! Values worked out ahead of who takes them: on all cores, in order, and never more than a window of them.

#[cfg(not(target_family = "wasm"))]
pub(crate) use threads::{Ahead, Ordered};

#[cfg(not(target_family = "wasm"))]
mod threads {
    use std::any::Any;
    use std::collections::VecDeque;
    use std::ops::Range;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
    use std::thread::{Builder, JoinHandle, available_parallelism};

    use async_channel::{Receiver, bounded};

    use crate::data_error::DataError;

    /// A value, or the panic of the function that should have made it.
    type Outcome<T> = Result<T, Box<dyn Any + Send>>;

    /// `f` of each number of a range, in order. Threads of its own work on the next `window` of them; all have ended
    /// when it is dropped. They are not a shared pool's, since who waits here may well stand on one of those.
    pub(crate) struct Ordered<T> {
        shared: Arc<Shared<T>>,
        workers: Vec<JoinHandle<()>>,
    }

    struct Shared<T> {
        queue: Mutex<Queue<T>>,
        /// Told when the window has moved on, or all is over.
        room: Condvar,
        /// Told when the first value of the queue may be there.
        ready: Condvar,
        window: usize,
        end: usize,
    }

    struct Queue<T> {
        /// The number that the first entry belongs to.
        first: usize,
        /// Of each number that a worker has taken, the value once it is there.
        values: VecDeque<Option<Outcome<T>>>,
        stopped: bool,
    }

    impl<T> Shared<T> {
        /// No thread can panic while it holds the lock, so it is never poisoned.
        fn lock(&self) -> MutexGuard<'_, Queue<T>> {
            self.queue.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// The next number to work on, once there is room for it; `None` at the end.
        fn next(&self) -> Option<usize> {
            let mut queue = self.lock();
            loop {
                let next = queue.first + queue.values.len();
                if queue.stopped || next >= self.end {
                    return None;
                }
                if queue.values.len() < self.window {
                    queue.values.push_back(None);
                    return Some(next);
                }
                queue = self.room.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }

        fn put(&self, number: usize, value: Outcome<T>) {
            let mut queue = self.lock();
            let place = number - queue.first;
            queue.values[place] = Some(value);
            if place == 0 {
                self.ready.notify_one();
            }
        }
    }

    impl<T: Send + 'static> Ordered<T> {
        /// # Errors
        /// If the operating system gives not one thread.
        pub fn new(
            numbers: Range<usize>,
            window: usize,
            f: impl Fn(usize) -> T + Send + Sync + 'static,
        ) -> Result<Self, DataError> {
            let count = available_parallelism().map_or(1, usize::from).min(numbers.len()).max(1);
            let queue = Queue { first: numbers.start, values: VecDeque::new(), stopped: false };
            let shared = Arc::new(Shared {
                queue: Mutex::new(queue),
                room: Condvar::new(),
                ready: Condvar::new(),
                window: window.max(count),
                end: numbers.end,
            });
            let f = Arc::new(f);
            let mut workers = Vec::new();
            for _ in 0..count {
                let (shared, f) = (shared.clone(), f.clone());
                let work = move || {
                    while let Some(number) = shared.next() {
                        shared.put(number, catch_unwind(AssertUnwindSafe(|| f(number))));
                    }
                };
                match Builder::new().name("cnn-data".into()).spawn(work) {
                    Ok(worker) => workers.push(worker),
                    // Fewer will do.
                    Err(_) if !workers.is_empty() => break,
                    Err(error) => return Err(DataError::Threads(error.to_string())),
                }
            }
            Ok(Self { shared, workers })
        }
    }

    impl<T> Iterator for Ordered<T> {
        type Item = T;

        fn next(&mut self) -> Option<T> {
            let mut queue = self.shared.lock();
            loop {
                if queue.first >= self.shared.end {
                    return None;
                }
                if let Some(value) = queue.values.front_mut().and_then(Option::take) {
                    queue.values.pop_front();
                    queue.first += 1;
                    drop(queue);
                    self.shared.room.notify_one();
                    return Some(value.unwrap_or_else(|panic| resume_unwind(panic)));
                }
                queue = self.shared.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    impl<T> Drop for Ordered<T> {
        fn drop(&mut self) {
            self.shared.lock().stopped = true;
            self.shared.room.notify_all();
            for worker in self.workers.drain(..) {
                // It has caught what could panic.
                let _ = worker.join();
            }
        }
    }

    /// An iterator on a thread of its own, two values ahead: one is ready, the other in the making.
    pub(crate) struct Ahead<T> {
        values: Option<Receiver<T>>,
        thread: Option<JoinHandle<()>>,
    }

    impl<T: Send + 'static> Ahead<T> {
        /// # Errors
        /// If the operating system gives no thread.
        pub fn new(values: impl Iterator<Item = T> + Send + 'static) -> Result<Self, DataError> {
            let (sender, receiver) = bounded(1);
            let work = move || {
                // Nobody listens any more where the receiver has gone.
                let _ = { values }.try_for_each(|value| sender.send_blocking(value));
            };
            let thread = Builder::new().name("cnn-data".into()).spawn(work);
            let thread = thread.map_err(|error| DataError::Threads(error.to_string()))?;
            Ok(Self { values: Some(receiver), thread: Some(thread) })
        }

        /// The next value. No thread waits for it.
        pub async fn next_async(&mut self) -> Option<T> {
            let value = self.values.as_ref()?.recv().await;
            self.value_or_panic(value.ok())
        }
    }

    impl<T> Ahead<T> {
        /// Where there is no value, a caller's function may have panicked, on a thread where nobody would see it.
        fn value_or_panic(&mut self, value: Option<T>) -> Option<T> {
            if value.is_none()
                && let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            {
                resume_unwind(panic);
            }
            value
        }
    }

    impl<T> Iterator for Ahead<T> {
        type Item = T;

        fn next(&mut self) -> Option<T> {
            let value = self.values.as_ref()?.recv_blocking();
            self.value_or_panic(value.ok())
        }
    }

    impl<T> Drop for Ahead<T> {
        fn drop(&mut self) {
            // The thread ends at its next send.
            self.values = None;
            if let Some(thread) = self.thread.take() {
                let _ = thread.join();
            }
        }
    }
}
