import { after } from "node:test";
import { createViews } from "../../src/platform/http/views.ts";
import { type Sender, type SenderParts, startSender } from "../../src/platform/mail/sender.ts";
import type { Services } from "../../src/platform/services.ts";
import type { World } from "./world.ts";

/** The sender of a world that has a mail server; it sends when asked. */
export function senderOf(world: World, { onFailed }: Pick<SenderParts, "onFailed"> = {}): Sender {
  const services = world.app.locals.services as Services;
  const sender = startSender(services, {
    kinds: world.registry.mails,
    transport: services.transport!,
    views: createViews({ debug: true, cache: true }),
    publicUrl: world.origin,
    domain: "mail.example",
    everyMs: Number.POSITIVE_INFINITY,
    ...(onFailed && { onFailed }),
    onError: (error) => world.logged.push(String(error)),
  });
  after(() => sender.stop());
  return sender;
}
