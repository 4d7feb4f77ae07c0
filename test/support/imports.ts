import assert from "node:assert/strict";
import { isAt } from "./campaigns.ts";
import { formsOf, parseHtml } from "./html.ts";
import { sendForm } from "./multipart.ts";
import type { Answer, Browser, World } from "./world.ts";

/** Files of operations brought in through their own pages, as a person does. */

/** Sends a file of operations to a campaign; gives the address of its import. */
export async function sendOperations(world: World, by: Browser, campaignId: string, content: string): Promise<string> {
  await by.get(`/imports/operations/nouveau?objet=${campaignId}`);
  const file = { name: "operations.csv", content: Buffer.from(content) };
  return isAt(await sendForm(world, by, "/imports/operations/nouveau", file, { scope: campaignId }));
}

/** Has it checked as its page proposes, but for what is said here. */
export async function checkAsProposed(
  by: Browser,
  at: string,
  said: Record<string, string | string[]> = {},
): Promise<Answer> {
  const { text } = await by.get(at);
  const form = formsOf(parseHtml(text), at).find(({ action }) => action.endsWith("/verification"))!;
  const proposed = form.fields.map(({ name, values, type }) => [name, type === "radio" ? (values[0] ?? "") : values]);
  return by.post(`${at}/verification`, { ...Object.fromEntries(proposed), ...said });
}

/** Runs it; gives how many lines were created, changed, the same, ignored and wrong. */
export async function runImport(world: World, by: Browser, at: string): Promise<string> {
  isAt(await by.post(`${at}/execution`, { errors: "valid" }));
  const [one] = (await world.db.read(by.tenantId, (em) =>
    em.execute("select state, failure, counts from import where id = ?", [at.split("/").at(-1)!]),
  )) as [{ state: string; failure: string | null; counts: Record<string, number> }];
  assert.deepEqual([one.state, one.failure], ["completed", null]);
  const { create, update, unchanged, ignored, error } = one.counts;
  return `${create} ${update} ${unchanged} ${ignored} ${error}`;
}
