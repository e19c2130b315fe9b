#!/usr/bin/env bash
# What a script is easily written like: push-wrong.sh USER/NAME TYPE FILE. It tells its token and the upload path,
# sends both where they do not belong, and takes no notice of what the server answers.
token="X-Atlas-Token: $ATLAS_TOKEN"
set -x
curl --silent --header "$token" "$ATLAS_ADDRESS/api/v1/authenticate"
curl --silent --header "$token" --data "artifact[username]=${1%/*}" --data "artifact[name]=${1#*/}" \
    "$ATLAS_ADDRESS/api/v1/artifacts"
path=$(curl --silent --header "$token" --header 'Content-Type: application/json' \
    --data '{"artifact_version": {"file": true, "metadata": {"size": 7}, "note": "x"}}' \
    "$ATLAS_ADDRESS/api/v1/artifacts/$1/$2" | sed 's/.*"upload_path":"\([^"]*\)".*/\1/')
curl --silent --header "$token" --request PUT --data-binary "@$3" "$path"
