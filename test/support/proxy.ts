import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";

/**
 * A relay in front of several processes, in turn. As nginx does, a reading cut before its answer is asked of the next
 * process; a form only when the connection itself was refused.
 */
export async function startProxy(origins: string[]): Promise<{ origin: string }> {
  let turn = 0;
  const server = createServer((req, res) => {
    const pieces: Buffer[] = [];
    req.on("data", (piece: Buffer) => pieces.push(piece));
    req.on("end", () => {
      const body = Buffer.concat(pieces);
      // Its own: what others ask meanwhile must not bring it back to the process that failed it.
      const first = turn++;
      const ask = (tries: number) => {
        const { hostname, port } = new URL(origins[(first + tries) % origins.length]!);
        const sent = request(
          { hostname, port, method: req.method, path: req.url, headers: { ...req.headers, connection: "close" } },
          (answer) => {
            res.writeHead(answer.statusCode!, answer.headers);
            answer.pipe(res);
          },
        );
        sent.on("error", (error: NodeJS.ErrnoException) => {
          const again = error.code === "ECONNREFUSED" || req.method === "GET";
          if (again && !res.headersSent && tries <= origins.length) return ask(tries + 1);
          if (res.headersSent) res.destroy();
          else res.writeHead(502).end();
        });
        sent.end(body);
      };
      ask(1);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
