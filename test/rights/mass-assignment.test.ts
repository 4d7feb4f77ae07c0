import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { changedTables, fingerprints } from "../support/fingerprints.ts";
import {
  ABSENT_HERE,
  formOf,
  nameOf,
  PERSONAS,
  type Persona,
  report,
  startSweep,
  verdictOf,
} from "../support/sweep.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const { routes, root, ids } = sweep;
const as = (who: string) => PERSONAS.find((persona) => persona.who === who)!;

const INTRUDER = "intrus-a1b2c3";
const INTRUDER_ID = "0a0a0a0a-0000-7000-8000-00000a0a0a0a";
const INTRUDER_YEAR = "1999";

/** What forms of other products have let in (P09): none of these is a field of ours where it is sent. */
const extras = (): Record<string, string | string[]> => ({
  tenantId: ids.portelune!.tenantId,
  tenant_id: ids.portelune!.tenantId,
  id: INTRUDER_ID,
  userId: INTRUDER_ID,
  user: INTRUDER_ID,
  subjectId: INTRUDER_ID,
  createdById: INTRUDER_ID,
  actorId: INTRUDER_ID,
  createdAt: `${INTRUDER_YEAR}-01-02T03:04:05Z`,
  created_at: `${INTRUDER_YEAR}-01-02T03:04:05Z`,
  deactivatedAt: `${INTRUDER_YEAR}-01-02T03:04:05Z`,
  expiresAt: `${INTRUDER_YEAR}-01-02T03:04:05Z`,
  at: `${INTRUDER_YEAR}-01-02T03:04:05Z`,
  role: "super_admin",
  "roles[]": "super_admin",
  admin: "true",
  isAdmin: "1",
  superAdmin: "on",
  demo: "on",
  channel: INTRUDER,
  code: INTRUDER,
  label: INTRUDER,
  by: INTRUDER,
  actor: INTRUDER,
  password_hash: INTRUDER,
  passwordHash: INTRUDER,
  tokenHash: INTRUDER,
  purpose: INTRUDER,
  title: INTRUDER,
  slug: INTRUDER,
  html: INTRUDER,
  zone_: INTRUDER,
  constructor: INTRUDER,
  __proto__: INTRUDER,
  prototype: INTRUDER,
  toString: INTRUDER,
});

function sender(route: (typeof routes)[number]): Persona {
  if (route.options.publicForm) return as("anonymous");
  return ["denis", "nadia", "helene"].map(as).find((persona) => sweep.admits(route, persona))!;
}

/** Everything the database holds, as text. */
async function everything(): Promise<string> {
  const tables = await root.query<{ name: string }>(
    "select quote_ident(relname) as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'",
  );
  const texts: string[] = [];
  for (const { name } of tables.rows) {
    const { rows } = await root.query<{ text: string | null }>(
      `select string_agg(to_jsonb(t)::text, E'\\n') as text from ${name} t`,
    );
    texts.push(`${name}\n${rows[0]?.text ?? ""}`);
  }
  return texts.join("\n");
}

const superAdmins = async () =>
  (await root.query("select id from app_user where 'super_admin' = any (roles) order by id")).rows.length;

for (const route of routes.filter(({ method, path }) => method === "post" && !ABSENT_HERE[path])) {
  test(`P09 : ${nameOf(route)} ne prend que ses champs`, async () => {
    const persona = sender(route);
    const browser = await sweep.freshly(persona);
    if (persona.who === "anonymous") await browser.get("/connexion");
    const fields = await sweep.filled(route, persona, browser);
    const path = (await sweep.address(route, persona, "own", browser))!;
    const before = { other: await fingerprints(root, ids.portelune!), supers: await superAdmins() };
    const added = Object.fromEntries(Object.entries(extras()).filter(([name]) => !Object.hasOwn(fields, name)));
    const answer = await browser.post(path, { ...added, ...fields, _key: randomUUID() });
    await sweep.calm();

    const accepted =
      [200, 204, 303].includes(answer.status) && (verdictOf(answer) === "ouvert" || formOf(route).leadsOut);
    if (answer.status !== 422)
      assert.ok(
        accepted,
        `${answer.status} : le formulaire avec des champs en trop est accepté sans eux, ou refusé en 422.`,
      );
    const failures: string[] = [];
    const text = await everything();
    for (const mark of [INTRUDER, INTRUDER_ID, `${INTRUDER_YEAR}-01-02`]) {
      const at = text.indexOf(mark);
      if (at !== -1) failures.push(`« ${mark} » est enregistré : …${text.slice(Math.max(0, at - 200), at + 60)}…`);
    }
    for (const table of changedTables(before.other, await fingerprints(root, ids.portelune!))) {
      failures.push(`${table} de l’autre organisation a changé`);
    }
    if ((await superAdmins()) !== before.supers) failures.push("il y a un super-administrateur de plus");
    assert.equal(({} as Record<string, unknown>).INTRUDER, undefined);
    report(failures, "Des champs que le formulaire n’a pas ont été pris ; lisez le corps par submit() et un schéma");
  });
}
