import { connect } from "node:net";
import type { Readable } from "node:stream";
import { Unavailable } from "../errors.ts";

/** What looks into files before anybody reads them (DOC-4). */
export interface Scanner {
  /** The name of what was found, or null. Throws Unavailable when there is no answer: the file waits. */
  scan(bytes: Readable): Promise<string | null>;
  /** Its own words: its version, the day of its signatures. */
  version(): Promise<string>;
}

const SILENT_MS = 60_000;
const CHUNK = 65_536;

/** clamd, at `host:port` or behind a socket of this machine, by its own INSTREAM command. */
export function clamdAt(address: string, { silentMs = SILENT_MS } = {}): Scanner {
  const [, host = "", port = ""] = /^(.+):(\d+)$/.exec(address) ?? [];
  const to = address.startsWith("/") ? { path: address } : { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };

  const ask = (command: string, body?: Readable): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = "";
      const socket = connect(to);
      const lost = (cause: unknown) => {
        body?.destroy();
        socket.destroy();
        reject(new Unavailable("L’antivirus ne répond pas.", { cause }));
      };
      socket.setTimeout(silentMs, () => lost(new Error("clamd is silent.")));
      // It hangs up on a file too large for it, its answer said.
      socket.once("error", (error) => (answer ? socket.destroy() : lost(error)));
      socket.setEncoding("utf8").on("data", (text) => {
        answer += text;
      });
      socket.once("close", () => (answer ? resolve(answer.replace(/\0/g, "").trim()) : lost(new Error("No answer."))));
      socket.write(`z${command}\0`);
      if (body) sendChunks(socket, body).catch(lost);
    });

  return {
    async scan(bytes) {
      const answer = await ask("INSTREAM", bytes);
      if (/^stream: OK$/.test(answer)) return null;
      const [, found] = /^stream: (.+) FOUND$/.exec(answer) ?? [];
      if (found) return found;
      throw new Unavailable(`L’antivirus a répondu : ${answer.slice(0, 200)}`);
    },
    version: () => ask("VERSION"),
  };
}

/** Each chunk after its length; a length of zero ends. */
async function sendChunks(socket: ReturnType<typeof connect>, body: Readable): Promise<void> {
  const send = async (chunk: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(chunk.length);
    if (!socket.write(Buffer.concat([length, chunk]))) {
      await new Promise<void>((resolve) => {
        socket.once("drain", resolve);
        socket.once("close", resolve);
      });
    }
  };
  for await (const bytes of body as AsyncIterable<Buffer>) {
    for (let at = 0; at < bytes.length; at += CHUNK) await send(bytes.subarray(at, at + CHUNK));
  }
  await send(Buffer.alloc(0));
}
