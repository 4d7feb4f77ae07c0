// Started as a process of its own by test/platform/embedded.test.ts, which kills it: says what it holds, then waits.
import { startEmbedded } from "../../src/platform/db/embedded.ts";

const [, , folder = "", ending] = process.argv;
try {
  const server = await startEmbedded(folder, { throwaway: true, settings: { shared_buffers: "16MB" } });
  process.stdout.write(`${JSON.stringify({ pid: server.pid, port: server.port, adopted: server.adopted })}\n`);
  if (ending === "stop") await server.stop();
  if (ending === "wait") setInterval(() => undefined, 1_000);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ refused: (error as Error).message })}\n`);
}
