import { z } from "zod";
import { Forbidden, RuleBroken } from "../../platform/errors.ts";
import type { ChosenColumn, Mapping, OpenImport } from "../../platform/sheets/profile.ts";
import { freshColumn, keyIn, LONGEST_MAPPING_NAME } from "../analysis.ts";
import type { Import } from "../import.ts";

/** How each column is read, besides where it goes: what a preview shows at once [IMP-14, IMP-16, IMP-17]. */
export const READING = {
  column: z.array(z.string().max(100)).describe("Colonnes"),
  order: z.array(z.string().max(300)).describe("Ordre des dates"),
  /** A sign before the name of its column. */
  decimal: z.array(z.string().max(301)).describe("Signe décimal"),
  /** Names of the columns whose options are parted by commas. */
  separator: z.array(z.string().max(300)).describe("Entre plusieurs choix"),
};

/** Where columns go and what lines become [IMP-18 to IMP-24]. */
export const Choice = z.object({
  ...READING,
  key: z.array(z.string().max(300)).max(3, "La clé tient en trois colonnes au plus.").describe("Clé"),
  title: z.string().max(300).optional().describe("Champ qui nomme les lignes"),
  mode: z.enum(["both", "create", "update"]).describe("Lignes à écrire"),
  empty: z.enum(["keep", "clear"]).describe("Cases vides"),
  missing: z.string().max(40).default("keep").describe("Lignes absentes du fichier"),
  name: z
    .string()
    .trim()
    .max(LONGEST_MAPPING_NAME, `Raccourcissez le nom à ${LONGEST_MAPPING_NAME} caractères.`)
    .default("")
    .describe("Nom de cette correspondance"),
  threshold: z.coerce.number().int().min(1).max(100).describe("Seuil d’erreurs"),
});

/** The decimal sign chosen for a column, among those of all. */
export const decimalIn = (said: readonly string[], name: string): Pick<ChosenColumn, "decimalSign"> => {
  const decimalSign = SIGNS.find((sign) => said.includes(sign + name));
  return decimalSign ? { decimalSign } : {};
};
const SIGNS = [",", "."] as const;

export const missingOf = ({ missing }: Pick<OpenImport, "missing">, choice: string): string =>
  missing?.choices.some(({ value }) => value === choice) ? choice : "keep";

const noSuchPlace = (said: string) =>
  new RuleBroken(`La destination «\u00a0${said}\u00a0» n’existe plus\u00a0: choisissez-en une autre.`, "mapping");

type Said = Pick<z.infer<typeof Choice>, "column" | "order" | "decimal" | "separator"> &
  Partial<Pick<z.infer<typeof Choice>, "key" | "title" | "name">>;

/** The mapping a form says: each column to a target, to a new one of a kind, or nowhere. */
export function mappingOf(
  { survey }: Import,
  { column, order, key = [], title, name, decimal, separator }: Said,
  open: Pick<OpenImport, "targets" | "naming" | "identity" | "key"> & { fresh?: OpenImport["fresh"] | undefined },
): Mapping {
  const { targets, fresh, naming } = open;
  const taken = new Set(targets.map(({ code }) => code));
  const columns = survey.columns.map((name, rank): ChosenColumn | null => {
    const said = column[rank] ?? "";
    const reading = {
      ...(order.includes(name) && { isMonthFirst: true }),
      ...decimalIn(decimal, name),
      ...(separator.includes(name) && { separator: "," as const }),
    };
    if (said.startsWith("+")) {
      if (!fresh)
        throw new Forbidden(
          "Ajouter des champs à cette campagne ne vous est pas ouvert\u00a0: demandez à qui la configure.",
        );
      const type = said.slice(1);
      if (!fresh.types.some(({ value }) => value === type)) throw noSuchPlace(said);
      const code = fresh.codeOf(name, taken);
      taken.add(code);
      return { ...freshColumn(code, { label: name, type }, survey.tastes?.[rank]?.distinct ?? null), ...reading };
    }
    if (said === "") return null;
    if (!targets.some(({ code }) => code === said)) throw noSuchPlace(said);
    return { code: said, ...reading };
  });
  const codeOf = (name: string) => columns[survey.columns.indexOf(name)]?.code ?? name;
  const named = naming && title ? { title: codeOf(title) } : {};
  return { columns, key: keyIn(open, columns, key.map(codeOf)), ...named, ...(name && { name }) };
}

/** The column whose numbers read two ways while nobody says which [IMP-16]. */
export const mixedIn = (
  { survey }: Pick<Import, "survey">,
  { columns }: Pick<Mapping, "columns">,
  targets: OpenImport["targets"],
) =>
  survey.columns.find((_, place) => {
    const chosen = columns[place];
    const isNumber = targets.find(({ code }) => code === chosen?.code)?.holds === "number";
    return isNumber && survey.tastes?.[place]?.isMixed && chosen?.decimalSign === undefined;
  });

/** Throws RuleBroken for numbers that read two ways, as long as nobody says which: asked once, for their column [IMP-16]. */
export function refuseTwoSigns(one: Import, mapping: Mapping, targets: OpenImport["targets"]): void {
  const mixed = mixedIn(one, mapping, targets);
  if (mixed === undefined) return;
  throw new RuleBroken(
    `La colonne «\u00a0${mixed}\u00a0» a des nombres comme 1.234 et d’autres comme 1,234\u00a0: dites si le signe décimal est la virgule ou le point.`,
    "decimal",
  );
}
