# The image every node of a Shoal cluster runs: `shoal daemon` by default, the CLI by name.
# Where no registry answers, scripts/up makes a stand-in for the base image first.

FROM node:24-bookworm-slim AS deps
# The classic builder keeps the images of the first stages as its cache; by this label scripts/down --images finds them.
LABEL shoal.stage=deps
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force

FROM node:24-bookworm-slim AS build
LABEL shoal.stage=build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.ts scripts/build.ts
COPY proto proto
COPY src src
RUN npm run build

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="shoal" \
      org.opencontainers.image.description="Container orchestrator: three managers, Raft-replicated state, real containers" \
      org.opencontainers.image.licenses="Apache-2.0"
# level runs its work on libuv's pool, and every synced write holds a thread while the disk turns: with the default of 4
# a manager that also reads and resolves names would queue behind its own log.
ENV NODE_ENV=production UV_THREADPOOL_SIZE=8
# glibc otherwise keeps what buffers of entries and snapshots leave behind: with 100,000 tasks 70 MiB of a manager.
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=4194304
WORKDIR /app
COPY package.json ./
COPY bin bin
COPY --from=deps /app/node_modules node_modules
COPY --from=build /app/dist dist
RUN ln -s /app/bin/shoal.mjs /usr/local/bin/shoal \
 && mkdir -p /var/lib/shoal /run/shoal /token /tokens/manager /tokens/worker
VOLUME /var/lib/shoal
EXPOSE 7377 7378
# Exec form: node itself is process 1, gets SIGTERM and hands leadership over before it goes.
ENTRYPOINT ["node", "--enable-source-maps", "/app/dist/src/main.js"]
CMD ["daemon"]
