#!/usr/bin/env bash
set -euo pipefail

project=${GOOGLE_CLOUD_PROJECT:-example-project}
zone=${ZONE:-europe-west1-b}
compute=${COMPUTE_URL:-https://compute.googleapis.com/compute/v1}

# In curl's manner: --fail is status 22 for an answer of 400 and more.
gcp-token call --fail --scopes compute-ro "$compute/projects/$project/zones/$zone/instances" |
  grep -oE 'zones/[^/"]+/instances/[^"]+' |
  sort -u
