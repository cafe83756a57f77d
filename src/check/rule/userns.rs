//! Rules of the area `userns`.

use super::Rule;
use crate::check::{Verdict, fail, pass, skip};
use crate::facts::Facts;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[("userns.max-user-namespaces", max_user_namespaces)];

fn max_user_namespaces(facts: &Facts) -> Verdict {
    let sysctl = "user.max_user_namespaces";
    let userns = facts.userns.need("user namespaces")?;
    Ok(match userns.max_user_namespaces.ask(sysctl)? {
        None => skip("this kernel has no such limit"),
        Some(0) => fail("no user namespace may be created on this host").seen(sysctl, "0"),
        Some(limit) => {
            pass(format!("up to {limit} user namespaces")).seen(sysctl, limit.to_string())
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::check::engine::Status;
    use crate::testing::TestHost;

    #[test]
    fn zero_is_a_failure_and_no_such_file_is_not() {
        let id = "userns.max-user-namespaces";
        let with = |n: &str| {
            TestHost::new()
                .file("/proc/sys/user/max_user_namespaces", n)
                .check(id)
                .status
        };
        assert_eq!(with("0\n"), Status::Fail);
        assert_eq!(with("96365\n"), Status::Pass);
        assert_eq!(with("rubbish"), Status::Unknown);
        assert_eq!(TestHost::new().check(id).status, Status::Skip);
    }
}
