//! Pairs and their reasons.

use super::*;
use crate::facts::area::network::script;
use crate::plan::option::PortDriver;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn drivers(net: Option<Net>, port: Option<PortDriver>) -> Result<(), String> {
    let mut chosen = Chosen::default();
    if let Some(net) = net {
        chosen.set(Key::Net, text(net.name()));
    }
    if let Some(port) = port {
        chosen.set(Key::PortDriver, text(port.name()));
    }
    of_all(&chosen, &Options::default()).map_err(|e| e.to_string())
}

#[test]
fn drivers_that_go_together() {
    for net in Net::ALL {
        let right = match net {
            Net::Slirp4netns => vec![PortDriver::Builtin, PortDriver::Slirp4netns],
            Net::Pasta => vec![PortDriver::Implicit, PortDriver::Pesto],
            Net::Gvisor => vec![PortDriver::Builtin, PortDriver::Gvisor],
            Net::Vpnkit | Net::LxcUserNic => vec![PortDriver::Builtin],
        };
        for port in PortDriver::ALL {
            let fits = drivers(Some(net), Some(port)).is_ok();
            assert_eq!(fits, right.contains(&port), "{net} {port:?}");
        }
        assert_eq!(drivers(Some(net), None), Ok(()));
    }
    assert_eq!(drivers(None, Some(PortDriver::Builtin)), Ok(()));
    assert_eq!(
        drivers(None, Some(PortDriver::Implicit)),
        Err("the port driver implicit works only with the network driver pasta, not with the one Docker \
             chooses by itself; choose --net pasta as well, or --port-driver auto".into())
    );
    assert_eq!(
        drivers(Some(Net::Pasta), Some(PortDriver::Builtin)),
        Err("the network driver pasta does not work with the port driver builtin; choose --port-driver \
             implicit, or another --net".into())
    );
}

fn why(chosen: &Chosen) -> String {
    let misfit = of_all(chosen, &Options::default());
    misfit.expect_err("a misfit").to_string()
}

#[test]
fn what_would_do_nothing_is_refused() {
    let seccomp = Chosen::default().with(Key::SlirpSeccomp, Value::Flag(false));
    assert_eq!(of_all(&seccomp, &Options::default()), Ok(()));
    let pasta = seccomp.with(Key::Net, text("pasta"));
    assert!(
        why(&pasta).starts_with("slirp4netns-seccomp does nothing with the network driver pasta")
    );
    let flags = |flags: &[&str]| {
        let flags = flags.iter().map(ToString::to_string).collect();
        Chosen::default().with(Key::RootlesskitFlags, Value::List(flags))
    };
    assert!(why(&flags(&["--ipv6", "--mtu=9"])).ends_with("an option of its own: choose --mtu"));
    assert!(why(&flags(&["--propagation=rprivate"])).contains("leave it out"));
    assert!(why(&flags(&["pasta"])).contains("no flag of RootlessKit"));
    let fine = flags(&["--mtu-of-mine", "-p", "80:80/tcp"]);
    assert_eq!(of_all(&fine, &Options::default()), Ok(()));
}

#[test]
fn the_installed_rootlesskit_decides() {
    let help = "OPTIONS:\n    --net value    network driver [host, slirp4netns, vpnkit, lxc-user-nic(experimental)]\n    \
        --cidr value    CIDR for slirp4netns network\n    --publish value, -p value  x\n    \
        --port-driver value  port driver for non-host network. [none, builtin, slirp4netns]\n";
    let of = |asked: Options| {
        assert!(asks_rootlesskit(&asked));
        of_rootlesskit(&asked, help).map_err(|misfit| misfit.why)
    };
    let flags = |flags: &[&str]| {
        let flags = flags.iter().map(ToString::to_string).collect();
        Options::default().flag(Key::RootlesskitFlags, Choice::Set(Value::List(flags)))
    };
    assert_eq!(
        of(flags(&["--cidr=10.0.3.0/24", "-p", "80:80/tcp"])),
        Ok(())
    );
    let old = of(flags(&["--cidr", "x", "--ipv6"])).expect_err("old");
    assert!(old.contains("no flag --ipv6"), "{old}");
    assert!(of(flags(&["--cid=x"])).is_err());
    let driver = |key, name| Options::default().flag(key, Choice::Set(text(name)));
    assert_eq!(of(driver(Key::Net, "lxc-user-nic")), Ok(()));
    assert_eq!(of(driver(Key::PortDriver, "builtin")), Ok(()));
    let pasta = of(driver(Key::Net, "pasta")).expect_err("old");
    assert!(
        pasta.starts_with("the installed RootlessKit knows no network driver pasta"),
        "{pasta}"
    );
    assert!(of(driver(Key::PortDriver, "implicit")).is_err());
    assert!(!asks_rootlesskit(
        &Options::default().flag(Key::Net, Choice::Auto)
    ));
}

