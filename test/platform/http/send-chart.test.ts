import assert from "node:assert/strict";
import { test } from "node:test";
import { TOKENS } from "../../../src/accounts/tokens.ts";
import { get } from "../../../src/platform/http/route.ts";
import { sendChart } from "../../../src/platform/http/send-chart.ts";
import { WEEKS } from "../charts/samples.ts";
import { product } from "./app.ts";

test("un graphique se télécharge en PNG, en pièce jointe nommée qui ne peut rien exécuter", async () => {
  const chart = get("/graphique.png", "public", (_req, res) =>
    sendChart(res, WEEKS, { name: "prevu-et-realise", colours: TOKENS.light }),
  );
  const { status, headers } = await product({ routes: [chart] })
    .browser()
    .get("/graphique.png");
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "image/png");
  assert.match(String(headers["content-disposition"]), /^attachment; filename="?prevu-et-realise\.png"?$/);
  assert.match(String(headers["content-security-policy"]), /^sandbox; default-src 'none'$/);
});
