import assert from "node:assert/strict";
import type { Answer, Browser } from "./world.ts";

/** Campaigns and operations made through their own pages, as a person makes them. */

let made = 0;

/** Makes a campaign, under a name of its own unless given; gives its address. */
export async function makeCampaign(by: Browser, fields: Record<string, string> = {}): Promise<string> {
  await by.get("/campagnes/nouvelle");
  const days = { startsOn: "2026-11-02", endsOn: "2027-02-26" };
  const rows = isAt(await by.post("/campagnes/nouvelle", { name: `Vague ${++made}`, ...days, ...fields }));
  return rows.replace(/\/donnees$/, "");
}

/** Adds a field to the campaign at this address: a short text of the list, unless said otherwise. */
export async function addField(
  by: Browser,
  at: string,
  label: string,
  fields: Record<string, string | string[]> = {},
): Promise<void> {
  await by.get(`${at}/champs/nouveau`);
  isAt(await by.post(`${at}/champs`, { label, type: "short_text", switches: ["isListed", "isSearchable"], ...fields }));
}

/** Adds an operation to the campaign at this address, named by its target; gives its own. */
export async function addOperation(by: Browser, at: string, fields: Record<string, string>): Promise<string> {
  await by.get(`${at}/operations/nouvelle`);
  return isAt(await by.post(`${at}/operations/nouvelle`, fields));
}

/** Where a form that was accepted leads; the page that refused it says why. */
export function isAt(answer: Answer): string {
  assert.equal(answer.status, 303, plain(answer).slice(0, 1_500));
  return answer.location!;
}

export const idIn = (at: string) => at.split("/").at(-1)!;

/** The words of a page. */
export const plain = ({ text }: Pick<Answer, "text">) =>
  text
    .replace(/<(script|style)[\s\S]*?<\/\1>/g, "")
    .replace(/<[^>]+>/g, " ")
    .replace(/\s+/g, " ");
