/** A TCP relay that can fall silent: connections stay open and nothing passes, as behind a network that swallows packets. */
import { connect, createServer, type Socket } from "node:net";
import { after } from "node:test";

export interface Relay {
  /** The same address, through the relay. */
  url: string;
  silence(): void;
  /** Connections made from now on pass; those that were swallowed stay so. */
  heal(): void;
}

export async function relayTo(url: string): Promise<Relay> {
  const target = new URL(url);
  const open = new Set<Socket>();
  const connections = new Set<Socket>();
  const silenced = new Set<Socket>();
  let silent = false;
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on("data", (bytes) => silenced.has(near) || other.write(bytes));
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
      one.on("error", () => one.destroy());
    }
    if (silent) silenced.add(near);
    connections.add(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const through = new URL(url);
  through.host = `127.0.0.1:${(server.address() as { port: number }).port}`;
  return {
    url: through.href,
    silence() {
      silent = true;
      for (const near of connections) silenced.add(near);
    },
    heal() {
      silent = false;
    },
  };
}
