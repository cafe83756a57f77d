# Written by rootless-setup; `rootless-setup uninstall` takes it out again.
set -gx DOCKER_HOST {{host}}
