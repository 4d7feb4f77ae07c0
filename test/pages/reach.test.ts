import { test } from "node:test";
import { linksOf, parseHtml } from "../support/html.ts";
import {
  expectedVerdict,
  holdOrganisation,
  nameOf,
  OTHER_TYPES,
  PERSONAS,
  report,
  startSweep,
} from "../support/sweep.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
// The page that opens an organisation again starts from one on hold.
await holdOrganisation(world, sweep.ids.quais!.newborn, true);
// A campaign is compared with its type once it took one.
await sweep.root.query(`set session_replication_role = replica;
  update campaign set operation_type_id =
    (select id from operation_type where operation_type.tenant_id = campaign.tenant_id limit 1);
  set session_replication_role = origin`);
// One that is over can be closed no more, one in preparation not yet: another, under way, is met in the list.
await sweep.root.query(`set session_replication_role = replica;
  insert into campaign select (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'name', 'En cours', 'state', 'active'))).*
    from campaign c where c.id in (${Object.values(sweep.ids)
      .map(({ campaign }) => `'${campaign}'`)
      .join(", ")});
  set session_replication_role = origin`);
const pages = sweep.routes.filter(({ method, path }) => method === "get" && !OTHER_TYPES[path]);

/** Reached by a link somebody was given, never from a page. */
const BY_LINK = new Set(["/invitation/:token", "/installation/:token", "/nouveau-mot-de-passe/:token"]);
/** What a form leads to, once sent. */
const BY_FORM = new Set(["/mot-de-passe-oublie/demande", "/campagnes/:id/operations/etiquette", "/imports/:id/apercu"]);
/** Pages of one object, whose own page is the place they start from, as a campaign is (GEN-15). */
const OF_ONE_OBJECT = /^(\/.*\/:\w+)\/.+$/;

const MOST_OF_A_KIND = 24;

const formOf = (path: string) => new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/:\w+/g, "[^/?]+")}(?:\\?.*)?$`);

for (const persona of PERSONAS) {
  test(`GEN-15 : toutes les pages de : ${persona.title} sont à deux clics de son accueil`, async () => {
    const browser = await sweep.browse(persona);
    // Each role lands on a page of its own (DSH-17).
    const home = persona.who === "anonymous" ? "/connexion" : (await browser.get("/")).location!;
    const clicks = new Map([[home, 0]]);
    // A campaign is a place of its own, two clicks from home: its pages are counted from it (GEN-15).
    const campaign = `/campagnes/${sweep.ids[persona.organisation || "quais"]!.campaign}`;
    if (linksOf(parseHtml((await browser.get("/campagnes")).text)).includes(campaign)) clicks.set(campaign, 0);
    const failures: string[] = [];
    const met = new Set<string>();
    // Depth 2 by the links, then two more from the page of an object; where these lead, one of each kind must answer.
    for (let depth = 0; depth <= 3; depth++) {
      const kinds = new Map<string, number>();
      for (const [address, at] of [...clicks]) {
        if (at !== depth) continue;
        // A few pages of each kind are enough: fifty accounts have the same links, but for their state.
        const kind = address.replace(/[0-9a-f-]{36}|\d+\.\d+|\?.*/g, ":");
        const seen = kinds.get(kind) ?? 0;
        if (seen >= MOST_OF_A_KIND || (depth === 3 && met.has(kind))) continue;
        kinds.set(kind, seen + 1);
        met.add(kind);
        const { status, text, headers } = await browser.get(address);
        if (status >= 400) failures.push(`le lien vers ${address} répond ${status}`);
        if (depth === 3 || !headers.get("content-type")?.startsWith("text/html")) continue;
        for (const link of linksOf(parseHtml(text))) {
          // A page of help names places that are not its reader’s; one click away, it is no way to them either.
          if (!clicks.has(link) && (!address.startsWith("/aide/") || link.startsWith("/aide")))
            clicks.set(link, depth + 1);
        }
      }
    }
    for (const route of pages) {
      if (BY_LINK.has(route.path) || BY_FORM.has(route.path)) continue;
      if (expectedVerdict(sweep, route, persona, "own") !== "ouvert") continue;
      const most = OF_ONE_OBJECT.test(route.path) ? 3 : 2;
      const form = formOf(route.path);
      const other = pages.filter(({ path }) => !path.includes(":")).map(({ path }) => path);
      const found = [...clicks].filter(([link]) => form.test(link) && (link === route.path || !other.includes(link)));
      const nearest = Math.min(...found.map(([, at]) => at));
      if (nearest > most) {
        failures.push(
          `${nameOf(route)} : ${found.length === 0 ? "aucun lien n’y mène" : `${nearest} clics`}. Ajoutez un lien depuis l’accueil, le menu ou la page de l’objet.`,
        );
      }
    }
    report(failures, "Pages hors d’atteinte");
  });
}
