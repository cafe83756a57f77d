//! The keys dockerd takes in `daemon.json`; it refuses to start with any other.

use serde_json::{Map, Value};

/// Keys as dockerd looks for them: an object that is no setting of its own is
/// taken apart first (`findConfigurationConflicts` in moby's daemon/config).
pub fn unknown(map: &Map<String, Value>) -> Vec<String> {
    let mut keys = Vec::new();
    for (key, value) in map {
        match value.as_object().filter(|_| !WHOLE.contains(&key.as_str())) {
            Some(inner) => keys.extend(inner.keys()),
            None => keys.push(key),
        }
    }
    let known = |key: &str| KNOWN.split_whitespace().any(|k| k == key);
    keys.into_iter()
        .filter(|key| !known(key))
        .cloned()
        .collect()
}

/// Objects that are one setting.
const WHOLE: [&str; 7] = [
    "cluster-store-opts",
    "default-network-opts",
    "log-opts",
    "runtimes",
    "default-ulimits",
    "features",
    "builder",
];

/// Every key that some dockerd from 19.03 to 29 takes, flag names included.
const KNOWN: &str = "add-runtime allow-direct-routing allow-nondistributable-artifacts \
    api-cors-header authorization-plugin authorization-plugins bip bip6 bridge \
    bridge-accept-fwmark builder cdi-spec-dir cdi-spec-dirs cgroup-parent cluster-advertise \
    cluster-store cluster-store-opt cluster-store-opts config-file containerd \
    containerd-namespace containerd-plugin-namespace containerd-plugins-namespace \
    cpu-rt-period cpu-rt-runtime cri-containerd data-root debug default-address-pool \
    default-address-pools default-cgroupns-mode default-gateway default-gateway-v6 default-init \
    default-ipc-mode default-network-opt default-network-opts default-runtime default-shm-size \
    default-ulimit default-ulimits deprecated-key-path disable-legacy-registry dns dns-opt \
    dns-opts dns-search exec-opt exec-opts exec-root experimental features firewall-backend \
    fixed-cidr fixed-cidr-v6 graph group help host host-gateway-ip host-gateway-ips hosts \
    http-proxy https-proxy icc init init-path insecure-registries insecure-registry ip \
    ip-forward ip-forward-no-drop ip-masq ip6tables iptables ipv6 label labels live-restore \
    log-driver log-format log-level log-opt log-opts max-concurrent-downloads \
    max-concurrent-uploads max-download-attempts metrics-addr mtu network-control-plane-mtu \
    network-diagnostic-port no-new-privileges no-proxy node-generic-resource \
    node-generic-resources oom-score-adjust pidfile raw-logs registry-mirror registry-mirrors \
    resolv-conf rootless runtimes seccomp-profile selinux-enabled shutdown-timeout \
    storage-driver storage-opt storage-opts swarm-default-advertise-addr \
    swarm-raft-election-tick swarm-raft-heartbeat-tick tls tlscacert tlscert tlskey tlsverify \
    userland-proxy userland-proxy-path userns-remap validate version";
