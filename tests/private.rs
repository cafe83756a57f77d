//! Random hosts with a canary in every place where something private can stand:
//! none may be in any format of the ticket, and nothing that a support desk
//! needs may be missing.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs
)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rootless_setup::cli::TicketFormat;
use rootless_setup::command::report::ticket::{Recording, checked, render};
use rootless_setup::fact::Fact;
use rootless_setup::host::secret::masked;
use rootless_setup::host::{Bundle, Identity, Node, Output, Run, UserManager};
use rootless_setup::private::{Replace, hide};
use rootless_setup::report::Report;
use rootless_setup::report::ticket::{Log, Ticket, Values};
use rootless_setup::ui::Look;

/// Hosts that go through everything but the checks; without optimization, which
/// makes it many times as slow, a part of them.
const HOSTS: u64 = if cfg!(debug_assertions) {
    1_000
} else {
    10_000
};

/// Hosts that are judged, too.
const JUDGED: u64 = 25;

/// Numbers from a seed (splitmix64): the same hosts in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % below as u64).unwrap()
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.roll(list.len())]
    }

    /// Letters that make no word: a `q` before each `x` and the like.
    fn letters(&mut self, len: usize) -> String {
        let mut text = String::from("zq");
        while text.len() < len {
            text.push(char::from(b"bcdfghjkvwxz"[self.roll(12)]));
        }
        text.truncate(len.max(2));
        text
    }

    fn hex(&mut self, len: usize) -> String {
        (0..len)
            .map(|_| char::from(b"0123456789abcdef"[self.roll(16)]))
            .collect()
    }

    /// A login name: plain, short, with characters of regular expressions, with
    /// others than ASCII, a word, or words put together.
    fn name(&mut self) -> String {
        let len = 5 + self.roll(6);
        match self.roll(9) {
            0 => self.letters(3),
            1 => {
                let odd = self.pick(&[".*", "+", "(x", "[a]", "$", "^q", "|", "{2}", "?"]);
                let (a, b) = (self.letters(4), self.letters(4));
                format!("{a}{odd}{b}")
            }
            2 => format!("{}ü{}", self.letters(4), self.letters(3)),
            3 => self
                .pick(&[
                    "ro", "a", "docker", "user", "debian", "rw", "1000", "home", "net", "default",
                ])
                .to_owned(),
            4 => self.letters(len).to_ascii_uppercase(),
            5 => format!("{}-{}", self.letters(4), self.letters(4)),
            6 => {
                let first = self.pick(&["rootless", "debian", "build", "home"]);
                let second = self.pick(&["bullseye", "storage", "memory", "ubuntu"]);
                format!("{first}-{second}")
            }
            _ => self.letters(len),
        }
    }

    fn ip(&mut self) -> String {
        format!(
            "{}.{}.{}.{}",
            20 + self.roll(100),
            18 + self.roll(200),
            1 + self.roll(250),
            10 + self.roll(240)
        )
    }
}

/// What is planted: values that must not be found, and texts that must.
#[derive(Default)]
struct Planted {
    /// Nowhere, in any letters, cut short or encoded.
    gone: Vec<String>,
    /// Not as a word.
    gone_words: Vec<String>,
    /// Only these uses of a name that is a word.
    gone_uses: Vec<String>,
    /// What has to be there.
    kept: Vec<String>,
    count: usize,
}

impl Planted {
    fn plant(&mut self, value: String) -> String {
        self.count += 1;
        match value.chars().count() {
            0..5 => self.gone_words.push(value.to_lowercase()),
            _ => self.gone.push(value.to_lowercase()),
        }
        value
    }

    fn name(&mut self, value: String) -> String {
        const WORDS: [&str; 10] = [
            "ro", "a", "docker", "user", "debian", "rw", "1000", "home", "net", "default",
        ];
        if !WORDS.contains(&value.as_str()) {
            return self.plant(value);
        }
        self.count += 1;
        for (before, after) in [
            ("/home/", "/"),
            ("\"", ":100000"),
            ("//", "@"),
            ("user ", " in"),
            ("login ", "\""),
        ] {
            self.gone_uses.push(format!("{before}{value}{after}"));
        }
        value
    }
}

