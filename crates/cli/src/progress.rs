//! Bars for long work: on stderr, only where that is a terminal.

use std::fmt::Write;
use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::output::Output;
use crate::text::{bytes, rate};

/// A bar. It comes with the first progress, so that nothing that is asked before stands in it, and goes away when it is dropped.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar for entries.
    pub(crate) fn entries(output: Output, title: &'static str) -> Self {
        Self::new(output, title, Some(0), ENTRIES)
    }

    /// A bar for bytes, or a count of them where nobody knows how many there will be.
    pub(crate) fn bytes(output: Output, title: &'static str, total: Option<u64>) -> Self {
        Self::new(output, title, total, if total.is_some() { BYTES } else { BYTES_SO_FAR })
    }

    fn new(output: Output, title: &'static str, total: Option<u64>, template: &str) -> Self {
        let target = if output.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(total, target).with_message(title);
        // The templates are constants; a bar without one would still count.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(in_our_units(style));
        }
        Self(bar)
    }

    /// None at all.
    pub(crate) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// So far. For closures that can stop the work: it never does.
    pub(crate) fn at(&self, done: u64, total: u64) -> ControlFlow<()> {
        if self.0.length() != Some(total) {
            self.0.set_length(total);
        }
        self.0.set_position(done);
        ControlFlow::Continue(())
    }

    /// So far, of what was said at the beginning.
    pub(crate) fn reached(&self, done: u64) {
        if self.0.position() == 0 {
            // Whatever was asked before took its time.
            self.0.reset_elapsed();
        }
        self.0.set_position(done);
    }

    /// Writes to the terminal without the bar in between.
    pub(crate) fn aside(&self, write: impl FnOnce()) {
        if self.0.position() == 0 {
            // It is not there yet, and suspending it would draw it.
            write();
        } else {
            self.0.suspend(write);
        }
    }

    /// Takes the bar away before it is dropped.
    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }

    /// What is being done now.
    pub(crate) fn title(&self, title: &'static str) {
        self.0.set_message(title);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Sizes as results say them.
fn in_our_units(style: ProgressStyle) -> ProgressStyle {
    // Nobody can be told when the terminal is gone.
    style
        .with_key("done", |state: &ProgressState, out: &mut dyn Write| {
            let _ = out.write_str(&bytes(state.pos()));
        })
        .with_key("total", |state: &ProgressState, out: &mut dyn Write| {
            let _ = out.write_str(&bytes(state.len().unwrap_or_default()));
        })
        .with_key("speed", |state: &ProgressState, out: &mut dyn Write| {
            let _ = write!(out, "{}/s", bytes(rate(state.pos(), state.elapsed()).unwrap_or_default()));
        })
}

const BYTES: &str = "{msg:>12} [{bar:32}] {done} of {total}, {speed}, {eta} left";
const BYTES_SO_FAR: &str = "{msg:>12} {done}, {speed}";
const ENTRIES: &str = "{msg:>12} [{bar:32}] {human_pos} of {human_len} entries, {per_sec}, {eta} left";
