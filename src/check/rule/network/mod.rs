//! Rules of the area `network`.

pub(crate) mod choice;
mod driver;
mod filter;
mod module;
mod pasta;
mod port;
mod reach;
mod tool;
mod traffic;

use super::Rule;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[
    ("network.driver-pinned", driver::pinned),
    ("network.driver", driver::picked),
    ("network.slirp4netns-version", driver::slirp4netns_version),
    ("network.slirp4netns-sandbox", driver::slirp4netns_sandbox),
    ("network.pasta-version", pasta::version),
    ("network.pasta-apparmor", pasta::apparmor),
    ("network.tun", tool::tun),
    ("network.unit-tools", tool::unit_tools),
    ("network.rootlesskit-fault", tool::rootlesskit_fault),
    ("network.ipv6-disabled", tool::ipv6_disabled),
    ("network.iptables", filter::iptables),
    ("network.iptables-works", filter::iptables_works),
    ("network.iptables-backend", filter::iptables_backend),
    ("network.module-blacklist", module::blacklist),
    ("network.kernel-modules", module::kernel_modules),
    ("network.br-netfilter", module::br_netfilter),
    ("network.bridge", reach::bridge),
    ("network.port-driver", port::port_driver),
    ("network.source-ip", port::source_ip),
    ("network.privileged-ports", port::privileged_ports),
    ("network.host-firewall", port::host_firewall),
    ("network.ping", traffic::ping),
    ("network.mtu-accepted", traffic::mtu_accepted),
    ("network.mtu", traffic::mtu),
    ("network.subnet-clash", reach::subnet_clash),
    ("network.dns", reach::dns),
    ("network.proxy", reach::proxy),
];
