import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import pg from "pg";
import { get } from "../../src/platform/http/route.ts";
import { createViews } from "../../src/platform/http/views.ts";
import { startJobs } from "../../src/platform/jobs/index.ts";
import { createLog } from "../../src/platform/log.ts";
import { startSender } from "../../src/platform/mail/sender.ts";
import { openTransport } from "../../src/platform/mail/transport.ts";
import type { Module } from "../../src/platform/module.ts";
import type { Services } from "../../src/platform/services.ts";
import { codeNow, fieldOf, keyOn, PASSWORD, signIn } from "../accounts/doors.ts";
import { startSmtp } from "../support/smtp.ts";
import { SECRET, startWorld } from "../support/world.ts";

/** What must be nowhere but where it is used: each secret of the journey, by what it is. */
const canaries = new Map<string, string>();
const canary = (what: string, value = `Canari-${randomUUID()}-aZ9`): string => {
  canaries.set(what, value);
  return value;
};

const faulty: Module = {
  name: "faulty",
  routes: [
    get("/panne/base", "signed-in", async (req) => {
      // What a driver quotes of what it was given.
      await req.db.read(req.user!.tenantId, (em) =>
        em.execute("select ?::uuid", [canary("valeur refusée par la base")]),
      );
    }),
    get("/panne/programme", "signed-in", () => {
      throw Object.assign(new Error("panne"), {
        password: canary("champ d’une erreur"),
        cause: { token: canaries.get("champ d’une erreur") },
      });
    }),
  ],
};
const metricsToken = canary("jeton des mesures");
const world = await startWorld({ metricsToken, extraModules: [faulty] });
const root = new pg.Client({ connectionString: world.superUrl });
await root.connect();
root.on("error", () => undefined); // the database is dropped under it, at the end
after(() => root.end());
const log = createLog("debug", { style: "lines", write: (line) => void world.logged.push(line) });
const onError = (error: unknown) => log.error("background", { error });

canaries.set("SECRET", SECRET);
canaries.set("mot de passe de la démonstration", PASSWORD);

