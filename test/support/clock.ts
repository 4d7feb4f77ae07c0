import type { Clock } from "../../src/platform/db/clock.ts";
import { query } from "./cluster.ts";

/** Puts `app_now()` under the hand of tests (rulings 5): real time plus a shift kept in the database itself. */
export async function installTestClock(ownerUrl: string): Promise<void> {
  await query(
    ownerUrl,
    `create schema test;
     create table test.clock (shift interval not null);
     insert into test.clock values ('0');
     grant usage on schema test to public;
     grant select on test.clock to public;
     create or replace function app_now() returns timestamptz language sql stable as $$ select now() + (select shift from test.clock) $$;`,
  );
}

/** One time for the process and its database, moved by tests instead of waited for. */
export class TestClock implements Clock {
  readonly #ownerUrl: string;
  #shiftMs = 0;
  constructor(ownerUrl: string) {
    this.#ownerUrl = ownerUrl;
  }
  now(): Date {
    return new Date(Date.now() + this.#shiftMs);
  }
  async advance(ms: number): Promise<void> {
    this.#shiftMs += ms;
    await query(this.#ownerUrl, "update test.clock set shift = $1 * interval '1 millisecond'", [this.#shiftMs]);
  }
  advanceMinutes(minutes: number): Promise<void> {
    return this.advance(minutes * 60_000);
  }
}
