/** A process of its own fires the requests, so that the client never shares the server's loop. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

export const CONNECTIONS = 10;
const SECONDS = 6;

export interface Shot {
  headers: Record<string, string>;
  /** A form to post; `{uuid}` becomes a fresh one, and of a list each value has its turn. */
  fields?: Record<string, string | string[]>;
}

export interface Load {
  url: string;
  seconds: number;
  /** One for each connection: each is its own person. */
  shots: Shot[];
  expected: number;
}

/** Requests a second; throws unless every answer had the status expected. */
export async function fire(url: string, shots: Shot[], expected: number): Promise<number> {
  const load: Load = { url, seconds: SECONDS, shots, expected };
  const gun = spawn(process.execPath, [`${import.meta.dirname}/gun.ts`], { stdio: ["pipe", "pipe", "inherit"] });
  gun.stdin.end(JSON.stringify(load));
  const [said] = await Promise.all([text(gun.stdout), once(gun, "exit")]);
  const { rate, statuses, errors } = JSON.parse(said) as {
    rate: number;
    statuses: Record<string, number>;
    errors: number;
  };
  if (errors > 0 || Object.keys(statuses).join() !== String(expected)) {
    throw new Error(`${url} : ${errors} erreurs, réponses ${JSON.stringify(statuses)}, attendu ${expected}.`);
  }
  return rate;
}
