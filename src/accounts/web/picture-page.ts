import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { read, submit } from "../../platform/http/forms.ts";
import { submitFile } from "../../platform/http/uploads.ts";
import { notServed } from "../../platform/storage/file.ts";
import { acceptOf, kindList } from "../../platform/storage/kinds.ts";
import type { FilePurpose } from "../../platform/storage/purpose.ts";
import { weight } from "../../platform/storage/store.ts";
import { allows } from "../permissions.ts";

/** A page that holds one picture: sent, replaced, taken away, each an act that can be taken back. */
interface PicturePage {
  view: { page: string };
  at: string;
  title: string;
  /** The page it is reached from. */
  from: { label: string; href: string };
  purpose: FilePurpose;
  code: string;
  subject(req: Request): { type: string; id: string };
  chosen: { label(req: Request): string; notice: string };
  withdrawn: { label(req: Request): string; notice: string };
  /** The file in place, shown yet or not. */
  current(req: Request, em: EntityManager): Promise<string | null>;
  choose(req: Request, em: EntityManager, fileId: string | null): Promise<void>;
}

export function picturePage(of: PicturePage): Record<"edit" | "update" | "destroy", RequestHandler> {
  const { view, at, purpose } = of;
  const said = (req: Request, { label }: { label(req: Request): string }) => ({
    code: of.code,
    label: label(req),
    subject: () => of.subject(req),
    at,
  });
  const page = async (req: Request, form: object) => ({
    title: of.title,
    crumbs: [{ label: "Accueil", href: "/" }, of.from, { label: of.title }],
    accept: acceptOf(purpose.kinds),
    kinds: kindList(purpose.kinds),
    most: weight(purpose.most),
    purpose,
    mayUndo: allows(req.user!.roles, "acts.undo_own"),
    form,
    waiting: await read(req, async (em) => notServed(em, await of.current(req, em))),
  });

  return {
    async edit(req, res) {
      res.show(view, await page(req, { values: {} }));
    },

    async update(req, res) {
      const form = await submitFile(req, purpose, said(req, of.chosen), (file, em) => of.choose(req, em, file.id));
      if (form.errors) return res.show(view, await page(req, form));
      res.saved(view, {}, { at, notice: of.chosen.notice, undo: true });
    },

    async destroy(req, res) {
      await submit(req, z.object({}), said(req, of.withdrawn), (_values, em) => of.choose(req, em, null));
      res.saved(view, {}, { at, notice: of.withdrawn.notice, undo: true });
    },
  };
}
