import type { FilePurpose } from "../platform/storage/purpose.ts";
import { documentOfFile } from "./queries.ts";

const MEGA = 1_000_000;

/** What may be kept as a document (DOC-2). */
export const DOCUMENT_FILE: FilePurpose = {
  purpose: "document.file",
  label: "Fichier d’un document",
  most: 50 * MEGA,
  kinds: [
    "pdf",
    "doc",
    "docx",
    "xlsx",
    "odt",
    "ods",
    "png",
    "jpeg",
    "txt",
    "md",
    "zip",
    "ps1",
    "bat",
    "cmd",
    "msi",
    "exe",
  ],
  table: "document_version",
  column: "file_id",
  async shownBy(em, fileId) {
    const id = await documentOfFile(em, fileId);
    return id === null ? null : { type: "document", id, path: `/documents/${id}` };
  },
};
