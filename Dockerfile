# One image for web, worker, beat and migrate: the command says which.

FROM python:3.11-slim-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# The locked packages first: they change less often than the sources.
COPY requirements requirements
RUN pip install --no-deps --require-hashes -r requirements/runtime.txt -r requirements/build.txt
COPY . .
RUN USSD_REQUIRE_COMPILED=1 pip install --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin ussd
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY menus menus
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER ussd
EXPOSE 8000
ENTRYPOINT ["ussd"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
