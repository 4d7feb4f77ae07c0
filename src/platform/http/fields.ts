/**
 * What a form may send, before any rule: one text per field, several where the schema has a list, no character a text
 * cannot hold. HTML knows only texts, so the schema's own kind says how to read one: a ticked box, a French number, an
 * emptied control.
 */
import type { z } from "zod";

const LONGEST = 20_000;
const MOST_VALUES = 1_000;
// Tab and line ends apart, these come from no keyboard; PostgreSQL refuses NUL.
const CONTROL = /[^\P{Cc}\t\n\r]/u;
const CONTROLS = new RegExp(CONTROL, "gu");
const NUMBER = /^-?\d{1,15}(?:[.,]\d{1,10})?$/;

/** As typed, to show the form again; a password is never shown. */
export type Typed = Record<string, string | string[]>;

export interface Read {
  typed: Typed;
  /** Ready for the schema. */
  input: Record<string, unknown>;
  problems: Record<string, string>;
}

/** Takes from `sent` the fields of the schema and nothing else (P09, P34, P35). */
export function readFields(schema: z.ZodObject, sent: unknown): Read {
  const given = typeof sent === "object" && sent !== null ? (sent as Record<string, unknown>) : {};
  const read: Read = { typed: {}, input: {}, problems: {} };
  for (const [name, field] of Object.entries(schema.shape)) {
    const kind = kindOf(field as unknown as Inner);
    const raw = Object.hasOwn(given, name) ? given[name] : undefined;
    const texts = raw === undefined ? [] : [raw].flat();
    const problem = problemOf(texts, kind);
    // Kept even when refused, without what no control can show: two pages of text are not typed again.
    const clean = texts.filter((text) => typeof text === "string").map(tidy);
    if (clean.length > 0 && !/password/i.test(name)) read.typed[name] = kind.leaf === "array" ? clean : clean[0]!;
    if (problem) {
      read.problems[name] = kind.label ? `« ${kind.label} » : ${problem}` : problem;
      continue;
    }
    const value = kind.leaf === "array" ? clean : converted(clean[0], kind);
    if (value !== undefined) read.input[name] = value;
  }
  return read;
}

const tidy = (text: string) => text.replace(/\r\n?/g, "\n").replace(CONTROLS, "").toWellFormed();

function problemOf(texts: unknown[], { leaf, longest }: Kind): string | null {
  if (leaf !== "array" && texts.length > 1)
    return "une seule valeur est attendue. Rechargez la page, puis recommencez.";
  if (texts.length > MOST_VALUES) return `${MOST_VALUES} valeurs au plus sont acceptées.`;
  for (const text of texts) {
    if (typeof text !== "string") return "cette valeur n’a pas la forme attendue. Rechargez la page, puis recommencez.";
    if (CONTROL.test(text) || !text.isWellFormed()) {
      return "ce texte contient un caractère invisible qui ne peut pas être enregistré. Effacez-le, ou retapez le texte.";
    }
    if (text.length > longest) return "ce texte est trop long. Raccourcissez-le.";
  }
  return null;
}

function converted(text: string | undefined, { leaf, optional, nullable }: Kind): unknown {
  if (leaf === "boolean") return text !== undefined;
  if (text === undefined) return undefined;
  if (text === "" && nullable) return null;
  if (text === "" && (optional || leaf === "number")) return undefined;
  if (leaf === "number" && NUMBER.test(text.trim())) return Number(text.trim().replace(",", "."));
  return text;
}

interface Inner {
  def: { type: string; innerType?: Inner; in?: Inner; out?: Inner };
  description?: string | undefined;
  maxLength?: number | null;
}

interface Kind {
  /** What lies under optional, default, transform… */
  leaf: string;
  optional: boolean;
  nullable: boolean;
  /** The French name given with `.describe()`. */
  label: string | undefined;
  /** Signs; a field that says it takes more than usual may. */
  longest: number;
}

function kindOf(field: Inner): Kind {
  const kind: Kind = { leaf: "", optional: false, nullable: false, label: undefined, longest: LONGEST };
  for (let inner: Inner | undefined = field; inner; ) {
    const { type, innerType, in: before, out: after }: Inner["def"] = inner.def;
    kind.longest = Math.max(kind.longest, inner.maxLength ?? 0);
    kind.label ??= inner.description;
    kind.leaf = type;
    if (type === "nullable") kind.nullable = true;
    if (type === "optional" || type === "default" || type === "prefault") kind.optional = true;
    inner = innerType ?? (before?.def.type === "transform" ? after : before);
  }
  return kind;
}
