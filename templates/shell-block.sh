# Written by rootless-setup; `rootless-setup uninstall` takes it out again.
export DOCKER_HOST={{host}}
