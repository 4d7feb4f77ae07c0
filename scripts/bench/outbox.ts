import { randomUUID, randomUUIDv7 } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { sql, type Transaction } from "kysely";
import { createTransport } from "nodemailer";
import pg from "pg";
import { Tenant } from "../../src/accounts/index.ts";
import { modules } from "../../src/modules.ts";
import { systemClock } from "../../src/platform/db/clock.ts";
import { type Database, openDatabase } from "../../src/platform/db/index.ts";
import { migrate } from "../../src/platform/db/migrate.ts";
import { embeddedDatabase, withDatabase } from "../../src/platform/db/roles.ts";
import { createViews } from "../../src/platform/http/views.ts";
import { renderLetter } from "../../src/platform/mail/letter.ts";
import { startSender } from "../../src/platform/mail/sender.ts";
import { CONNECTIONS, openTransport } from "../../src/platform/mail/transport.ts";
import { createRegistry } from "../../src/platform/registry.ts";
import { alternate, type Figure, type Measure, peakRssMB } from "./measure.ts";
import { freePort, startFloor, withFolder } from "./servers.ts";

const TARGET = 0.5;
const MESSAGES = 5_000;
const WARM = 500;
const KIND = "accounts.new_device";
const FROM = "bench@bench.example";
const payload = { at: "2026-11-21T10:00:00.000Z", device: "Firefox sur Linux" };

/** Messages written beforehand leave by the product's sender; the floor gives the same letter to nodemailer as often. */
export const outbox: Measure = {
  name: "outbox_5000",
  unit: "mails/s",
  target: `au moins ${TARGET} du plancher`,
  holds: ({ ratio }) => ratio >= TARGET,
  run: () => withFolder(measure),
};

async function measure(folder: string): Promise<Figure> {
  const smtpPort = await freePort();
  const server = await startFloor("smtp", folder, { SMTP_PORT: String(smtpPort) });
  const embedded = await embeddedDatabase(folder);
  const registry = createRegistry(modules);
  await migrate(embedded.databaseOwnerUrl, registry);
  const db = await openDatabase(embedded.databaseUrl, registry);
  const planner = new pg.Client({ connectionString: withDatabase(embedded.server.superUrl, "opstracker") });
  await planner.connect();
  const tenantId = await organisation(db);
  const views = createViews({ debug: false, cache: true });
  const smtpUrl = `smtp://127.0.0.1:${smtpPort}`;
  const sender = startSender(
    { db, clock: systemClock },
    {
      kinds: registry.mails,
      transport: await openTransport({ smtpUrl, from: FROM, replyTo: FROM }),
      views,
      publicUrl: "https://bench.example",
      domain: "bench.example",
      onError: (error) => console.error(error),
    },
  );
  const pool = createTransport({
    host: "127.0.0.1",
    port: smtpPort,
    pool: true,
    maxConnections: CONNECTIONS,
    maxMessages: 200,
  });
  const kind = registry.mails.get(KIND)!;
  const about = { tenantName: "Ville d’essai", zone: "Europe/Paris" };
  const subject = kind.subject(payload);
  const letter = renderLetter(views, kind, {
    subject,
    payload,
    about,
    publicUrl: "https://bench.example",
    token: null,
  });

  const ours = async (count: number) => {
    await write(db, tenantId, count);
    await planner.query("analyze outbox"); // as PostgreSQL does by itself, a minute later
    const start = performance.now();
    while (await isWaiting(db, tenantId)) await pause(20);
    return (count * 1000) / (performance.now() - start);
  };
  const floor = async (count: number) => {
    const start = performance.now();
    await Promise.all(
      Array.from({ length: count }, (_, n) =>
        pool.sendMail({
          from: { name: about.tenantName, address: FROM },
          replyTo: FROM,
          to: `agent${n}@bench.example`,
          messageId: `<${randomUUID()}@bench.example>`,
          textEncoding: "quoted-printable",
          headers: { "Auto-Submitted": "auto-generated" },
          ...letter,
        }),
      ),
    );
    return (count * 1000) / (performance.now() - start);
  };
  try {
    const times = await alternate(
      () => ours(MESSAGES),
      () => floor(MESSAGES),
      { warm: async () => [await ours(WARM), await floor(WARM)] },
    );
    await checkSent(db, tenantId);
    return { ...times, peakRssMB: peakRssMB(process.pid) };
  } finally {
    await sender.stop();
    pool.close();
    await planner.end();
    await db.close();
    await server.stop();
    await embedded.server.stop();
  }
}

async function organisation(db: Database): Promise<string> {
  const tenantId = randomUUID();
  const act = { tenantId, actorId: null, channel: "setup" as const, code: "tenant.created", label: "Mesure" };
  await db.act({ ...act, now: new Date() }, (em) => {
    em.create(Tenant, { tenantId, id: tenantId, name: "Ville d’essai", kind: "organisation" } as never);
  });
  return tenantId;
}

/** As many messages, each to somebody else; the sender finds them within a second, which is counted. */
async function write(db: Database, tenantId: string, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, n) => ({ id: randomUUIDv7(), address: `agent${n}@bench.example` }));
  await db.note(tenantId, async (em) => {
    await sql`
      insert into outbox (tenant_id, id, kind, address, subject, payload)
      select ${tenantId}::uuid, r.id, ${KIND}, r.address, 'Connexion depuis un nouvel appareil', ${JSON.stringify(payload)}::jsonb
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r (id uuid, address text)`.execute(
      em.getTransactionContext<Transaction<unknown>>()!,
    );
  });
}

async function isWaiting(db: Database, tenantId: string): Promise<boolean> {
  return db.read(tenantId, async (em) => {
    const { rows } = await sql<{ waits: boolean }>`
      select exists (select from outbox where tenant_id = ${tenantId} and state in ('pending', 'sending')) as waits`.execute(
      em.getTransactionContext<Transaction<unknown>>()!,
    );
    return rows[0]!.waits;
  });
}

/** All of them, and each taken by the server. */
async function checkSent(db: Database, tenantId: string): Promise<void> {
  const states = await db.read(tenantId, async (em) => {
    const { rows } = await sql<{ state: string; n: number }>`
      select state, count(*)::int as n from outbox group by state`.execute(
      em.getTransactionContext<Transaction<unknown>>()!,
    );
    return rows;
  });
  if (states.some(({ state }) => state !== "sent")) {
    throw new Error(`Des messages ne sont pas partis : ${JSON.stringify(states)}.`);
  }
  console.error(`  ${states[0]!.n} messages, chacun avec la réponse du serveur`);
}
