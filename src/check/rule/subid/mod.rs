//! Rules of the area `subid`. What RootlessKit could map on this very host
//! overrules what the files look like.

mod helper;
mod line;
mod map;
mod overlap;
mod range;
mod service;

use super::Rule;

/// The rules by check id.
pub const RULES: &[(&str, Rule)] = &[
    ("subid.readable", line::readable),
    ("subid.symlink", line::symlink),
    ("subid.nsswitch", service::nsswitch),
    ("subid.getsubids", service::getsubids),
    ("subid.subuid-range", range::subuid_range),
    ("subid.subgid-range", range::subgid_range),
    ("subid.subuid-size", range::subuid_size),
    ("subid.subgid-size", range::subgid_size),
    ("subid.docker-group", range::docker_group),
    ("subid.malformed", line::malformed),
    ("subid.bad-lines", line::bad_lines),
    ("subid.own-duplicates", map::own_duplicates),
    ("subid.parent-map", map::parent_map),
    ("subid.overlap-users", overlap::users),
    ("subid.overlap-accounts", overlap::accounts),
    ("subid.reserved-ids", overlap::reserved),
    ("subid.name", line::name),
    ("subid.newuidmap", helper::newuidmap),
    ("subid.newgidmap", helper::newgidmap),
    ("subid.newuidmap-privilege", helper::newuidmap_privilege),
    ("subid.newgidmap-privilege", helper::newgidmap_privilege),
    ("subid.newuidmap-nosuid", helper::nosuid),
    ("subid.newuidmap-shadowed", helper::shadowed),
    ("subid.primary-gid", helper::primary_gid),
];
