/** A mail server that takes everything and keeps nothing; listens on PORT. */
import { createServer } from "node:http";
import { SMTPServer } from "smtp-server";

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ["AUTH", "STARTTLS"],
  onData(stream, _session, done) {
    stream.on("end", () => done());
    stream.resume();
  },
});
server.on("error", () => undefined);
server.listen(Number(process.env.SMTP_PORT), "127.0.0.1");
createServer((_req, res) => res.end("ready")).listen(Number(process.env.PORT), "127.0.0.1");
