/** The least a start can be: this Node, Express, the same PostgreSQL on the same data, one question answered. */
import express from "express";
import pg from "pg";
import { startEmbedded } from "../../../src/platform/db/embedded.ts";

const server = await startEmbedded(process.env.VAR_DIR!);
const pool = new pg.Pool({ connectionString: server.superUrl });
const app = express();
app.get("/ready", async (_req, res) => {
  await pool.query("select 1");
  res.end("ok");
});
const listening = app.listen(Number(process.env.PORT), "127.0.0.1");
process.once("SIGTERM", async () => {
  listening.closeAllConnections();
  listening.close();
  await pool.end();
  await server.stop();
});
