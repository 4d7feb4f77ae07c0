/** A stream each, and one line to all of them: no session, no rights, no database. */
import { createServer, type ServerResponse } from "node:http";

const streams = new Set<ServerResponse>();
let told = 0;

createServer((req, res) => {
  if (req.url === "/flux") {
    res.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    res.write("retry: 2000\n\n");
    streams.add(res);
    res.once("close", () => streams.delete(res));
    return;
  }
  if (req.url === "/tell") {
    told += 1;
    for (const stream of streams) stream.write(`id: ${told}\ndata: {"topics":["history"],"version":${told}}\n\n`);
  }
  res.end("ok");
}).listen(Number(process.env.PORT), "127.0.0.1");
