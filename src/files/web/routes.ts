import { get, post, type Route } from "../../platform/http/route.ts";
import * as files from "./files.ts";
import * as uploads from "./uploads.ts";

export const routes: Route[] = [
  get("/fichiers/:id", "signed-in", files.show),
  // Beside one’s own name, even where only one page is open.
  get("/fichiers/:id/image", "signed-in", files.image, { always: true }),
  post("/envois", "signed-in", uploads.create),
  post("/envois/:id/morceaux", "signed-in", uploads.append, { upload: "piece" }),
];
