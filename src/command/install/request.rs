//! What was asked of `install`: by the command line, and by a `setup.toml`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::{Install, Manner};
use crate::error::Error;
use crate::fact::Fact;
use crate::host::{Host, Live};
use crate::plan::asked::{Asked, Foreign, NoPlan};
use crate::plan::option::{Choice, Key, Options, Value, file, fit};
use crate::ui;

/// How long reading a file may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the daemon may take to answer, in seconds, where nothing is said.
const TIMEOUT: u32 = 120;

/// What was asked for.
#[derive(Debug)]
pub struct Request {
    /// What shall be.
    pub asked: Asked,
    /// Also where a rootful Docker runs.
    pub force: bool,
    /// Nothing was said about lingering: it may be asked.
    pub linger_is_open: bool,
    /// Seconds the daemon may take to answer.
    pub timeout: u64,
    /// How to go about it.
    pub manner: Manner,
    /// The options are to be asked for.
    pub ask: bool,
    /// A container is to be run afterwards.
    pub verify: bool,
    /// Of this recorded host, not of this one.
    pub replay: Option<PathBuf>,
    /// `--no-linger`.
    no_linger: bool,
}

impl Request {
    /// Puts the command line over the file; nothing else is looked at yet.
    ///
    /// # Errors
    /// What in the file cannot be meant, and what contradicts itself.
    pub fn new(args: &Install) -> Result<Request, Error> {
        let file = args.config.as_deref().map(read).transpose()?;
        let flags = args.flags.0.clone();
        let mut options = flags.over(file.unwrap_or_default());
        if args.no_linger && args.ask {
            // Said, so not asked.
            options = options.flag(Key::Linger, Choice::Set(Value::Flag(false)));
        }
        let request = Request {
            ask: args.ask,
            verify: args.verify,
            replay: args.replay.clone(),
            no_linger: args.no_linger,
            ..Request::of(options, args.manner, args.no_linger)
        };
        fit::of_asked(&request.asked.options).map_err(NoPlan::from)?;
        Ok(request)
    }

    fn of(options: Options, manner: Manner, no_linger: bool) -> Request {
        let on = |key| options.flagged(key) == Some(true);
        Request {
            force: on(Key::Force),
            linger_is_open: !no_linger && options.flagged(Key::Linger).is_none(),
            timeout: options.number(Key::Timeout).unwrap_or(TIMEOUT).into(),
            manner,
            ask: false,
            verify: false,
            replay: None,
            no_linger,
            asked: Asked {
                foreign: match () {
                    () if on(Key::Adopt) => Foreign::Adopt,
                    () if on(Key::Keep) => Foreign::Keep,
                    () => Foreign::Ask,
                },
                linger: on(Key::Linger) && !no_linger,
                shell: on(Key::ShellEnv),
                options,
            },
        }
    }

    /// The same with these options in the place of its own.
    pub fn answered(self, options: Options) -> Request {
        Request {
            ask: false,
            verify: self.verify,
            replay: self.replay,
            ..Request::of(options, self.manner, self.no_linger)
        }
    }

    /// The same with an answer about a unit that is not ours.
    pub fn with(self, foreign: Foreign) -> Request {
        let asked = Asked {
            foreign,
            ..self.asked
        };
        Request { asked, ..self }
    }
}

/// Reads a `setup.toml`; every mistake is told.
fn read(path: &Path) -> Result<Options, Error> {
    let host = Live::new(false, PATIENCE);
    let name = host.real_path(path).into_known();
    let name = name.as_deref().unwrap_or(path).display().to_string();
    let why = match host.read(path) {
        Fact::Known(text) if text.contains('\u{fffd}') => "it is not UTF-8 text".to_owned(),
        Fact::Known(text) => {
            let read = file::parse(&name, text.trim_start_matches('\u{feff}'));
            return read.map_err(|mistakes| {
                for mistake in &mistakes {
                    ui::tell(&mistake.to_string());
                }
                let mistakes = mistakes.len();
                Error::Setup {
                    path: name,
                    mistakes,
                }
            });
        }
        Fact::Absent => "it is not there".to_owned(),
        Fact::Unreadable(why) => why.text,
    };
    Err(Error::Read { path: name, why })
}
