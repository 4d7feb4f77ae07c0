/** A server that dies under the process that holds it is started again: nobody else would. */

/** How long it stays down before we act: an operator who restarts it is quicker, and finds nobody in the way. */
const PATIENCE_MS = 5_000;
const LOOK_MS = 500;

interface Kept {
  isServing(): boolean;
  restart(): Promise<void>;
  /** Told of each restart that failed; the next is tried as late as the first. */
  onError(error: unknown): void;
}

export interface Keeper {
  /** Resolves once no restart is under way, nor will be. */
  stop(): Promise<void>;
}

export function keepRunning({ isServing, restart, onError }: Kept): Keeper {
  let downSince: number | undefined;
  let restarting: Promise<void> | undefined;
  const look = () => {
    if (restarting) return;
    if (isServing()) downSince = undefined;
    else downSince ??= performance.now();
    if (downSince === undefined || performance.now() - downSince < PATIENCE_MS) return;
    downSince = undefined;
    restarting = restart()
      .catch(onError)
      .finally(() => (restarting = undefined));
  };
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await restarting;
    },
  };
}
