# vmtest in a container, with the image micro for both architectures inside. README.md has how to run it.
#
#   docker build -t vmtest .
#   docker build --target test -t vmtest-test .    # `docker run vmtest-test` is ./test_all --host
#
# Of all registries of images only BASE is asked for. The secrets `npmrc` (settings of npm) and `ca` (certificates that it
# names) are for those whose npm needs them: docker build --secret id=npmrc,src=$HOME/.npmrc

ARG BASE=debian:bookworm-20250520-slim

# Node.js, out of its npm package: Debian's own is too old for vmtest, and new enough to fetch this one.
FROM ${BASE} AS node
ARG NODE=20.20.2
ARG NPM=10.8.2
RUN apt-get -qq update && \
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends npm >/dev/null
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca \
    arch="$(dpkg --print-architecture | sed s/amd64/x64/)" && \
    npm install --global --prefix /opt/node --no-audit --no-fund "node-linux-$arch@$NODE" "npm@$NPM" && \
    cd "/opt/node/lib/node_modules/node-linux-$arch" && rm -rf include share

FROM ${BASE} AS builder
WORKDIR /src
COPY ci/bootstrap ci/packages.txt ci/
RUN ci/bootstrap --no-node --only build --only arm64 --only run
COPY --from=node /opt/node/ /usr/local/
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca \
    npm ci --no-audit --no-fund
COPY . .
RUN npm run --silent build:programs && npm run --silent build:ts && npm run --silent build:agent-aarch64
ENV VMTEST_CACHE=/var/cache/vmtest
RUN for arch in x86_64 aarch64; do node dist/cli/vmtest.js images build micro --arch $arch || exit; done && \
    node dist/cli/vmtest.js images prune --all && rm -rf $VMTEST_CACHE/apt $VMTEST_CACHE/tmp

# All that building and testing need, and no source: ./test_all runs in it over the files of the checkout.
FROM ${BASE} AS tools
COPY ci/bootstrap ci/packages.txt /opt/ci/
RUN /opt/ci/bootstrap --no-node
COPY --from=node /opt/node/ /usr/local/

FROM tools AS test
WORKDIR /src
COPY . .
# Linters ask git which files there are.
RUN git init --quiet && git add --all
CMD ["./test_all", "--host"]

FROM builder AS pruned
RUN npm prune --omit=dev --no-audit --no-fund

FROM ${BASE} AS runtime
WORKDIR /opt/vmtest
COPY ci/bootstrap ci/packages.txt ci/
# The package lists stay: images and kernels are made out of Debian's packages.
RUN ci/bootstrap --no-node --only run && \
    useradd --create-home vmtest && mkdir /work && chown vmtest: /work
COPY --from=node /opt/node/bin/node /usr/local/bin/node
COPY --from=pruned /src/package.json ./
COPY --from=pruned /src/node_modules ./node_modules
COPY --from=pruned /src/dist ./dist
COPY --from=pruned /src/guest-images ./guest-images
COPY --from=pruned /src/examples ./examples
COPY --from=pruned /src/build/release/vmm/vmtest-vmm ./build/release/vmm/
COPY --from=pruned /src/build/release/agent/vmtest-agent ./build/release/agent/
COPY --from=pruned /src/build/release/addon/vmtest.node ./build/release/addon/
COPY --from=pruned /src/build/agent-aarch64/vmtest-agent ./build/agent-aarch64/
COPY --from=pruned --chown=vmtest:vmtest /var/cache/vmtest /var/cache/vmtest
RUN ln -s /opt/vmtest/dist/cli/vmtest.js /usr/local/bin/vmtest && chmod +x dist/cli/vmtest.js
ENV VMTEST_CACHE=/var/cache/vmtest
USER vmtest
WORKDIR /work
ENTRYPOINT ["vmtest"]
CMD ["--help"]
