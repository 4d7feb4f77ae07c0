/** The least that keeps what is sent: Node alone, the body piped to a file and forced to the disk, then an answer. */
import { createWriteStream } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { pipeline } from "node:stream/promises";

const folder = process.env.FLOOR_FOLDER!;
let count = 0;

createServer(async (req, res) => {
  if (req.method === "POST") {
    count += 1;
    await pipeline(req, createWriteStream(path.join(folder, `brut-${count}`), { flush: true }));
    res.statusCode = 303;
  }
  res.end();
}).listen(Number(process.env.PORT), "127.0.0.1");
