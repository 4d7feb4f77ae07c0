import assert from "node:assert/strict";
import { test } from "node:test";
import { looksLikeHealthNumber } from "../../../src/platform/text/health-number.ts";

test("IMP-27 : un numéro de sécurité sociale est reconnu à sa clé, Corse comprise", () => {
  const key = (digits: number) => String(97 - (digits % 97)).padStart(2, "0");
  assert.ok(looksLikeHealthNumber("1 84 12 76 451 089 46"));
  assert.ok(looksLikeHealthNumber("184127645108946"));
  assert.ok(!looksLikeHealthNumber("184127645108947"));
  assert.ok(!looksLikeHealthNumber("384127645108946"));
  assert.ok(looksLikeHealthNumber(`3841276451089${key(3_841_276_451_089)}`), "en cours d’immatriculation");
  assert.ok(!looksLikeHealthNumber(`5841276451089${key(5_841_276_451_089)}`));
  assert.ok(!looksLikeHealthNumber("12345"));
  assert.ok(looksLikeHealthNumber(`284052A123456${key(2_840_519_123_456)}`));
  assert.ok(looksLikeHealthNumber(`284052B123456${key(2_840_518_123_456)}`));
});