test("P56 : un parcours entier au niveau debug ne laisse aucun secret, ni au journal, ni dans l’historique, ni dans les tâches", {
  timeout: 60_000,
}, async () => {
  const services = world.app.locals.services as Services;
  canaries.set("clé qui signe l’historique", services.historyKey.split("\n")[1]!);
  const jobs = await startJobs(services, world.databaseUrl, world.registry, onError);
  after(() => jobs.stop());

  // Sign-in: wrong, then right; the cookie and the form token of who is in.
  const { email } = await world.userOf("sophie");
  await signIn(world, { email, password: canary("mot de passe refusé") });
  await signIn(world, { email: `${canary("mot de passe tapé dans l’adresse")}@quais.example`, password: "x" });
  const sophie = await world.as("sophie");
  canary(
    "cookie de session",
    decodeURIComponent(/opstracker=([^;]+)/.exec(sophie.cookie)![1]!)
      .slice(2)
      .split(".")[0]!,
  );
  const page = await sophie.get("/compte/mot-de-passe");
  canary("jeton de formulaire", fieldOf(page.text, "_csrf"));
  const next = canary("nouveau mot de passe", `sept bateaux verts ${randomUUID()}`);
  assert.equal((await sophie.post("/compte/mot-de-passe", { oldPassword: PASSWORD, newPassword: next })).status, 303);

  // The second factor: its key, the code, the recovery codes.
  const at = "/compte/double-authentification/activation";
  const enrolment = await sophie.get(at);
  const key = canary("clé du téléphone", keyOn(enrolment.text));
  canary("billet de l’activation", fieldOf(enrolment.text, "ticket"));
  const code = await codeNow(world, key);
  const done = await sophie.post(at, { ticket: fieldOf(enrolment.text, "ticket"), code });
  assert.equal(done.status, 200);
  const [recovery] = [...done.text.matchAll(/<code>([0-9A-Z-]+)<\/code>/g)].map(([, one]) => one!);
  canary("code de secours", recovery!);

  // An invitation, by its link, with a password; the link followed again, mistyped, and in a query.
  const denis = await world.as("denis");
  const invited = await denis.post("/admin/utilisateurs/nouveau", {
    givenName: "Inès",
    familyName: "Morel",
    email: "ines.morel@quais.example",
    roles: ["viewer"],
  });
  const shown = invited.location ? (await denis.get(invited.location)).text : invited.text;
  const token = /\/invitation\/([A-Za-z0-9_-]{43})/.exec(shown)?.[1];
  assert.ok(token, "le lien d’invitation est montré à qui invite");
  canary("jeton d’invitation", token);
  const guest = world.anonymous();
  await guest.get(`/invitation/${token}`);
  await guest.get(`/invitation/${token}/encore?token=${token}`);
  await guest.get(`/INVITATION/${token}`);
  const chosen = canary("mot de passe de l’invitée", `herbes folles ${randomUUID()}`);
  assert.equal((await guest.post(`/invitation/${token}`, { password: chosen })).status, 303);

  // Faults that quote what they were given, and bodies that are no form.
  assert.equal((await denis.get("/panne/base")).status, 500);
  assert.equal((await denis.get("/panne/programme")).status, 500);
  const body = JSON.stringify({ password: canary("mot de passe en JSON") });
  await fetch(`${world.origin}/connexion`, { method: "POST", body, headers: { "content-type": "application/json" } });
  await fetch(`${world.origin}/metrics`, { headers: { authorization: `Bearer ${metricsToken}` } });
  await fetch(`${world.origin}/`, {
    headers: { authorization: `Bearer ${canary("en-tête d’un inconnu")}`, "x-request-id": "faux\u00e9" },
  });

  // The mail server refuses our account.
  const smtp = await startSmtp({ auth: { user: "operations", pass: "un autre" } });
  const smtpUrl = smtp.url.replace("smtp://", `smtp://operations:${canary("mot de passe SMTP")}@`);
  const sender = startSender(services, {
    kinds: world.registry.mails,
    transport: await openTransport({ smtpUrl, from: "ops@mail.example", replyTo: "ops@mail.example" }),
    views: createViews({ debug: true, cache: true }),
    publicUrl: world.origin,
    domain: "mail.example",
    everyMs: Number.POSITIVE_INFINITY,
    onError,
  });
  await sender.sweep();
  await sender.stop();

  // A job, asked by a form, and the seals of all this.
  await denis.post("/admin/historique/verification");
  await world.sealer.sealAll();
  await jobs.stop();

  assert.ok(world.logged.length > 20, "le journal a été écrit");
  const kept = await everyText();
  const found: string[] = [];
  for (const [what, value] of canaries) {
    const forms = [
      value,
      encodeURIComponent(value),
      Buffer.from(value).toString("base64"),
      JSON.stringify(value).slice(1, -1),
    ];
    if (world.logged.some((line) => forms.some((form) => line.includes(form)))) found.push(`${what}, au journal`);
    for (const [table, text] of kept)
      if (forms.some((form) => text.includes(form))) found.push(`${what}, dans ${table}`);
  }
  assert.deepEqual(found, []);
  assert.ok(canaries.size >= 18, `${canaries.size} secrets semés`);
});

/** All the database holds, as text; the very rows a secret is checked against hold its hash, not the secret. */
async function everyText(): Promise<Map<string, string>> {
  const { rows } = await root.query<{ name: string }>(
    `select n.nspname || '.' || quote_ident(c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname in ('public', 'pgboss')`,
  );
  const texts = new Map<string, string>();
  for (const { name } of rows) {
    const {
      rows: [all],
    } = await root.query<{ text: string }>(`select coalesce(string_agg(t::text, E'\\n'), '') as text from ${name} t`);
    texts.set(name, all!.text);
  }
  return texts;
}

test("P56 : chaque ligne d’une demande porte sa référence, rendue dans X-Request-Id et montrée sur la page d’erreur", async () => {
  const karim = await world.as("karim");
  const { id } = await world.userOf("karim");
  const from = world.logged.length;
  const answer = await karim.get("/admin/organisation");
  assert.equal(answer.status, 403);
  const requestId = answer.headers.get("x-request-id")!;
  assert.match(requestId, /^[0-9a-f-]{36}$/);
  const lines = world.logged.slice(from).map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.ok(lines.length >= 2, "le refus, puis la demande");
  for (const line of lines) assert.equal(line.id, requestId, JSON.stringify(line));
  assert.ok(answer.text.includes(String(lines[0]!.reference)));

  const names = new Set(lines.map((line) => line.user));
  assert.equal(names.size, 1, "le même nom d’une ligne à l’autre");
  const [name] = names;
  assert.match(String(name), /^[\w-]{12}$/);
  assert.ok(!world.logged.some((line) => line.includes(id)), "jamais l’identifiant de la personne");
});
