# vmtest in a container. Guests need KVM: docker run --device /dev/kvm IMAGE run -- uname -a
FROM node:20-bookworm-slim AS node

FROM debian:bookworm AS build
COPY --from=node /usr/local/ /usr/local/
WORKDIR /src
COPY ci/bootstrap ci/packages.txt ci/
RUN ci/bootstrap --only build --only run
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev

FROM debian:bookworm
COPY --from=node /usr/local/bin/node /usr/local/bin/node
WORKDIR /opt/vmtest
COPY ci/bootstrap ci/packages.txt ci/
# The package lists stay: the first run makes its image out of Debian's packages.
RUN ci/bootstrap --only run
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
COPY --from=build /src/guest-images ./guest-images
COPY --from=build /src/build/release/vmm/vmtest-vmm ./build/release/vmm/
COPY --from=build /src/build/release/agent/vmtest-agent ./build/release/agent/
COPY --from=build /src/build/release/addon/vmtest.node ./build/release/addon/
RUN ln -s /opt/vmtest/dist/cli/vmtest.js /usr/local/bin/vmtest && chmod +x dist/cli/vmtest.js
WORKDIR /work
ENTRYPOINT ["vmtest"]
CMD ["--help"]
