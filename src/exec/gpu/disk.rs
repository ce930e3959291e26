//! The driver's compiled pipelines, kept in the user's cache folder from one run to the next.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::device::{Scopes, lock};
use crate::{digest::checksum, file::cache_folder};

/// What the file starts with; the number is that of this layout.
const MAGIC: &[u8; 8] = b"SWATHPC1";

/// What a cache may hold. A driver never drops anything from one: beyond this it starts anew.
const MOST_BYTES: usize = 64 << 20;

/// The file is written again at most this often, and when the device is dropped.
const SAVE_EVERY: Duration = Duration::from_secs(2);

/// The pipeline cache of a device and the file behind it, if there are any. Nothing here can fail a call: without a
/// cache, or with a damaged one, pipelines are compiled anew.
pub(super) struct DiskCache(Option<Kept>);

struct Kept {
    device: wgpu::Device,
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    cache: wgpu::PipelineCache,
    /// Pipelines were compiled since the file was written.
    stale: bool,
    saved: Option<Instant>,
    /// Checksum of what the file holds.
    on_disk: Option<u64>,
}

impl DiskCache {
    /// The cache of `device`, filled from `folder` where there is a usable file; none without a place for one, since the
    /// pipelines of this run are kept as they are.
    pub fn open(device: &wgpu::Device, folder: Option<&Path>) -> Self {
        let key = wgpu::util::pipeline_cache_key(&device.adapter_info());
        let Some((folder, key)) = folder.zip(key) else { return DiskCache(None) };
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return DiskCache(None);
        }
        let path = folder.join(format!("{key}.bin"));
        let data = load(&path).filter(|data| data.len() <= MOST_BYTES);
        let Some(cache) = make(device, data.as_deref()) else { return DiskCache(None) };
        let state = State { cache, stale: false, saved: None, on_disk: data.as_deref().map(checksum) };
        DiskCache(Some(Kept { device: device.clone(), path, state: Mutex::new(state) }))
    }

    /// For the creation of pipelines.
    pub fn cache(&self) -> Option<wgpu::PipelineCache> {
        self.0.as_ref().map(|kept| lock(&kept.state).cache.clone())
    }

    /// A pipeline was compiled: saves the cache, unless that was done a moment ago.
    pub fn compiled(&self) {
        let Some(kept) = &self.0 else { return };
        let mut state = lock(&kept.state);
        state.stale = true;
        if state.saved.is_none_or(|saved| saved.elapsed() >= SAVE_EVERY) {
            kept.save(&mut state, MOST_BYTES);
        }
    }
}

impl Kept {
    /// Writes the file, if there is anything new. A cache of more than `most` bytes is not used any more then.
    fn save(&self, state: &mut State, most: usize) {
        (state.stale, state.saved) = (false, Some(Instant::now()));
        let Some(data) = state.cache.get_data() else { return };
        if data.len() > most
            && let Some(fresh) = make(&self.device, None)
        {
            state.cache = fresh;
            return;
        }
        let sum = checksum(&data);
        if state.on_disk == Some(sum) {
            return;
        }
        match store(&self.path, &data, sum) {
            Ok(()) => state.on_disk = Some(sum),
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "the pipeline cache cannot be saved");
            }
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        if state.stale {
            self.save(&mut state, MOST_BYTES);
        }
    }
}

/// A cache that holds `data`, which a file of ours held; nothing where the device makes none.
fn make(device: &wgpu::Device, data: Option<&[u8]>) -> Option<wgpu::PipelineCache> {
    let scopes = Scopes::open(device);
    let descriptor = wgpu::PipelineCacheDescriptor { label: Some("swath"), data, fallback: true };
    // SAFETY: the data came from `get_data`: the file carries our mark and the checksum that was written with it, in a
    // folder that belongs to the user; wgpu and the driver check further that it fits this device and driver.
    let cache = unsafe { device.create_pipeline_cache(&descriptor) };
    match scopes.close() {
        Some(error) => {
            tracing::warn!(%error, "no pipeline cache");
            None
        }
        None => Some(cache),
    }
}

/// The folder of the pipeline caches, in the user's cache folder; `None` if that is not known.
pub(super) fn folder() -> Option<PathBuf> {
    cache_folder("pipelines")
}

/// The data in the file; `None` if there is no file, and with a warning if it is damaged.
fn load(path: &Path) -> Option<Vec<u8>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the pipeline cache cannot be read");
            return None;
        }
    };
    let data = unwrap(&bytes);
    if data.is_none() {
        tracing::warn!(path = %path.display(), "the pipeline cache is damaged and is ignored");
    }
    data.map(<[u8]>::to_vec)
}

/// The data behind the file's mark and checksum, if both are right.
fn unwrap(bytes: &[u8]) -> Option<&[u8]> {
    let (sum, data) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
    (u64::from_le_bytes(*sum) == checksum(data)).then_some(data)
}

/// Replaces the file in one step, so that another process reads the old one or the new one.
fn store(path: &Path, data: &[u8], sum: u64) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::create_dir_all(folder)?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{number}.tmp", process::id()));
    let bytes = [MAGIC, sum.to_le_bytes().as_slice(), data].concat();
    let written = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_back_and_a_damaged_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep").join("cache.bin");
        assert_eq!(load(&path), None);
        let data = [7, 8, 9];
        store(&path, &data, checksum(&data)).expect("stored");
        assert_eq!(load(&path).as_deref(), Some(&data[..]));
        store(&path, &data[..2], checksum(&data[..2])).expect("replaced");
        assert_eq!(load(&path).as_deref(), Some(&data[..2]));

        let good = fs::read(&path).expect("there");
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 0x10;
            fs::write(&path, &bad).expect("written");
            assert_eq!(load(&path), None, "byte {place} is wrong");
        }
        fs::write(&path, &good[..good.len() - 1]).expect("written");
        assert_eq!(load(&path), None, "cut short");
        let names: Vec<_> = fs::read_dir(path.parent().expect("a folder")).expect("listed").collect();
        assert_eq!(names.len(), 1, "no temporary file stays");
    }

    #[test]
    fn a_cache_that_has_grown_too_large_starts_anew() {
        let opened = crate::exec::gpu::device::open_all().into_iter();
        let Some(device) =
            opened.map(|open| open.device).find(|d| d.features().contains(wgpu::Features::PIPELINE_CACHE))
        else {
            return eprintln!("skipped: no GPU has pipeline caches");
        };
        let folder = tempfile::tempdir().expect("a folder");
        let disk = DiskCache::open(&device, Some(folder.path()));
        let Some(kept) = &disk.0 else { panic!("the device makes caches") };
        let before = disk.cache();
        kept.save(&mut lock(&kept.state), 0);
        assert!(disk.cache().is_some() && disk.cache() != before);
        assert!(!kept.path.exists(), "what is too large is not written");
        let before = disk.cache();
        kept.save(&mut lock(&kept.state), MOST_BYTES);
        assert!(disk.cache() == before && kept.path.exists());
        assert!(DiskCache::open(&device, None).cache().is_none());
    }
}
