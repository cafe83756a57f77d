//! What texts have to look like, as far as it can be told from them alone.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// What a text has to look like: its words for people, and the test.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// For people, as in "expected …".
    pub expected: &'static str,
    /// Whether a text has the form.
    pub fits: fn(&str) -> bool,
}

/// `dockerd-rootless.sh` expands such texts without quotes: the shell splits them
/// at blanks, and replaces patterns by the names of files.
fn is_shell_word(text: &str) -> bool {
    let special = |c: char| c.is_whitespace() || c.is_control() || "*?[\\".contains(c);
    !text.is_empty() && !text.contains(special)
}

/// A path that the script hands on without quotes.
pub const WORD_PATH: Form = Form {
    expected: "an absolute path without blanks, *, ?, [ and \\",
    fits: |text| text.starts_with('/') && is_shell_word(text),
};

/// The most bytes a socket's path may have (`sun_path` of unix(7), without the
/// final NUL).
const LONGEST_SOCKET: usize = 107;

/// Where a daemon listens. It becomes a word that the script hands on without
/// quotes, a part of the URL that clients read, and what people mount into
/// containers (`-v PATH:PATH`); and it is compared as it is written.
pub const SOCKET: Form = Form {
    expected: "an absolute path of at most 107 bytes, of letters, digits and . _ - + @ ~, \
               without // and ..",
    fits: is_socket,
};

fn is_socket(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "._-+@~".contains(c);
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && name.chars().all(plain);
    let names = text.strip_prefix('/');
    text.len() <= LONGEST_SOCKET && names.is_some_and(|names| names.split('/').all(is_name))
}

/// A word that the script hands on without quotes.
pub const FLAG: Form = Form {
    expected: "a word without blanks, *, ?, [ and \\",
    fits: |text| is_shell_word(text) || is_published(text),
};

/// `[::1]:80:80/tcp`, a port that RootlessKit publishes: a pattern to the shell, but of no
/// name that a file has.
fn is_published(text: &str) -> bool {
    let parts = text
        .strip_prefix('[')
        .and_then(|text| text.split_once("]:"));
    parts.is_some_and(|(at, ports)| at.parse::<Ipv6Addr>().is_ok() && is_shell_word(ports))
}

/// A path.
pub const PATH: Form = Form {
    expected: "an absolute path",
    fits: |text| text.starts_with('/') && is_line(text),
};

/// Any text in one line.
pub const LINE: Form = Form {
    expected: "a text in one line",
    fits: is_line,
};

/// An IP address.
pub const ADDRESS: Form = Form {
    expected: "an IP address such as 192.0.2.53",
    fits: |text| text.parse::<IpAddr>().is_ok(),
};

/// Where a daemon listens.
pub const ENDPOINT: Form = Form {
    expected: "an address and a port such as 0.0.0.0:2376 or [::]:2376",
    fits: |text| text.parse().is_ok_and(is_endpoint),
};

/// RootlessKit knows no zones (`%eth0`), and an IPv4 address has a form of its own.
fn is_endpoint(at: SocketAddr) -> bool {
    let plain = match at {
        SocketAddr::V4(_) => true,
        SocketAddr::V6(six) => six.scope_id() == 0 && six.ip().to_ipv4_mapped().is_none(),
    };
    plain && at.port() > 0
}

/// Where a proxy or a registry is.
pub const URL: Form = Form {
    expected: "an address such as https://host.example.org",
    fits: is_url,
};

fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

/// A scheme and something after it; dockerd looks closer.
fn is_url(text: &str) -> bool {
    let scheme = ["http://", "https://", "socks5://"];
    let rest = scheme.iter().find_map(|scheme| text.strip_prefix(scheme));
    rest.is_some_and(|rest| is_line(rest) && !rest.starts_with('/') && !rest.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_fit() {
        let all = |form: Form, good: &[&str], bad: &[&str]| {
            for text in good {
                assert!((form.fits)(text), "{text}");
            }
            for text in bad {
                assert!(!(form.fits)(text), "{text:?}");
            }
        };
        all(PATH, &["/srv/a b", "/"], &["", "srv", "~/d", "/a\n"]);
        all(
            FLAG,
            &["--ipv6", "[::1]:80:80/tcp"],
            &["[a]:1", "[::1]", "[::1]:[a]", "a*"],
        );
        all(WORD_PATH, &["/srv/d"], &["/a b", "/a*", "/a\u{a0}b", "d"]);
        let long = format!("/{}", "x".repeat(106));
        all(
            SOCKET,
            &[
                "/d",
                "/home/jürgen/.d-1/d.sock",
                "/run/user/1000/docker.sock",
                &long,
            ],
            &[
                "",
                "/",
                "d.sock",
                "~/d",
                "/a b",
                "/a%h",
                "/a$b",
                "/a'",
                "/a\"",
                "/a\n",
                "/a:b",
                "/a//b",
                "/a/",
                "/a/../b",
                "/./a",
                "/a\\",
                "/a*",
                "/a#",
                &format!("{long}x"),
                "/a\u{2028}",
            ],
        );
        all(
            ADDRESS,
            &["192.0.2.53", "2001:db8::53"],
            &["", "example.org", "192.0.2.53:53"],
        );
        all(
            ENDPOINT,
            &["0.0.0.0:2376", "[::]:2376", "[2001:db8::1]:1"],
            &[
                "2376",
                ":2376",
                "0.0.0.0:0",
                "[::]:0",
                ":::2376",
                "[fe80::1%2]:1",
                "[::ffff:192.0.2.1]:1",
                "localhost:1",
            ],
        );
        let urls = [
            "http://u:p@proxy:3128",
            "socks5://127.0.0.1:1080",
            "https://a",
        ];
        all(
            URL,
            &urls,
            &[
                "",
                "proxy:3128",
                "ftp://a",
                "https://",
                "http:///a",
                "http://a b",
            ],
        );
    }
}
