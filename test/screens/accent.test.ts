import assert from "node:assert/strict";
import { test } from "node:test";
import { accentPalette, accentStylesheet, judgeAccent } from "../../src/accounts/accent.ts";
import { distance, fromLch, type Hex, hex, lch } from "../../src/accounts/colour.ts";
import { brokenPairs, tokensWith } from "../../src/accounts/tokens.ts";

/** A fixed series, so that a failure can be met again (mulberry32). */
function randomHexes(count: number, seed = 20260312): Hex[] {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return Array.from(
    { length: count },
    () =>
      `#${Math.floor(next() * 0x1000000)
        .toString(16)
        .padStart(6, "0")}` as Hex,
  );
}

const holds = (accent: Hex) => brokenPairs(tokensWith(accentPalette(accent)));

test("sur 600 couleurs, les acceptées tiennent toutes les paires, les refusées reçoivent une proposition qui tient", () => {
  let accepted = 0;
  for (const chosen of randomHexes(600)) {
    const verdict = judgeAccent(chosen);
    if (verdict.accepted) {
      accepted += 1;
      assert.deepEqual(holds(verdict.accent), [], chosen);
    } else {
      assert.ok(verdict.broken.length > 0);
      assert.deepEqual(holds(verdict.proposal!), [], `${chosen} → ${verdict.proposal}`);
      assert.ok(judgeAccent(verdict.proposal!).accepted);
    }
  }
  assert.ok(accepted > 100 && accepted < 500, `${accepted} accepted`);
});

test("la couleur choisie reste telle quelle de jour", () => {
  assert.equal(accentPalette("#7a1fa2")["accent-3"].light, "#7a1fa2");
});

test("la proposition garde la teinte et s’éloigne peu", () => {
  for (const chosen of ["#f3b21b", "#ff6a00", "#4fc4ba", "#ff5577"] as const) {
    const verdict = judgeAccent(chosen);
    assert.ok(!verdict.accepted);
    const turn = Math.abs(lch(chosen).h - lch(verdict.proposal!).h);
    assert.ok(Math.min(turn, 2 * Math.PI - turn) < 0.15, `${chosen} → ${verdict.proposal} turns by ${turn}`);
    assert.ok(distance(chosen, verdict.proposal!) < 0.4);
  }
});

test("le refus dit pourquoi et propose", () => {
  const verdict = judgeAccent("#ffff00");
  assert.ok(!verdict.accepted);
  assert.match(
    verdict.sentence,
    /thème clair\u00a0: contraste de 1,\d+ là où il faut \d.*La plus proche qui convient est #[0-9a-f]{6}\.$/u,
  );
});

test("ce qui n’est pas une couleur est refusé sans proposition", () => {
  for (const text of ["", "bleu", "#12", "#1234567", "rgb(0,0,0)", "#12345g", "url(x)", "#fff;}body{display:none"]) {
    const verdict = judgeAccent(text);
    assert.ok(!verdict.accepted && verdict.proposal === null, text);
    assert.equal(accentStylesheet(text), "");
  }
});

test("l’écriture courte, les capitales et l’absence de dièse sont comprises", () => {
  assert.deepEqual(judgeAccent(" 1C43B4 "), { accepted: true, accent: "#1c43b4" });
  assert.equal(hex("#14B"), "#1144bb");
});

test("la feuille servie redéfinit les quatre couleurs d’accent, dans les deux thèmes, et rien d’autre", () => {
  const sheet = accentStylesheet("#7a1fa2");
  assert.match(sheet, /^:root \{\n( {2}--accent-[1345]: light-dark\(#[0-9a-f]{6}, #[0-9a-f]{6}\);\n){4}\}\n$/u);
});

test("OKLCH va et revient", () => {
  for (const colour of randomHexes(200, 7)) assert.equal(fromLch(lch(colour)), colour);
});
