//! The build script: makes of every `*.toml` here the JSON that the program has in it.
//!
//! To read the checks as they are written took most of what `doctor` did by itself.

#![expect(
    clippy::disallowed_methods,
    reason = "it reads and writes on the machine that builds"
)]
#![expect(clippy::print_stdout, reason = "that is how cargo is told")]

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=checks");
    let to = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    for entry in fs::read_dir("checks").expect("the directory of the checks") {
        let path = entry.expect("an entry of it").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            embed(&path, Path::new(&to));
        }
    }
}

fn embed(path: &Path, to: &Path) {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let table: toml::Table = text
        .parse()
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let json = serde_json::to_string(&table).expect("a table of texts and lists");
    let name = path.with_extension("json");
    let name = name.file_name().expect("the name of a file");
    fs::write(to.join(name), json).expect("room for it");
}
