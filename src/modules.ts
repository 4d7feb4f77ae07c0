import { accounts } from "./accounts/module.ts";
import { campaigns } from "./campaigns/module.ts";
import { directory } from "./directory/module.ts";
import { documents } from "./documents/module.ts";
import { exports_ } from "./exports/module.ts";
import { files } from "./files/module.ts";
import { history } from "./history/module.ts";
import { imports } from "./imports/module.ts";
import { instance } from "./instance/module.ts";
import { messages } from "./messages/module.ts";
import { notifications } from "./notifications/module.ts";
import type { Module } from "./platform/module.ts";

/** The product's table of contents: what is not listed here does not exist. */
export const modules: Module[] = [
  accounts,
  campaigns,
  directory,
  documents,
  exports_,
  files,
  history,
  imports,
  instance,
  messages,
  notifications,
];