/// A host and its log with a canary in every place.
fn host(seed: u64) -> (Bundle, Log, Planted) {
    let mut d = Dice(seed);
    let mut p = Planted::default();
    let (user, other) = (p.name(d.name()), p.plant(d.letters(8)));
    let machine = match d.name() {
        word if word.len() < 5 || word.contains('ü') => p.plant(d.letters(7)),
        name => p.name(name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")),
    };
    let (org, person) = (p.plant(d.letters(7)), p.plant(d.letters(8)));
    let domain = format!(
        "{org}.{}",
        d.pick(&["com", "de", "co.uk", "internal", "lan"])
    );
    let (server, share) = (p.plant(d.letters(7)), p.plant(d.letters(6)));
    let (folder, mount) = (p.plant(d.letters(6)), p.plant(d.letters(7)));
    let (v4, gateway) = (p.plant(d.ip()), p.plant(d.ip()));
    let v6 = p.plant(format!(
        "2a01:{}:{}::{}:17",
        1000 + d.roll(999),
        100 + d.roll(99),
        10 + d.roll(89)
    ));
    let pair: Vec<String> = (0..4)
        .map(|_| format!("{:02x}", 16 + d.roll(200)))
        .collect();
    let mac = p.plant(format!("52:54:{}", pair.join(":")));
    let (uuid, machine_id) = (
        p.plant(format!(
            "{}-{}-4{}-9{}-{}",
            d.hex(8),
            d.hex(4),
            d.hex(3),
            d.hex(3),
            d.hex(12)
        )),
        p.plant(format!("7{}", d.hex(31))),
    );
    let mut secret = |d: &mut Dice, prefix: &str| p.plant(format!("{prefix}{}7", d.letters(18)));
    let [password, env_token, drop_token, log_opt, header, auth] =
        ["", "", "", "", "", ""].map(|e| secret(&mut d, e));
    let [ghp, akia, jwt, bearer, pat, key] = [
        "ghp_",
        "AKIA",
        "eyJhbGci.eyJzdWIi.",
        "tok",
        "glpat-",
        "sk_live_",
    ]
    .map(|e| secret(&mut d, e));
    let [
        registry,
        mirror,
        insecure,
        label,
        context,
        remote,
        wiki,
        search,
        group,
        member,
        linger,
        vpn,
    ] = [(); 12].map(|()| p.plant(d.letters(9)));
    let (uid, start) = (1000 + d.roll(60_000), 100_000 + d.roll(900_000));
    let version = format!("{}.{}.{}", 20 + d.roll(9), d.roll(9), 1 + d.roll(30));
    p.kept = vec![
        format!("{start}:65536"),
        version.clone(),
        "errno 13".into(),
        format!("\"uid\":{uid}"),
        "28633".into(),
    ];
    let home = match d.roll(3) {
        0 => format!("/home/{user}"),
        1 => format!("/srv/{share}/home/{user}"),
        _ => format!("/home/{user}"),
    };

    let mut bundle = Bundle::capture(Identity {
        uid: u32::try_from(uid).unwrap(),
        euid: u32::try_from(uid).unwrap(),
        gid: 1000,
        egid: 1000,
        groups: vec![1000],
    });
    let mut env = |name: &str, value: String| drop(bundle.env.insert(name.into(), value));
    env("USER", user.clone());
    env("LOGNAME", user.clone());
    env("HOME", home.clone());
    env(
        "PATH",
        format!("{home}/{folder}/bin:/usr/bin:/opt/{share}/bin"),
    );
    env(
        "DOCKER_HOST",
        format!("ssh://{user}@{remote}.{domain}:2222"),
    );
    env("DOCKER_CONTEXT", context.clone());
    env(
        "HTTPS_PROXY",
        format!("http://{other}:{password}@{server}.{domain}:3128"),
    );
    env("NO_PROXY", format!("localhost,.{domain},{machine}"));
    env("XDG_RUNTIME_DIR", format!("/run/user/{uid}"));

    let mut file = |path: String, text: String| {
        let node = Node {
            text: Some(text),
            ..Node::default()
        };
        bundle.files.insert(path, node);
    };
    file(
        "/etc/passwd".into(),
        format!(
            "root:x:0:0:root:/root:/bin/bash\n{user}:x:{uid}:1000:{person},Room 9,+49 30 {}:{home}:/bin/zsh\n\
         {other}:x:1777:1777::/home/{other}:/bin/sh\n",
            p.plant(format!("5{}", 100_000 + d.roll(800_000)))
        ),
    );
    file(
        "/etc/group".into(),
        format!("docker:x:998:{user},{member}\n{group}:x:2000:{other}\n"),
    );
    file(
        "/etc/subuid".into(),
        format!("{user}:{start}:65536\n{other}:2000000:65536\n"),
    );
    file("/etc/subgid".into(), format!("{user}:{start}:65536\n"));
    file(
        "/proc/sys/kernel/hostname".into(),
        format!("{machine}.{domain}\n"),
    );
    file(
        "/etc/resolv.conf".into(),
        format!("search {search}.{domain} {domain}\nnameserver {v4}\nnameserver {v6}\n"),
    );
    file(
        "/etc/os-release".into(),
        "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n".into(),
    );
    file(
        "/proc/sys/user/max_user_namespaces".into(),
        "28633\n".into(),
    );
    file(
        "/proc/self/mountinfo".into(),
        format!(
            "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/mapper/{}--vg-root rw\n\
         23 22 0:40 / /mnt/{mount} ro,nosuid shared:2 - nfs4 {server}.{domain}:/export/{share} rw,addr={v4}\n\
         24 22 0:41 / {home}/{folder} rw shared:3 - cifs //{server}/{share} rw,username={other},domain={org}\n",
            machine.replace('-', "--")
        ),
    );
    let octets: Vec<u8> = gateway.split('.').map(|n| n.parse().unwrap()).collect();
    let hex: String = octets.iter().rev().map(|b| format!("{b:02X}")).collect();
    p.gone.push(hex.to_lowercase());
    file(
        "/proc/net/route".into(),
        format!(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\nens3\t00000000\t{hex}\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        ),
    );
    file(
        "/proc/cmdline".into(),
        format!("root=UUID={uuid} ro quiet systemd.machine_id={machine_id}\n"),
    );
    file(
        format!("{home}/.config/docker/daemon.json"),
        format!(
            r#"{{"registry-mirrors": ["https://{mirror}.{domain}"], "insecure-registries": ["{insecure}:5000"], "labels": ["site={label}"], "dns": ["{v4}"], "log-opts": {{"splunk-token": "{log_opt}"}}, "mtu": 1400}}"#
        ),
    );
    file(
        format!("{home}/.docker/config.json"),
        format!(
            r#"{{"auths": {{"{registry}.{domain}": {{"auth": "{auth}"}}}}, "HttpHeaders": {{"X-Meta": "{header}"}}, "currentContext": "{context}"}}"#
        ),
    );
    file(
        format!("{home}/.docker/contexts/meta/{}/meta.json", d.hex(64)),
        format!(
            r#"{{"Name": "{context}", "Metadata": {{"Description": "{person} wrote it"}}, "Endpoints": {{"docker": {{"Host": "tcp://{remote}.{domain}:2376"}}}}}}"#
        ),
    );
    file(
        format!("{home}/.config/systemd/user/docker.service.d/proxy.conf"),
        format!(
            "[Service]\nEnvironment=\"HTTP_PROXY=http://me:{password}@{server}:3128\" ACME_THING={drop_token}\nEnvironment=PATH=/usr/bin:{home}/{folder}\n"
        ),
    );
    file(
        "/etc/rootless-setup/checks.d/site.toml".into(),
        format!("# ask {other}@{domain}, see https://{wiki}.{domain}/x\n"),
    );
    file(
        format!("{home}/{folder}/notes.txt"),
        format!("{label} {vpn} private\n"),
    );
    bundle.files.insert(
        "/var/lib/systemd/linger".into(),
        Node {
            entries: Some(vec![user.clone(), linger.clone()]),
            ..Node::default()
        },
    );
    bundle.files.insert(
        "/sys/class/net".into(),
        Node {
            entries: Some(vec![
                "lo".into(),
                "ens3".into(),
                format!("enx{}", mac.replace(':', "")),
                format!("tun-{vpn}"),
            ]),
            ..Node::default()
        },
    );
    let output = |stdout: String, stderr: String| Run {
        path: format!("{home}/bin/rootlesskit"),
        error: None,
        output: Some(Output {
            stdout,
            stderr,
            exit: Some(1),
            ..Output::default()
        }),
    };
    bundle.programs.insert(
        "dockerd --version".into(),
        output(
            format!("Docker version {version}, build 3f4e8a7\n"),
            String::new(),
        ),
    );
    bundle.programs.insert("rootlesskit probe".into(), output(String::new(), format!(
        "[rootlesskit:parent] error: failed to start the child: fork/exec {home}/bin/rootlesskit: permission denied (errno 13) on {machine}\n")));
    bundle.user_manager = Some(Fact::Known(UserManager {
        environment: vec![
            format!("USER={user}"),
            format!("GITHUB_TOKEN={env_token}"),
            format!("ACME={key}"),
            format!("HOSTNAME={machine}"),
        ],
        ..UserManager::default()
    }));
    let upper = other.to_ascii_uppercase();
    let cut: String = person.chars().take(6).collect();
    p.gone.push(cut.clone());
    let lines = [
        format!("docker.service: user {user} in {home} on {v4}"),
        format!("session opened for {upper} by {other}@{machine}.{domain} mac {mac}"),
        format!(
            "dial tcp: lookup {registry}.{domain} on {v4}:53: no such host; [{v6}]:443 refused"
        ),
        format!(
            "proxy http://{other}:{password}@{server}.{domain}:3128/ and {}",
            password.replace('7', "%37")
        ),
        format!(
            "token={env_token} {ghp} {akia} {jwt} Authorization: Bearer {bearer} --token {pat}"
        ),
        format!("login \"{user}\" failed: {password} for {cut}… id {machine_id} disk {uuid}"),
        format!(
            "basic {} version {version} errno 13 uid {uid}",
            base64(&format!("{other}:{password}"))
        ),
        format!("sha256:{} container {}", d.hex(64), d.hex(12)),
    ];
    let log = Log {
        lines: lines.into(),
        ..Log::default()
    };
    (bundle, log, p)
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in text.as_bytes().chunks(3) {
        let n =
            three.iter().fold(0usize, |n, b| n << 8 | usize::from(*b)) << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            out.push(char::from(DIGITS[n >> (18 - 6 * at) & 63]));
        }
    }
    out
}

