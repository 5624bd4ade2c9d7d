#!/bin/sh
# Makes the namespace TEMPORAL_NAMESPACE, which keeps closed orders for TEMPORAL_RETENTION seconds, and the orders' search
# attributes (domain/common/search_attributes.py); safe to run again. Fails while the server has not taken note of a new
# namespace yet.
set -eu

operator() {
    temporal operator "$@" --namespace "$TEMPORAL_NAMESPACE" --command-timeout 10s
}

operator namespace describe || operator namespace create --retention "${TEMPORAL_RETENTION:-259200}s"
for name in OrderStatus Region EngineerId Attention; do
    operator search-attribute create --name "$name" --type Keyword
done
