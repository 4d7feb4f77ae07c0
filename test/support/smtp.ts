/** A real SMTP server on this machine, whose mood tests choose. */

import type { AddressInfo } from "node:net";
import { after } from "node:test";
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer } from "smtp-server";

export interface Received {
  to: string[];
  raw: string;
  mail: Email;
}

export interface TestSmtp {
  readonly url: string;
  received: Received[];
  /** What RCPT says of an address: a code from 400 on is a refusal. */
  refusals: Map<string, { code: number; text: string }>;
  /** After DATA: keep the message, then cut the line before saying so, this many times. */
  cutAfterData: number;
  /** Never answers the DATA of this recipient. */
  tarpit: string | null;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startSmtp({
  auth = null as { user: string; pass: string } | null,
  /** TLS from the first byte, with a certificate nobody vouches for. */
  selfSigned = false,
} = {}): Promise<TestSmtp> {
  let server: SMTPServer;
  let port = 0;
  const smtp: TestSmtp = {
    get url() {
      return `${selfSigned ? "smtps" : "smtp"}://127.0.0.1:${port}`;
    },
    received: [],
    refusals: new Map(),
    cutAfterData: 0,
    tarpit: null,
    async start() {
      server = new SMTPServer({
        secure: selfSigned,
        authOptional: auth === null,
        disabledCommands: auth === null ? ["AUTH", "STARTTLS"] : ["STARTTLS"],
        allowInsecureAuth: true,
        onAuth: ({ username, password }, _session, done) =>
          username === auth?.user && password === auth?.pass
            ? done(null, { user: username })
            : done(Object.assign(new Error("Authentication failed"), { responseCode: 535 })),
        onRcptTo({ address }, _session, done) {
          const refusal = smtp.refusals.get(address);
          done(refusal ? Object.assign(new Error(refusal.text), { responseCode: refusal.code }) : null);
        },
        onData(stream, session, done) {
          const pieces: Buffer[] = [];
          stream.on("data", (piece: Buffer) => pieces.push(piece));
          stream.on("end", async () => {
            const raw = Buffer.concat(pieces).toString();
            const to = session.envelope.rcptTo.map(({ address }) => address);
            if (smtp.tarpit && to.includes(smtp.tarpit)) return;
            smtp.received.push({ to, raw, mail: await PostalMime.parse(raw) });
            if (smtp.cutAfterData > 0) {
              smtp.cutAfterData -= 1;
              for (const connection of (server as unknown as { connections: Set<{ _socket: { destroy(): void } }> })
                .connections) {
                connection._socket.destroy();
              }
              return;
            }
            done();
          });
        },
      });
      server.on("error", () => undefined);
      await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", () => resolve()));
      port = (server.server.address() as AddressInfo).port;
    },
    stop: () =>
      new Promise((resolve) => {
        for (const connection of (server as unknown as { connections: Set<{ _socket: { destroy(): void } }> })
          .connections) {
          connection._socket.destroy();
        }
        server.close(() => resolve());
      }),
  };
  await smtp.start();
  after(() => smtp.stop());
  return smtp;
}
