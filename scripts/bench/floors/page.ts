/** The same templates on data given once: no session, no rights, no database. */
import { readFileSync } from "node:fs";
import { deserialize } from "node:v8";
import express from "express";
import { createAssets } from "../../../src/platform/http/assets.ts";
import { createViews } from "../../../src/platform/http/views.ts";
import { fr } from "../../../src/platform/text/index.ts";

const { name, data, page } = deserialize(readFileSync(process.env.CANNED!)) as {
  name: string;
  data: object;
  page: object;
};
const views = createViews({ debug: false, cache: true });
const { url: asset } = createAssets({ cache: true });
const key = () => "00000000-0000-4000-8000-000000000000";

const app = express();
app.disable("x-powered-by").disable("etag");
app.get("/ready", (_req, res) => void res.end("ok"));
app.get("/admin/historique", (_req, res) => {
  res.setHeader("Content-Type", "text/html; charset=utf-8");
  res.end(views.render(name, { ...data, page: { ...page, asset, key }, fr }));
});
app.listen(Number(process.env.PORT), "127.0.0.1");
