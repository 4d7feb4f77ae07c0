import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { hasProcessIn } from "../../src/platform/db/postgres/processes.ts";
import { openStream } from "../support/stream.ts";
import {
  type Client,
  erase,
  freePort,
  launch,
  newFolder,
  postgresOf,
  type Running,
  signIn,
  start,
} from "./instance.ts";

const LONG = process.env.FAULTS === "long";
const folder = newFolder();
const port = await freePort();
let running: Running | undefined;
/** E-mails of the accounts whose creation was answered by a page: they must be there for ever. */
const acknowledged: string[] = [];

after(async () => {
  running?.child.kill("SIGKILL");
  await erase(folder);
});

const ADMIN = "Denis Roussel";
let rank = 0;
const invite = (browser: Client) => {
  const email = `charge.${++rank}@quais.example`;
  return {
    email,
    sent: browser.post("/admin/utilisateurs/nouveau", {
      givenName: "Charge",
      familyName: `Numéro ${rank}`,
      email,
      roles: "viewer",
    }),
  };
};

/** Every account of the load the product now shows. */
async function present(browser: Client): Promise<Set<string>> {
  const found = new Set<string>();
  let at: string | undefined = "/admin/utilisateurs?q=charge";
  for (let page = 0; at && page < 40; page++) {
    const { status, text } = await browser.get(at);
    assert.equal(status, 200);
    for (const [email] of text.matchAll(/charge\.\d+@quais\.example/g)) found.add(email);
    at = /href="([^"]+)" rel="next"/.exec(text)?.[1]?.replaceAll("&amp;", "&");
  }
  return found;
}

const lost = async (browser: Client) => {
  const here = await present(browser);
  return acknowledged.filter((email) => !here.has(email));
};

test("démarrage sur un dossier vide, en démonstration", async () => {
  const first = await start(folder, port);
  running = first;
  assert.match(first.said(), /OpsTracker est prêt/);
  const browser = await signIn(first.origin, ADMIN);
  const { email, sent } = invite(browser);
  assert.equal((await sent).status, 200);
  acknowledged.push(email);
});

test("un port pris : le second s’arrête avec 1 et dit quoi taper, le premier ne s’en aperçoit pas", async () => {
  const second = launch(folder, port);
  assert.equal(await second.ended, 1);
  assert.match(second.said(), new RegExp(`Le port ${port} est déjà occupé.*PORT=${port + 1} npm start`));
  const browser = await signIn(running!.origin, ADMIN);
  assert.equal((await browser.get("/admin/utilisateurs")).status, 200);
});

test("F06 : PostgreSQL arrêté puis relancé deux fois sous 50 demandes par seconde : des 503 seulement, et rien de perdu", async () => {
  const postgres = await postgresOf(folder);
  const browser = await signIn(running!.origin, ADMIN);
  const odd: string[] = [];
  let refusals = 0;
  let served = 0;
  let lastRefusal = 0;
  let going = true;
  const flying = new Set<Promise<void>>();
  const note = async (
    what: string,
    reply: Promise<{ status: number; retryAfter: string | null }>,
    done?: () => void,
  ) => {
    try {
      const { status, retryAfter } = await reply;
      if (status === 503) {
        refusals++;
        lastRefusal = Date.now();
        if (!retryAfter) odd.push(`${what} : 503 sans Retry-After`);
      } else if (status === 200 || status === 303) {
        served++;
        done?.();
      } else odd.push(`${what} : ${status}`);
    } catch (error) {
      odd.push(`${what} : ${error instanceof Error ? (error.cause ?? error) : error}`);
    }
  };
  const pages = ["/campagnes", "/compte", "/admin/organisation", "/aide", "/admin/historique/verification"];
  // Open from before the fault to after it, as that of a page somebody looks at.
  const stream = await openStream(running!.origin, browser.cookie, "history");
  const load = (async () => {
    for (let tick = 0; going; tick++) {
      // One request in ten writes; the others read.
      const sent =
        tick % 10 === 0
          ? (() => {
              const { email, sent } = invite(browser);
              return note(`invitation ${email}`, sent, () => acknowledged.push(email));
            })()
          : note(`GET ${pages[tick % pages.length]}`, browser.get(pages[tick % pages.length]!));
      flying.add(sent);
      void sent.finally(() => flying.delete(sent));
      await pause(20);
    }
  })();

  const back: number[] = [];
  const modes = ["fast", "immediate"] as const;
  for (const mode of LONG ? [...modes, ...modes, ...modes] : modes) {
    await pause(1_500);
    const restart = await postgres.stop(mode);
    await pause(1_000);
    await restart();
    const up = Date.now();
    for (const limit = up + 15_000; Date.now() < limit; await pause(100)) {
      if ((await browser.get("/compte").catch(() => null))?.status === 200) break;
    }
    await pause(1_500);
    back.push(Math.max(0, lastRefusal - up));
  }
  going = false;
  await load;
  await Promise.all(flying);

  assert.deepEqual(odd.slice(0, 10), [], "pendant la panne, seulement des 503 avec Retry-After");
  assert.ok(refusals > 10, `${refusals} refus : la panne n’a pas été vue`);
  assert.ok(served > 100, `${served} réponses`);
  for (const ms of back) assert.ok(ms < 10_000, `encore des 503 ${ms} ms après le retour de PostgreSQL`);
  assert.ok(acknowledged.length > 5);
  assert.deepEqual(await lost(browser), [], "des écritures acquittées ont disparu");
  // The sealer is back too: what was just written has its number.
  for (const limit = Date.now() + 10_000; ; await pause(300)) {
    if (!/scellement…/.test((await browser.get("/admin/historique")).text)) break;
    assert.ok(Date.now() < limit, "les actes ne sont plus scellés après le retour de PostgreSQL");
  }
  // So is what listens: the page is told of an act within two seconds; and the queue: what is asked is done.
  while (stream.waiting().length > 0) await stream.next();
  const { email, sent } = invite(browser);
  const news = stream.next().then(() => "dit");
  assert.equal((await sent).status, 200);
  acknowledged.push(email);
  assert.equal(await Promise.race([news, pause(2_000, "tu")]), "dit");
  stream.close();
  // The night's own was perhaps under way when PostgreSQL stopped: it is taken again, and the next is asked after it.
  const verification = "/admin/historique/verification";
  for (const limit = Date.now() + 120_000; ; await pause(300)) {
    await browser.get(verification);
    const { status, text } = await browser.post(verification, {});
    if (status === 303) break;
    assert.match(text, /Une vérification est déjà en cours/);
    assert.ok(Date.now() < limit, "une tâche coupée par l’arrêt de PostgreSQL n’est pas reprise");
  }
  for (const limit = Date.now() + 15_000; ; await pause(300)) {
    const { text } = await browser.get(verification);
    if (/<tbody>\s*<tr class="tone-success">/.test(text)) break;
    assert.ok(Date.now() < limit, "la file ne reprend pas après le retour de PostgreSQL");
  }
});

