//! Bars for long work: on stderr, only where that is a terminal.

use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// A bar. It goes away when it is dropped.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar for entries.
    pub(crate) fn entries(output: Output, title: &'static str) -> Self {
        let target = if output.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        // The template is a constant; a bar without one would still count.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        bar.set_message(title);
        Self(bar)
    }

    /// So far. For closures that can stop the work: it never does.
    pub(crate) fn at(&self, done: u64, total: u64) -> ControlFlow<()> {
        if self.0.length() != Some(total) {
            self.0.set_length(total);
        }
        self.0.set_position(done);
        ControlFlow::Continue(())
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

const TEMPLATE: &str = "{msg:>12} [{bar:32}] {human_pos} of {human_len} entries, {per_sec}, {eta} left";
