//! `rootless-setup` without a command.

use super::terminal::*;
use super::wizard::*;

/// `rootless-setup` alone, as far as a host that is not fit lets it go.
#[test]
fn alone_it_examines_and_offers_to_mend() {
    let home = Home::new();
    let mut session = home.start(&[]);
    let before = home.tree();
    session.asks("Mend what can be mended?");
    assert!(
        session.text().contains("run containers"),
        "{}",
        session.text()
    );
    session.keys("n");
    let code = session.end("nothing was changed: ");
    assert_eq!(code, Some(1));
    let mut session = home.start(&[]);
    session.asks("Mend what can be mended?");
    session.keys("y");
    session.asks("What shall be mended?");
    session.keys(CTRL_C);
    let code = session.end("interrupted; nothing was changed");
    assert_eq!(code, Some(130));
    assert!(home.tree() == before, "the home was changed");
    let mut session = home.start(&["--no-input"]);
    assert_eq!(session.ended(), Some(2));
    session.wait("shows the help", || {
        session.text().contains("Usage: rootless-setup")
    });
}

/// `rootless-setup` alone, on a recorded host that is fit: to its plan.
#[test]
fn alone_it_goes_all_the_way() {
    let home = Home::new();
    home.file("host.toml", &std::fs::read_to_string(FIT).unwrap());
    let host = home.path("host.toml");
    let args = ["--replay", host.to_str().unwrap()];
    let go_on = "Go on to set rootless Docker up?";
    let mut session = home.start(&args);
    let before = home.tree();
    session.asks(go_on);
    assert!(
        session.text().contains("run containers    "),
        "{}",
        session.text()
    );
    session.keys("y");
    walk(&mut session, &WAY);
    let code = session.ended();
    let screen = session.text();
    assert_eq!(code, Some(0), "{screen}");
    assert!(
        screen.contains("This will be done:") && screen.contains("SetUserLinger"),
        "{screen}"
    );
    for (keys, code, says) in [
        ("n", 4, "nothing was changed: you said no"),
        (CTRL_C, 130, "interrupted; nothing was changed"),
    ] {
        let mut session = home.start(&args);
        session.asks(go_on);
        session.keys(keys);
        assert_eq!(session.end(says), Some(code));
    }
    assert!(home.tree() == before, "the home was changed");
}
