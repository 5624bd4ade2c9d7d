# One image for the API, the workers and the steps between releases; the command says which (docs/deployment.md).

FROM python:3.13.15-slim-bookworm AS build
COPY requirements/service.txt /tmp/requirements.txt
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --only-binary :all: --require-hashes --requirement /tmp/requirements.txt \
 && /opt/venv/bin/pip uninstall --yes pip

FROM python:3.13.15-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    API_HOST=0.0.0.0 \
    WORKER_HOST=0.0.0.0 \
    CONSOLE_HOST=0.0.0.0 \
    SECRETS_DIR=/run/secrets
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
# .dockerignore leaves of these what runs here.
COPY worker.py ./
COPY activities activities
COPY api api
COPY console console
COPY domain domain
COPY observability observability
COPY ops ops
COPY runtime runtime
COPY stores stores
COPY workflows workflows
# COPY keeps the modes of a clone, which under a strict umask shut out every user but root.
RUN python -m compileall -q . && chmod -R a+rX .
RUN mkdir -p /run/secrets
# By its number: Kubernetes refuses to start a name where it must not be root.
USER 10001:10001
EXPOSE 8080 8081 8082
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-m", "ops.probe", "http://127.0.0.1:8080/health/live"]
CMD ["python", "-m", "api"]
