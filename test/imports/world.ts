/** A table of the tests that files bring rows into, and what it takes to import. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { after } from "node:test";
import { sql } from "kysely";
import { allows } from "../../src/accounts/index.ts";
import { chooseMapping, openImport, proposeMapping, readThrough } from "../../src/imports/analysis.ts";
import { IMPORT_FILE, sourceOfImport } from "../../src/imports/file-purpose.ts";
import { Import, type ImportOptions, OPTIONS } from "../../src/imports/import.ts";
import type { Engine } from "../../src/imports/prepared.ts";
import { checkImport, runImport, startImport } from "../../src/imports/run.ts";
import { modules } from "../../src/modules.ts";
import { installTracking, type Tracked } from "../../src/platform/db/tracking.ts";
import type { Module } from "../../src/platform/module.ts";
import { createRegistry } from "../../src/platform/registry.ts";
import { analyse } from "../../src/platform/sheets/analysis.ts";
import type { ImportProfile, ImportTarget, Mapping } from "../../src/platform/sheets/profile.ts";
import { addFile } from "../../src/platform/storage/file.ts";
import { folderStore } from "../../src/platform/storage/folder.ts";
import { actOf, buildTenant, testDatabase } from "../support/database.ts";

export const POSTES: Tracked = {
  table: "poste",
  subject: "poste",
  title: "r.serial",
  columns: {
    serial: { label: "Série" },
    name: { label: "Nom" },
    on_day: { label: "Date" },
    details: { label: "Détails" },
  },
  undo: { right: "campaigns.undo", created: { set: (now) => ({ trashed_at: now.toISOString() }) } },
};
POSTES.columns.trashed_at = { label: "Corbeille", format: "dateTime" };

const text: ImportTarget["reader"] = () => (said) => ({ value: said });
const day: ImportTarget["reader"] =
  ({ isMonthFirst }) =>
  (said) => {
    const [, a, b, year] = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec(said) ?? [];
    const iso = isMonthFirst ? `${year}-${a}-${b}` : `${year}-${b}-${a}`;
    const date = new Date(`${iso}T00:00Z`);
    if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== iso)
      return { problem: "Ce jour n’est pas au calendrier." };
    return { value: iso };
  };
const number: ImportTarget["reader"] = () => (said) => {
  const value = Number(said.replace(",", "."));
  return Number.isNaN(value) ? { problem: `«\u00a0${said}\u00a0» n’est pas un poids.` } : { value };
};

export const profile: ImportProfile = {
  kind: "postes",
  title: "Importer des postes",
  noun: ["poste", "postes"],
  right: "campaigns.create",
  table: "poste",
  named: "t.serial",
  open: async () => ({
    key: ["serial"],
    targets: [
      {
        code: "serial",
        label: "Série",
        aliases: ["numéro de série"],
        isRequired: true,
        mayBeKey: true,
        store: { column: "serial", type: "text" },
        reader: text,
      },
      { code: "name", label: "Nom", store: { column: "name", type: "text" }, reader: text },
      { code: "day", label: "Date prévue", store: { column: "on_day", type: "date" }, reader: day },
      ...["floor", "room", "note", "weight", "owner", "brand"].map(
        (code, rank): ImportTarget => ({
          code,
          label: ["Étage", "Bureau", "Remarque", "Poids", "Détenteur", "Marque"][rank]!,
          ...(code === "weight" && { holds: "number" as const }),
          store: { json: "details" },
          reader: code === "weight" ? number : text,
        }),
      ),
    ],
    within: sql`t.trashed_at is null`,
    created: {},
    touched: { version: sql`t.version + 1` },
    rules: [
      {
        when: sql`t.name = 'Réservé' and s."values" ? 'name' and s."values" ->> 'name' <> t.name`,
        column: "name",
        why: "Rendez-vous confirmé, déplacez-le depuis les créneaux.",
      },
      {
        when: sql`s."values" -> 'floor' = '"cave"'`,
        column: "floor",
        reads: ["day"],
        why: sql<string>`'Rien ne va à la cave, ni ' || (s."values" ->> 'serial') || '.'`,
        cause: "Rien ne va à la cave.",
      },
    ],
  }),
  place: async (_em, user, scopeId) =>
    scopeId === null
      ? { label: "Parc", path: "/", governs: allows(user.roles as never, "campaigns.undo"), mayAddColumns: false }
      : null,
};

export const TABLE = `
  create table poste (tenant_id uuid not null, id uuid not null, serial text not null, name text, on_day date,
    details jsonb not null default '{}', trashed_at timestamptz, version int not null default 1, primary key (tenant_id, id));
  create index on poste (tenant_id, serial);
  create index on poste (tenant_id, on_day, id);
  create index on poste using gin (details jsonb_path_ops);
  alter table poste enable row level security; alter table poste force row level security;
  create policy tenant_isolation on poste using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
  grant select, insert, update, delete on poste to opstracker_app;`;

export const postes: Module = { name: "postes", imports: [profile], tracked: [POSTES] };

/** The engine on a database of its own, with one organisation. */
export async function startImports() {
  const registry = createRegistry([...modules, postes]);
  const open = await testDatabase({ extra: registry });
  await open.owner.query(TABLE);
  await installTracking(open.owner, [POSTES]);
  const jobs: string[] = [];
  /** What the jobs sent are about. */
  const calls: string[] = [];
  open.db.sendJobsWith(async (_run, job, content) => {
    jobs.push(job);
    if ("event" in content) calls.push(content.event.subject.id);
  });
  const { tenantId, userId } = await buildTenant(open.db);
  await open.owner.query("select set_config('app.tenant_id', $1, false)", [tenantId]);
  const folder = mkdtempSync(path.join(tmpdir(), "imports-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const store = folderStore(folder);
  const engine: Engine = { db: open.db, files: { store }, clock: open.clock, profiles: registry.imports };

  /** The file kept, read, its columns proposed. */
  async function send(content: Buffer | string, name = "postes.csv"): Promise<string> {
    const bytes = Buffer.from(content as string);
    const kept = await store.put(tenantId, Readable.from([bytes]), { most: 5e7 });
    const source = {
      size: bytes.length,
      reads: (range?: { start: number; end: number }) => store.open(kept.key, range),
    };
    const { shape } = await analyse(source);
    const open_ = await profile.open(undefined as never, undefined as never, null);
    const survey = await readThrough(source, shape, 1, open_);
    return open.db.act(actOf(tenantId), async (em) => {
      const file = await addFile(
        em,
        { ...kept, tenantId, purpose: IMPORT_FILE.purpose, name, type: "text/csv", state: "clean", by: { id: userId } },
        { tenant: 1e9, person: 1e9 },
      );
      const one = openImport(em, file, { kind: profile.kind, scopeId: null, by: { id: userId }, shape, survey });
      const proposed = await proposeMapping(em, one, open_);
      Object.assign(one, { mapping: proposed.mapping, options: proposed.options });
      return one.id;
    });
  }
  const find = (id: string) => open.db.read(tenantId, (em) => em.findOneOrFail(Import, { id }));
  const choose = (
    id: string,
    { options = {}, mapping }: { options?: Partial<ImportOptions>; mapping?: Partial<Mapping> },
  ) =>
    open.db.act(actOf(tenantId), async (em) => {
      const one = await em.findOneOrFail(Import, { id });
      await chooseMapping(em, one, {
        mapping: { ...one.mapping, ...mapping },
        options: { ...one.options, ...options },
        now: open.clock.now(),
      });
    });
  const check = (id: string) => checkImport(engine, { tenantId, id });
  const start = (id: string) =>
    open.db.act(actOf(tenantId), async (em) =>
      startImport(em, await em.findOneOrFail(Import, { id }), { now: open.clock.now() }),
    );
  const run = (id: string) => runImport(engine, { tenantId, id });
  const rows = async (query: string, values: unknown[] = []) => (await open.owner.query(query, values)).rows;
  return {
    ...open,
    registry,
    engine,
    store,
    tenantId,
    userId,
    jobs,
    calls,
    send,
    find,
    choose,
    check,
    start,
    run,
    rows,
    source: (one: Import) => open.db.read(tenantId, (em) => sourceOfImport(em, engine.files, one)),
    /** Checked, started and run to its end. */
    async import(content: Buffer | string, options: Partial<ImportOptions> = {}, name?: string) {
      const id = await send(content, name);
      await choose(id, { options: { ...OPTIONS, ...options } });
      const checked = await check(id);
      await start(id);
      await run(id);
      return { id, checked, one: await find(id) };
    },
    errors: (id: string) =>
      rows(
        'select line, column_name as "column", value, reason from import_error where import_id = $1 order by line, id',
        [id],
      ),
  };
}
