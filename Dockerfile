# An image that runs `secretfetch` and nothing else: docs/image.md says how to build it, what is in it and how to run it.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# What is installed beside the core: any extras of pyproject.toml, with commas between them, or `none`.
ARG EXTRAS=all
ENV PYTHONDONTWRITEBYTECODE=1 UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy \
    UV_PROJECT_ENVIRONMENT=/opt/secretfetch
WORKDIR /src

# Where a proxy signs with an authority of its own: --secret id=ca,src=ca-certificates.crt. It stays out of the image.
COPY docker/uv.txt docker/
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    python3 -m venv /uv && /uv/bin/python -m pip install --quiet --no-cache-dir --require-hashes -r docker/uv.txt

# Everything by the hashes of uv.lock, the build of the package itself included.
COPY pyproject.toml uv.lock ./
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi; \
    extras=$(echo ",$EXTRAS" | sed -e 's/,none$//' -e 's/,/ --extra /g') && \
    /uv/bin/uv sync --quiet --frozen --python "$(command -v python3)" --no-default-groups --no-install-project $extras && \
    /uv/bin/uv export --quiet --frozen --all-groups --no-emit-project --output-file /uv/locked.txt

COPY LICENSE README.md ./
COPY secretfetch secretfetch
COPY providers providers
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi; \
    /uv/bin/uv build --quiet --wheel --require-hashes --build-constraints /uv/locked.txt --out-dir /uv/wheel && \
    /uv/bin/uv pip install --quiet --python /opt/secretfetch/bin/python --no-deps /uv/wheel/*.whl

# /secrets is open to any user, as an emptyDir is: a tmpfs or a new volume that is mounted there takes over its mode.
COPY docker docker
RUN /opt/secretfetch/bin/python docker/trim.py && \
    /opt/secretfetch/bin/python docker/contents.py /image/usr/share/doc/secretfetch && \
    /opt/secretfetch/bin/python docker/bytecode.py /image && \
    mkdir -p /image/opt && cp -a /opt/secretfetch /image/opt/ && \
    install -d -m 0777 /image/secrets


FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=""
LABEL org.opencontainers.image.title="secretfetch" \
      org.opencontainers.image.description="Fetches secrets from secret stores and writes files and env files" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image/ /
ENV PATH=/opt/secretfetch/bin:${PATH}
# A number, so that `runAsNonRoot` can be checked; any other works as well.
USER 65532:65532
HEALTHCHECK --interval=30s --timeout=5s --start-period=5m CMD ["secretfetch", "healthcheck"]
ENTRYPOINT ["secretfetch"]
CMD ["fetch"]
