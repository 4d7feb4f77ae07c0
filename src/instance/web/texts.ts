import type { Request, RequestHandler } from "express";
import { mayRoute } from "../../accounts/index.ts";
import { renderMarkdown } from "../../platform/text/markdown.ts";
import { KINDS, type Kind } from "../public-page.ts";
import { publicText } from "../queries.ts";

export const mayEdit = (req: Request): boolean => req.user != null && mayRoute(req.user.roles, "instance.manage");

/** Where people write to those who run the instance, as a link and as words; null when it was not configured. */
export function contactOf({ config: { contact } }: Request): { href: string; label: string } | null {
  if (!contact) return null;
  return { href: contact.includes("@") ? `mailto:${contact}` : contact, label: contact };
}

/** A public page that is nothing but its text. */
export const show =
  (kind: Kind): RequestHandler =>
  async (req, res) => {
    const { body, isDelivered } = await publicText(req.db, kind);
    res.show(
      { page: "instance/text" },
      {
        title: KINDS[kind].title,
        kind,
        html: renderMarkdown(body),
        isDelivered,
        mayEdit: mayEdit(req),
        contact: kind === "contact" ? contactOf(req) : null,
      },
    );
  };
