/** The roles of rulings 2 and 3, and the database they share. Only a superuser runs this: the embedded server's, or an operator's. */
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import pg from "pg";
import { type EmbeddedOptions, type EmbeddedPostgres, keep, startEmbedded } from "./embedded.ts";

/** Fixed: migrations name them in grants and policies. */
export const OWNER_ROLE = "opstracker_owner";
export const APP_ROLE = "opstracker_app";
export const LOOKUP_ROLE = "lookup";
export const DATABASE = "opstracker";

export interface ClusterNames {
  ownerPassword: string;
  appPassword: string;
  /** `opstracker` unless a test makes several on one server. */
  database?: string;
}

const ROLES_SQL = new URL("../../../deploy/postgres/01-roles.sql", import.meta.url);

/**
 * Functions declared LEAKPROOF so that row-level security keeps its indexes (× 9 000 on a million rows). Each may raise
 * an error or answer in a time that depends on a row of another tenant; what could leak that way is said beside it.
 */
export const LEAKPROOF: readonly { signature: string; why: string }[] = [
  { signature: "pg_catalog.jsonb_contains(jsonb, jsonb)", why: "@> des champs libres ; ne lève pas d’erreur" },
  { signature: "pg_catalog.jsonb_exists(jsonb, text)", why: "? : présence d’un champ libre ; ne lève pas d’erreur" },
  {
    signature: "pg_catalog.jsonb_exists_any(jsonb, text[])",
    why: "?| : un champ parmi plusieurs ; ne lève pas d’erreur",
  },
  { signature: "pg_catalog.jsonb_exists_all(jsonb, text[])", why: "?& : tous les champs ; ne lève pas d’erreur" },
  { signature: "pg_catalog.ts_match_vq(tsvector, tsquery)", why: "@@ : recherche de texte ; ne lève pas d’erreur" },
  { signature: "pg_catalog.ts_match_qv(tsquery, tsvector)", why: "@@ dans l’autre sens ; ne lève pas d’erreur" },
  { signature: "pg_catalog.textlike(text, text)", why: "LIKE ; ses erreurs ne citent que le motif, pas la ligne" },
  { signature: "pg_catalog.texticlike(text, text)", why: "ILIKE ; ses erreurs ne citent que le motif, pas la ligne" },
  { signature: "public.similarity_op(text, text)", why: "% : fautes de frappe ; ne lève pas d’erreur" },
  { signature: "public.word_similarity_op(text, text)", why: "<% : mot approchant ; ne lève pas d’erreur" },
  { signature: "public.word_similarity_commutator_op(text, text)", why: "%> ; ne lève pas d’erreur" },
  { signature: "public.strict_word_similarity_op(text, text)", why: "<<% ; ne lève pas d’erreur" },
  { signature: "public.strict_word_similarity_commutator_op(text, text)", why: "%>> ; ne lève pas d’erreur" },
];

/** Creates what is missing and puts right what differs: roles, database, extensions, rights. May be run again. */
export async function prepareCluster(superUrl: string, names: ClusterNames): Promise<void> {
  const database = names.database ?? DATABASE;
  await asSuperuser(superUrl, async (client) => {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [database]);
    if (!rowCount) await client.query(createDatabase(database));
  });
  const sql = await readFile(ROLES_SQL, "utf8");
  await asSuperuser(withDatabase(superUrl, database), async (client) => {
    await client.query(sql);
    await client.query("set pg_stat_statements.track_utility = off"); // it would keep the passwords in clear
    await client.query(`alter role ${OWNER_ROLE} password ${pg.escapeLiteral(names.ownerPassword)}`);
    await client.query(`alter role ${APP_ROLE} password ${pg.escapeLiteral(names.appPassword)}`);
  });
}

/** French order whatever the machine's own locales: ICU sorts, the C library only classifies bytes. */
const createDatabase = (name: string) =>
  `create database ${pg.escapeIdentifier(name)} template template0 encoding 'UTF8' locale_provider icu icu_locale 'fr-FR' locale 'C'`;

/** The functions of LEAKPROOF that this database does not mark so: lists stay right there, only slower. */
export async function missingLeakproof(query: (sql: string) => Promise<{ signature: string }[]>): Promise<string[]> {
  const wanted = LEAKPROOF.map(({ signature }) => `(${pg.escapeLiteral(signature)})`).join(", ");
  const rows = await query(
    `select w.signature from (values ${wanted}) as w (signature)
     left join pg_proc p on p.oid = to_regprocedure(w.signature) where p.proleakproof is not true`,
  );
  return rows.map(({ signature }) => signature);
}

export interface Connections {
  databaseUrl: string;
  databaseOwnerUrl: string;
}

/** The embedded server of a data folder, ready to be migrated, with the two addresses the application uses. */
export async function embeddedDatabase(
  varDir: string,
  options?: EmbeddedOptions,
): Promise<Connections & { server: EmbeddedPostgres }> {
  const server = await startEmbedded(varDir, options);
  const file = path.join(varDir, "postgres", "roles.json");
  const known = await readFile(file, "utf8").then(JSON.parse, () => ({}));
  const names = {
    ownerPassword: known.ownerPassword ?? randomBytes(24).toString("base64url"),
    appPassword: known.appPassword ?? randomBytes(24).toString("base64url"),
  };
  const applied = createHash("sha256")
    .update(await readFile(ROLES_SQL))
    .digest("hex");
  if (known.applied !== applied) {
    await prepareCluster(server.superUrl, names);
    await keep(file, `${JSON.stringify({ ...names, applied }, null, 2)}\n`);
  }
  const url = (role: string, password: string) => `postgres://${role}:${password}@127.0.0.1:${server.port}/${DATABASE}`;
  return {
    server,
    databaseUrl: url(APP_ROLE, names.appPassword),
    databaseOwnerUrl: url(OWNER_ROLE, names.ownerPassword),
  };
}

/** The same address, another database. */
export function withDatabase(url: string, database: string): string {
  const address = new URL(url);
  address.pathname = `/${encodeURIComponent(database)}`;
  return address.href;
}

async function asSuperuser<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
