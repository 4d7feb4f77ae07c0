import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { alternate, type Figure, forgetPeak, type Measure, peakRssMB, rssMB } from "./measure.ts";
import { besideProduct, type Person, signInEverybody } from "./people.ts";
import { startFloor, startProduct, withFolder } from "./servers.ts";

const MOST = 3;
const MOST_GROWTH_MB = 60;
const BYTES = 50_000_000;
const ADDRESS = "/documents/nouveau";
const BOUNDARY = "frontiere-de-mesure";

/** A document of 50 MB deposited by its form: token, busboy, SHA-256, kind, row, act; the floor pipes it to a file. */
export const upload: Measure = {
  name: "upload_50mb",
  unit: "s",
  target: `au plus ${MOST} fois le plancher, et moins de ${MOST_GROWTH_MB} Mo de mémoire en plus`,
  holds: ({ ratio, grownMB }) => ratio <= MOST && grownMB !== undefined && grownMB < MOST_GROWTH_MB,
  run: () => withFolder(measure),
};

async function measure(folder: string): Promise<Figure> {
  const product = await startProduct(folder);
  const { db } = await besideProduct(folder);
  try {
    const people = await signInEverybody(product, db);
    const sender = people.find(({ roles }) => roles.includes("admin"))!;
    const into = path.join(folder, "brut");
    await mkdir(into);
    const floor = await startFloor("upload", folder, { FLOOR_FOLDER: into });
    // Nothing in it compresses nor repeats; no kind of document asks for less to be known.
    const file = Buffer.concat([Buffer.from("%PDF-1.7\n"), randomBytes(BYTES - 9)]);
    const ours = () => send(product.origin, sender, file);
    const theirs = () => send(floor.origin, sender, file);
    let before = 0;
    const times = await alternate(ours, theirs, {
      warm: async () => {
        await ours();
        await theirs();
        before = rssMB(product.pid);
        forgetPeak(product.pid);
      },
    });
    await floor.stop();
    const peak = peakRssMB(product.pid);
    return { ...times, peakRssMB: peak, grownMB: peak - before };
  } finally {
    await db.close();
    await product.stop();
  }
}

/** Seconds from the first byte sent to the last one of the answer. */
async function send(origin: string, { headers, csrf }: Person, file: Buffer): Promise<number> {
  const fields = { _csrf: csrf, _key: randomUUID(), title: "Document de mesure", kind: "documentation" };
  const texts = Object.entries(fields).map(
    ([name, value]) => `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const head = Buffer.from(
    `${texts.join("")}--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="mesure.pdf"\r\nContent-Type: application/pdf\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
  const from = performance.now();
  const sent = request(origin + ADDRESS, {
    method: "POST",
    headers: {
      ...headers,
      "content-type": `multipart/form-data; boundary=${BOUNDARY}`,
      "content-length": String(head.length + file.length + tail.length),
    },
  });
  const answered = once(sent, "response") as Promise<[IncomingMessage]>;
  await pipeline(Readable.from(pieces(head, file, tail)), sent);
  const [answer] = await answered;
  await answer.resume().once("end", () => undefined);
  if (answer.statusCode !== 303) throw new Error(`L’envoi a répondu ${answer.statusCode}.`);
  return (performance.now() - from) / 1_000;
}

function* pieces(head: Buffer, file: Buffer, tail: Buffer): Generator<Buffer> {
  yield head;
  for (let at = 0; at < file.length; at += 65_536) yield file.subarray(at, at + 65_536);
  yield tail;
}
