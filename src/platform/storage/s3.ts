import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  NoSuchKey,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { NoRoom, Unavailable } from "../errors.ts";
import { checkKey, KEY, Meter, Missing, type Store } from "./store.ts";

const FULL = new Set(["QuotaExceeded", "EntityTooLarge", "InsufficientStorage", "XMinioStorageFull"]);
const PART = 5 * 1024 * 1024;

/** A bucket of any S3-compatible service, from `https://key:secret@host/bucket?region=…`. */
export function s3Store(address: string): Store {
  const url = new URL(address);
  const bucket = decodeURIComponent(url.pathname.slice(1));
  const client = new S3Client({
    endpoint: url.origin,
    region: url.searchParams.get("region") ?? "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: decodeURIComponent(url.username), secretAccessKey: decodeURIComponent(url.password) },
    // Other makers' servers refuse the checksums Amazon's adds of itself.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 30_000 },
  });

  const write = async (key: string, bytes: Readable, most: number): Promise<Meter> => {
    const meter = new Meter(most);
    const upload = new Upload({
      client,
      params: { Bucket: bucket, Key: checkKey(key), Body: meter, ContentType: "application/octet-stream" },
      partSize: PART,
      queueSize: 1,
      leavePartsOnError: true, // aborted here, so that its failure does not hide the first one
    });
    bytes.once("error", (error) => meter.destroy(error));
    // A stream cut without a word would otherwise leave the upload waiting for its end.
    bytes.once("close", () => {
      if (!bytes.readableEnded) meter.destroy(new Error("The upload was cut."));
    });
    let cause: Error | undefined;
    meter.once("error", (error) => {
      cause = error;
      bytes.destroy();
    });
    bytes.pipe(meter);
    try {
      await upload.done();
      return meter;
    } catch (error) {
      bytes.destroy();
      await upload.abort().catch(() => undefined);
      throw cause ?? explained(error);
    }
  };

  return {
    name: `compartiment ${bucket} de ${url.host}`,
    async put(tenantId, bytes, { most }) {
      const name = randomBytes(16).toString("hex");
      const key = `${tenantId}/${name.slice(0, 2)}/${name}`;
      const meter = await write(key, bytes, most);
      return { key, size: meter.counted, sha256: meter.digest() };
    },
    async open(key, range) {
      const Key = checkKey(key);
      const Range = range && `bytes=${range.start}-${range.end}`;
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key, Range }));
        return Body as Readable;
      } catch (error) {
        throw error instanceof NoSuchKey ? new Missing(key) : explained(error);
      }
    },
    async whole(key) {
      return buffer(await this.open(key));
    },
    async remove(key) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: checkKey(key) })).catch((error: unknown) => {
        throw explained(error);
      });
    },
    async *list(tenantId) {
      for (let after: string | undefined; ; ) {
        const { Contents = [], NextContinuationToken } = await client.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: tenantId && `${tenantId}/`, ContinuationToken: after }),
        );
        for (const { Key = "", Size = 0, LastModified = new Date() } of Contents) {
          if (KEY.test(Key)) yield { key: Key, size: Size, at: LastModified };
        }
        if (!NextContinuationToken) return;
        after = NextContinuationToken;
      }
    },
    async tidy(before) {
      // Not all servers know how to list them; theirs expire by a rule of the bucket.
      const { Uploads = [] } = await client
        .send(new ListMultipartUploadsCommand({ Bucket: bucket }))
        .catch((error: unknown): ListMultipartUploadsCommandOutput => {
          if (error instanceof S3ServiceException && error.name === "NotImplemented") return { $metadata: {} };
          throw explained(error);
        });
      for (const { Key, UploadId, Initiated } of Uploads) {
        if (!Initiated || Initiated >= before) continue;
        await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
      }
    },
    async restore(key, bytes) {
      await write(key, bytes, Number.POSITIVE_INFINITY);
    },
  };
}

/** What the person is told: that the bucket is full, or that it does not answer. */
function explained(error: unknown): unknown {
  if (error instanceof S3ServiceException && FULL.has(error.name)) return new NoRoom();
  if (error instanceof S3ServiceException && (error.$metadata.httpStatusCode ?? 500) < 500) return error;
  return new Unavailable("Le stockage des fichiers ne répond pas ; rien n’a été enregistré.", { cause: error });
}
