import type { Response } from "express";
import { type Chart, chartPicture, drawChart } from "../charts/index.ts";
import { asDownload } from "./download.ts";

/** Gives a chart as a picture to keep, in the colours given: those of the light theme, which is that of paper (DSH-5). */
export async function sendChart(
  res: Response,
  chart: Chart,
  { name, colours }: { name: string; colours: ReadonlyMap<string, string> },
): Promise<void> {
  const picture = await chartPicture(await drawChart(chart), colours);
  asDownload(res, `${name}.png`).type("image/png").end(picture);
}