#[test]
fn the_installed_script_decides() {
    let of = |chosen: &Chosen, script: &str| {
        let script = script::parse("/usr/bin/dockerd-rootless.sh", script);
        of_script(chosen, &Options::default(), &script).map_err(|e| e.to_string())
    };
    let old = ": ${DOCKERD_ROOTLESS_ROOTLESSKIT_NET:=} $DOCKERD_ROOTLESS_ROOTLESSKIT_SLIRP4NETNS_SANDBOX\n";
    let new = format!("{old}${{DOCKERD_ROOTLESS_ROOTLESSKIT_DETACH_NETNS:=}} --detach-netns\n");
    let detach = |yes| Chosen::default().with(Key::DetachNetns, Value::Flag(yes));
    let refused = of(&detach(false), old).expect_err("unknown");
    assert!(
        refused.contains("reads no DOCKERD_ROOTLESS_ROOTLESSKIT_DETACH_NETNS"),
        "{refused}"
    );
    assert_eq!(of(&detach(false), &new), Ok(()));
    let locked = |chosen: Chosen| chosen.with(Key::SlirpSandbox, Value::Flag(true));
    assert_eq!(of(&locked(Chosen::default()), old), Ok(()));
    assert_eq!(of(&locked(detach(false)), &new), Ok(()));
    let refused = of(&locked(Chosen::default()), &new).expect_err("slirp4netns#317");
    assert!(refused.contains("--detach-netns=no"), "{refused}");
}

#[test]
fn the_api_is_for_those_who_have_a_certificate() {
    let tcp = || Chosen::default().with(Key::Tcp, text("127.0.0.1:2376"));
    assert!(
        why(&tcp()).starts_with("tls-ca is missing"),
        "{}",
        why(&tcp())
    );
    let with = |chosen: Chosen, key| chosen.with(key, text("/x.pem"));
    let some = with(with(tcp(), Key::TlsCa), Key::TlsKey);
    assert!(why(&some).starts_with("tls-cert is missing"));
    let all = with(some.clone(), Key::TlsCert);
    assert_eq!(of_all(&all, &Options::default()), Ok(()));
    let insecure = |chosen: Chosen| chosen.with(Key::InsecureTcp, Value::Flag(true));
    assert_eq!(of_all(&insecure(tcp()), &Options::default()), Ok(()));
    assert!(why(&insecure(all.clone())).contains("contradict"));
    let lonely = with(Chosen::default(), Key::TlsCa);
    assert!(why(&lonely).contains("does nothing without --tcp"));
    let refused = of_reach(&all, &Options::default(), Reach::Forwarded);
    assert!(
        refused
            .expect_err("pasta")
            .to_string()
            .contains("every address")
    );
    assert_eq!(
        of_reach(&all, &Options::default(), Reach::Published),
        Ok(())
    );
}

#[test]
fn ipv6_is_for_port_drivers_that_know_it() {
    let six = Chosen::default().with(Key::Tcp, text("[::1]:2376"));
    let of = |chosen: &Chosen, reach| of_reach(chosen, &Options::default(), reach);
    assert_eq!(of(&six, Reach::Published), Ok(()));
    let any = Chosen::default().with(Key::Tcp, text("[::]:2376"));
    assert_eq!(of(&any, Reach::Forwarded), Ok(()));
    let own = six.with(Key::PortDriver, text("slirp4netns"));
    assert_eq!(of(&own, Reach::Itself), Ok(()));
    let refused = of(&own, Reach::Published).expect_err("slirp4netns");
    assert!(
        refused.to_string().contains("--port-driver builtin"),
        "{refused}"
    );
}

#[test]
fn with_the_port_goes_what_belongs_to_it() {
    let installed = [Key::TlsCa, Key::TlsCert, Key::TlsKey].into_iter().fold(
        Chosen::default().with(Key::Tcp, text("0.0.0.0:2376")),
        |all, key| all.with(key, text("/x.pem")),
    );
    let auto = Options::default().flag(Key::Tcp, Choice::Auto);
    assert_eq!(auto.merge(&installed), Chosen::default());
    let yes = Choice::Set(Value::Flag(true));
    let insecure = Options::default()
        .flag(Key::InsecureTcp, yes)
        .merge(&installed);
    assert_eq!(of_all(&insecure, &Options::default()), Ok(()));
    assert_eq!(Options::default().merge(&insecure), insecure);
}

#[test]
fn the_installed_engine_decides() {
    let proxy = Options::default().flag(Key::HttpProxy, Choice::Set(text("http://p")));
    let of = |asked: &Options, version| of_engine(asked, version).map_err(|m| m.why);
    let old = Version::new(20, 10, 24);
    let refused = of(&proxy, Some(&old)).expect_err("old");
    assert!(
        refused.contains("dockerd 20.10.24 does not start"),
        "{refused}"
    );
    assert_eq!(of(&proxy, Some(&PROXIES)), Ok(()));
    assert_eq!(of(&proxy, None), Ok(()));
    let auto = Options::default().flag(Key::HttpProxy, Choice::Auto);
    assert_eq!(of(&auto, Some(&old)), Ok(()));
}

#[test]
fn half_of_a_pair_may_be_installed() {
    let port = || Options::default().flag(Key::PortDriver, Choice::Set(text("implicit")));
    assert_eq!(of_asked(&port()), Ok(()));
    let mut both = port();
    both.set(
        Key::Net,
        Choice::Set(text("slirp4netns")),
        Source::File {
            path: "/s.toml".into(),
            line: 7,
        },
    );
    let error = of_asked(&both).expect_err("a wrong pair").to_string();
    assert!(
        error.starts_with("/s.toml:7: the port driver implicit"),
        "{error}"
    );
    let yes = || Choice::Set(Value::Flag(true));
    let two = Options::default()
        .flag(Key::Adopt, yes())
        .flag(Key::Keep, yes());
    assert!(of_asked(&two).is_err());
}
