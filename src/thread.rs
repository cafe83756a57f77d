//! Threads that can be refused: at the limit of processes (`ulimit -u`) the caller
//! does the work itself, before it goes on.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, Result, Scope, ScopedJoinHandle};

/// Work in a thread that ends with its scope, or the result of finished work.
pub enum Scoped<'scope, T> {
    /// In a thread.
    Thread(ScopedJoinHandle<'scope, T>),
    /// Finished in the thread of the caller.
    Done(T),
}

impl<T> Scoped<'_, T> {
    /// Waits for the result.
    ///
    /// # Errors
    /// When the work panicked.
    pub fn join(self) -> Result<T> {
        match self {
            Scoped::Thread(handle) => handle.join(),
            Scoped::Done(result) => Ok(result),
        }
    }
}

/// Does `work` in a thread of `scope`; without a thread, now.
pub fn scoped<'scope, T, F>(scope: &'scope Scope<'scope, '_>, work: F) -> Scoped<'scope, T>
where
    T: Send + 'scope,
    F: FnOnce() -> T + Send + 'scope,
{
    let (own, theirs) = shared(work);
    match Builder::new().spawn_scoped(scope, theirs) {
        Ok(handle) => Scoped::Thread(handle),
        Err(_) => Scoped::Done(own()),
    }
}

/// Does `work` in a thread that is not waited for; without a thread, now.
pub fn detached(work: impl FnOnce() + Send + 'static) {
    let (own, theirs) = shared(work);
    if Builder::new().spawn(theirs).is_err() {
        own();
    }
}

/// The same work twice, of which one is called: a thread that cannot be started
/// does not give its work back.
fn shared<T, F: FnOnce() -> T>(work: F) -> (impl FnOnce() -> T, impl FnOnce() -> T) {
    let work = Arc::new(Mutex::new(Some(work)));
    let other = Arc::clone(&work);
    let call = |work: Arc<Mutex<Option<F>>>| {
        let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
        work.map_or_else(|| unreachable!("one of the two is called"), |work| work())
    };
    (move || call(work), move || call(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_once_whoever_calls_it() {
        let (own, theirs) = shared(|| 1);
        drop(theirs);
        assert_eq!(own(), 1);
        let (own, theirs) = shared(|| 2);
        drop(own);
        assert_eq!(theirs(), 2);
        std::thread::scope(|scope| {
            assert_eq!(scoped(scope, || 3).join().ok(), Some(3));
        });
    }
}
