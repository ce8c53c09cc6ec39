#!/bin/sh
# Publishes over the API of sioserver, with nothing but curl, and prints the answer.
#
#   SIO_KEY=sk_... sh publish.sh '{"to":["chat:7"],"event":"message","data":{"text":"hello"}}'

exec curl --silent --show-error --fail-with-body "${SIO_API:-http://127.0.0.1:3001}/api/v1/emit" \
	--header "Authorization: Bearer $SIO_KEY" --header "Content-Type: application/json" --data-raw "$1"
