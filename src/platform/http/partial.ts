import type { Request } from "express";

/** True when htmx asks for a fragment; a boosted page says "full" and is served as any page. */
export const isPartial = (req: Request) => req.headers["hx-request-type"] === "partial";