/** Sends the start of a form and holds the rest. */
async function half(browser: Client, body: string): Promise<{ socket: Socket; finish(): Promise<string> }> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  let text = "";
  socket.on("data", (piece) => (text += String(piece)));
  const closed = once(socket, "close");
  const cut = Math.floor(body.length / 2);
  const head = [
    "POST /admin/utilisateurs/nouveau HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    `Origin: http://127.0.0.1:${port}`,
    "Sec-Fetch-Site: same-origin",
    `Cookie: ${browser.cookie}`,
    "Content-Type: application/x-www-form-urlencoded",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body.slice(0, cut)}`);
  return {
    socket,
    async finish() {
      socket.write(body.slice(cut));
      await closed;
      return text;
    },
  };
}

test("F17 : SIGTERM laisse finir les demandes en cours, refuse les nouvelles, sort avec 0 et éteint sa base", async () => {
  const { dataDir } = await postgresOf(folder);
  const browser = await signIn(running!.origin, ADMIN);
  const begun = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const email = `charge.${++rank}@quais.example`;
      const fields = {
        _csrf: browser.token,
        _key: crypto.randomUUID(),
        givenName: "Charge",
        familyName: `Numéro ${rank}`,
        email,
        roles: "viewer",
      };
      return { email, ...(await half(browser, new URLSearchParams(fields).toString())) };
    }),
  );
  await pause(200);
  running!.child.kill("SIGTERM");
  await pause(400);
  await assert.rejects(fetch(`${running!.origin}/health/live`), "une connexion nouvelle est refusée");
  for (const { email, finish } of begun) {
    assert.match(await finish(), /^HTTP\/1\.1 200 /, `${email} : la demande commencée reçoit sa réponse`);
    acknowledged.push(email);
  }
  assert.equal(await Promise.race([running!.ended, pause(15_000, "trop long")]), 0);
  for (const limit = Date.now() + 3_000; await hasProcessIn(dataDir); await pause(50)) {
    assert.ok(Date.now() < limit, "PostgreSQL tourne encore");
  }
});

test("au démarrage d’après, tout ce qui a été acquitté est là", async () => {
  const again = await start(folder, port);
  running = again;
  const browser = await signIn(again.origin, ADMIN);
  assert.deepEqual(await lost(browser), []);
});

test("kill -9 de tout, processus et PostgreSQL : le démarrage suivant marche et rien n’est perdu", async () => {
  const { pid } = await postgresOf(folder);
  const postmaster = pid();
  running!.child.kill("SIGKILL");
  process.kill(postmaster, "SIGKILL");
  await running!.ended;
  const again = await start(folder, port);
  running = again;
  const browser = await signIn(again.origin, ADMIN);
  assert.deepEqual(await lost(browser), []);
  const { email, sent } = invite(browser);
  assert.equal((await sent).status, 200);
  acknowledged.push(email);
});
