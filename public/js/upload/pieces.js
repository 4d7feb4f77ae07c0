// @ts-check
// A file sent by pieces, in the words of the IETF draft on resumable uploads: open, then append where the last piece
// ended. Opening the same file again says how far it had come.

const PIECE = 1_048_576;
const TRIES = 5;

/** What the server refused, in its own words. */
export class Refused extends Error {}

/**
 * Gives the id of the upload once all of it has arrived.
 * @param {File} file @param {string} purpose
 * @param {{ token: string, signal: AbortSignal, heard: (received: number) => void }} options
 */
export async function sendPieces(file, purpose, { token, signal, heard }) {
  /** @param {string} at @param {BodyInit} body @param {Record<string, string>} [headers] */
  const post = (at, body, headers) =>
    persist(at, {
      method: "POST",
      signal,
      body,
      headers: { ...headers, "x-csrf-token": token, "hx-request-type": "partial" },
    });
  const mark = String(file.lastModified);
  const announced = { _key: crypto.randomUUID(), purpose, name: file.name, size: String(file.size), mark };
  const opened = await post("/envois", new URLSearchParams(announced));
  const at = opened.headers.get("location") ?? "";
  let offset = offsetOf(opened);
  heard(offset);
  while (offset < file.size) {
    const piece = await file.slice(offset, offset + PIECE).arrayBuffer();
    const digest = btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-256", piece))));
    const appended = await post(`${at}/morceaux`, piece, {
      "content-type": "application/partial-upload",
      "upload-offset": String(offset),
      "content-digest": `sha-256=:${digest}:`,
    });
    offset = offsetOf(appended);
    heard(offset);
  }
  return at.split("/")[2] ?? "";
}

/** @param {Response} answer */
const offsetOf = (answer) => Number(answer.headers.get("upload-offset"));

/** What the network lost is sent again, less and less often. @param {string} at @param {RequestInit} init */
async function persist(at, init) {
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await fetch(at, init);
      if (answer.ok || answer.status === 409) return answer;
      if (answer.status < 500 || answer.status === 507) throw new Refused(await sentenceOf(answer));
      throw new Error(`${answer.status}`);
    } catch (error) {
      if (error instanceof Refused || init.signal?.aborted || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** tries));
    }
  }
}

/** @param {Response} answer */
async function sentenceOf(answer) {
  if (answer.status === 401) {
    return "Votre session est terminée. Reconnectez-vous dans un autre onglet, puis envoyez de nouveau.";
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  // The sentence alone: what follows it speaks of another page.
  return page.querySelector("p")?.firstChild?.textContent?.trim() || "Le serveur a refusé ce fichier.";
}
