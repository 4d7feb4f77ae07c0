/** The same UPDATE and one INSERT in one transaction, on the same PostgreSQL: no session, no token, no trace beyond. */
import { randomUUID } from "node:crypto";
import express from "express";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.FLOOR_URL, max: 10 });

const app = express();
app.disable("x-powered-by").disable("etag");
app.get("/ready", (_req, res) => void res.end("ok"));
app.post("/operations/:id/statut", express.urlencoded({ extended: false }), async (req, res) => {
  const { tenant, to, plannedOn } = req.body as Record<string, string>;
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query(
      `update operation set status = $1, category = $2, planned_at = $3, postpone_count = postpone_count + 1, version = version + 1
       where tenant_id = $4 and id = $5`,
      [to, to === "postponed" ? "deferred" : "planned", plannedOn, tenant, req.params.id],
    );
    await client.query("insert into trace values ($1, $2, now(), $3)", [randomUUID(), req.params.id, to]);
    await client.query("commit");
  } finally {
    client.release();
  }
  res.redirect(303, `/operations/${req.params.id}`);
});
app.listen(Number(process.env.PORT), "127.0.0.1");
