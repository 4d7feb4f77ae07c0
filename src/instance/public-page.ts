import { randomUUIDv7 } from "node:crypto";
import { readFileSync } from "node:fs";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { lookedUpTable, tenantKey, versioned } from "../platform/db/entity.ts";
import type { Tracked } from "../platform/db/tracking.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";

/** The pages every instance has and may write for itself, each with a complete text to start from. */
export const KINDS = {
  accessibilite: { title: "Accessibilité", icon: "accessibility" },
  "mentions-legales": { title: "Mentions légales", icon: "scale" },
  "donnees-personnelles": { title: "Données personnelles", icon: "shield" },
  contact: { title: "Contact", icon: "mail" },
} as const;
export type Kind = keyof typeof KINDS;

export const isKind = (text: string): text is Kind => Object.hasOwn(KINDS, text);

const schema = defineEntity({
  name: "PublicPage",
  tableName: "public_page",
  ...lookedUpTable,
  uniques: [{ properties: ["tenantId", "kind"] }],
  properties: {
    ...tenantKey(),
    kind: p.enum(Object.keys(KINDS) as Kind[]),
    body: p.text(),
    ...versioned(),
  },
});

/** The text an instance wrote for one of its public pages; it lives in the instance tenant. */
export class PublicPage extends schema.class {}
schema.setClass(PublicPage);
export const PublicPageSchema = schema;

const titles = Object.entries(KINDS).map(([kind, { title }]) => `when '${kind}' then '${title}'`);

export const publicPageTracked: Tracked = {
  table: "public_page",
  subject: "public_page",
  title: `case r.kind ${titles.join(" ")} else r.kind end`,
  columns: {
    kind: {
      label: "Page",
      values: Object.fromEntries(Object.entries(KINDS).map(([kind, { title }]) => [kind, title])),
    },
    body: { label: "Texte" },
  },
  // Withdrawn, the delivered text shows again.
  undo: { right: "instance.manage", created: "delete" },
};

const delivered = new Map<Kind, string>();

/** The text the product is delivered with. */
export function deliveredText(kind: Kind): string {
  const known = delivered.get(kind);
  if (known !== undefined) return known;
  const text = readFileSync(new URL(`./pages/${kind}.md`, import.meta.url), "utf8").trim();
  delivered.set(kind, text);
  return text;
}

/** Writes the instance's own text over the delivered one. The caller flushes. */
export function writePage(
  em: EntityManager,
  page: PublicPage | null,
  { kind, body, tenantId, by }: { kind: Kind; body: string; tenantId: string; by: string },
): PublicPage {
  if (body === (page?.body ?? deliveredText(kind))) {
    throw new RuleBroken("Ce texte est déjà celui de la page : changez-le, ou quittez cette page.", "body");
  }
  const written = page ?? em.create(PublicPage, { tenantId, id: randomUUIDv7(), kind, body });
  written.body = body;
  em.persist(written);
  record(em, "public_page.written", { type: "public_page", id: written.id }, { kind, by });
  return written;
}
