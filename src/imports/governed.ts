import { Forbidden, NotFound } from "../platform/errors.ts";
import type { Governs } from "../platform/module.ts";
import { Import } from "./import.ts";
import { profileOf } from "./prepared.ts";

/** Whether this person governs where the rows of an import went [IMP-40]. */
export const governsImport: Governs = async (em, reader, id, { imports }) => {
  const one = await em.findOne(Import, { id });
  if (!one) return false;
  try {
    return (await profileOf(imports, one).place(em, reader, one.scopeId ?? null))?.governs ?? false;
  } catch (error) {
    if (error instanceof NotFound || error instanceof Forbidden) return false;
    throw error;
  }
};
