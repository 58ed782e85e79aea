# The service as an image. `docker build -t seasift .`; with a GPU's engine `docker build --build-arg EXTRA=gpu -t seasift:gpu .`
# BASE needs a Python of 3.11 to 3.13 as python3, and its ensurepip or Debian's apt-get.
ARG BASE=docker.io/library/python:3.12-slim-bookworm

FROM ${BASE} AS build
ARG EXTRA=
ARG UV_VERSION=0.9
WORKDIR /src
# strip, and ensurepip where Debian's Python lacks it.
RUN if command -v apt-get > /dev/null; then \
        apt-get -qq update && apt-get -qq install -y --no-install-recommends binutils \
            $(python3 -c "import ensurepip" 2> /dev/null || echo python3-venv); \
    fi
RUN python3 -m venv /uv && /uv/bin/pip install --no-cache-dir "uv>=${UV_VERSION}"
COPY pyproject.toml uv.lock README.md LICENSE ./
# Versions and hashes of uv.lock, but from whatever index pip is set to.
RUN /uv/bin/uv export --quiet --frozen --no-dev --no-emit-project ${EXTRA:+--extra ${EXTRA}} --output-file /requirements.txt \
 && python3 -m venv /opt/seasift \
 && /opt/seasift/bin/pip install --no-cache-dir --no-compile --require-hashes -r /requirements.txt
COPY src src
RUN /uv/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheel . \
 && /opt/seasift/bin/pip install --no-cache-dir --no-compile --no-deps /wheel/*.whl
COPY docker/trim.sh /trim.sh
RUN sh /trim.sh /opt/seasift

FROM ${BASE}
LABEL org.opencontainers.image.title="seasift" \
      org.opencontainers.image.description="Finds, outlines and counts trash, animals, plants and vehicle parts in underwater pictures" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip /usr/local/bin/pip* \
 && echo "seasift:x:10001:10001::/nonexistent:/usr/sbin/nologin" >> /etc/passwd && echo "seasift:x:10001:" >> /etc/group \
 && mkdir /jobs && chown 10001:10001 /jobs
COPY --from=build /opt/seasift /opt/seasift
# Everything that is written goes to /tmp (a tmpfs) and /jobs (a volume); the rest may be read-only.
ENV PATH=/opt/seasift/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    HOME=/tmp XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib TMPDIR=/tmp \
    SEASIFT_HOST=0.0.0.0 SEASIFT_PORT=8000 SEASIFT_JOBS=/jobs
USER 10001:10001
VOLUME /jobs
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["python3", "-c", \
    "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['SEASIFT_PORT'] + '/readyz', timeout=4)"]
ENTRYPOINT ["seasift"]
CMD ["serve"]
