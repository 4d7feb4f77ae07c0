import assert from "node:assert/strict";
import { test } from "node:test";
import { databaseClock } from "../../../src/platform/db/clock.ts";

const HOUR = 3_600_000;
const START = Date.parse("2026-11-10T08:00:00Z");

/** A machine beside a database: its own clock is wrong by `skewMs`, and somebody moves it. */
async function machine(skewMs: number, database: { now: number }) {
  const local = { jumpMs: 0 };
  const clock = await databaseClock({
    ask: async () => new Date(database.now),
    onError: (error) => assert.fail(String(error)),
    wall: () => database.now + skewMs + local.jumpMs,
    steady: () => database.now - START,
  });
  return { clock, jump: (ms: number) => (local.jumpMs += ms) };
}

test("F14 : deux processus à cinq minutes l’un de l’autre ont l’heure de la base", async () => {
  const database = { now: START };
  const [early, late] = [await machine(-150_000, database), await machine(150_000, database)];
  database.now += 20_000;
  assert.deepEqual([early.clock.now(), late.clock.now()], [new Date(database.now), new Date(database.now)]);
});

test("F14 : l’horloge de la machine saute de deux heures ou d’un jour : l’heure ne bouge pas, et la base est redemandée", async () => {
  const database = { now: START };
  const { clock, jump } = await machine(0, database);
  for (const ms of [2 * HOUR, -4 * HOUR, 24 * HOUR, -24 * HOUR]) {
    jump(ms);
    database.now += 1_000;
    assert.equal(clock.now().getTime(), database.now);
    await clock.measure();
    assert.equal(clock.now().getTime(), database.now);
  }
});

test("la machine a dormi, sans que rien n’y compte le temps : la question suivante rattrape", async () => {
  const database = { now: START };
  let asleep = 0;
  const clock = await databaseClock({
    ask: async () => new Date(database.now),
    onError: (error) => assert.fail(String(error)),
    wall: () => database.now,
    steady: () => database.now - START - asleep,
  });
  database.now += 8 * HOUR;
  asleep = 8 * HOUR;
  clock.now();
  await clock.measure();
  assert.equal(clock.now().getTime(), database.now);
});

test("la base ne répond plus : l’heure continue d’avancer", async () => {
  let now = START;
  let isLost = false;
  const errors: unknown[] = [];
  const clock = await databaseClock({
    ask: async () => {
      if (isLost) throw new Error("perdue");
      return new Date(now + 60_000);
    },
    onError: (error) => errors.push(error),
    wall: () => now,
    steady: () => now - START,
  });
  isLost = true;
  now += HOUR;
  await assert.rejects(clock.measure(), /perdue/);
  assert.equal(clock.now().getTime(), now + 60_000);
});
