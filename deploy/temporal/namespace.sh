#!/bin/sh
# Makes the namespace TEMPORAL_NAMESPACE, which keeps closed orders for RETENTION, and the orders' search attributes
# (workflows/visibility.py); safe to run again. Fails while the server has not taken note of a new namespace yet.
set -eu

temporal operator namespace describe --command-timeout 10s ||
    temporal operator namespace create --command-timeout 10s --retention "$RETENTION"
temporal operator search-attribute create --command-timeout 10s --type Keyword \
    --name OrderStatus --name Region --name EngineerId --name Attention
