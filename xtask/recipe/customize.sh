#!/bin/sh
# Turns a freshly unpacked Debian into a guest: mmdebstrap runs this as root
# (or as root of its user namespace) with the root directory as first argument.
# Wanted in the environment: SUITE INIT PUBKEY.
set -eu
root=$1

in_guest() { chroot "$root" "$@"; }

# A guest has no network: what a case removes is installed again from here.
mirror=/var/local/mirror
mkdir -p "$root$mirror"
in_guest sh -eu -c '
    cd "$1"
    for package in uidmap slirp4netns iptables iproute2 rootlesskit runc \
        fuse-overlayfs dbus-user-session; do
        apt-get download -q "$package"
    done
    # What the network driver lxc-user-nic needs; one guest is enough to prove it in.
    if [ "$2" = trixie ]; then
        apt-get install -qq --no-install-recommends --download-only \
            -o Dir::Cache::archives="$1" liblxc-common dnsmasq-base
        rm -rf partial lock
    fi
    for file in *.deb; do
        dpkg-deb -f "$file"
        printf "Filename: ./%s\nSize: %s\nSHA256: %s\n\n" "$file" \
            "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -d " " -f 1)"
    done >Packages
' sh "$mirror" "$SUITE"
rm -f "$root"/etc/apt/sources.list.d/*
echo "deb [trusted=yes] file:$mirror ./" >"$root/etc/apt/sources.list"

echo "rootless-$SUITE" >"$root/etc/hostname"
printf '127.0.0.1 localhost rootless-%s\n' "$SUITE" >"$root/etc/hosts"
printf '/dev/vda / ext4 errors=remount-ro 0 1\n' >"$root/etc/fstab"
printf 'nameserver 10.0.2.3\n' >"$root/etc/resolv.conf"
# One stable host name for systemd, one stable machine: ids are made at first boot.
: >"$root/etc/machine-id"

# The person under test, made the way an administrator makes one: useradd
# chooses the subordinate ranges by itself.
in_guest useradd --create-home --uid 1000 --shell /bin/bash alice
for home in root home/alice; do
    mkdir -p "$root/$home/.ssh"
    printf '%s\n' "$PUBKEY" >"$root/$home/.ssh/authorized_keys"
    chmod 700 "$root/$home/.ssh"
    chmod 600 "$root/$home/.ssh/authorized_keys"
done
in_guest chown -R alice:alice /home/alice/.ssh
cat >"$root/etc/ssh/sshd_config.d/guest.conf" <<'CONF'
PermitRootLogin prohibit-password
UseDNS no
MaxStartups 100
CONF

# Debian ships the rootless scripts as examples, where no user finds them.
for script in dockerd-rootless.sh dockerd-rootless-setuptool.sh; do
    if [ -e "$root/usr/share/docker.io/contrib/$script" ] && [ ! -e "$root/usr/bin/$script" ]; then
        install -m 755 "$root/usr/share/docker.io/contrib/$script" "$root/usr/bin/$script"
    fi
done

if [ "$INIT" = systemd ]; then
    mkdir -p "$root/etc/systemd/network"
    cat >"$root/etc/systemd/network/wired.network" <<'CONF'
[Match]
Name=en* eth*
[Network]
DHCP=yes
CONF
    in_guest systemctl enable systemd-networkd.service
    # A host for rootless Docker does not run the rootful daemon; a case that
    # wants it starts it. The rest only costs boot time under emulation.
    for unit in docker.service docker.socket containerd.service nfs-server.service \
        rpcbind.service rpcbind.socket nfs-blkmap.service rpc-statd-notify.service \
        nfs-client.target apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
        e2scrub_reap.service fstrim.timer dpkg-db-backup.timer \
        systemd-networkd-wait-online.service cron.service; do
        in_guest systemctl disable "$unit" >/dev/null 2>&1 || true
    done
else
    printf 'auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n' >"$root/etc/network/interfaces"
    for service in docker nfs-kernel-server rpcbind nfs-common; do
        in_guest update-rc.d "$service" disable >/dev/null 2>&1 || true
    done
    sed -i '/^[1-6]:.*getty/d' "$root/etc/inittab"
fi

in_guest dpkg-query -W >"$root/boot/packages.txt"
