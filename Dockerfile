# syntax=docker/dockerfile:1

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:24-bookworm-slim
# One arena: glibc otherwise keeps one for each thread, which costs some ten MiB.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=1 \
    LATCHKEY_HOST=0.0.0.0 \
    LATCHKEY_DATA_DIR=/var/lib/latchkey
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY config ./config
COPY views ./views
COPY lib ./lib

# A volume takes the owner and mode of the folder that it is first mounted on.
RUN install --directory --owner=node --group=node --mode=0700 /var/lib/latchkey
VOLUME /var/lib/latchkey
USER node
EXPOSE 3000

# The management listener stays on the container's own loopback.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.LATCHKEY_MANAGEMENT_PORT || 3001}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

# Node itself is process 1, so that it gets the signal to stop.
CMD ["node", "--max-semi-space-size=16", "--import=./lib/runtime-settings.js", "--disable-warning=ExperimentalWarning", "lib/main.ts", "serve"]
