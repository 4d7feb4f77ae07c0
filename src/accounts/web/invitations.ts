import { fr } from "../../platform/text/index.ts";
import { acceptInvitation, DEAD_LINK } from "../invitation.ts";
import { passwordLink } from "./password-link.ts";

/** The page of an invitation: its form gives the account its first password [ACC-7]. */
export const { show, update: accept } = passwordLink({
  view: { page: "accounts/invitations/show" },
  path: "/invitation",
  purpose: "invitation",
  settled: false,
  dead: DEAD_LINK,
  title: ({ name }) => `Invitation ${fr.of(name)}`,
  act: { code: "invitation.accepted", label: "Invitation acceptée, mot de passe choisi" },
  kind: "password.chosen",
  use: acceptInvitation,
  notice: "Votre mot de passe est enregistré. Connectez-vous avec votre adresse.",
});
