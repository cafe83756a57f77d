//! The shell texts that are put before, or run beside, those of the cases.

use super::ssh::quote;

/// Functions for every script of a case; the files say what each is for.
const HELPERS: &str = concat!(
    include_str!("../../recipe/helpers.sh"),
    include_str!("../../recipe/hostile.sh"),
);

/// Where root finds programs, however she came in.
pub const ROOTS_PATH: &str =
    "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n";

/// A login of alice that hangs on no connection: the one that was open when the
/// state was saved ends as soon as the guest sends something on it.
pub const LOGIN: &str = "if [ -d /run/systemd/system ]; then \
    systemctl reset-failed alice-login.service 2>/dev/null; \
    systemd-run --quiet --unit=alice-login --uid=alice -p PAMName=login sleep infinity; \
    for i in $(seq 100); do systemctl is-active --quiet user@1000.service && break; sleep 0.2; done; fi;";

/// Reads what the tools are made of, so that no case waits for the disk: the saved
/// state has it in memory.
pub const WARM: &str = "cat /usr/*bin/{docker*,containerd*,runc,rootlesskit*,slirp4netns,pasta*,*tables*} \
    /usr/local/bin/* /usr/lib/x86_64-linux-gnu/*.so* >/dev/null 2>&1;";

/// Waits until a boot is over, and then, where alice lingers, until her user manager
/// has started everything, too.
pub const SETTLED: &str = "\
if [ -d /run/systemd/system ]; then
    systemctl is-system-running --wait || systemctl --failed --no-legend
    if [ -e /var/lib/systemd/linger/alice ]; then
        for i in $(seq 600); do
            systemctl is-active --quiet user@1000.service && break
            sleep 0.5
        done
        alice systemctl --user is-system-running --wait || alice systemctl --user --failed --no-legend
    fi
fi
";

/// A script for root that ends at the first command that fails.
pub fn strict(script: &str) -> String {
    format!("{ROOTS_PATH}{HELPERS}set -e\n{script}")
}

/// A script with the helpers that ends at the first command that fails, and after so
/// many seconds in any case, with exit code 124. It leaves the environment as it is.
pub fn limited(script: &str, seconds: u64) -> String {
    let script = quote(&format!("{HELPERS}set -e\n{script}"));
    format!("exec timeout -k 5 {seconds} bash -c {script} </dev/null")
}

/// The clock of a restored or restarted guest stands where it stood.
pub fn set_clock() -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    format!("date -s @{now} >/dev/null;")
}
