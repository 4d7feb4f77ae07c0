import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request } from "express";
import { allows } from "../../accounts/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { type Kind, kindOf } from "../../platform/storage/kinds.ts";
import { weight } from "../../platform/storage/store.ts";
import { DOCUMENT_KINDS, Document } from "../document.ts";
import { findVersion, type VersionLine } from "../queries.ts";

export const AT = "/documents";
export const HOME = { label: "Accueil", href: "/" };
export const DOCUMENTS = { label: "Documents", href: AT };
export const addressOf = ({ id }: { id: string }) => `${AT}/${id}`;

export const mayEdit = ({ user }: Request): boolean => allows(user!.roles, "shared_documents.edit");

/** A document this person may see: one in the trash is seen by those who could take it out. */
export async function visibleDocument(em: EntityManager, req: Request, id: string): Promise<Document> {
  const document = await em.findOne(Document, { id, ...(!mayEdit(req) && { trashedAt: null }) });
  if (!document) throw new NotFound("Ce document n’existe pas, ou a été retiré. Revenez à la liste des documents.");
  return document;
}

/** A version that may be given: until it is clean it does not exist for those who would read it (DOC-4). */
export async function readableVersion(em: EntityManager, id: string, number: string): Promise<VersionLine> {
  const version = await findVersion(em, { documentId: id, number: Number(number) });
  if (version?.state !== "clean") {
    throw new NotFound("Cette version n’existe pas, ou attend d’être vérifiée. Revenez à la page du document.");
  }
  return version;
}

const STATES = {
  pending: { label: "En vérification", icon: "hourglass", tone: "primary" },
  clean: { label: "Disponible", icon: "check", tone: "success" },
  infected: { label: "Refusée par l’antivirus", icon: "alert-triangle", tone: "danger" },
};
export const stateOf = (state: VersionLine["state"]) => STATES[state];

export const kindOfDocument = (kind: Document["kind"]) => DOCUMENT_KINDS.find(({ value }) => value === kind)!;

const UNKNOWN: Pick<Kind, "label" | "made" | "runs"> = { label: "Fichier", made: "program", runs: true };

/** What pages say of a version's file. */
export function fileOf({ type, size, sha256 }: Pick<VersionLine, "type" | "size" | "sha256">) {
  const { label, made, runs = false } = kindOf(type) ?? UNKNOWN;
  return {
    kind: label,
    weight: weight(size),
    digest: Buffer.from(sha256).toString("hex"),
    runs,
    seen: seenAs(made, type, size),
  };
}

/** Rendering a text takes longer than it does to send it. */
const MOST_MARKDOWN = 300_000;

/** How it can be seen before it is kept (DOC-3): nothing else is ever shown by us. */
function seenAs(made: Kind["made"], type: string, size: number): "image" | "pdf" | "text" | null {
  if (made === "image" || made === "pdf") return made;
  return type === "text/markdown" && size <= MOST_MARKDOWN ? "text" : null;
}