/// Takes out of every text what a recording never holds.
fn recorded(bundle: &mut Bundle, log: &mut Log) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    let mut mask = |text: &mut String| {
        let (clean, found) = masked(text);
        *text = clean;
        secrets.extend(found);
    };
    bundle.env.values_mut().for_each(&mut mask);
    bundle
        .files
        .values_mut()
        .filter_map(|node| node.text.as_mut())
        .for_each(&mut mask);
    if let Some(Fact::Known(manager)) = &mut bundle.user_manager {
        manager.environment.iter_mut().for_each(&mut mask);
    }
    log.lines.iter_mut().for_each(&mut mask);
    secrets
}

const FORMATS: [TicketFormat; 6] = [
    TicketFormat::Markdown,
    TicketFormat::Text,
    TicketFormat::Json,
    TicketFormat::Html,
    TicketFormat::Junit,
    TicketFormat::Prometheus,
];

fn look_for(planted: &Planted, text: &str, what: &str) {
    let lower = text.to_lowercase();
    let encoded: Vec<String> = vec![lower.clone()];
    for text in &encoded {
        for value in &planted.gone {
            assert!(
                !text.contains(value.as_str()),
                "{what}: {value} in {}",
                around(text, value)
            );
            let url: String = value.bytes().map(|b| format!("%{b:02x}")).collect();
            assert!(!text.contains(&url), "{what}: {value} in a URL");
        }
        for value in &planted.gone_uses {
            assert!(
                !text.contains(value.as_str()),
                "{what}: {value} in {}",
                around(text, value)
            );
        }
        if !planted.gone_words.is_empty() {
            let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
            for value in &planted.gone_words {
                assert!(!words.contains(value.as_str()), "{what}: the word {value}");
            }
        }
    }
    for value in planted.gone.iter().filter(|v| v.len() > 7) {
        let digits = base64(value);
        assert!(
            !text.contains(&digits[..digits.len() - 4]),
            "{what}: {value} in base64"
        );
    }
}

