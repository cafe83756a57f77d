//! `generate completions`: what makes a shell ask this program what fits.

use crate::cli::Shell;

/// The script for a shell. It holds no words of its own: the program that is
/// installed completes what it understands.
pub fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("../../../templates/completion.bash"),
        Shell::Zsh => include_str!("../../../templates/completion.zsh"),
        Shell::Fish => include_str!("../../../templates/completion.fish"),
    }
}
