//! Where the docker client sends its commands.

#[cfg(test)]
mod tests;

use std::path::Path;

use super::{NO_UNIT, address, docker, own_socket, seen_if, shown, unit_file};
use crate::check::{Outcome, Undetermined, Verdict, fail, pass, skip};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::facts::area::docker::Facts as Docker;
use crate::facts::area::docker::cli::{Cli, ContextFile, Endpoint};
use crate::facts::listens::{self, Listens};

/// The context that Docker's setup script makes.
const ROOTLESS: &str = "rootless";

pub fn cli(facts: &Facts) -> Verdict {
    let hit = facts
        .ground
        .shell_tools
        .fact("docker")
        .map(|hit| hit.path.clone());
    let printed = facts.programs.docker.known();
    let version = printed.and_then(|v| v.version.as_ref());
    Ok(match (hit.ask("docker")?, version) {
        (Some(path), Some(version)) => {
            pass(format!("docker {version}")).seen("docker", path.to_string_lossy())
        }
        (Some(path), None) => pass("docker is there").seen("docker", path.to_string_lossy()),
        (None, _) => missing(facts, docker(facts)?),
    })
}

/// A package of its own since Debian 13, and in no Ubuntu.
fn missing(facts: &Facts, docker: &Docker) -> Outcome {
    let os = &facts.ground.os;
    let missing = fail("the docker client is not installed");
    match (docker.own_packages, os.id.as_str(), os.major()) {
        (true, _, _) => missing.remedy("own"),
        (false, "debian", 1..13) | (false, "ubuntu", _) => missing.remedy("with-engine"),
        _ => missing,
    }
}

pub fn podman_shim(facts: &Facts) -> Verdict {
    let printed = facts.programs.docker.known();
    let says = printed.is_some_and(|v| v.line.to_ascii_lowercase().contains("podman"));
    let by_file = &docker(facts)?.cli.is_podman;
    let is_podman = match says {
        true => Some(&true),
        false => by_file.ask("docker")?,
    };
    Ok(match is_podman {
        None => skip("there is no docker command"),
        Some(true) => {
            let line = printed.map(|v| v.line.clone());
            seen_if(
                fail("the docker command is podman"),
                "docker --version",
                line,
            )
        }
        Some(false) => pass("the docker command is Docker's"),
    })
}

const EACCES: i32 = 13;

pub fn configuration(facts: &Facts) -> Verdict {
    let cli = &docker(facts)?.cli;
    let path = cli.dir.join("config.json");
    let path = path.to_string_lossy();
    // Whose it is, and what the client does then, is another check's to say.
    if let Fact::Unreadable(why) = &cli.current
        && why.errno == Some(EACCES)
    {
        return Ok(skip(
            "only somebody else may read it: host.docker-config-owner",
        ));
    }
    Ok(match cli.current.ask(&path)? {
        None => pass("the docker client has no configuration, which is fine"),
        Some(Ok(_)) => pass("the docker client's configuration can be read"),
        Some(Err(why)) => fail("the docker client's config.json is not valid")
            .seen(&*path, why)
            .fill("file", path),
    })
}

/// The current context by `config.json`; `default` where none is named.
fn current(cli: &Cli) -> Result<&str, Undetermined> {
    let path = cli.dir.join("config.json");
    match cli.current.ask(&path.to_string_lossy())? {
        None => Ok("default"),
        Some(Ok(name)) if name.is_empty() => Ok("default"),
        Some(Ok(name)) => Ok(name),
        Some(Err(why)) => Err(Undetermined::new(format!("{}: {why}", path.display()))),
    }
}

fn contexts(cli: &Cli) -> Result<&[ContextFile], Undetermined> {
    let found = cli.contexts.ask("the docker client's contexts")?;
    Ok(found.map_or(&[], Vec::as_slice))
}

fn endpoint<'a>(contexts: &'a [ContextFile], name: &str) -> Option<&'a Endpoint> {
    let readable = contexts.iter().filter_map(|c| c.content.as_ref().ok());
    readable.into_iter().find(|endpoint| endpoint.name == name)
}

