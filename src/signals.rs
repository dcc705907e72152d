//! SIGTERM and SIGINT end the server in order; SIGHUP has it read its configuration again.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Starts a thread that calls `stop` at SIGTERM or SIGINT and `reload` at SIGHUP.
pub(crate) fn watch(
    stop: impl Fn() + Send + 'static,
    reload: impl Fn() + Send + 'static,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut terminate, mut interrupt, mut hang_up) = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        )
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = terminate.recv() => stop(),
                    _ = interrupt.recv() => stop(),
                    _ = hang_up.recv() => reload(),
                }
            }
        });
    })?;
    Ok(())
}
