import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { sessionRows } from "../../src/accounts/index.ts";
import type { Role } from "../../src/accounts/roles.ts";
import { rightsOf } from "../../src/accounts/session-rows.ts";
import type { Database } from "../../src/platform/db/index.ts";
import { hashOf } from "../../src/platform/http/sessions.ts";
import { alternate, type Figure, type Measure, peakRssMB, rssMB } from "./measure.ts";
import { besideProduct, signInEverybody } from "./people.ts";
import { startFloor, startProduct, withFolder } from "./servers.ts";

const STREAMS = 1_000;
/** The sixth stream of a person is refused (LIV-6). */
export const EACH = 5;
const TARGET_S = 1;
const TARGET_MB = 60;
const ROLES: Role[] = ["admin"];

/** A thousand streams of history: how long after a commit the last of them is told, and what they cost in memory. */
export const sse1000: Measure = {
  name: "sse_1000",
  unit: "s",
  target: `moins de ${TARGET_S} s, et moins de ${TARGET_MB} Mo de plus`,
  holds: ({ value, grownMB = 0 }) => value < TARGET_S && grownMB < TARGET_MB,
  run: () => withFolder(measure),
};

async function measure(folder: string): Promise<Figure> {
  const product = await startProduct(folder);
  const { db, secret } = await besideProduct(folder);
  try {
    const [host] = await signInEverybody(product, db);
    const tenantId = host!.tenantId;
    const said = { tenantId, actorId: null, channel: "job" as const };
    const followers = await manyFollowers(db, secret, tenantId, STREAMS / EACH);
    const cookies = followers.map(({ cookie }) => cookie);
    const each = cookies.flatMap((cookie) => Array<string>(EACH).fill(cookie));
    const floor = await startFloor("sse", folder, {});
    // Both have answered before: what is counted is what streams add, not what a process takes to its first requests.
    for (const cookie of cookies)
      await fetch(`${product.origin}/`, { headers: { cookie } }).then((page) => page.text());
    await pause(2_000);
    const before = rssMB(product.pid);
    const ours = await openStreams(`${product.origin}/flux?sujets=history`, each);
    await pause(5_000); // what opening left behind is collected
    const grownMB = rssMB(product.pid) - before;
    console.error(`  ${ours.length} flux ouverts : ${grownMB} Mo de plus`);
    const theirs = await openStreams(`${floor.origin}/flux`, each);
    let shortcuts = true;
    const tellOurs = () => {
      shortcuts = !shortcuts;
      return db.act({ ...said, code: "user.preferences_changed", label: "Préférences", now: new Date() }, (em) =>
        em.execute("update app_user set shortcuts = ?, version = version + 1 where id = ?", [
          shortcuts,
          followers[0]!.id,
        ]),
      );
    };
    const times = await alternate(
      () => lastTold(ours, tellOurs),
      () => lastTold(theirs, () => fetch(`${floor.origin}/tell`).then((answer) => answer.text())),
      { turns: 3, warm: () => lastTold(ours, tellOurs) },
    );
    for (const stream of [...ours, ...theirs]) stream.destroy();
    await floor.stop();
    return { ...times, grownMB, peakRssMB: peakRssMB(product.pid) };
  } finally {
    await db.close();
    await product.stop();
  }
}

/** So many people who administer this organisation, each with a session. */
export async function manyFollowers(
  db: Database,
  secret: string,
  tenantId: string,
  count: number,
): Promise<{ id: string; cookie: string }[]> {
  const said = { tenantId, actorId: null, channel: "job", code: "user.created", label: "Des comptes" } as const;
  await db.act({ ...said, now: new Date() }, (em) =>
    em.execute(
      `insert into app_user (tenant_id, id, email, given_name, family_name, roles)
       select ?, uuidv7(), 'suit' || n || '@bench.example', 'Suit', 'N° ' || n, '{admin}' from generate_series(1, ?::int) n`,
      [tenantId, count],
    ),
  );
  const found = await db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from app_user where email like 'suit%'"),
  );
  return Promise.all(found.map(async ({ id }) => ({ id, cookie: await openSession(db, secret, { tenantId, id }) })));
}

/** The cookie of a session as the product itself opens one: two hundred sign-ins from one address are refused. */
async function openSession(db: Database, secret: string, user: { tenantId: string; id: string }): Promise<string> {
  const sid = randomBytes(32).toString("base64url");
  await sessionRows(db).save(hashOf(sid), {
    tenantId: user.tenantId,
    userId: user.id,
    data: {
      cookie: { originalMaxAge: null, httpOnly: true, path: "/", sameSite: "lax" },
      passport: { user },
      csrfSecret: randomBytes(18).toString("base64url"),
      opening: { stayDays: 0 },
      authenticatedAt: new Date().toISOString(),
      rights: rightsOf(ROLES, false),
    },
    address: "127.0.0.1",
    userAgent: "Mesure",
  });
  const signature = createHmac("sha256", secret).update(sid).digest("base64").replace(/=+$/, "");
  return `opstracker=${encodeURIComponent(`s:${sid}.${signature}`)}`;
}

/** Each on a connection of its own, and past its first line. */
async function openStreams(url: string, cookies: string[]): Promise<IncomingMessage[]> {
  const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });
  const streams: IncomingMessage[] = [];
  for (const cookie of cookies) {
    const [answer] = (await once(request(url, { agent, headers: { cookie } }).end(), "response")) as [IncomingMessage];
    if (answer.statusCode !== 200) throw new Error(`Un flux est refusé : ${answer.statusCode}.`);
    await once(answer, "data");
    streams.push(answer);
  }
  return streams;
}

/** Seconds from the end of `tell`, which commits, to the event reaching the last stream. */
async function lastTold(streams: IncomingMessage[], tell: () => Promise<unknown>): Promise<number> {
  await pause(1_500); // bursts are one repaint a second (LIV-5): each turn is apart from the one before
  let last = 0;
  const told = streams.map(
    (stream) =>
      new Promise<void>((resolve) => {
        const listen = (chunk: Buffer) => {
          if (!chunk.includes("data: {")) return; // a heartbeat
          stream.off("data", listen);
          last = performance.now();
          resolve();
        };
        stream.on("data", listen);
      }),
  );
  await tell();
  const committed = performance.now();
  await Promise.all(told);
  return Math.max(0, last - committed) / 1000;
}
