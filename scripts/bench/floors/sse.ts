/** The least that could tell a thousand clients: they wait on bare streams, and one request writes to each. */
import express, { type Response } from "express";

const streams = new Set<Response>();
const app = express();
app.disable("x-powered-by").disable("etag");
app.get("/ready", (_req, res) => void res.end("ok"));
app.get("/flux", (_req, res) => {
  res.setHeader("Content-Type", "text/event-stream");
  res.write("retry: 2000\n\n");
  streams.add(res);
  res.once("close", () => streams.delete(res));
});
app.get("/tell", (_req, res) => {
  for (const stream of streams) stream.write('id: 1\ndata: {"topics":["history"],"version":1}\n\n');
  res.end("ok");
});
app.listen(Number(process.env.PORT), "127.0.0.1");
