//! A sign of life for work that takes longer than half a second.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};

use super::prompt;

/// Work shorter than this shows nothing.
const QUIET: Duration = Duration::from_millis(500);

/// Does `work`; if it takes longer than half a second, standard error shows
/// `message`: a spinner on a terminal that can draw, one plain line elsewhere.
pub fn with_progress<T>(message: &'static str, work: impl FnOnce() -> T) -> T {
    let (done, wait) = channel::<()>();
    std::thread::scope(|scope| {
        let sign_of_life = move || {
            if wait.recv_timeout(QUIET) == Err(RecvTimeoutError::Timeout) {
                let bar = spinner(message);
                let _ = wait.recv();
                bar.finish_and_clear();
            }
        };
        // Without a thread the work goes on in silence.
        let _ = std::thread::Builder::new().spawn_scoped(scope, sign_of_life);
        let result = work();
        drop(done);
        result
    })
}

fn spinner(message: &'static str) -> ProgressBar {
    if !Term::stderr().is_term() || prompt::is_plain() {
        let _ = Term::stderr().write_line(message);
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message(message);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style.tick_chars("-\\|/ "));
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
