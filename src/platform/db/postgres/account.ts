/** Under which account the embedded server runs, and which folders that account may enter. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";

/** The embedded server cannot run here; the French message says what to do. */
export class EmbeddedRefused extends Error {
  override name = "EmbeddedRefused";
}

export interface Account {
  uid: number;
  gid: number;
}

/** Out of reach of nobody: used when root keeps its files in a folder closed to the account that runs the server. */
const SHARED_HOME = "/var/lib/opstracker-postgresql";

/** PostgreSQL refuses to run as root: root lends it the account of the existing data, else postgres, else nobody. */
export function serverAccount(home: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = existsSync(home) ? statSync(home) : undefined;
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const lines = readFileSync("/etc/passwd", "utf8").split("\n");
  for (const name of ["postgres", "nobody"]) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(":") ?? [];
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  return { uid: 65534, gid: 65534 };
}

/** Can this account walk down to `target`? Only the folders above count: the target itself is made for it. */
export function isReachable(target: string, { uid, gid }: Account): boolean {
  for (let folder = path.dirname(target); ; folder = path.dirname(folder)) {
    if (existsSync(folder)) {
      const { mode, uid: ownerId, gid: groupId } = statSync(folder);
      const bit = ownerId === uid ? 0o100 : groupId === gid ? 0o010 : 0o001;
      if (!(mode & bit)) return false;
    }
    if (folder === path.dirname(folder)) return true;
  }
}

export async function sharedHome(name: string, wanted: string): Promise<string> {
  const folder = path.join(SHARED_HOME, name);
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    return folder;
  } catch (cause) {
    throw new EmbeddedRefused(
      `PostgreSQL refuse de tourner sous root, et le compte qui le remplace ne peut pas entrer dans ${wanted}, ` +
        `ni root créer ${SHARED_HOME}. Placez le projet et VAR_DIR dans un dossier ouvert à tous, comme /opt/opstracker, ` +
        "ou lancez-le avec un compte ordinaire.",
      { cause },
    );
  }
}
