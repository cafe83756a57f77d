//! In which order deeds are done.

use super::deed::Deed;

/// What writes files first; then units are read, once for all of them; then
/// what runs by them is started again.
pub fn of(mut deeds: Vec<Deed>) -> Vec<Deed> {
    deeds.sort_by_key(|deed| match deed {
        Deed::Reload => 1,
        Deed::RestartManager { .. } | Deed::RestartDaemon => 2,
        _ => 0,
    });
    deeds.dedup();
    deeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_after_the_last_of_them_is_written() {
        let file = |name: &str| Deed::MakeDir(name.into());
        let restart = || Deed::RestartManager {
            unit: "user@1000.service".into(),
        };
        let mixed = vec![file("a"), Deed::Reload, restart(), file("b"), Deed::Reload];
        assert_eq!(of(mixed), [file("a"), file("b"), Deed::Reload, restart()]);
    }
}
