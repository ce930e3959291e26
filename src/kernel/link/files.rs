//! Finds the file of a module.

use std::{
    cell::OnceCell,
    fs,
    path::{Path, PathBuf},
};

use rustc_hash::FxHashMap;

use super::{Sources, directives};

/// A file that was found.
pub struct Found {
    /// As errors name it.
    pub name: String,
    pub text: String,
}

/// The files of a module, those in memory and those of the folder.
pub struct Files<'s> {
    sources: &'s Sources,
    /// The files of the folder by the paths that they give themselves.
    own_paths: OnceCell<FxHashMap<Vec<String>, PathBuf>>,
}

/// Files of a folder that are looked at for the paths that they give themselves, and folders inside each other.
const MOST_FILES: usize = 4096;
const DEEPEST: usize = 8;

/// Bytes of a file that is no kernel any more.
const LARGEST: u64 = 16 << 20;

const ENDINGS: [&str; 2] = ["wesl", "wgsl"];

impl<'s> Files<'s> {
    pub fn of(sources: &'s Sources) -> Self {
        Files { sources, own_paths: OnceCell::new() }
    }

    /// The file `name`: one that is in memory, or else one of the folder.
    pub fn named(&self, name: &str) -> Result<Found, String> {
        if let Some((name, text)) = self.sources.files.iter().find(|file| file.0 == name) {
            return Ok(Found { name: name.clone(), text: text.clone() });
        }
        match &self.sources.folder {
            Some(folder) => read(&folder.join(name)),
            None => Err("there is no file of this name, and no folder to look in".to_owned()),
        }
    }

    /// The file of the module `path`; nothing where there is none.
    pub fn module(&self, path: &[String]) -> Result<Option<Found>, String> {
        let stem = path.join("/");
        let by_name =
            |name: &str| name.rsplit_once('.').is_some_and(|(start, end)| start == stem && ENDINGS.contains(&end));
        let by_own_path = |text: &str| directives::own_path(text).is_some_and(|own| own == path);
        let mut files = self.sources.files.iter();
        if let Some((name, text)) = files.find(|(name, text)| by_name(name) || by_own_path(text)) {
            return Ok(Some(Found { name: name.clone(), text: text.clone() }));
        }
        let Some(folder) = &self.sources.folder else { return Ok(None) };
        for ending in ENDINGS {
            let file = folder.join(format!("{stem}.{ending}"));
            if file.is_file() {
                return read(&file).map(Some);
            }
        }
        match self.own_paths.get_or_init(|| own_paths(folder)).get(path) {
            Some(file) => read(file).map(Some),
            None => Ok(None),
        }
    }
}

pub fn read(path: &Path) -> Result<Found, String> {
    let name = path.display().to_string();
    let cannot = |error: &dyn std::fmt::Display| format!("`{name}` cannot be read: {error}");
    let bytes = fs::metadata(path).map_err(|error| cannot(&error))?.len();
    if bytes > LARGEST {
        return Err(cannot(&format!("it holds {bytes} bytes, and a module is no larger than {LARGEST}")));
    }
    let text = fs::read_to_string(path).map_err(|error| cannot(&error))?;
    Ok(Found { name, text })
}

/// The files in a folder and those inside it that give themselves a path. What cannot be read is none of them.
fn own_paths(folder: &Path) -> FxHashMap<Vec<String>, PathBuf> {
    let (mut found, mut seen) = (FxHashMap::default(), 0);
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for path in entries {
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if path.is_dir() && !path.is_symlink() && !hidden && depth < DEEPEST {
                folders.push((path, depth + 1));
            } else if path.extension().is_some_and(|end| ENDINGS.iter().any(|ending| end == *ending)) {
                seen += 1;
                if seen > MOST_FILES {
                    return found;
                }
                if let Some(own) = read(&path).ok().and_then(|file| directives::own_path(&file.text)) {
                    found.entry(own).or_insert(path);
                }
            }
        }
    }
    found
}
