import { shown } from "./source.ts";

/** Of a number that a spreadsheet wrote with its exponent: its digits are lost [IMP-17]. */
export const isDamaged = (text: string): boolean => DAMAGED.test(text);
const DAMAGED = /^[+-]?\d+(?:[.,]\d+)?E[+-]\d{1,3}$/i;

export const damaged = (text: string) => ({
  problem: `«\u00a0${shown(text)}\u00a0» est un nombre abîmé par le tableur\u00a0: ses derniers chiffres sont perdus. Mettez la colonne au format Texte dans le tableur, puis retapez-le.`,
});
