/** Reads a Load on stdin, fires it with autocannon, writes what came back on stdout. */
import { randomUUID } from "node:crypto";
import { json } from "node:stream/consumers";
import autocannon, { type Client, type Request } from "autocannon";
import type { Load, Shot } from "./load.ts";

const { url, until, shots } = (await json(process.stdin)) as Load;

let clients = 0;
const result = await autocannon({
  url,
  connections: shots.length,
  ...until,
  setupClient: (client) => client.setRequests([requestOf(shots[clients++ % shots.length]!)]),
});
const statuses = Object.fromEntries(
  Object.entries(result.statusCodeStats).map(([status, { count }]) => [status, count]),
);
process.stdout.write(JSON.stringify({ rate: result.requests.average, statuses, errors: result.errors }));

function requestOf({ path, headers, fields }: Shot): Parameters<Client["setRequests"]>[0][number] {
  if (!fields) return { method: "GET", headers, ...(path && { path }) };
  let turn = 0;
  return {
    method: "POST",
    ...(path && { path }),
    headers: { ...headers, "content-type": "application/x-www-form-urlencoded" },
    setupRequest(request: Request) {
      turn += 1;
      const body = new URLSearchParams();
      for (const [name, value] of Object.entries(fields)) {
        body.set(name, typeof value === "string" ? value.replace("{uuid}", randomUUID()) : value[turn % value.length]!);
      }
      return { ...request, body: body.toString() };
    },
  };
}
