#!/usr/bin/env bash
# Pushes a gzip file to Atlas with curl alone: push.sh USER/NAME TYPE FILE
set -euo pipefail
artifact=$1 type=$2 file=$3
api="$ATLAS_ADDRESS/api/v1"
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# Prints the status of a call; its body is in $answer.
call() {
    curl --silent --show-error --output "$answer" --write-out '%{http_code}' \
        --header "X-Atlas-Token: $ATLAS_TOKEN" "$@"
}
# The same for a call that must succeed.
must() {
    local status
    status=$(call "$@")
    [ "$status" = 200 ] || { echo "Atlas answered $status: $(cat "$answer")" >&2; exit 1; }
}

must "$api/authenticate"
if [ "$(call "$api/artifacts/$artifact")" = 404 ]; then
    must --data "artifact[username]=${artifact%/*}" --data "artifact[name]=${artifact#*/}" "$api/artifacts"
fi
must --data 'artifact_version[file]=true' --data 'artifact_version[build_id]=7' \
    --data 'artifact_version[metadata][os]=debian' "$api/artifacts/$artifact/$type"
path=$(sed 's/.*"upload_path":"\([^"]*\)".*/\1/' "$answer")
curl --silent --show-error --fail --output /dev/null --upload-file "$file" "$path"
