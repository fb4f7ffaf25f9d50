//! Lists every file under `assets/` for the binary to carry: name, content, and a tag that changes
//! with the content.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("assets");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    walk(&root, &mut files)?;
    files.sort();
    let mut table = String::from("const ASSETS: &[(&str, &[u8], &str)] = &[\n");
    for file in files {
        let name = file.strip_prefix(&root)?.to_string_lossy().replace('\\', "/");
        let mut hasher = DefaultHasher::new();
        fs::read(&file)?.hash(&mut hasher);
        let (path, tag) = (file.display().to_string(), format!("\"{:016x}\"", hasher.finish()));
        writeln!(table, "    ({name:?}, include_bytes!({path:?}), {tag:?}),")?;
    }
    table.push_str("];\n");
    fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("assets.rs"), table)?;
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
