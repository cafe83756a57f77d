//! What a user may choose, as one table: the command line, `setup.toml`, the
//! drop-ins, `daemon.json`, `status` and the documentation all read it.

pub mod chosen;
pub mod driver;
pub mod file;
pub mod fit;
mod form;
pub mod origin;
pub mod table;
pub mod value;
pub mod written;

pub use chosen::{Chosen, Named, Options, Source};
pub use driver::{Net, PortDriver};
pub use table::{Entry, Key, TABLE};
pub use value::{Choice, Kind, Value};
