/** A process of its own fires the requests, so that the client never shares the server's loop. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { alternate, sized } from "./measure.ts";

export const CONNECTIONS = 10;
/** A round of a measure is as many turns of so many seconds. */
export const TURNS = 4;
const SECONDS = 2;
/** A server that has just started compiles what it runs for thousands of requests; people meet it afterwards. */
const WARM_REQUESTS = sized(10_000);

export interface Shot {
  /** Of its own, when each connection has another. */
  path?: string;
  headers: Record<string, string>;
  /** A form to post; `{uuid}` becomes a fresh one, and of a list each value has its turn. */
  fields?: Record<string, string | string[]>;
}

export interface Load {
  url: string;
  /** How long, or how many requests. */
  until: { duration: number } | { amount: number };
  /** One for each connection: each is its own person. */
  shots: Shot[];
}

/** Requests a second; throws unless every answer had the status expected. */
export const fire = (url: string, shots: Shot[], expected: number) =>
  shoot({ url, until: { duration: SECONDS }, shots }, expected);

/** The same, not counted. */
export const warm = (url: string, shots: Shot[], expected: number) =>
  shoot({ url, until: { amount: WARM_REQUESTS }, shots }, expected);

/** Both fired at by the same people, once both are warm. */
export const againstFloor = (ours: string, floor: string, shots: Shot[], expected: number) =>
  alternate(
    () => fire(ours, shots, expected),
    () => fire(floor, shots, expected),
    { turns: TURNS, warm: async () => [await warm(ours, shots, expected), await warm(floor, shots, expected)] },
  );

async function shoot(load: Load, expected: number): Promise<number> {
  const gun = spawn(process.execPath, [`${import.meta.dirname}/gun.ts`], { stdio: ["pipe", "pipe", "inherit"] });
  gun.stdin.end(JSON.stringify(load));
  const [said] = await Promise.all([text(gun.stdout), once(gun, "exit")]);
  const { rate, statuses, errors } = JSON.parse(said) as {
    rate: number;
    statuses: Record<string, number>;
    errors: number;
  };
  if (errors > 0 || Object.keys(statuses).join() !== String(expected)) {
    throw new Error(`${load.url} : ${errors} erreurs, réponses ${JSON.stringify(statuses)}, attendu ${expected}.`);
  }
  return rate;
}