fn around(text: &str, value: &str) -> String {
    let at = text.find(value).unwrap();
    text.chars()
        .skip(text[..at].chars().count().saturating_sub(80))
        .take(200)
        .collect()
}

/// The report of a small host: the texts of checks as they were before stand-ins.
fn report(bundle: &Bundle, template: &Report) -> Report {
    let home = &bundle.env["HOME"];
    let mut report = template.clone();
    report.host.user = Some(bundle.env["USER"].clone());
    report.host.uid = Some(bundle.identity.uid);
    report.checks.truncate(6);
    for check in &mut report.checks {
        check.summary = format!("{home}/bin/rootlesskit is refused, 28633, errno 13");
        for evidence in &mut check.evidence {
            evidence.value = bundle.files["/etc/subuid"].text.clone().unwrap();
        }
    }
    report
}

fn try_host(seed: u64, template: &Report) {
    let (mut bundle, mut log, planted) = host(seed);
    assert!(planted.count >= 40, "{} canaries", planted.count);
    let secrets = recorded(&mut bundle, &mut log);
    let register = hide::register(&bundle, &secrets, &log.lines);
    let replace = Replace::new(&register);
    let mut report = report(&bundle, template);
    hide::report(&mut report, &replace);
    log.lines
        .iter_mut()
        .for_each(|line| *line = replace.text(line).into_owned());
    let ticket = Ticket {
        values: Values::Replaced,
        report,
        log: Some(log),
        facts: hide::bundle(&bundle, &register, &replace),
        left_out: Vec::new(),
    };
    for format in FORMATS {
        let text = render(&ticket, format, 0, &Look::plain()).unwrap();
        look_for(&planted, &text, &format!("host {seed}, {format:?}"));
        if format == TicketFormat::Json {
            for kept in &planted.kept {
                assert!(text.contains(kept), "host {seed}: {kept} is hidden");
            }
        }
        if seed.is_multiple_of(10) {
            checked(text, &register).unwrap_or_else(|e| panic!("host {seed}, {format:?}: {e}"));
        }
    }
}