/// An address of the user's own daemon.
fn is_own(facts: &Facts, host: &str) -> Result<bool, Undetermined> {
    let addresses = facts.ground.addresses().unwrap_or_default();
    let named = |own: &String| own == host && listens::is_address(own);
    if addresses.iter().flatten().any(named) {
        return Ok(true);
    }
    let Some(path) = host.strip_prefix("unix://") else {
        return Ok(false);
    };
    let system = facts.ground.runtime_dir.join("docker.sock");
    let is_usual = facts.ground.listens() == Listens::Usual;
    Ok(path == own_socket(facts)? || is_usual && system == Path::new(path))
}

pub fn context(facts: &Facts) -> Verdict {
    let docker = docker(facts)?;
    let contexts = contexts(&docker.cli)?;
    for file in contexts {
        if let Err(why) = &file.content {
            let path = file.path.to_string_lossy();
            return Ok(fail("a context of the docker client is damaged")
                .seen(&*path, why)
                .fill("file", path)
                .remedy("damaged"));
        }
    }
    let current = current(&docker.cli)?;
    let name = shown(current);
    if current != "default" && endpoint(contexts, current).is_none() {
        return Ok(fail(format!("the current context {name} does not exist"))
            .seen("currentContext", name)
            .remedy("dangling"));
    }
    let Some(rootless) = endpoint(contexts, ROOTLESS) else {
        return Ok(pass("no context leads astray"));
    };
    Ok(match is_own(facts, &rootless.host)? {
        true => pass("the context rootless leads to the user's daemon"),
        false => fail("the context rootless leads to another socket")
            .seen("context rootless", address(&rootless.host))
            .seen("the daemon's socket", address(&own_socket(facts)?))
            .fill("host", format!("host=unix://{}", own_socket(facts)?)),
    })
}

pub fn current_context(facts: &Facts) -> Verdict {
    let docker = docker(facts)?;
    if unit_file(facts)?.is_none() {
        return Ok(skip(NO_UNIT));
    }
    if docker.cli.docker_host.known().is_some() || docker.cli.docker_context.known().is_some() {
        return Ok(skip("a variable of the shell decides"));
    }
    let current = current(&docker.cli)?;
    let contexts = contexts(&docker.cli)?;
    let host = endpoint(contexts, current).map_or("", |endpoint| endpoint.host.as_str());
    let name = shown(current);
    Ok(match is_own(facts, host)? {
        true => pass(format!("the context {name} leads to the user's daemon")),
        false => fail(format!(
            "the context {name} does not lead to the user's daemon"
        ))
        .seen("currentContext", name)
        .fill("host", format!("host=unix://{}", own_socket(facts)?))
        .remedy(match endpoint(contexts, ROOTLESS) {
            Some(_) => "use",
            None => "create",
        }),
    })
}

/// `DOCKER_HOST` beats `DOCKER_CONTEXT`, and both beat the current context.
pub fn docker_host(facts: &Facts) -> Verdict {
    let docker = docker(facts)?;
    if let Some(host) = docker.cli.docker_host.ask("DOCKER_HOST")? {
        return Ok(match is_own(facts, host)? {
            true => pass("DOCKER_HOST leads to the user's daemon"),
            false => fail("DOCKER_HOST leads away from the user's daemon"),
        }
        .seen("DOCKER_HOST", address(host)));
    }
    let Some(name) = docker.cli.docker_context.ask("DOCKER_CONTEXT")? else {
        return Ok(pass("no variable overrides the docker client's context"));
    };
    let host = endpoint(contexts(&docker.cli)?, name).map(|endpoint| endpoint.host.as_str());
    let summary = match host {
        Some(host) if is_own(facts, host)? => {
            return Ok(pass("DOCKER_CONTEXT leads to the user's daemon"));
        }
        None if name != "default" => "DOCKER_CONTEXT names a context that does not exist",
        _ => "DOCKER_CONTEXT leads away from the user's daemon",
    };
    Ok(fail(summary)
        .seen("DOCKER_CONTEXT", shown(name))
        .remedy("context"))
}

pub fn desktop(facts: &Facts) -> Verdict {
    let cli = &docker(facts)?.cli;
    let contexts = contexts(cli)?;
    let is_current = current(cli)? == "desktop-linux";
    Ok(match (is_current, endpoint(contexts, "desktop-linux")) {
        (true, _) => fail("the docker command talks to Docker Desktop's machine"),
        (false, Some(_)) => pass("Docker Desktop is installed and not in use"),
        (false, None) => pass("Docker Desktop is not installed"),
    })
}
