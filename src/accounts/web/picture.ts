import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { read, submit } from "../../platform/http/forms.ts";
import { submitFile } from "../../platform/http/uploads.ts";
import { notServed } from "../../platform/storage/file.ts";
import { acceptOf, kindList } from "../../platform/storage/kinds.ts";
import { weight } from "../../platform/storage/store.ts";
import { fr } from "../../platform/text/index.ts";
import { allows } from "../permissions.ts";
import { USER_PICTURE } from "../pictures.ts";
import { aboutUser, choosePicture, User } from "../user.ts";

const VIEW = { page: "accounts/account/picture" };
const AT = "/compte/photo";

export const edit: RequestHandler = async (req, res) => {
  res.show(VIEW, await page(req, { values: {} }));
};

export const update: RequestHandler = async (req, res) => {
  const { id } = req.user!;
  const form = await submitFile(req, USER_PICTURE, said(req, "Photo de profil"), async (file, em) => {
    choosePicture(em, await em.findOneOrFail(User, { id }), file.id, { by: { id } });
  });
  if (form.errors) return res.show(VIEW, await page(req, form));
  res.saved(VIEW, {}, { at: AT, notice: "Votre photo est enregistrée.", undo: true });
};

export const destroy: RequestHandler = async (req, res) => {
  const { id } = req.user!;
  await submit(req, z.object({}), said(req, "Retrait de la photo de profil"), async (_values, em) => {
    choosePicture(em, await em.findOneOrFail(User, { id }), null, { by: { id } });
  });
  res.saved(VIEW, {}, { at: AT, notice: "Votre photo est retirée. Vos initiales la remplacent.", undo: true });
};

const said = (req: Request, what: string) => ({
  code: "user.picture_changed",
  label: `${what} ${fr.of(req.user!.name)}`,
  subject: () => aboutUser(req.user!),
  at: AT,
});

const page = async (req: Request, form: object) => ({
  title: "Photo de profil",
  crumbs: [{ label: "Accueil", href: "/" }, { label: "Mon compte", href: "/compte" }, { label: "Photo de profil" }],
  accept: acceptOf(USER_PICTURE.kinds),
  kinds: kindList(USER_PICTURE.kinds),
  most: weight(USER_PICTURE.most),
  purpose: USER_PICTURE,
  mayUndo: allows(req.user!.roles, "acts.undo_own"),
  form,
  waiting: await read(req, async (em) => notServed(em, (await em.findOneOrFail(User, { id: req.user!.id })).pictureId)),
});
