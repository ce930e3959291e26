//! Makes a Vulkan validation error fail the tests.
//!
//! wgpu hands the messages of Vulkan's validation layers to the `log` crate. With `WGPU_VALIDATION=1`
//! in the environment, [`watch`] installs a logger that ends the process at the first error among
//! them, and makes sure that the layers are installed at all. Without, it does nothing. Call it before
//! the first `Runtime::new`.

use std::{
    io::Write,
    process,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

/// Where wgpu reports what the layers say.
const SOURCE: &str = "wgpu_hal::vulkan";

/// What wgpu says when it looks for the layers in vain.
const MISSING: &str = "unable to find layer";

static LAYERS_MISSING: AtomicBool = AtomicBool::new(false);

struct Watch;

impl log::Log for Watch {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with(SOURCE)
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        if record.args().to_string().contains(MISSING) {
            LAYERS_MISSING.store(true, Ordering::Relaxed);
        }
        if record.level() == log::Level::Error {
            // Straight to the stream: the test harness would keep what `eprintln` prints to itself, and
            // wgpu would catch a panic.
            let _ = writeln!(std::io::stderr(), "Vulkan validation error: {}", record.args());
            process::exit(101);
        }
    }

    fn flush(&self) {}
}

/// Starts to watch, once, if the environment asks for validation.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if std::env::var("WGPU_VALIDATION").map_or(true, |value| value == "0") {
            return;
        }
        log::set_logger(&Watch).expect("no other logger is set in these tests");
        // The absence of the layers is told at this level only, when an instance is made.
        log::set_max_level(log::LevelFilter::Debug);
        drop(wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: wgpu::Backends::VULKAN,
            flags: wgpu::InstanceFlags::DEBUG | wgpu::InstanceFlags::VALIDATION,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        }));
        log::set_max_level(log::LevelFilter::Error);
        assert!(
            !LAYERS_MISSING.load(Ordering::Relaxed),
            "WGPU_VALIDATION is set, and Vulkan's validation layers are not installed"
        );
    });
}
