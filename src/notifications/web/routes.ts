import { get, post } from "../../platform/http/route.ts";
import * as notifications from "./notifications.ts";

export const routes = [
  get("/notifications", "signed-in", notifications.index, { sitemap: "Notifications" }),
  post("/notifications/lecture", "signed-in", notifications.readAll),
  post("/notifications/reglages", "signed-in", notifications.silencing),
  post("/notifications/:id/lecture", "signed-in", notifications.open),
];