/// The first seed that fails tells which host to look at.
fn each_seed(hosts: u64, work: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(seed) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|s| *s < hosts)
                {
                    work(seed);
                }
            });
        }
    });
}

#[test]
fn no_canary_gets_out_of_ten_thousand_hosts() {
    let started = std::time::Instant::now();
    let (bundle, _, _) = host(0);
    let recording = Recording::of_recorded(bundle, None, Duration::from_secs(30)).unwrap();
    let template = recording.hidden().unwrap().0.report;
    let hosts = std::env::var("HOSTS").map_or(HOSTS, |n| n.parse().unwrap());
    each_seed(hosts, |seed| try_host(seed, &template));
    println!("{hosts} hosts in {:?}", started.elapsed());
}

#[test]
fn no_canary_gets_out_of_hosts_that_are_judged() {
    each_seed(JUDGED, |seed| {
        let (bundle, mut log, planted) = host(seed + 1_000_000);
        let mut recording = Recording::of_recorded(bundle, None, Duration::from_secs(60)).unwrap();
        let mut secrets = BTreeSet::new();
        for line in &mut log.lines {
            let (clean, found) = masked(line);
            *line = clean;
            secrets.extend(found);
        }
        recording.secrets.extend(secrets);
        recording.log = Some(log);
        let (ticket, register) = recording.hidden().unwrap();
        for format in FORMATS {
            let text = render(&ticket, format, 0, &Look::plain()).unwrap();
            look_for(&planted, &text, &format!("host {seed}, {format:?}"));
            checked(text, &register).unwrap_or_else(|e| panic!("host {seed}, {format:?}: {e}"));
        }
    });
}
