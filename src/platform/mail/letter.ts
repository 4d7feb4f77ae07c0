import { createHash } from "node:crypto";
import type { Views } from "../http/views.ts";
import type { About, MailKind } from "./kinds.ts";

/** As headers and subjects are: one line, nothing invisible, of a length any server takes [P45]. */
export const oneLine = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029\s]+/gu, " ")
    .trim()
    .slice(0, 300);

/** The only style of a message; no quote nor sign in it, so that it is printed as it stands. */
const STYLE =
  "body{margin:0;padding:24px;background:#f4f5f7;color:#1b1f24;font:16px/1.6 Arial,sans-serif}main{max-width:560px;margin:0 auto;padding:24px;background:#ffffff;border:1px solid #d5d9df}h1{margin:0 0 16px;font-size:22px;line-height:1.3}a{color:#0b4f9e}footer{max-width:560px;margin:16px auto 0;color:#4a5260;font-size:14px}.address{overflow-wrap:anywhere}";

/** What a preview of a message may do, in a frame of ours: show its own style, nothing else (rulings 25). */
export const PREVIEW_POLICY = `sandbox; default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; frame-ancestors 'self'`;

export interface Rendered {
  subject: string;
  text: string;
  html: string;
}

interface Written {
  subject: string;
  payload: unknown;
  about: About;
  publicUrl: string;
  /** The token of its link; masked when it is only shown. */
  token: string | null;
}

export const MASKED = "••••••••";

/** The text and the HTML of a message, from the same words, with no image nor anything to fetch [MSG-3]. */
export function renderLetter(
  views: Views,
  kind: MailKind,
  { subject, payload, about, publicUrl, token }: Written,
): Rendered {
  const { lines, action, after = [] } = kind.write(payload, about);
  const path = kind.secret ? `${kind.secret.path}${token ?? MASKED}` : action?.href;
  const link = action && path !== undefined ? { label: action.label, href: `${publicUrl}${path}` } : null;
  const footer = `${oneLine(about.tenantName)} – OpsTracker – ${publicUrl}`;
  const text = [
    "Bonjour,",
    ...lines,
    ...(link ? [`${link.label}\u00a0:\n${link.href}`] : []),
    ...after,
    `-- \n${footer}`,
  ];
  const html = views.render("/mails/letter", { subject, lines, link, after, footer, style: STYLE });
  return { subject, text: `${text.join("\n\n")}\n`, html };
}
