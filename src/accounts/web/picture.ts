import { fr } from "../../platform/text/index.ts";
import { USER_PICTURE } from "../pictures.ts";
import { aboutUser, choosePicture, User } from "../user.ts";
import { picturePage } from "./picture-page.ts";

/** The portrait of a person, beside their name. */
export const { edit, update, destroy } = picturePage({
  view: { page: "accounts/account/picture" },
  at: "/compte/photo",
  title: "Photo de profil",
  from: { label: "Mon compte", href: "/compte" },
  purpose: USER_PICTURE,
  code: "user.picture_changed",
  subject: ({ user }) => aboutUser(user!),
  chosen: { label: ({ user }) => `Photo de profil ${fr.of(user!.name)}`, notice: "Votre photo est enregistrée." },
  withdrawn: {
    label: ({ user }) => `Retrait de la photo de profil ${fr.of(user!.name)}`,
    notice: "Votre photo est retirée. Vos initiales la remplacent.",
  },
  current: async ({ user }, em) => (await em.findOneOrFail(User, { id: user!.id })).pictureId ?? null,
  async choose({ user }, em, fileId) {
    choosePicture(em, await em.findOneOrFail(User, { id: user!.id }), fileId, { by: { id: user!.id } });
  },
});
