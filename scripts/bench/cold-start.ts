import { alternate, type Figure, type Measure, peakRssMB } from "./measure.ts";
import { killEverything, type Server, startFloor, startProduct, withFolder } from "./servers.ts";

const TARGET_S = 3;

/** Starts on a folder that was used before and left by `leave`; the floor finds it left the same way. */
const startAfter = (leave: (folder: string, server: Server) => Promise<void>) => (): Promise<Figure> =>
  withFolder(async (folder) => {
    await leave(folder, await startProduct(folder));
    let peak = 0;
    const timed = async (server: Server) => {
      const { startedIn, pid } = server;
      const rss = peakRssMB(pid);
      await leave(folder, server);
      return { startedIn, rss };
    };
    const times = await alternate(
      async () => {
        const { startedIn, rss } = await timed(await startProduct(folder));
        peak = Math.max(peak, rss);
        return startedIn;
      },
      async () => (await timed(await startFloor("cold-start", folder, { VAR_DIR: folder }))).startedIn,
    );
    return { ...times, peakRssMB: peak };
  });

const common = {
  unit: "s",
  target: `moins de ${TARGET_S} s`,
  holds: ({ value }: { value: number }) => value < TARGET_S,
} as const;

export const coldStart: Measure = {
  ...common,
  name: "cold_start",
  run: startAfter((_folder, server) => server.stop()),
};

export const coldStartKilled: Measure = { ...common, name: "cold_start_killed", run: startAfter(killEverything) };
