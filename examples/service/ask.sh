#!/bin/sh
# What can be asked of `seasift serve --jobs jobs`, by curl. Usage: ask.sh CLIP [PICTURE]
set -eu
url=${SEASIFT_URL:-http://127.0.0.1:8000}

curl --fail-with-body -s "$url/readyz"; echo
curl --fail-with-body -s "$url/v1/labels"; echo

if [ $# -gt 1 ]; then
    curl --fail-with-body -s "$url/v1/predict" -F files=@"$2" -F threshold=0.3; echo
    curl --fail-with-body -s "$url/v1/predict" -F files=@"$2" -F format=overlay -o overlay.jpg
fi

job=$(curl --fail-with-body -s "$url/v1/jobs" -F file=@"$1" -F every=10 -F overlays=true | sed 's/.*"id":"\([0-9a-f]*\)".*/\1/')
until curl --fail-with-body -s "$url/v1/jobs/$job" | grep -q '"state":"\(done\|failed\|cancelled\)"'; do sleep 1; done
curl --fail-with-body -s "$url/v1/jobs/$job/files/predictions.csv" -o predictions.csv
curl --fail-with-body -s "$url/v1/jobs/$job/files/overlays.zip" -o overlays.zip
echo "job $job: predictions.csv, overlays.zip"
