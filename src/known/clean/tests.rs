use super::*;

fn of(line: &str) -> String {
    let cleaned = clean(line.as_bytes());
    String::from_utf8_lossy(message(&cleaned)).into_owned()
}

const SAID: &str = "[rootlesskit:parent] error: child exited: exit status 1";

#[test]
fn prefixes_of_all_kinds() {
    for prefix in [
        "",
        "    ",
        "> ",
        "> > ",
        ">> ",
        "```",
        "* ",
        "Sep 27 14:44:14 ubuntu-server dockerd-rootless.sh[3117122]: ",
        "Sep  7 14:44:14 host.example.org dockerd-rootless.sh[1]: ",
        "2024-08-14T06:12:37.1234567Z ",
        "2024-08-14T06:12:37+0200 host0 dockerd-rootless.sh[22]: ",
        "2024-08-14 06:12:37,123 +0000 ",
        "[2024-08-14 06:12:37] ",
        "2024-08-14T06:12:37.123456+02:00 stderr F ",
        "MESSAGE=",
        "{\"log\":\"",
        "dind-1  | ",
        "[ 1234.567890] ",
        "2024-05-14T18:01:02.0000001Z ##[error]",
        "> Sep 27 14:44:14 u dockerd-rootless.sh[31]: ",
        "[ci/build]   | ",
        "[ci/build] \u{2753}  | ",
        "#12 3.456 ",
        "2024-08-14T06:12:37.123456Z 01E ",
        "web.1.abc@node-1    | ",
    ] {
        assert_eq!(of(&format!("{prefix}{SAID}")), SAID, "{prefix:?}");
    }
}

#[test]
fn colours_and_escapes() {
    assert_eq!(
        of("\u{1b}[31mERRO\u{1b}[0m[0001] a \u{1b}[1;31mb\u{1b}[m c\r"),
        "ERRO[0001] a b c"
    );
    assert_eq!(of("#033[31mred#033[0m ^[[1mbold^[[0m"), "red bold");
    assert_eq!(
        of(r#"msg="exec: \"iptables\": executable file""#),
        r#"msg="exec: "iptables": executable file""#
    );
    assert_eq!(
        of(r#"open(\\\"/dev/net/tun\\\"): denied\\nchild"#),
        r#"open("/dev/net/tun"): denied child"#
    );
    assert_eq!(
        of("ipnet:\\u003cnil\\u003e &lt;nil&gt; \u{201c}x\u{201d}\u{a0}y"),
        "ipnet:<nil> <nil> \"x\" y"
    );
    assert_eq!(of("a\u{0}b\u{7}c#1 50^2 é"), "abc#1 50^2 é");
    assert_eq!(of("C:\\Users\\x \u{1b}"), "C:\\Users\\x ");
}

#[test]
fn what_is_no_prefix_stays() {
    for line in [
        "error[E0425]: cannot find value",
        "a || b",
        "[INFO] systemd not detected",
        "Error response from daemon: x",
        "time=\"2024-08-14T06:12:37Z\" level=error msg=\"x\"",
    ] {
        assert_eq!(of(line), line);
    }
}

#[test]
fn levels() {
    let of = |line: &str| level(line.as_bytes());
    assert_eq!(of("time=\"x\" level=info msg=\"level=error\""), Level::Told);
    assert_eq!(
        of("Sep 1 h d[1]: time=\"x\" level=warning msg=y"),
        Level::Warned
    );
    assert_eq!(of("time=\"x\" level=fatal msg=y"), Level::Failed);
    assert_eq!(of("WARN[0000] x"), Level::Warned);
    assert_eq!(of("INFO[2022-07-20T08:59:31.644330252Z] x"), Level::Told);
    assert_eq!(of("anything else"), Level::Failed);
}

proptest::proptest! {
    #[test]
    fn never_panics_and_never_grows(line in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let cleaned = clean(&line);
        assert!(cleaned.len() <= line.len());
        assert!(message(&cleaned).len() <= cleaned.len());
        level(&cleaned);
    }

    #[test]
    fn never_panics_on_pieces(line in "(\\[|[0-9: T-]|Jan|\\\\|u00|\\x1b|&lt;|#033|e|\"|\\|| )*") {
        message(&clean(line.as_bytes()));
    }
}
