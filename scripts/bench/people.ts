/** Signs in to the product under test as its personas do, reads what their pages hold and sends their forms. */
import { randomUUID } from "node:crypto";
import { modules } from "../../src/modules.ts";
import { type Database, openDatabase } from "../../src/platform/db/index.ts";
import { embeddedDatabase } from "../../src/platform/db/roles.ts";
import { createRegistry } from "../../src/platform/registry.ts";
import { loadSecrets } from "../../src/secrets.ts";
import type { Server } from "./servers.ts";

export interface Person {
  id: string;
  tenantId: string;
  name: string;
  roles: string[];
  /** What a browser of theirs sends with each request. */
  headers: Record<string, string>;
  /** The token of their forms. */
  csrf: string;
}

/** The database of the server under test, beside it: to seed, to count, and to give the floor a place. */
export async function besideProduct(folder: string): Promise<{ db: Database; superUrl: string; secret: string }> {
  const { databaseUrl, server } = await embeddedDatabase(folder);
  const { secret } = await loadSecrets({ varDir: folder, secret: undefined });
  return {
    db: await openDatabase(databaseUrl, createRegistry(modules), { pool: 5 }),
    superUrl: server.superUrl,
    secret,
  };
}

interface Persona {
  tenant_id: string;
  user_id: string;
  given_name: string;
  family_name: string;
  roles: string[];
}

/** Everybody of the organisation that has most people, each with a session of their own. */
export async function signInEverybody({ origin }: Server, db: Database): Promise<Person[]> {
  const byTenant = Map.groupBy(await db.lookup<Persona>("personas"), ({ tenant_id }) => tenant_id);
  const personas = [...byTenant.values()].sort((a, b) => b.length - a.length)[0]!;
  const entry = await fetch(`${origin}/connexion`);
  const visit = cookiesOf(entry);
  const token = csrfOf(await entry.text());
  const same = { origin, "sec-fetch-site": "same-origin" };
  return Promise.all(
    personas.map(async ({ user_id, tenant_id, given_name, family_name, roles }) => {
      const opened = await fetch(`${origin}/connexion/demo`, {
        method: "POST",
        redirect: "manual",
        headers: { ...same, cookie: visit },
        body: new URLSearchParams({ _csrf: token, persona: user_id }),
      });
      const headers = { ...same, cookie: cookiesOf(opened) };
      const home = await fetch(`${origin}/`, { headers });
      if (!home.ok) throw new Error(`${given_name} ${family_name} n’a pas pu se connecter : ${opened.status}.`);
      const csrf = csrfOf(await home.text());
      return { id: user_id, tenantId: tenant_id, name: `${given_name} ${family_name}`, roles, headers, csrf };
    }),
  );
}

const cookiesOf = (response: Response) =>
  response.headers
    .getSetCookie()
    .map((line) => line.split(";", 1)[0])
    .join("; ");

function csrfOf(html: string): string {
  const [, token] = /name="_csrf" value="([^"]+)"/.exec(html) ?? [];
  if (!token) throw new Error(`Cette page n’a pas de formulaire : ${html.slice(0, 200)}`);
  return token;
}

/** Sends a form of theirs; gives where it leads, or throws what it was refused with. */
export async function submit(
  { origin }: Pick<Server, "origin">,
  { headers, csrf }: Person,
  at: string,
  fields: Record<string, string | string[]>,
): Promise<string> {
  const body = new URLSearchParams({ _csrf: csrf, _key: randomUUID() });
  for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) body.append(name, one);
  const answer = await fetch(origin + at, { method: "POST", redirect: "manual", headers, body });
  if (answer.status !== 303) throw new Error(`${at} a répondu ${answer.status} : ${told(await answer.text())}`);
  return new URL(answer.headers.get("location")!, origin).pathname;
}

/** The words of a page, its first ones. */
export const told = (html: string) =>
  html
    .replace(/<[^>]+>/g, " ")
    .replace(/\s+/g, " ")
    .slice(0, 1_500);
