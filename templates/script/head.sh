#!/bin/sh
# {title}
# Made by rootless-setup {version}; read it, then run it as root: sudo sh FILE
# It can be run again: what is as it should be already is left alone.
# `rootless-setup prepare` does the same, and can take it back.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 022
root=0

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || die 'this has to be run by root'
