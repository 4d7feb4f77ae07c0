/** A form with its file, as a browser writes it. */
import { randomUUID } from "node:crypto";
import { fromOurPage, send } from "./sweep.ts";
import type { Answer, Browser, World } from "./world.ts";

export const BOUNDARY = "frontiere";

export interface SentFile {
  name: string;
  content: Buffer;
  type?: string;
}

/** `fields` come first unless `fileFirst`. */
export function multipart(fields: Record<string, string>, file: SentFile | null, { fileFirst = false } = {}): Buffer {
  const texts = Object.entries(fields).map(([name, value]) =>
    Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`),
  );
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="${file?.name}"\r\nContent-Type: ${file?.type ?? "image/png"}\r\n\r\n`;
  const last = file ? [Buffer.from(head), file.content, Buffer.from("\r\n")] : [];
  return Buffer.concat([
    ...(fileFirst ? [...last, ...texts] : [...texts, ...last]),
    Buffer.from(`--${BOUNDARY}--\r\n`),
  ]);
}

export const multipartHeaders = (world: World, browser: Browser, more: Record<string, string> = {}) => ({
  ...fromOurPage(world, browser),
  "content-type": `multipart/form-data; boundary=${BOUNDARY}`,
  ...more,
});

/** The token of the form at this address. */
export async function tokenOf(browser: Browser, at: string): Promise<string> {
  return /name="_csrf" value="([^"]+)"/.exec((await browser.get(at)).text)![1]!;
}

/** Sends the form at this address without its scripts. */
export async function sendForm(
  world: World,
  browser: Browser,
  at: string,
  file: SentFile | null,
  fields: Record<string, string> = {},
): Promise<Answer> {
  const body = multipart({ _csrf: await tokenOf(browser, at), _key: randomUUID(), ...fields }, file);
  // Not on a connection kept from before: the server may just have closed it.
  const headers = multipartHeaders(world, browser, { connection: "close" });
  return send(world.origin, { method: "POST", path: at, headers, body });
}
