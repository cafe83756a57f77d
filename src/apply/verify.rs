//! The proof that containers run: one that says hello, from an image that is made
//! here of this very program, so that no registry is needed. Both are removed.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thiserror::Error;

use super::interrupt;
use crate::host::docker_api::{Answer, ApiError, Request, call, get};
use crate::host::is_static;
use crate::ui;

/// The hidden mode in which this program is the container's.
pub const MODE: &str = "__hello";

/// What it says then.
const LINE: &str = "hello from a container of rootless-setup";

/// Its name in the image.
const PROGRAM: &str = "rootless-setup";

/// The image's.
const IMAGE: &str = "rootless-setup-hello";

/// A larger program is not this one.
const MOST_PROGRAM: u64 = 512 << 20;

/// How long removing may take.
const REMOVAL: Duration = Duration::from_secs(30);

/// Why there is no proof.
#[derive(Debug, Error)]
pub enum Unproved {
    /// This build cannot be all of an image.
    #[error("this build of rootless-setup is not a static one, so no image can be made of it")]
    NotStatic,
    /// Its own file cannot be read.
    #[error("this program's own file cannot be read: {0}")]
    Own(std::io::Error),
    /// A step did not work.
    #[error("{what}: {why}")]
    Failed {
        /// Which.
        what: &'static str,
        /// In the daemon's words.
        why: String,
    },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

/// Says hello, in the container.
pub fn hello() {
    // Nobody is there to tell if this fails; the line is looked for.
    let _ = ui::print(&format!("{LINE}\n"));
}

/// Runs a container with the daemon that listens on `socket`, by `end`; without
/// a network if it can have none. Gives back what could not be removed after.
///
/// # Errors
/// [`Unproved`]
pub fn verify(socket: &Path, network: bool, end: Instant) -> Result<Vec<String>, Unproved> {
    run(socket, &own()?, network, end)
}

fn own() -> Result<Vec<u8>, Unproved> {
    let mut program = Vec::new();
    let file = File::open("/proc/self/exe").map_err(Unproved::Own)?;
    let read = file.take(MOST_PROGRAM).read_to_end(&mut program);
    read.map_err(Unproved::Own)?;
    match is_static(&program) {
        true => Ok(program),
        false => Err(Unproved::NotStatic),
    }
}

fn run(
    socket: &Path,
    program: &[u8],
    network: bool,
    end: Instant,
) -> Result<Vec<String>, Unproved> {
    let image = format!("{IMAGE}:{}", std::process::id());
    let trial = Trial { socket, end };
    let proof = trial.import(&image, program).and_then(|()| {
        let id = trial.create(&image, network)?;
        let proof = trial.say(&id);
        let left = trial.remove(&format!("/containers/{id}?force=1&v=1"));
        proof.map(|()| left)
    });
    let left = trial.remove(&format!("/images/{image}?force=1"));
    proof.map(|before| before.into_iter().chain(left).collect())
}

struct Trial<'a> {
    socket: &'a Path,
    end: Instant,
}

impl Trial<'_> {
    fn import(&self, image: &str, program: &[u8]) -> Result<(), Unproved> {
        let (name, tag) = image.split_once(':').unwrap_or((image, "latest"));
        let path = format!("/images/create?fromSrc=-&repo={name}&tag={tag}");
        let what = "an image cannot be made";
        let answer = self.post(what, &path, "application/x-tar", &archive(program))?;
        // It is told line by line how it goes; an error comes last.
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let error = text.lines().rev().find_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            line.get("error")?.as_str().map(str::to_owned)
        });
        error.map_or(Ok(()), |why| Err(failed(what, why)))
    }

    fn create(&self, image: &str, network: bool) -> Result<String, Unproved> {
        // Another log driver might not give back what was said.
        let mut host = json!({ "LogConfig": { "Type": "json-file" } });
        if !network {
            host["NetworkMode"] = json!("none");
        }
        let container = json!({
            "Image": image,
            "Cmd": [format!("/{PROGRAM}"), MODE],
            "HostConfig": host,
        });
        let what = "a container cannot be made";
        let body = container.to_string();
        let answer = self.post(
            what,
            "/containers/create",
            "application/json",
            body.as_bytes(),
        )?;
        let made: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let id = made["Id"].as_str().filter(|id| is_id(id));
        id.map(str::to_owned)
            .ok_or_else(|| failed(what, "the daemon gives it no id".into()))
    }

    /// It starts, ends well, and has said what it should.
    fn say(&self, id: &str) -> Result<(), Unproved> {
        let media = "application/json";
        let start = format!("/containers/{id}/start");
        self.post("the container does not start", &start, media, b"")?;
        let what = "the container does not end well";
        let wait = self.post(what, &format!("/containers/{id}/wait"), media, b"")?;
        let ended: Value = serde_json::from_slice(&wait.body).unwrap_or_default();
        let said = self.logs(id)?;
        match ended["StatusCode"].as_i64() {
            Some(0) if said.contains(LINE) => Ok(()),
            Some(0) => Err(failed(what, "what it said did not come back".into())),
            code => {
                let code = code.map_or("no exit code".into(), |code| format!("exit code {code}"));
                Err(failed(what, format!("{code} {}", said.trim())))
            }
        }
    }

    fn logs(&self, id: &str) -> Result<String, Unproved> {
        let what = "what the container said cannot be read";
        let path = format!("/containers/{id}/logs?stdout=1&stderr=1");
        let answer = done(what, get(self.socket, &path, self.end))?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    fn post(
        &self,
        what: &'static str,
        path: &str,
        media: &'static str,
        body: &[u8],
    ) -> Result<Answer, Unproved> {
        if interrupt::asked() {
            return Err(Unproved::Interrupted);
        }
        let request = Request {
            method: "POST",
            path,
            media,
            body,
        };
        done(what, call(self.socket, &request, self.end))
    }

    /// Says what is left, if it is.
    fn remove(&self, path: &str) -> Option<String> {
        let request = Request {
            method: "DELETE",
            path,
            media: "application/json",
            body: b"",
        };
        let answer = call(self.socket, &request, Instant::now() + REMOVAL);
        match answer {
            // It was never made.
            Ok(answer) if answer.status == 404 => None,
            answer => done("left behind", answer)
                .err()
                .map(|why| format!("{} {why}", path.split('?').next().unwrap_or(path))),
        }
    }
}

/// An answer that tells of success.
fn done(what: &'static str, answer: Result<Answer, ApiError>) -> Result<Answer, Unproved> {
    match answer {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(answer),
        Ok(answer) => {
            let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let why = said["message"].as_str().map(str::to_owned);
            let status = || format!("status {}", answer.status);
            Err(failed(what, why.unwrap_or_else(status)))
        }
        Err(why) => Err(failed(what, why.to_string())),
    }
}

fn failed(what: &'static str, why: String) -> Unproved {
    Unproved::Failed { what, why }
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 128 && id.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A tar archive that holds this program alone (POSIX ustar).
fn archive(program: &[u8]) -> Vec<u8> {
    let mut head = [0_u8; 512];
    let mut put =
        |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, PROGRAM);
    put(100, "0000755\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", program.len()));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = head.to_vec();
    archive.extend_from_slice(program);
    // The file is filled up to a block, and two empty ones end it.
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

#[cfg(test)]
mod tests;
