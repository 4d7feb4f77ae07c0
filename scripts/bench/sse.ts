import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { alternate, type Figure, type Measure, peakRssMB, rssMB } from "./measure.ts";
import { besideProduct, type Person, signInEverybody } from "./people.ts";
import { startFloor, startProduct, withFolder } from "./servers.ts";

const STREAMS = 1_000;
/** The sixth stream of a person is refused (LIV-6). */
const EACH = 5;
const TARGET_S = 1;
const TARGET_MB = 60;

/** A thousand streams of history: how long after a commit the last of them is told, and what they cost in memory. */
export const sse1000: Measure = {
  name: "sse_1000",
  unit: "s",
  target: `moins de ${TARGET_S} s, et moins de ${TARGET_MB} Mo de plus`,
  holds: ({ value, addedRssMB = 0 }) => value < TARGET_S && addedRssMB < TARGET_MB,
  run: () => withFolder(measure),
};

async function measure(folder: string): Promise<Figure> {
  const product = await startProduct(folder);
  const { db } = await besideProduct(folder);
  try {
    const [host] = await signInEverybody(product, db);
    const tenantId = host!.tenantId;
    const said = { tenantId, actorId: null, channel: "job" as const };
    await db.act({ ...said, code: "user.created", label: "Deux cents comptes", now: new Date() }, (em) =>
      em.execute(
        `insert into app_user (tenant_id, id, email, given_name, family_name, roles, theme, density, shortcuts, live, created_at, version)
         select ?, uuidv7(), 'suit' || n || '@bench.example', 'Suit', 'N° ' || n, '{admin}', 'system', 'comfort', true, true, app_now(), 1
         from generate_series(1, ${STREAMS / EACH}) n`,
        [tenantId],
      ),
    );
    const people = (await signInEverybody(product, db)).filter(({ name }) => name.startsWith("Suit "));
    const floor = await startFloor("sse", folder, {});
    const before = rssMB(product.pid);
    const ours = await openStreams(
      people.flatMap((person) => Array<Person>(EACH).fill(person)),
      (person) => ({
        url: `${product.origin}/flux?sujets=history`,
        headers: person.headers,
      }),
    );
    await pause(5_000); // what opening left behind is collected
    const addedRssMB = rssMB(product.pid) - before;
    console.error(`  ${ours.length} flux ouverts : ${addedRssMB} Mo de plus`);
    const theirs = await openStreams(
      people.flatMap((person) => Array<Person>(EACH).fill(person)),
      () => ({
        url: `${floor.origin}/flux`,
        headers: {},
      }),
    );
    let shortcuts = true;
    const tellOurs = async () => {
      shortcuts = !shortcuts;
      await db.act({ ...said, code: "user.preferences_changed", label: "Préférences", now: new Date() }, (em) =>
        em.execute("update app_user set shortcuts = ?, version = version + 1 where id = ?", [shortcuts, people[0]!.id]),
      );
    };
    const times = await alternate(
      () => lastTold(ours, tellOurs),
      () => lastTold(theirs, () => fetch(`${floor.origin}/tell`).then((answer) => answer.text())),
      // Bursts are one repaint a second: each turn is told apart from the one before.
      { turns: 3, warm: () => lastTold(ours, tellOurs) },
    );
    for (const stream of [...ours, ...theirs]) stream.destroy();
    await floor.stop();
    return { ...times, addedRssMB, peakRssMB: peakRssMB(product.pid) };
  } finally {
    await db.close();
    await product.stop();
  }
}

/** Each on a connection of its own, and past its first line. */
async function openStreams(
  people: Person[],
  addressOf: (person: Person) => { url: string; headers: Record<string, string> },
): Promise<IncomingMessage[]> {
  const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });
  const streams: IncomingMessage[] = [];
  for (const person of people) {
    const { url, headers } = addressOf(person);
    const [answer] = (await once(request(url, { agent, headers }).end(), "response")) as [IncomingMessage];
    if (answer.statusCode !== 200) throw new Error(`Un flux est refusé : ${answer.statusCode}.`);
    await once(answer, "data");
    streams.push(answer);
  }
  return streams;
}

/** Seconds from the end of `tell`, which commits, to the event reaching the last stream. */
async function lastTold(streams: IncomingMessage[], tell: () => Promise<unknown>): Promise<number> {
  await pause(1_500);
  let last = 0;
  const told = streams.map(
    (stream) =>
      new Promise<void>((resolve) => {
        const listen = (chunk: Buffer) => {
          if (!chunk.includes("data: {")) return; // a heartbeat
          stream.off("data", listen);
          last = performance.now();
          resolve();
        };
        stream.on("data", listen);
      }),
  );
  await tell();
  const committed = performance.now();
  await Promise.all(told);
  return Math.max(0, last - committed) / 1000;
}
