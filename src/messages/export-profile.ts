import type { EntityManager } from "@mikro-orm/postgresql";
import { explain, findUserNames, mayRoute } from "../accounts/index.ts";
import { Forbidden, NotFound } from "../platform/errors.ts";
import { MAIL_STATE_WORDS } from "../platform/mail/words.ts";
import {
  type ExportAsked,
  type ExportPlan,
  type ExportProfile,
  fileNameAfter,
  saidOnce,
} from "../platform/sheets/export.ts";
import { fr } from "../platform/text/index.ts";
import { messagesAsked, OutboxAddress } from "./outbox-filter.ts";
import { listMessages } from "./queries.ts";

const MANAGE = "accounts.manage";
const BUNDLE = 1_000;
const HEADS = ["Écrit le", "Objet", "Adresse", "Personne", "État", "Parti le", "Dernière réponse"];

/** The messages of the outbox, newest first, to whoever runs it (EXP-1, PRM-18). */
export const messagesExport: ExportProfile = {
  kind: "messages",
  title: "Exporter les messages",
  noun: ["message", "messages"],
  about: (_scopeId, tenantId) => ({ type: "tenant", id: tenantId }),
  async open(em: EntityManager, { user, scopeId, query, zone }: ExportAsked): Promise<ExportPlan> {
    if (scopeId !== null) throw new NotFound();
    if (!mayRoute(user.roles, MANAGE)) throw new Forbidden(explain(user.roles, MANAGE));
    const read = OutboxAddress.safeParse(saidOnce(query));
    if (!read.success) throw new NotFound("Ce filtre de la boîte d’envoi ne se lit plus. Revenez à la liste.");
    const filter = messagesAsked(read.data, zone);
    const { personId, state, from, to } = filter;
    const who = personId && ((await findUserNames(em, [personId])).get(personId) ?? "inconnue");
    const said = [
      filter.kind && `genre\u00a0: ${filter.kind}`,
      state && `état\u00a0: ${MAIL_STATE_WORDS[read.data.etat!].label}`,
      who && `personne\u00a0: ${who}`,
      from && `du ${fr.date(`${from}T12:00:00Z`, "UTC")}`,
      to && `au ${fr.date(`${to}T12:00:00Z`, "UTC")}`,
    ]
      .filter(Boolean)
      .join(" ; ");
    const at = (moment: Date | null) => moment && `${fr.date(moment, zone)} ${fr.time(moment, zone)}`;
    return {
      place: { label: "Boîte d’envoi", path: "/admin/boite-envoi" },
      name: fileNameAfter("messages", said),
      said,
      heads: HEADS,
      wholeHeads: HEADS,
      count: (await listMessages(em, filter, { size: 0 })).total,
      holdsPeople: true,
      async *rows() {
        let before: string | undefined;
        do {
          const { lines, older } = await listMessages(em, filter, { before, size: BUNDLE });
          const names = await findUserNames(
            em,
            lines.flatMap((line) => line.personId ?? []),
          );
          yield lines.map((line) => [
            at(line.createdAt),
            line.subject,
            line.address,
            (line.personId && names.get(line.personId)) ?? null,
            MAIL_STATE_WORDS[line.state].label,
            at(line.sentAt),
            line.lastAnswer,
          ]);
          before = older ?? undefined;
        } while (before);
      },
    };
  },
};
