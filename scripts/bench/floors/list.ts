/** The rows of the list, asked by the shortest query and printed as JSON: no session, no rights, no page. */
import express from "express";
import pg from "pg";

const { FLOOR_URL, TENANT, CAMPAIGN } = process.env;
const pool = new pg.Pool({ connectionString: FLOOR_URL, max: 10 });

const app = express();
app.disable("x-powered-by").disable("etag");
app.get("/ready", (_req, res) => void res.end("ok"));
app.get("/liste", async (_req, res) => {
  const { rows } = await pool.query({
    name: "list",
    text: `select o.id, o.title, o."values", o.status, o.category, o.planned_at, o.postpone_count, o.version, s.name as segment,
        u.given_name || ' ' || u.family_name as technician
      from operation o left join segment s on s.tenant_id = o.tenant_id and s.id = o.segment_id
      left join app_user u on u.tenant_id = o.tenant_id and u.id = o.technician_id
      where o.tenant_id = $1 and o.campaign_id = $2 and o.trashed_at is null and o.status = $3 and o."values" @> $4
      order by o.planned_at, o.title, o.id limit 50`,
    values: [TENANT, CAMPAIGN, "scheduled", '{"modele": "leger"}'],
  });
  res.json(rows);
});
app.listen(Number(process.env.PORT), "127.0.0.1");
