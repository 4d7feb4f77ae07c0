import { clamdAt, type Scanner } from "./clamd.ts";
import type { Quotas } from "./file.ts";
import { folderStore } from "./folder.ts";
import type { FilePurpose } from "./purpose.ts";
import type { Store } from "./store.ts";

/** What a process needs to keep and give files. */
export interface Files {
  store: Store;
  quotas: Quotas;
  /** null: nothing looks into files, and they are clean at once. */
  scanner: Scanner | null;
  /** Each use files have, by its name. */
  purposes: ReadonlyMap<string, FilePurpose>;
}

export interface FilesSettings {
  /** Where files are kept, unless in a bucket. */
  folder: string;
  s3Url: string | undefined;
  /** Bytes that stay free on the folder's disk. */
  floor: number;
  quotas: Quotas;
  /** `host:port` or the path of a socket. */
  clamd?: string | undefined;
}

/** What speaks to a bucket is imported by who has one only: a start waits for each library it names. */
export async function openFiles(
  { folder, s3Url, floor, quotas, clamd }: FilesSettings,
  purposes: ReadonlyMap<string, FilePurpose>,
): Promise<Files> {
  return {
    store: s3Url ? (await import("./s3.ts")).s3Store(s3Url) : folderStore(folder, { floor }),
    quotas,
    scanner: clamd ? clamdAt(clamd) : null,
    purposes,
  };
}
