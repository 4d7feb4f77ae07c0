/** The same templates on what the product gave them once: no session, no rights, no database. */
import express from "express";
import { createAssets } from "../../../src/platform/http/assets.ts";
import { createViews } from "../../../src/platform/http/views.ts";
import { fr } from "../../../src/platform/text/index.ts";
import { capture } from "../canned.ts";

const { FOLDER, ADDRESSES, HEADERS, PORT } = process.env;
const canned = await capture(FOLDER!, JSON.parse(ADDRESSES!), JSON.parse(HEADERS!));
const views = createViews({ debug: false, cache: true });
const { url: asset } = createAssets({ cache: true });
const key = () => "00000000-0000-4000-8000-000000000000";

/** What the product draws or works out once for several readers is drawn here each time, from figures worked out once. */
const once = Object.fromEntries(
  [...canned].map(([address, { data, ...page }]) => {
    const given = Object.entries(data).map(([name, value]) => {
      if (typeof value !== "function") return [name, value];
      const found = value();
      return [name, () => found];
    });
    return [address, { ...page, data: Object.fromEntries(given) }];
  }),
);
const anew = (data: object) =>
  Object.fromEntries(Object.entries(data).map(([name, value]) => [name, value instanceof Map ? new Map() : value]));

const app = express();
app.disable("x-powered-by").disable("etag");
app.get("/ready", (_req, res) => void res.end("ok"));
app.use((req, res) => {
  const { name, data, page } = once[req.originalUrl]!;
  res.setHeader("Content-Type", "text/html; charset=utf-8");
  res.end(views.render(name, { ...anew(data), page: { ...page, asset, key }, fr }));
});
app.listen(Number(PORT), "127.0.0.1");
