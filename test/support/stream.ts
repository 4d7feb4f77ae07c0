import { get, type IncomingMessage } from "node:http";
import { after } from "node:test";

export interface Told {
  id: string;
  topics: string[];
}

/** A stream as a browser reads it; what comes is waited for, never slept for. */
export interface Stream {
  status: number;
  headers: IncomingMessage["headers"];
  /** The next message told, heartbeats apart. */
  next(): Promise<Told>;
  /** What came and was not asked for yet. */
  waiting(): Told[];
  /** Comments and beats heard so far. */
  text(): string;
  ended: Promise<void>;
  close(): void;
}

/** Opens the stream of these words with the cookie of a signed-in browser. */
export function openStream(
  origin: string,
  cookie: string,
  words: string,
  { lastEventId, more = "" }: { lastEventId?: string; more?: string } = {},
): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const headers = { cookie, "sec-fetch-site": "same-origin", ...(lastEventId && { "last-event-id": lastEventId }) };
    const sent = get(`${origin}/flux?sujets=${words}${more}`, { headers, agent: false }, (response) => {
      const told: Told[] = [];
      const asked: ((message: Told) => void)[] = [];
      let text = "";
      let rest = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
        rest += piece;
        for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
          const lines = rest.slice(0, end).split("\n");
          rest = rest.slice(end + 2);
          const fieldOf = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
          const data = fieldOf("data");
          if (!data) continue;
          const message = { id: fieldOf("id") ?? "", topics: JSON.parse(data).topics as string[] };
          const waiter = asked.shift();
          if (waiter) waiter(message);
          else told.push(message);
        }
      });
      const ended = new Promise<void>((done) => response.on("close", done).on("error", () => done()));
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        next: () => new Promise((done) => (told.length > 0 ? done(told.shift()!) : asked.push(done))),
        waiting: () => told,
        text: () => text,
        ended,
        close: () => void sent.destroy(),
      });
    });
    sent.on("error", reject);
    after(() => void sent.destroy());
  });
}
